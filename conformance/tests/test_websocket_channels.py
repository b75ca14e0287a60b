"""The channels: what each sends, to whom, and with which sequence numbers."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from support.book import Book
from support.feed import Feed
from support.markets import Markets
from support.trader import Trader

BOOK = "orderbook_delta"
UNKNOWN = "KXNOSUCH-1-A"


@pytest.mark.success("channel:orderbook_delta")
def test_a_book_is_followed_by_its_deltas(alice: Trader, bob: Trader, market: str) -> None:
    with bob.feed() as feed:
        feed.subscribe(BOOK, market)
        empty = feed.next()
        assert "yes_dollars_fp" not in empty["msg"], "an empty side has no key"
        assert "no_dollars_fp" not in empty["msg"]
        placed = alice.place(market, "bid", "0.4000", "3.00")
        alice.place(market, "ask", "0.6000", "2.00")
        bob.place(market, "ask", "0.4000", "1.00")
        alice.sdk.cancel_order_v2(placed.order_id, market_ticker=market)
        deltas = [feed.typed("orderbook_delta")["msg"] for _ in range(4)]
    assert [(d["side"], d["price_dollars"], d["delta_fp"]) for d in deltas] == [
        ("yes", "0.4000", "3.00"),
        ("no", "0.4000", "2.00"),
        ("yes", "0.4000", "-1.00"),
        ("yes", "0.4000", "-2.00"),
    ]
    clocks = [delta["clock"] for delta in deltas]
    assert clocks == sorted(clocks)
    assert len({delta["market_id"] for delta in deltas}) == 1


@pytest.mark.success("channel:orderbook_delta")
def test_the_followed_book_is_the_one_that_rest_shows(alice: Trader, bob: Trader, market: str) -> None:
    with alice.feed() as feed:
        alice.place(market, "bid", "0.4000", "3.00")
        feed.subscribe(BOOK, market)
        book = Book(feed.next())
        for cents in range(41, 49):
            alice.place(market, "bid", f"0.{cents}00", "1.00")
            alice.place(market, "ask", f"0.{cents + 10}00", "0.50")
        bob.place(market, "ask", "0.4300", "4.50")
        shown = alice.sdk.get_market_orderbook(market).orderbook_fp
        for frame in feed.quiet():
            book.apply(frame)
    assert book.levels("yes") == shown.yes_dollars
    assert book.levels("no") == shown.no_dollars


@pytest.mark.success("channel:orderbook_delta")
def test_use_yes_price_shows_no_bids_as_yes_asks(alice: Trader, market: str) -> None:
    alice.place(market, "ask", "0.7000", "1.00")
    with alice.feed() as feed:
        feed.subscribe(BOOK, market, use_yes_price=True)
        assert feed.next()["msg"]["no_dollars_fp"] == [["0.7000", "1.00"]]
        alice.place(market, "ask", "0.8000", "2.00")
        delta = feed.typed("orderbook_delta")["msg"]
    assert (delta["side"], delta["price_dollars"], delta["delta_fp"]) == ("no", "0.8000", "2.00")


@pytest.mark.success("channel:orderbook_delta")
def test_only_the_owner_sees_the_client_order_id_of_a_delta(alice: Trader, bob: Trader, market: str) -> None:
    with alice.feed() as own, bob.feed() as other:
        for feed in (own, other):
            feed.subscribe(BOOK, market)
            feed.next()
        alice.place(market, "bid", "0.1000", client_order_id="delta-1")
        mine, theirs = own.typed("orderbook_delta"), other.typed("orderbook_delta")
    assert mine["msg"]["client_order_id"] == "delta-1"
    assert "client_order_id" not in theirs["msg"]
    assert mine["msg"]["clock"] == theirs["msg"]["clock"], "one action has one clock on every connection"


@pytest.mark.success("channel:orderbook_delta")
def test_an_unknown_market_has_an_empty_book_and_no_id(alice: Trader) -> None:
    with alice.feed() as feed:
        feed.subscribe(BOOK, UNKNOWN)
        snapshot = feed.next()["msg"]
    assert (snapshot["market_ticker"], snapshot["market_id"], snapshot["clock"]) == (UNKNOWN, "", 0)
    assert "yes_dollars_fp" not in snapshot


@pytest.mark.success("channel:ticker")
def test_a_ticker_is_sent_when_something_of_it_changes(alice: Trader, bob: Trader, market: str) -> None:
    with alice.feed() as feed:
        feed.subscribe("ticker", market, send_initial_snapshot=True)
        first = feed.typed("ticker")
        assert "seq" not in first
        message = first["msg"]
        assert (message["yes_bid_dollars"], message["yes_bid_size_fp"]) == ("0.0000", "0.00")
        assert (message["yes_ask_dollars"], message["yes_ask_size_fp"]) == ("1.0000", "0.00")
        alice.place(market, "ask", "0.4500", "3.00")
        message = feed.typed("ticker")["msg"]
        assert (message["yes_ask_dollars"], message["yes_ask_size_fp"]) == ("0.4500", "3.00")
        bob.place(market, "bid", "0.4500", "2.00")
        message = feed.typed("ticker")["msg"]
    assert (message["price_dollars"], message["last_trade_size_fp"]) == ("0.4500", "2.00")
    assert (message["volume_fp"], message["open_interest_fp"], message["yes_ask_size_fp"]) == ("2.00", "2.00", "1.00")
    assert (message["dollar_volume"], message["dollar_open_interest"]) == (2, 2)
    assert message["ts"] == message["ts_ms"] // 1000


@pytest.mark.success("channel:ticker")
def test_a_ticker_subscription_without_markets_has_them_all(alice: Trader, markets: Markets) -> None:
    pair = [markets.take(), markets.take("KXSIMDECI")]
    with alice.feed() as feed:
        feed.subscribe("ticker")
        for ticker in pair:
            alice.place(ticker, "bid", "0.2000")
        seen = {feed.typed("ticker")["msg"]["market_ticker"] for _ in pair}
    assert seen == set(pair)


@pytest.mark.error("channel:ticker")
def test_markets_are_added_to_a_ticker_subscription_by_name(alice: Trader, market: str) -> None:
    with alice.feed() as feed:
        sid = feed.subscribe("ticker", market)
        assert feed.update(sid, "add_markets")["msg"]["code"] == 14
        assert feed.update(sid, "get_snapshot", market_tickers=[market])["msg"]["code"] == 13


@pytest.mark.success("channel:trade")
def test_a_trade_is_numbered_and_told_to_everyone(alice: Trader, bob: Trader, dave: Trader, market: str) -> None:
    with dave.feed() as feed:
        feed.subscribe("trade", market)
        alice.place(market, "bid", "0.4000", "3.00")
        bob.place(market, "ask", "0.4000", "1.00")
        bob.place(market, "ask", "0.3000", "0.50")
        trades = [feed.typed("trade"), feed.typed("trade")]
    assert [trade["seq"] for trade in trades] == [1, 2]
    first = trades[0]["msg"]
    assert (first["yes_price_dollars"], first["no_price_dollars"], first["count_fp"]) == ("0.4000", "0.6000", "1.00")
    assert (first["taker_side"], first["taker_outcome_side"], first["taker_book_side"]) == ("no", "no", "ask")
    assert first["is_block_trade"] is False
    assert trades[1]["msg"]["yes_price_dollars"] == "0.4000"


@pytest.mark.error("channel:trade")
def test_a_trade_subscription_names_one_market_or_a_list(alice: Trader, market: str) -> None:
    with alice.feed() as feed:
        both = {"channels": ["trade"], "market_ticker": market, "market_tickers": [market]}
        assert feed.ask("subscribe", both)["msg"] == {"code": 11, "msg": "Invalid parameter"}


@pytest.mark.success("channel:fill")
def test_both_sides_get_their_own_fill_and_nobody_else(alice: Trader, bob: Trader, dave: Trader, market: str) -> None:
    with alice.feed() as maker, bob.feed() as taker, dave.feed() as stranger:
        for feed in (maker, taker, stranger):
            feed.subscribe("fill")
        resting = alice.place(market, "ask", "0.5500", "2.00", client_order_id="fill-maker")
        taking = bob.place(market, "bid", "0.6000", "2.00")
        made, taken = maker.typed("fill"), taker.typed("fill")
        assert stranger.quiet() == []
    assert "seq" not in made
    mine, theirs = made["msg"], taken["msg"]
    assert mine["trade_id"] == theirs["trade_id"]
    assert (mine["order_id"], theirs["order_id"]) == (resting.order_id, taking.order_id)
    assert (mine["client_order_id"], mine["is_taker"], theirs["is_taker"]) == ("fill-maker", False, True)
    assert (mine["outcome_side"], mine["book_side"], mine["post_position_fp"]) == ("no", "ask", "-2.00")
    assert (theirs["outcome_side"], theirs["book_side"], theirs["post_position_fp"]) == ("yes", "bid", "2.00")
    assert (mine["yes_price_dollars"], theirs["yes_price_dollars"]) == ("0.5500", "0.5500")
    assert (mine["fee_cost"], theirs["fee_cost"]) == ("0.000000", "0.034700")


@pytest.mark.success("channel:fill")
def test_a_fill_subscription_can_be_narrowed(alice: Trader, bob: Trader, markets: Markets) -> None:
    wanted, other = markets.take(), markets.take()
    with bob.feed() as feed:
        sid = feed.subscribe("fill", wanted)
        for ticker in (other, wanted):
            alice.place(ticker, "ask", "0.5000")
            bob.place(ticker, "bid", "0.5000")
        assert feed.typed("fill")["msg"]["market_ticker"] == wanted
        assert feed.update(sid, "add_markets", market_tickers=[other])["type"] == "ok"
        alice.place(other, "ask", "0.5000")
        bob.place(other, "bid", "0.5000")
        assert feed.typed("fill")["msg"]["market_ticker"] == other


@pytest.mark.error("channel:fill", "channel:user_orders", "channel:market_positions")
@pytest.mark.parametrize("channel", ["fill", "user_orders", "market_positions"])
def test_private_channels_have_no_snapshot_and_add_markets_by_name(alice: Trader, market: str, channel: str) -> None:
    with alice.feed() as feed:
        for name in ("fill", "user_orders", "market_positions"):
            sid = feed.subscribe(name, market)
            assert feed.update(sid, "get_snapshot", market_tickers=[market])["msg"]["code"] == 13
            if name == channel:
                assert feed.update(sid, "add_markets")["msg"] == {"code": 14, "msg": "Market Ticker required"}


def reasons(feed: Feed, count: int) -> list[tuple[str, str | None]]:
    frames = [feed.typed("user_order")["msg"] for _ in range(count)]
    return [(frame["status"], frame.get("last_update_reason")) for frame in frames]


@pytest.mark.success("channel:user_orders")
def test_an_order_is_reported_from_its_creation_to_its_end(alice: Trader, bob: Trader, market: str) -> None:
    with alice.feed() as feed:
        feed.subscribe("user_orders", market)
        placed = alice.place(market, "bid", "0.4000", "5.00", client_order_id="life-1")
        created = feed.typed("user_order")
        assert "seq" not in created
        message = created["msg"]
        assert (message["order_id"], message["client_order_id"]) == (placed.order_id, "life-1")
        assert (message["status"], message["remaining_count_fp"], message["initial_count_fp"]) == (
            "resting",
            "5.00",
            "5.00",
        )
        assert (message["ticker"], message["book_side"], message["exchange_index"]) == (market, "bid", 0)
        alice.sdk.decrease_order_v2(placed.order_id, reduce_by="1.00", market_ticker=market)
        alice.sdk.amend_order_v2(placed.order_id, ticker=market, side="bid", price="0.4100", count="4.00")
        bob.place(market, "ask", "0.4100", "1.00")
        alice.sdk.cancel_order_v2(placed.order_id, market_ticker=market)
        assert reasons(feed, 3) == [("resting", "Decrease"), ("resting", "Amend"), ("resting", "Trade")]
        last = feed.typed("user_order")["msg"]
    assert (last["status"], last["fill_count_fp"], last["remaining_count_fp"]) == ("canceled", "1.00", "0.00")
    assert (last["maker_fill_cost_dollars"], last["taker_fill_cost_dollars"]) == ("0.410000", "0.000000")


@pytest.mark.success("channel:user_orders")
def test_an_order_says_why_the_exchange_ended_it(alice: Trader, market: str) -> None:
    with alice.feed() as feed:
        feed.subscribe("user_orders", market)
        alice.place(market, "ask", "0.5000")
        feed.typed("user_order")
        alice.place(market, "bid", "0.5000", time_in_force="immediate_or_cancel")
        ended = feed.until(lambda frame: frame["msg"].get("status") == "canceled")["msg"]
        assert ended["last_update_reason"] == "SelfTradeCancel"
        alice.place(market, "bid", "0.2000", expiration_time=int(time.time()) + 1)
        ended = feed.until(lambda frame: frame["msg"].get("status") == "canceled")["msg"]
    assert ended["last_update_reason"] == "ExpiryCancel"


@pytest.mark.success("channel:market_positions")
def test_a_position_is_told_with_its_cost_and_result(alice: Trader, bob: Trader, market: str) -> None:
    with bob.feed() as feed:
        feed.subscribe("market_positions", market)
        alice.place(market, "ask", "0.4000", "2.00")
        bob.place(market, "bid", "0.4000", "2.00")
        opened = feed.typed("market_position")
        assert "seq" not in opened
        message = opened["msg"]
        assert (message["position_fp"], message["position_cost_dollars"]) == ("2.00", "0.800000")
        assert (message["volume_fp"], message["fees_paid_dollars"]) == ("2.00", "0.033600")
        alice.place(market, "bid", "0.5000", "2.00")
        bob.place(market, "ask", "0.5000", "2.00")
        message = feed.typed("market_position")["msg"]
    assert (message["position_fp"], Decimal(message["position_cost_dollars"])) == ("0.00", 0)
    assert message["realized_pnl_dollars"] == "0.200000"


@pytest.mark.success("channel:order_group_updates")
def test_the_life_of_an_order_group_is_told_in_numbered_frames(erin: Trader, bob: Trader, market: str) -> None:
    with erin.feed() as feed:
        feed.subscribe("order_group_updates")
        group = erin.sdk.create_order_group(contracts_limit=1).order_group_id
        erin.place(market, "bid", "0.4000", "5.00", order_group_id=group)
        bob.place(market, "ask", "0.4000", "2.00")
        erin.sdk.reset_order_group(group)
        erin.sdk.update_order_group_limit(group, contracts_limit=9)
        erin.sdk.delete_order_group(group)
        frames = [feed.typed("order_group_updates") for _ in range(5)]
    assert [frame["msg"]["event_type"] for frame in frames] == [
        "created",
        "triggered",
        "reset",
        "limit_updated",
        "deleted",
    ]
    assert [frame["seq"] for frame in frames] == [1, 2, 3, 4, 5]
    assert {frame["msg"]["order_group_id"] for frame in frames} == {group}
    assert (frames[0]["msg"]["contracts_limit_fp"], frames[3]["msg"]["contracts_limit_fp"]) == ("1.00", "9.00")


@pytest.mark.error("channel:order_group_updates", "channel:market_lifecycle_v2", "ws:add_markets")
@pytest.mark.parametrize("channel", ["order_group_updates", "market_lifecycle_v2"])
def test_channels_without_market_filters_take_no_markets(erin: Trader, market: str, channel: str) -> None:
    with erin.feed() as feed:
        for name in ("order_group_updates", "market_lifecycle_v2"):
            sid = feed.subscribe(name)
            reply = feed.update(sid, "add_markets", market_tickers=[market])
            if name == channel:
                assert reply["msg"] == {"code": 13, "msg": "Unsupported action"}
