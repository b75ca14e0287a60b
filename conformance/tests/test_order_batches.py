"""Batches, and canceling all orders."""

from __future__ import annotations

import pytest
from kalshi_python_sync.exceptions import ApiException, BadRequestException

from support.markets import Markets
from support.rest import Raw
from support.signing import Signer
from support.trader import Trader, order, refusal
from support.venue import Venue

BATCH = "/portfolio/events/orders/batched"
NO_ORDER = "00000000-0000-4000-8000-000000000000"


@pytest.mark.success("BatchCreateOrdersV2")
def test_a_batch_is_answered_in_its_order_and_201_whatever_its_parts_say(alice: Trader, markets: Markets) -> None:
    first, second = markets.take(), markets.take("KXSIMTAPER")
    batch = [
        order(first, "bid", "0.3000", "1.00", client_order_id="batch-1"),
        order(first, "bid", "0.3050", "1.00", client_order_id="batch-2"),
        order(second, "ask", "0.7000", "2.00", client_order_id="batch-3"),
    ]
    good, bad, sharded = alice.sdk.batch_create_orders_v2(orders=batch).orders
    assert (good.client_order_id, good.fill_count, good.remaining_count) == ("batch-1", "0.00", "1.00")
    assert good.error is None
    assert bad.order_id is None
    assert bad.error.code == "invalid_price"
    assert bad.ts_ms is None
    assert (sharded.client_order_id, sharded.remaining_count) == ("batch-3", "2.00")
    assert alice.sdk.get_market_orderbook(first).orderbook_fp.yes_dollars == [["0.3000", "1.00"]]


@pytest.mark.success("BatchCreateOrdersV2")
def test_orders_of_a_batch_can_trade(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "ask", "0.4000", "1.00")
    batch = [order(market, "bid", "0.4000", "2.00"), order(market, "ask", "0.6000", "1.00")]
    answer = bob.raw.request("POST", BATCH, {"orders": batch})
    assert answer.status == 201
    filled, rested = answer.json["orders"]
    assert (filled["fill_count"], filled["remaining_count"]) == ("1.00", "1.00")
    assert (filled["average_fill_price"], filled["average_fee_paid"]) == ("0.4000", "0.0168")
    assert (rested["fill_count"], rested["remaining_count"]) == ("0.00", "1.00")


@pytest.mark.error("BatchCreateOrdersV2")
@pytest.mark.parametrize("body", [b"{", {}, {"orders": "none"}, {"orders": []}])
def test_a_body_that_is_no_batch_is_refused(alice: Trader, body: object) -> None:
    assert alice.raw.request("POST", BATCH, body).status == 400


@pytest.mark.error("BatchCreateOrdersV2")
def test_a_batch_that_costs_more_than_the_bucket_holds_is_refused_whole(limited: Venue) -> None:
    trader = Trader.of(limited, 6, "ed25519")
    ticker = trader.sdk.get_markets(series_ticker="KXSIMCENT", limit=1).markets[0].ticker
    batch = [order(ticker, "bid", "0.0100", "0.01") for _ in range(11)]
    with pytest.raises(ApiException) as error:
        trader.sdk.batch_create_orders_v2(orders=batch)
    assert refusal(error.value) == (429, {"error": "too many requests"})
    assert len(trader.sdk.batch_create_orders_v2(orders=batch[:10]).orders) == 10


@pytest.mark.success("BatchCancelOrdersV2")
def test_a_batched_cancel_answers_for_each_order(alice: Trader, markets: Markets) -> None:
    first, second = markets.take(), markets.take("KXSIMTAPER")
    own = alice.place(first, "bid", "0.3000", "2.00")
    sharded = alice.place(second, "bid", "0.3000", "1.00")
    canceled, missing, misplaced, found = alice.sdk.batch_cancel_orders_v2(
        orders=[
            {"order_id": own.order_id},
            {"order_id": NO_ORDER, "market_ticker": first},
            {"order_id": sharded.order_id},
            {"order_id": sharded.order_id, "market_ticker": second},
        ]
    ).orders
    assert (canceled.order_id, canceled.reduced_by, canceled.error) == (own.order_id, "2.00", None)
    assert (missing.order_id, missing.reduced_by, missing.ts_ms) == (NO_ORDER, "0.00", None)
    assert missing.error.code == "not_found"
    assert misplaced.error.code == "not_found"
    assert (found.reduced_by, found.error) == ("1.00", None)


@pytest.mark.error("BatchCancelOrdersV2")
@pytest.mark.parametrize("body", [b"{", {}, {"orders": [{"market_ticker": "KXSIMCENT-0001-A"}]}])
def test_a_batched_cancel_names_its_orders(alice: Trader, body: object) -> None:
    assert alice.raw.request("DELETE", BATCH, body).status == 400


@pytest.mark.success("CancelAllOrders")
def test_cancel_all_leaves_nothing_on_any_shard_and_nothing_to_others(
    carol: Trader, bob: Trader, markets: Markets
) -> None:
    first, second = markets.take(), markets.take("KXSIMTAPER")
    own = [carol.place(first, "bid", "0.3000").order_id, carol.place(second, "ask", "0.7000").order_id]
    other = bob.place(first, "bid", "0.3000").order_id
    answer = carol.raw.request("DELETE", "/portfolio/events/orders")
    assert (answer.status, answer.body) == (204, b"")
    assert [carol.sdk.get_order(order_id).order.status for order_id in own] == ["canceled", "canceled"]
    assert carol.sdk.get_orders(status="resting").orders == []
    assert bob.sdk.get_order(other).order.status == "resting"


@pytest.mark.success("CancelAllOrders")
def test_the_sdk_can_cancel_all(quiet: Venue, carol: Trader) -> None:
    carol.sdk.cancel_all_orders()
    assert carol.sdk.get_orders(status="resting").orders == []


@pytest.mark.error("CancelAllOrders")
def test_cancel_all_is_signed(quiet: Venue, carol: Trader) -> None:
    signer = Signer(quiet.accounts[2].ed25519, skew_ms=-60_000)
    answer = Raw(quiet.rest_url, signer).request("DELETE", "/portfolio/events/orders")
    assert answer.status == 401
    assert answer.json["error"]["code"] == "header_timestamp_expired"


@pytest.mark.error("CancelAllOrders")
def test_cancel_all_takes_no_subaccount_beyond_63(carol: Trader) -> None:
    answer = carol.raw.request("DELETE", "/portfolio/events/orders", query={"subaccount": 64})
    assert answer.status in (400, 403)


@pytest.mark.error("BatchCreateOrdersV2")
def test_a_batched_order_needs_the_right_types(alice: Trader, market: str) -> None:
    with pytest.raises(BadRequestException) as error:
        alice.sdk.batch_create_orders_v2(orders=[])
    assert refusal(error.value)[0] == 400
    answer = alice.raw.request("POST", BATCH, {"orders": [order(market, "bid", "0.10") | {"count": 1}]})
    assert answer.status in (201, 400)
    assert "cannot unmarshal number" in answer.body.decode()
