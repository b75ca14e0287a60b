"""Canceling, amending and decreasing orders, one by one."""

from __future__ import annotations

import time

import pytest
from kalshi_python_sync.exceptions import ApiException, BadRequestException, NotFoundException

from support.markets import Markets
from support.trader import Trader, client_order_id, refusal

NO_ORDER = "00000000-0000-4000-8000-000000000000"
NOT_FOUND = {"error": {"code": "not_found", "message": "not found"}}


def ahead(trader: Trader, order_id: str) -> str:
    return trader.sdk.get_order_queue_position(order_id).queue_position_fp


@pytest.mark.success("CancelOrderV2")
def test_a_cancel_says_how_much_it_took_away(alice: Trader, bob: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.4000", "5.00")
    bob.place(market, "ask", "0.4000", "2.00")
    canceled = alice.sdk.cancel_order_v2(placed.order_id, market_ticker=market)
    assert (canceled.order_id, canceled.reduced_by) == (placed.order_id, "3.00")
    assert canceled.ts_ms >= placed.ts_ms
    shown = alice.sdk.get_order(placed.order_id).order
    assert (shown.status, shown.fill_count_fp, shown.remaining_count_fp) == ("canceled", "2.00", "0.00")


@pytest.mark.error("CancelOrderV2")
def test_unknown_canceled_and_executed_orders_are_all_the_same_not_found(
    alice: Trader, bob: Trader, market: str
) -> None:
    canceled = alice.place(market, "bid", "0.2000")
    alice.sdk.cancel_order_v2(canceled.order_id, exchange_index=0)
    executed = alice.place(market, "bid", "0.4000")
    bob.place(market, "ask", "0.4000")
    for order_id in (NO_ORDER, canceled.order_id, executed.order_id):
        with pytest.raises(NotFoundException) as error:
            alice.sdk.cancel_order_v2(order_id, market_ticker=market)
        assert refusal(error.value)[1] == NOT_FOUND


@pytest.mark.error("CancelOrderV2")
def test_an_order_of_someone_else_is_not_found(alice: Trader, bob: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.2000")
    with pytest.raises(NotFoundException) as error:
        bob.sdk.cancel_order_v2(placed.order_id, market_ticker=market)
    assert refusal(error.value)[1] == NOT_FOUND
    assert alice.sdk.get_order(placed.order_id).order.status == "resting"


@pytest.mark.success("CancelOrderV2")
@pytest.mark.error("CancelOrderV2")
def test_without_market_and_shard_an_order_is_looked_for_on_shard_0(alice: Trader, sharded: str) -> None:
    placed = alice.place(sharded, "bid", "0.5000")
    with pytest.raises(NotFoundException) as error:
        alice.sdk.cancel_order_v2(placed.order_id)
    assert refusal(error.value)[1] == NOT_FOUND
    assert alice.sdk.cancel_order_v2(placed.order_id, exchange_index=2).reduced_by == "1.00"
    again = alice.place(sharded, "bid", "0.5000")
    assert alice.sdk.cancel_order_v2(again.order_id, market_ticker=sharded, exchange_index=-1).reduced_by == "1.00"


@pytest.mark.success("AmendOrderV2")
def test_an_amend_to_another_price_keeps_the_order_and_loses_its_place(alice: Trader, bob: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.3000", "2.00")
    bob.place(market, "bid", "0.3100", "4.00")
    amended = alice.sdk.amend_order_v2(placed.order_id, ticker=market, side="bid", price="0.3100", count="2.00")
    assert amended.order_id == placed.order_id
    assert ahead(alice, placed.order_id) == "4.00"
    shown = alice.sdk.get_order(placed.order_id).order
    assert (shown.yes_price_dollars, shown.remaining_count_fp) == ("0.3100", "2.00")


@pytest.mark.success("AmendOrderV2")
def test_a_smaller_count_keeps_the_place_and_a_larger_one_loses_it(alice: Trader, bob: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.3000", "5.00")
    bob.place(market, "bid", "0.3000", "1.00")
    smaller = alice.sdk.amend_order_v2(placed.order_id, ticker=market, side="bid", price="0.3000", count="3.00")
    assert smaller.remaining_count == "3.00"
    assert ahead(alice, placed.order_id) == "0.00"
    larger = alice.sdk.amend_order_v2(placed.order_id, ticker=market, side="bid", price="0.3000", count="6.00")
    assert larger.remaining_count == "6.00"
    assert ahead(alice, placed.order_id) == "1.00"


@pytest.mark.success("AmendOrderV2")
def test_the_count_of_an_amend_includes_what_has_filled(alice: Trader, bob: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.3000", "5.00")
    bob.place(market, "ask", "0.3000", "2.00")
    amended = alice.sdk.amend_order_v2(placed.order_id, ticker=market, side="bid", price="0.3000", count="4.00")
    assert amended.remaining_count == "2.00"
    shown = alice.sdk.get_order(placed.order_id).order
    assert (shown.fill_count_fp, shown.remaining_count_fp) == ("2.00", "2.00")


@pytest.mark.success("AmendOrderV2")
def test_an_amend_that_crosses_trades(alice: Trader, bob: Trader, market: str) -> None:
    bob.place(market, "ask", "0.5000", "1.00")
    placed = alice.place(market, "bid", "0.3000", "3.00")
    amended = alice.sdk.amend_order_v2(placed.order_id, ticker=market, side="bid", price="0.5000", count="3.00")
    assert (amended.fill_count, amended.remaining_count) == ("1.00", "2.00")
    assert amended.average_fill_price == "0.5000"
    # 0.07 x 0.5 x 0.5 = 0.0175 needs no rounding to the $0.0001 of a direct member's balance.
    assert amended.average_fee_paid == "0.0175"


@pytest.mark.success("AmendOrderV2")
def test_an_amend_sets_keeps_and_removes_the_expiration_without_losing_the_place(
    alice: Trader, bob: Trader, market: str
) -> None:
    placed = alice.place(market, "bid", "0.3000", "1.00")
    bob.place(market, "bid", "0.3000", "1.00")
    same = {"ticker": market, "side": "bid", "price": "0.3000", "count": "1.00"}
    expires = int(time.time()) + 3_600
    alice.sdk.amend_order_v2(placed.order_id, **same, expiration_time=expires)
    shown = alice.sdk.get_order(placed.order_id).order
    assert shown.expiration_time is not None
    assert shown.expiration_time.timestamp() == expires
    alice.sdk.amend_order_v2(placed.order_id, **(same | {"count": "0.50"}))
    assert alice.sdk.get_order(placed.order_id).order.expiration_time is not None
    alice.sdk.amend_order_v2(placed.order_id, **(same | {"count": "0.50"}), expiration_time=0)
    assert alice.sdk.get_order(placed.order_id).order.expiration_time is None
    assert ahead(alice, placed.order_id) == "0.00"


@pytest.mark.success("AmendOrderV2")
@pytest.mark.error("AmendOrderV2")
def test_an_amend_can_give_the_order_another_client_order_id(alice: Trader, market: str) -> None:
    old, new = client_order_id(), client_order_id()
    placed = alice.place(market, "bid", "0.3000", client_order_id=old)
    change = {"ticker": market, "side": "bid", "count": "1.00"}
    amended = alice.sdk.amend_order_v2(
        placed.order_id, **change, price="0.3100", client_order_id=old, updated_client_order_id=new
    )
    assert amended.client_order_id == new
    assert alice.sdk.get_order(placed.order_id).order.client_order_id == new
    with pytest.raises(BadRequestException) as error:
        alice.sdk.amend_order_v2(placed.order_id, **change, price="0.3200", client_order_id=old)
    assert refusal(error.value)[1]["error"]["code"] == "order_id_and_client_order_id_mismatch"


@pytest.mark.error("AmendOrderV2")
def test_an_amend_that_changes_nothing_is_refused(alice: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.3000")
    with pytest.raises(BadRequestException) as error:
        alice.sdk.amend_order_v2(placed.order_id, ticker=market, side="bid", price="0.3000", count="1.00")
    assert refusal(error.value)[1]["error"]["code"] == "AMEND_ORDER_NO_OP"


@pytest.mark.error("AmendOrderV2")
def test_an_amend_names_the_orders_own_market_and_side(alice: Trader, markets: Markets) -> None:
    own, other = markets.take(), markets.take()
    placed = alice.place(own, "bid", "0.3000")
    for ticker, side, code in ((own, "ask", "order_side_mismatch"), (other, "bid", "order_ticker_mismatch")):
        with pytest.raises(BadRequestException) as error:
            alice.sdk.amend_order_v2(placed.order_id, ticker=ticker, side=side, price="0.3100", count="1.00")
        assert refusal(error.value)[1]["error"]["code"] == code


@pytest.mark.error("AmendOrderV2")
def test_an_amend_of_an_unknown_order_is_not_found(alice: Trader, market: str) -> None:
    with pytest.raises(NotFoundException) as error:
        alice.sdk.amend_order_v2(NO_ORDER, ticker=market, side="bid", price="0.3100", count="1.00")
    assert refusal(error.value)[1] == NOT_FOUND


@pytest.mark.error("AmendOrderV2")
@pytest.mark.parametrize(
    ("fields", "code"),
    [({"price": "0.3150"}, "invalid_price"), ({"count": "5000.00"}, "insufficient_balance")],
)
def test_an_amend_obeys_the_rules_of_a_create(alice: Trader, market: str, fields: dict, code: str) -> None:
    placed = alice.place(market, "bid", "0.3000")
    change = {"ticker": market, "side": "bid", "price": "0.3100", "count": "1.00"} | fields
    with pytest.raises(BadRequestException) as error:
        alice.sdk.amend_order_v2(placed.order_id, **change)
    assert refusal(error.value)[1]["error"]["code"] == code
    shown = alice.sdk.get_order(placed.order_id).order
    assert (shown.yes_price_dollars, shown.remaining_count_fp) == ("0.3000", "1.00")


@pytest.mark.success("DecreaseOrderV2")
def test_a_decrease_by_or_to_keeps_the_place(alice: Trader, bob: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.3000", "9.00")
    bob.place(market, "bid", "0.3000", "1.00")
    by = alice.sdk.decrease_order_v2(placed.order_id, reduce_by="2.50", market_ticker=market)
    assert (by.order_id, by.remaining_count) == (placed.order_id, "6.50")
    to = alice.sdk.decrease_order_v2(placed.order_id, reduce_to="4.00", exchange_index=0)
    assert to.remaining_count == "4.00"
    assert ahead(alice, placed.order_id) == "0.00"
    assert alice.sdk.get_market_orderbook(market).orderbook_fp.yes_dollars == [["0.3000", "5.00"]]


@pytest.mark.success("DecreaseOrderV2")
def test_a_decrease_to_nothing_cancels(alice: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.3000", "2.00")
    decreased = alice.sdk.decrease_order_v2(placed.order_id, reduce_to="0.00", market_ticker=market)
    assert decreased.remaining_count == "0.00"
    assert alice.sdk.get_order(placed.order_id).order.status == "canceled"


@pytest.mark.error("DecreaseOrderV2")
@pytest.mark.parametrize("fields", [{}, {"reduce_by": "1.00", "reduce_to": "1.00"}])
def test_a_decrease_says_exactly_one_of_by_and_to(alice: Trader, market: str, fields: dict) -> None:
    placed = alice.place(market, "bid", "0.3000", "2.00")
    with pytest.raises(BadRequestException) as error:
        alice.sdk.decrease_order_v2(placed.order_id, market_ticker=market, **fields)
    assert refusal(error.value)[0] == 400


@pytest.mark.error("DecreaseOrderV2")
def test_a_decrease_that_changes_nothing_is_refused(alice: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.3000", "2.00")
    with pytest.raises(BadRequestException) as error:
        alice.sdk.decrease_order_v2(placed.order_id, reduce_to="2.00", market_ticker=market)
    assert refusal(error.value)[1]["error"]["code"] == "AMEND_ORDER_NO_OP"


@pytest.mark.error("DecreaseOrderV2")
def test_a_decrease_looks_for_the_order_on_its_shard(alice: Trader, sharded: str) -> None:
    placed = alice.place(sharded, "bid", "0.5000", "2.00")
    with pytest.raises(ApiException) as error:
        alice.sdk.decrease_order_v2(placed.order_id, reduce_by="1.00")
    assert refusal(error.value) == (404, NOT_FOUND)
