"""Balance, positions, fills, orders and queue positions: what an account reads about itself."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from kalshi_python_sync.exceptions import ApiException, NotFoundException

from support.markets import Markets
from support.trader import Trader, order, refusal
from support.venue import Venue

NO_ORDER = "00000000-0000-4000-8000-000000000000"


@pytest.mark.success("GetBalance")
def test_a_trade_moves_the_cash_of_both_sides_by_price_and_fee(alice: Trader, bob: Trader, market: str) -> None:
    maker, taker = Decimal(alice.cash(0)), Decimal(bob.cash(0))
    alice.place(market, "ask", "0.5200", "1.00")
    assert Decimal(alice.cash(0)) == maker, "a resting order moves no cash"
    bob.place(market, "bid", "0.5200", "1.00")
    assert Decimal(bob.cash(0)) == taker - Decimal("0.5200") - Decimal("0.0175")
    assert Decimal(alice.cash(0)) == maker - Decimal("0.4800"), "a plain quadratic market charges no maker"


@pytest.mark.success("GetBalance")
def test_the_balance_is_the_sum_of_the_shards_in_truncated_cents(alice: Trader) -> None:
    balance = alice.sdk.get_balance()
    shards = {entry.exchange_index: Decimal(entry.balance) for entry in balance.balance_breakdown or []}
    assert {0, 2} <= set(shards)
    assert sum(shards.values()) == Decimal(balance.balance_dollars)
    assert balance.balance == int(Decimal(balance.balance_dollars) * 100)
    assert abs(balance.updated_ts - time.time()) < 60 * 60
    one = alice.sdk.get_balance(exchange_index=2)
    assert Decimal(one.balance_dollars) == shards[2]


@pytest.mark.error("GetBalance")
def test_the_balance_has_a_bucket_of_one_call_a_second(limited: Venue) -> None:
    trader = Trader.of(limited, 7, "ed25519")
    assert trader.sdk.get_balance().balance_dollars == "2000.0000"
    with pytest.raises(ApiException) as error:
        trader.sdk.get_balance()
    assert refusal(error.value) == (429, {"error": "too many requests"})


@pytest.mark.success("GetPositions")
def test_a_position_is_signed_and_its_cost_is_exposure(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "ask", "0.6000", "3.00")
    bob.place(market, "bid", "0.6000", "3.00")
    held = bob.sdk.get_positions(ticker=market).market_positions[0]
    assert (held.ticker, held.position_fp, held.exchange_index) == (market, "3.00", 0)
    assert Decimal(held.market_exposure_dollars) == Decimal("1.80")
    assert Decimal(held.total_traded_dollars) == Decimal("1.80")
    assert Decimal(held.realized_pnl_dollars) == 0
    assert Decimal(held.fees_paid_dollars) == Decimal("0.0504")
    short = alice.sdk.get_positions(ticker=market).market_positions[0]
    assert (short.position_fp, Decimal(short.market_exposure_dollars)) == ("-3.00", Decimal("1.20"))


@pytest.mark.success("GetPositions")
def test_closing_realizes_the_difference_and_flipping_opens_the_other_side(
    alice: Trader, bob: Trader, market: str
) -> None:
    alice.place(market, "ask", "0.4000", "2.00")
    bob.place(market, "bid", "0.4000", "2.00")
    alice.place(market, "bid", "0.5000", "3.00")
    bob.place(market, "ask", "0.5000", "3.00")
    held = bob.sdk.get_positions(ticker=market).market_positions[0]
    assert held.position_fp == "-1.00"
    assert Decimal(held.realized_pnl_dollars) == Decimal("0.20")
    assert Decimal(held.market_exposure_dollars) == Decimal("0.50")


@pytest.mark.success("GetPositions")
def test_positions_come_with_the_sums_of_their_events_and_can_be_filtered(
    alice: Trader, bob: Trader, market: str
) -> None:
    alice.place(market, "ask", "0.3000", "1.00")
    bob.place(market, "bid", "0.3000", "1.00")
    event = market.removesuffix("-A")
    page = bob.sdk.get_positions(event_ticker=event, count_filter="position")
    assert [position.ticker for position in page.market_positions] == [market]
    assert [entry.event_ticker for entry in page.event_positions] == [event]
    assert Decimal(page.event_positions[0].event_exposure_dollars) == Decimal("0.30")
    assert page.event_positions[0].total_cost_shares_fp == "1.00"
    alice.place(market, "bid", "0.3000", "1.00")
    bob.place(market, "ask", "0.3000", "1.00")
    assert bob.sdk.get_positions(event_ticker=event, count_filter="position").market_positions == []
    assert len(bob.sdk.get_positions(event_ticker=event, count_filter="total_traded").market_positions) == 1


@pytest.mark.success("GetPositions")
def test_positions_come_in_pages(alice: Trader, bob: Trader, markets: Markets) -> None:
    for _ in range(2):
        ticker = markets.take()
        alice.place(ticker, "ask", "0.3000")
        bob.place(ticker, "bid", "0.3000")
    first = bob.sdk.get_positions(limit=1)
    assert len(first.market_positions) == 1
    assert first.cursor
    second = bob.sdk.get_positions(limit=1, cursor=first.cursor)
    assert second.market_positions[0].ticker != first.market_positions[0].ticker


@pytest.mark.error("GetPositions")
@pytest.mark.parametrize("query", [{"settlement_status": "open"}, {"limit": 1001}, {"limit": "many"}])
def test_position_filters_are_checked(alice: Trader, query: dict) -> None:
    assert alice.raw.get("/portfolio/positions", **query).status == 400


@pytest.mark.success("GetFills")
def test_a_fill_is_seen_by_both_sides_with_their_own_direction(alice: Trader, bob: Trader, market: str) -> None:
    maker = alice.place(market, "ask", "0.5500", "2.00")
    taker = bob.place(market, "bid", "0.5500", "2.00")
    ours = alice.sdk.get_fills(ticker=market).fills[0]
    theirs = bob.sdk.get_fills(ticker=market).fills[0]
    assert ours.trade_id == theirs.trade_id
    assert (ours.order_id, theirs.order_id) == (maker.order_id, taker.order_id)
    assert (ours.is_taker, theirs.is_taker) == (False, True)
    assert (ours.outcome_side, ours.book_side) == ("no", "ask")
    assert (theirs.outcome_side, theirs.book_side) == ("yes", "bid")
    assert (ours.yes_price_dollars, ours.no_price_dollars) == ("0.5500", "0.4500")
    assert (Decimal(ours.fee_cost), Decimal(theirs.fee_cost)) == (0, Decimal("0.0347"))
    assert (ours.count_fp, ours.ticker, ours.market_ticker, ours.exchange_index) == ("2.00", market, market, 0)


@pytest.mark.success("GetFills")
def test_fills_are_filtered_by_order_and_time_and_come_in_pages(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "ask", "0.5500", "3.00")
    orders = [bob.place(market, "bid", "0.5500").order_id for _ in range(3)]
    assert [fill.order_id for fill in bob.sdk.get_fills(order_id=orders[1]).fills] == [orders[1]]
    first = bob.sdk.get_fills(ticker=market, limit=2)
    second = bob.sdk.get_fills(ticker=market, limit=2, cursor=first.cursor)
    assert [fill.order_id for fill in first.fills + second.fills] == orders[::-1]
    assert second.cursor == ""
    assert bob.sdk.get_fills(ticker=market, min_ts=int(time.time()) + 60).fills == []
    assert bob.sdk.get_fills(ticker=f"{market},KXSIMCENT-0049-A").fills[0].order_id == orders[2]


@pytest.mark.error("GetFills")
@pytest.mark.parametrize("query", [{"limit": 1001}, {"limit": 0}, {"min_ts": "noon"}])
def test_fill_filters_are_checked(alice: Trader, query: dict) -> None:
    assert alice.raw.get("/portfolio/fills", **query).status == 400


@pytest.mark.success("GetOrder")
def test_an_order_is_shown_with_everything_that_is_known_of_it(alice: Trader, bob: Trader, market: str) -> None:
    placed = alice.place(market, "ask", "0.6000", "4.00", client_order_id="shown-1")
    bob.place(market, "bid", "0.6000", "1.00")
    shown = alice.sdk.get_order(placed.order_id).order
    assert (shown.ticker, shown.client_order_id, shown.status, shown.type) == (market, "shown-1", "resting", "limit")
    assert (shown.outcome_side, shown.book_side) == ("no", "ask")
    assert (shown.yes_price_dollars, shown.no_price_dollars) == ("0.6000", "0.4000")
    assert (shown.initial_count_fp, shown.fill_count_fp, shown.remaining_count_fp) == ("4.00", "1.00", "3.00")
    assert Decimal(shown.maker_fill_cost_dollars) == Decimal("0.40")
    assert (Decimal(shown.taker_fill_cost_dollars), Decimal(shown.maker_fees_dollars)) == (0, 0)
    assert shown.self_trade_prevention_type == "taker_at_cross"
    assert shown.created_time is not None
    assert shown.last_update_time is not None
    assert shown.created_time <= shown.last_update_time
    assert (shown.exchange_index, shown.subaccount_number) == (0, 0)


@pytest.mark.error("GetOrder")
def test_an_unknown_order_and_that_of_another_are_not_found(alice: Trader, bob: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.1000")
    for order_id in (NO_ORDER, placed.order_id):
        with pytest.raises(NotFoundException) as error:
            bob.sdk.get_order(order_id)
        assert refusal(error.value)[1]["error"]["code"] == "not_found"


@pytest.mark.success("GetOrders")
def test_orders_come_newest_first_and_can_be_filtered(dave: Trader, bob: Trader, markets: Markets) -> None:
    first, second = markets.take(), markets.take("KXSIMTAPER")
    resting = dave.place(first, "bid", "0.2000").order_id
    canceled = dave.place(first, "bid", "0.2100").order_id
    executed = dave.place(second, "bid", "0.3000").order_id
    dave.sdk.cancel_order_v2(canceled, market_ticker=first)
    bob.place(second, "ask", "0.3000")

    def ids(**filters: object) -> list[str]:
        return [order.order_id for order in dave.sdk.get_orders(**filters).orders]

    assert ids(limit=3) == [executed, canceled, resting]
    assert ids(ticker=first) == [canceled, resting]
    assert ids(ticker=first, status="resting") == [resting]
    assert ids(ticker=first, status="canceled") == [canceled]
    assert ids(status="executed", event_ticker=second.removesuffix("-A")) == [executed]
    assert ids(exchange_index=2, limit=1) == [executed]
    assert ids(min_ts=int(time.time()) + 60) == []


@pytest.mark.success("GetOrders")
def test_orders_come_in_pages_that_new_orders_do_not_shift(dave: Trader, market: str) -> None:
    placed = [dave.place(market, "bid", "0.2000").order_id for _ in range(3)]
    first = dave.sdk.get_orders(ticker=market, limit=2)
    dave.place(market, "bid", "0.2000")
    second = dave.sdk.get_orders(ticker=market, limit=2, cursor=first.cursor)
    assert [order.order_id for order in first.orders + second.orders] == placed[::-1]
    assert second.cursor == ""


@pytest.mark.error("GetOrders")
@pytest.mark.parametrize("query", [{"limit": 1001}, {"limit": 0}, {"status": "open"}, {"max_ts": "late"}])
def test_order_filters_are_checked(alice: Trader, query: dict) -> None:
    assert alice.raw.get("/portfolio/orders", **query).status == 400


@pytest.mark.success("GetOrderQueuePosition", "GetOrderQueuePositions")
def test_queue_positions_count_the_contracts_ahead(alice: Trader, dave: Trader, bob: Trader, market: str) -> None:
    front = alice.place(market, "bid", "0.3000", "2.50")
    behind = dave.place(market, "bid", "0.3000", "1.00")
    last = alice.place(market, "bid", "0.3000", "1.00")
    assert alice.sdk.get_order_queue_position(front.order_id).queue_position_fp == "0.00"
    assert dave.sdk.get_order_queue_position(behind.order_id).queue_position_fp == "2.50"
    bob.place(market, "ask", "0.3000", "0.50")
    positions = alice.sdk.get_order_queue_positions(market_tickers=market).queue_positions
    assert {entry.order_id: entry.queue_position_fp for entry in positions} == {
        front.order_id: "0.00",
        last.order_id: "3.00",
    }
    assert {entry.market_ticker for entry in positions} == {market}
    by_event = dave.sdk.get_order_queue_positions(event_ticker=market.removesuffix("-A")).queue_positions
    assert [(entry.order_id, entry.queue_position_fp) for entry in by_event] == [(behind.order_id, "2.00")]


@pytest.mark.error("GetOrderQueuePosition")
def test_an_order_that_does_not_rest_has_no_queue_position(alice: Trader, market: str) -> None:
    placed = alice.place(market, "bid", "0.3000")
    alice.sdk.cancel_order_v2(placed.order_id, market_ticker=market)
    for order_id in (NO_ORDER, placed.order_id):
        with pytest.raises(NotFoundException) as error:
            alice.sdk.get_order_queue_position(order_id)
        assert refusal(error.value)[1]["error"]["code"] == "not_found"


@pytest.mark.error("GetOrderQueuePositions")
def test_queue_positions_take_a_subaccount_that_is_a_number(alice: Trader, market: str) -> None:
    answer = alice.raw.get("/portfolio/orders/queue_positions", market_tickers=market, subaccount="main")
    assert answer.status == 400
    assert answer.json


@pytest.mark.success("GetOrders", "GetOrder", "CancelOrderV2")
def test_reads_lag_behind_writes(limited: Venue) -> None:
    trader = Trader.of(limited, 8, "ed25519")
    ticker = trader.sdk.get_markets(series_ticker="KXSIMCENT", limit=1).markets[0].ticker
    for _ in range(5):
        started = time.monotonic()
        placed = trader.place(ticker, "bid", "0.0100")
        shown = [order.order_id for order in trader.sdk.get_orders(ticker=ticker).orders]
        if time.monotonic() - started < 0.3:
            break
    assert placed.order_id not in shown
    time.sleep(0.5)
    assert trader.sdk.get_orders(ticker=ticker).orders[0].order_id == placed.order_id
    trader.sdk.cancel_order_v2(placed.order_id, market_ticker=ticker)
    assert trader.sdk.get_order(placed.order_id).order.status == "resting"
    time.sleep(0.5)
    assert trader.sdk.get_order(placed.order_id).order.status == "canceled"


@pytest.mark.success("BatchCreateOrdersV2", "BatchCancelOrdersV2")
@pytest.mark.error("BatchCreateOrdersV2")
def test_creates_cost_10_and_cancels_2_of_the_write_bucket(limited: Venue) -> None:
    trader = Trader.of(limited, 9, "ed25519")
    ticker = trader.sdk.get_markets(series_ticker="KXSIMCENT", limit=1).markets[0].ticker
    batch = [order(ticker, "bid", "0.0100", "0.01") for _ in range(20)]
    # Ten creates use up the 100 tokens of a new account, which take a second to refill.
    placed = trader.sdk.batch_create_orders_v2(orders=batch[:10]).orders
    with pytest.raises(ApiException) as error:
        trader.sdk.batch_create_orders_v2(orders=batch[10:])
    assert refusal(error.value) == (429, {"error": "too many requests"})
    time.sleep(0.3)
    canceled = trader.sdk.batch_cancel_orders_v2(orders=[{"order_id": entry.order_id} for entry in placed]).orders
    assert [entry.reduced_by for entry in canceled] == ["0.01"] * 10
