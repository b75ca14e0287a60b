"""Order groups: a limit of contracts over 15 seconds, what happens beyond it, and the reset."""

from __future__ import annotations

import pytest
from kalshi_python_sync.exceptions import ApiException, BadRequestException, NotFoundException

from support.trader import Trader, refusal

NO_GROUP = "00000000-0000-4000-8000-000000000000"


def new_group(trader: Trader, limit: int) -> str:
    return trader.sdk.create_order_group(contracts_limit=limit).order_group_id


def statuses(trader: Trader, *order_ids: str) -> list[str]:
    return [trader.sdk.get_order(order_id).order.status.value for order_id in order_ids]


def refused_in(trader: Trader, group: str, market: str) -> tuple[int | None, dict]:
    with pytest.raises(ApiException) as error:
        trader.place(market, "bid", "0.1000", order_group_id=group)
    return refusal(error.value)


@pytest.mark.success("CreateOrderGroup", "GetOrderGroup")
def test_a_group_knows_its_limit_and_its_orders(erin: Trader, market: str) -> None:
    created = erin.sdk.create_order_group(contracts_limit_fp="12.50")
    assert (created.subaccount, created.exchange_index) == (0, 0)
    orders = [erin.place(market, "bid", "0.1000", order_group_id=created.order_group_id).order_id for _ in range(2)]
    group = erin.sdk.get_order_group(created.order_group_id)
    assert group.contracts_limit_fp == "12.50"
    assert group.is_auto_cancel_enabled is False, "captured of a fresh group"
    assert sorted(group.orders) == sorted(orders)
    assert erin.sdk.get_order(orders[0]).order.order_group_id == created.order_group_id


@pytest.mark.success("GetOrderGroups")
def test_groups_are_listed(erin: Trader) -> None:
    group = new_group(erin, 7)
    listed = {entry.id: entry for entry in erin.sdk.get_order_groups().order_groups or []}
    assert listed[group].contracts_limit_fp == "7.00"
    assert listed[group].exchange_index == 0


@pytest.mark.error("GetOrderGroups")
def test_the_list_of_groups_takes_a_subaccount_that_is_a_number(erin: Trader) -> None:
    answer = erin.raw.get("/portfolio/order_groups", subaccount="main")
    assert answer.status == 400
    assert answer.json


@pytest.mark.error("CreateOrderGroup")
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"contracts_limit": 0},
        {"contracts_limit": 1_000_001},
        {"contracts_limit": 5, "contracts_limit_fp": "6.00"},
        {"contracts_limit": "5"},
    ],
)
def test_a_group_needs_a_limit_from_one_to_a_million(erin: Trader, body: dict) -> None:
    answer = erin.raw.request("POST", "/portfolio/order_groups/create", body)
    assert answer.status == 400


@pytest.mark.success("ResetOrderGroup")
def test_a_group_beyond_its_limit_is_canceled_and_refuses_until_it_is_reset(
    erin: Trader, bob: Trader, market: str
) -> None:
    group = new_group(erin, 2)
    filling = erin.place(market, "bid", "0.4000", "5.00", order_group_id=group).order_id
    waiting = erin.place(market, "bid", "0.2000", "1.00", order_group_id=group).order_id
    outside = erin.place(market, "bid", "0.1000", "1.00").order_id
    bob.place(market, "ask", "0.4000", "3.00")
    assert statuses(erin, filling, waiting, outside) == ["canceled", "canceled", "resting"]
    status, _ = refused_in(erin, group, market)
    assert status in (400, 409)
    erin.sdk.reset_order_group(group)
    again = erin.place(market, "bid", "0.1000", order_group_id=group)
    assert again.remaining_count == "1.00"


@pytest.mark.success("TriggerOrderGroup")
def test_a_group_can_be_triggered_by_hand(erin: Trader, market: str) -> None:
    group = new_group(erin, 100)
    member = erin.place(market, "bid", "0.2000", order_group_id=group).order_id
    assert erin.raw.request("PUT", f"/portfolio/order_groups/{group}/trigger").json == {}
    assert statuses(erin, member) == ["canceled"]
    assert refused_in(erin, group, market)[0] in (400, 409)


@pytest.mark.success("UpdateOrderGroupLimit")
def test_a_limit_below_what_has_matched_triggers_at_once(erin: Trader, bob: Trader, market: str) -> None:
    group = new_group(erin, 100)
    member = erin.place(market, "bid", "0.4000", "5.00", order_group_id=group).order_id
    bob.place(market, "ask", "0.4000", "3.00")
    erin.sdk.update_order_group_limit(group, contracts_limit=50)
    assert erin.sdk.get_order_group(group).contracts_limit_fp == "50.00"
    assert statuses(erin, member) == ["resting"]
    erin.sdk.update_order_group_limit(group, contracts_limit=1)
    assert statuses(erin, member) == ["canceled"]


@pytest.mark.error("UpdateOrderGroupLimit")
def test_a_new_limit_is_checked_as_the_first_one_was(erin: Trader) -> None:
    group = new_group(erin, 5)
    assert erin.raw.request("PUT", f"/portfolio/order_groups/{group}/limit", {"contracts_limit": 0}).status == 400
    assert erin.sdk.get_order_group(group).contracts_limit_fp == "5.00"


@pytest.mark.success("DeleteOrderGroup")
def test_deleting_a_group_cancels_its_orders(erin: Trader, market: str) -> None:
    group = new_group(erin, 100)
    member = erin.place(market, "bid", "0.2000", order_group_id=group).order_id
    assert erin.raw.request("DELETE", f"/portfolio/order_groups/{group}").json == {}
    assert statuses(erin, member) == ["canceled"]
    with pytest.raises(NotFoundException):
        erin.sdk.get_order_group(group)


@pytest.mark.error("GetOrderGroup", "DeleteOrderGroup", "ResetOrderGroup", "TriggerOrderGroup", "UpdateOrderGroupLimit")
def test_an_unknown_group_is_not_found(erin: Trader) -> None:
    sdk = erin.sdk
    for call in (
        lambda: sdk.get_order_group(NO_GROUP),
        lambda: sdk.delete_order_group(NO_GROUP),
        lambda: sdk.reset_order_group(NO_GROUP),
        lambda: sdk.trigger_order_group(NO_GROUP),
        lambda: sdk.update_order_group_limit(NO_GROUP, contracts_limit=5),
    ):
        with pytest.raises(NotFoundException) as error:
            call()
        assert refusal(error.value)[0] == 404


@pytest.mark.error("GetOrderGroup")
def test_a_group_of_someone_else_is_not_found(erin: Trader, bob: Trader) -> None:
    group = new_group(erin, 5)
    with pytest.raises(NotFoundException) as error:
        bob.sdk.get_order_group(group)
    assert refusal(error.value)[0] == 404


@pytest.mark.error("DeleteOrderGroup")
def test_writes_look_for_a_group_on_shard_0_unless_told(erin: Trader) -> None:
    group = erin.sdk.create_order_group(contracts_limit=5, exchange_index=2).order_group_id
    with pytest.raises(NotFoundException) as error:
        erin.sdk.delete_order_group(group)
    assert refusal(error.value)[0] == 404
    erin.sdk.delete_order_group(group, exchange_index=2)


@pytest.mark.error("CreateOrderV2")
def test_an_order_names_a_group_that_exists_on_its_shard(erin: Trader, market: str, sharded: str) -> None:
    for group, ticker in ((NO_GROUP, market), (new_group(erin, 5), sharded)):
        status, _ = refused_in(erin, group, ticker)
        assert status in (400, 404)


@pytest.mark.error("CreateOrderGroup")
def test_the_sdk_raises_for_a_group_without_a_limit(erin: Trader) -> None:
    with pytest.raises(BadRequestException) as error:
        erin.sdk.create_order_group(exchange_index=0)
    assert refusal(error.value)[0] == 400
