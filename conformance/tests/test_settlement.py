"""A market from its listing to its settlement: the series of the quiet exchange closes one every 15 seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from kalshi_python_sync.exceptions import ApiException

from support.feed import Feed
from support.trader import Trader, refusal

SERIES = "KXSIM15S"
LIFECYCLE = "market_lifecycle_v2"


@dataclass
class Life:
    """What was observed of one market of the series."""

    ticker: str
    created: dict[str, Any]
    determined: dict[str, Any]
    settled: dict[str, Any]
    positions: list[dict[str, Any]]
    canceled: dict[str, Any]
    resting: str
    refused: tuple[int | None, dict[str, Any]]
    cash_before: Decimal
    events: list[dict[str, Any]]


def _of(feed: Feed, ticker: str, event_type: str) -> dict[str, Any]:
    return feed.until(
        lambda frame: (
            frame["type"] == LIFECYCLE
            and (frame["msg"]["market_ticker"], frame["msg"]["event_type"]) == (ticker, event_type)
        ),
        timeout=40,
    )


@pytest.fixture(scope="module")
def life(alice: Trader, bob: Trader) -> Life:
    """Follows one market through its life: bob trades two contracts with alice, and one order is left resting."""
    with bob.feed() as feed, bob.feed() as own:
        feed.subscribe(LIFECYCLE)
        created = feed.until(
            lambda frame: frame["type"] == LIFECYCLE and frame["msg"]["event_type"] == "created", timeout=40
        )
        ticker = created["msg"]["market_ticker"]
        own.subscribe("user_orders", ticker)
        own.subscribe("market_positions", ticker)
        alice.place(ticker, "ask", "0.4000", "2.00")
        bob.place(ticker, "bid", "0.4000", "2.00")
        resting = bob.place(ticker, "bid", "0.2000", "1.00").order_id
        cash_before = Decimal(bob.cash(2))
        close_ts = created["msg"]["close_ts"]
        # The time is given in whole seconds, so the close may come up to one second later.
        time.sleep(max(0.0, close_ts + 1.1 - time.time()))
        with pytest.raises(ApiException) as error:
            bob.place(ticker, "bid", "0.2000")
        determined = _of(feed, ticker, "determined")
        settled = _of(feed, ticker, "settled")
        seen = own.quiet(0.3)
    orders = [frame for frame in seen if frame["type"] == "user_order" and frame["msg"]["order_id"] == resting]
    events = [f for f in feed.frames if f["type"] == "event_lifecycle" and ticker.startswith(f["msg"]["event_ticker"])]
    return Life(
        ticker=ticker,
        created=created,
        determined=determined,
        settled=settled,
        positions=[frame for frame in seen if frame["type"] == "market_position"],
        canceled=orders[-1],
        resting=resting,
        refused=refusal(error.value),
        cash_before=cash_before,
        events=events,
    )


@pytest.mark.success("channel:market_lifecycle_v2")
def test_a_created_market_is_told_with_its_times_and_grid(life: Life, bob: Trader) -> None:
    with bob.feed() as feed:
        feed.subscribe(LIFECYCLE)
        message = feed.until(lambda frame: frame["type"] == LIFECYCLE, timeout=40)["msg"]
    assert message["market_ticker"].startswith(SERIES)
    message = life.created["msg"]
    assert message["open_ts"] < message["close_ts"]
    assert message["exchange_index"] == 2
    assert message["price_level_structure"] == "tapered_deci_cent"
    assert [band["step"] for band in message["price_ranges"]] == ["0.0010", "0.0100", "0.0010"]
    assert message["additional_metadata"]["event_ticker"] == life.ticker.removesuffix("-UP")


@pytest.mark.success("channel:market_lifecycle_v2")
def test_its_event_is_told_before_it(life: Life, bob: Trader) -> None:
    with bob.feed() as feed:
        feed.subscribe(LIFECYCLE)
        later = feed.typed("event_lifecycle", timeout=40)["msg"]
    assert (later["series_ticker"], later["exchange_index"]) == (SERIES, 2)
    assert [event["msg"]["event_ticker"] for event in life.events] == [life.ticker.removesuffix("-UP")]
    assert life.events[0]["seq"] == life.created["seq"] - 1


def test_the_market_is_determined_and_then_settled_in_numbered_frames(life: Life) -> None:
    determined, settled = life.determined["msg"], life.settled["msg"]
    assert determined["result"] in ("yes", "no")
    assert determined["settlement_value"] == ("1.0000" if determined["result"] == "yes" else "0.0000")
    assert life.created["msg"]["close_ts"] <= determined["determination_ts"] <= settled["settled_ts"]
    assert life.created["seq"] < life.determined["seq"] < life.settled["seq"]


def test_the_close_cancels_what_rests_and_takes_no_orders(life: Life, bob: Trader) -> None:
    assert (life.canceled["msg"]["status"], life.canceled["msg"]["last_update_reason"]) == ("canceled", "CloseCancel")
    assert bob.sdk.get_order(life.resting).order.status == "canceled"
    status, body = life.refused
    assert status in (400, 403, 409)
    assert body["error"]["code"]


@pytest.mark.success("GetSettlements")
def test_the_settlement_pays_the_winner(life: Life, alice: Trader, bob: Trader) -> None:
    settlement = bob.sdk.get_settlements(ticker=life.ticker).settlements[0]
    result = life.determined["msg"]["result"]
    won = result == "yes"
    assert (settlement.ticker, settlement.market_result, settlement.exchange_index) == (life.ticker, result, 2)
    assert (settlement.yes_count_fp, settlement.no_count_fp) == ("2.00", "0.00")
    assert Decimal(settlement.yes_total_cost_dollars) == Decimal("0.80")
    assert settlement.revenue == (200 if won else 0)
    assert Decimal(settlement.fee_cost) == Decimal("0.0336")
    short = alice.sdk.get_settlements(ticker=life.ticker).settlements[0]
    assert (short.no_count_fp, short.revenue) == ("2.00", 0 if won else 200)
    assert Decimal(short.no_total_cost_dollars) == Decimal("1.20")


@pytest.mark.success("GetSettlements", "GetPositions", "GetMarket")
def test_a_settled_position_is_read_as_settled_only(life: Life, bob: Trader) -> None:
    assert bob.sdk.get_positions(ticker=life.ticker).market_positions == []
    settled = bob.sdk.get_positions(ticker=life.ticker, settlement_status="settled").market_positions
    assert [position.ticker for position in settled] == [life.ticker]
    everything = bob.sdk.get_positions(ticker=life.ticker, settlement_status="all").market_positions
    assert [position.ticker for position in everything] == [life.ticker]
    market = bob.sdk.get_market(life.ticker).market
    assert (market.status, market.result) == ("finalized", life.determined["msg"]["result"])
    assert market.settlement_value_dollars == life.determined["msg"]["settlement_value"]
    assert market.settlement_ts is not None
    event = bob.sdk.get_settlements(event_ticker=life.ticker.removesuffix("-UP")).settlements
    assert [entry.ticker for entry in event] == [life.ticker]


@pytest.mark.success("GetBalance", "GetMarkets")
def test_the_payment_is_in_the_balance(life: Life, bob: Trader) -> None:
    paid = Decimal(2 if life.determined["msg"]["result"] == "yes" else 0)
    assert Decimal(bob.cash(2)) == life.cash_before + paid
    settled = bob.sdk.get_markets(series_ticker=SERIES, status="settled", limit=1000).markets
    assert life.ticker in {market.ticker for market in settled}


@pytest.mark.error("GetSettlements")
@pytest.mark.parametrize("query", [{"limit": 1001}, {"limit": 0}, {"min_ts": "dawn"}])
def test_settlement_filters_are_checked(bob: Trader, query: dict) -> None:
    assert bob.raw.get("/portfolio/settlements", **query).status == 400
