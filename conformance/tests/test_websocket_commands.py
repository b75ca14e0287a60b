"""WebSocket commands: replies, sids, sequence numbers, and every error code that a client can cause."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from support.feed import Feed
from support.markets import Markets
from support.trader import Trader

BOOK = "orderbook_delta"


@pytest.fixture
def feed(alice: Trader) -> Iterator[Feed]:
    with alice.feed() as feed:
        yield feed


def error(code: int, text: str) -> dict:
    return {"code": code, "msg": text}


@pytest.mark.success("ws:subscribe")
def test_each_channel_of_a_command_gets_its_sid_in_turn(feed: Feed, market: str) -> None:
    command = feed.send("subscribe", {"channels": ["ticker", BOOK, "trade"], "market_ticker": market})
    replies = [feed.until(lambda frame: frame["type"] == "subscribed") for _ in range(3)]
    assert [reply["id"] for reply in replies] == [command] * 3
    assert [(reply["msg"]["channel"], reply["msg"]["sid"]) for reply in replies] == [
        ("ticker", 1),
        (BOOK, 2),
        ("trade", 3),
    ]
    assert all("seq" not in reply for reply in replies)


@pytest.mark.success("ws:subscribe", "channel:orderbook_delta")
def test_the_acknowledgement_comes_before_the_snapshots_in_the_order_of_the_tickers(
    feed: Feed, markets: Markets
) -> None:
    pair = [markets.take(), markets.take()]
    feed.subscribe(BOOK, *pair)
    snapshots = [feed.next(), feed.next()]
    assert [frame["type"] for frame in snapshots] == ["orderbook_snapshot"] * 2
    assert sorted(frame["msg"]["market_ticker"] for frame in snapshots) == pair
    assert [frame["seq"] for frame in snapshots] == [1, 2]


@pytest.mark.success("ws:subscribe", "channel:orderbook_delta")
def test_a_repeated_subscribe_merges_and_sends_snapshots_of_new_markets_only(feed: Feed, markets: Markets) -> None:
    first, second = markets.take(), markets.take()
    sid = feed.subscribe(BOOK, first)
    assert feed.next()["type"] == "orderbook_snapshot"
    merged = feed.ask("subscribe", {"channels": [BOOK], "market_tickers": [first, second]})
    assert (merged["type"], merged["sid"], merged["seq"]) == ("ok", sid, 2)
    assert sorted(merged["msg"]["market_tickers"]) == sorted([first, second])
    assert len(merged["msg"]["market_ids"]) == 2
    snapshot = feed.next()
    assert (snapshot["type"], snapshot["msg"]["market_ticker"], snapshot["seq"]) == ("orderbook_snapshot", second, 3)
    assert feed.quiet() == []


@pytest.mark.success("ws:subscribe")
def test_acknowledgements_leave_the_markets_out_when_asked(feed: Feed, markets: Markets) -> None:
    sid = feed.subscribe(BOOK, markets.take(), skip_ticker_ack=True)
    added = feed.update(sid, "add_markets", market_tickers=[markets.take()])
    assert added["type"] == "ok"
    assert "market_tickers" not in added.get("msg", {})
    assert "market_ids" not in added.get("msg", {})


@pytest.mark.error("ws:subscribe", "channel:orderbook_delta")
def test_a_book_is_subscribed_to_by_ticker(feed: Feed) -> None:
    reply = feed.ask("subscribe", {"channels": [BOOK]})
    assert (reply["type"], reply["msg"]) == ("error", error(14, "Market Ticker required"))
    assert feed.ask("list_subscriptions")["msg"] == []


@pytest.mark.error("ws:subscribe")
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (None, error(2, "Params required")),
        ({}, error(3, "Channels required")),
        ({"channels": []}, error(3, "Channels required")),
        ({"channels": ["weather"]}, error(8, "Unknown channel name")),
        ({"channels": ["multivariate"]}, error(8, "Unknown channel name")),
        ({"channels": ["ticker_v2"]}, error(8, "Unknown channel name")),
        (
            {"channels": ["ticker"], "market_ticker": "A", "market_tickers": ["B"]},
            error(11, "Invalid parameter"),
        ),
    ],
)
def test_a_subscribe_that_cannot_be_gets_its_code(feed: Feed, params: dict | None, expected: dict) -> None:
    reply = feed.ask("subscribe", params)
    assert (reply["type"], reply["msg"]) == ("error", expected)
    assert "sid" not in reply


@pytest.mark.error("ws:subscribe")
def test_an_unknown_channel_among_known_ones_opens_nothing(feed: Feed) -> None:
    assert feed.ask("subscribe", {"channels": ["trade", "weather"]})["msg"]["code"] == 8
    assert feed.ask("list_subscriptions")["msg"] == []


@pytest.mark.error("ws:subscribe")
def test_a_subscription_has_room_for_20000_markets(feed: Feed) -> None:
    names = [f"KXNOSUCH-{number}" for number in range(20_001)]
    reply = feed.ask("subscribe", {"channels": ["trade"], "market_tickers": names})
    assert reply["msg"] == error(26, "Subscription market limit exceeded")
    assert feed.ask("list_subscriptions")["msg"] == []


@pytest.mark.success("ws:unsubscribe")
def test_unsubscribing_ends_the_channel_and_a_new_subscription_gets_a_new_sid(
    feed: Feed, alice: Trader, market: str
) -> None:
    sid = feed.subscribe(BOOK, market)
    feed.next()
    ended = feed.ask("unsubscribe", {"sids": [sid]})
    assert (ended["type"], ended["sid"], ended["seq"]) == ("unsubscribed", sid, 2)
    alice.place(market, "bid", "0.2000")
    assert feed.quiet() == []
    again = feed.subscribe(BOOK, market)
    assert again == sid + 1
    snapshot = feed.next()
    assert (snapshot["seq"], snapshot["msg"]["yes_dollars_fp"]) == (1, [["0.2000", "1.00"]])


@pytest.mark.success("ws:unsubscribe")
def test_several_subscriptions_end_with_a_frame_each(feed: Feed) -> None:
    sids = [feed.subscribe("ticker"), feed.subscribe("trade")]
    command = feed.send("unsubscribe", {"sids": sids})
    ended = [feed.reply(command), feed.reply(command)]
    assert sorted(frame["sid"] for frame in ended) == sids
    assert feed.ask("list_subscriptions")["msg"] == []


@pytest.mark.error("ws:unsubscribe")
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (None, error(2, "Params required")),
        ({}, error(4, "Subscription IDs required")),
        ({"sids": []}, error(4, "Subscription IDs required")),
        ({"sids": [77]}, error(7, "Unknown subscription ID")),
    ],
)
def test_an_unsubscribe_that_cannot_be_gets_its_code(feed: Feed, params: dict | None, expected: dict) -> None:
    assert feed.ask("unsubscribe", params)["msg"] == expected


@pytest.mark.success("ws:list_subscriptions")
def test_the_list_has_every_open_subscription(feed: Feed, market: str) -> None:
    feed.subscribe("trade")
    feed.subscribe(BOOK, market)
    reply = feed.ask("list_subscriptions")
    assert reply["type"] == "ok"
    listed = {entry["channel"]: entry["sid"] for entry in reply["msg"]}
    assert listed == {"trade": 1, BOOK: 2}


@pytest.mark.error("ws:list_subscriptions")
def test_more_than_10000_commands_a_second_are_too_many(feed: Feed) -> None:
    first = feed.send("list_subscriptions")
    feed.burst(f'{{"id":{first},"cmd":"list_subscriptions"}}', 25_000)
    last = feed.send("list_subscriptions")
    reply = feed.until(lambda frame: frame["type"] == "error" or frame.get("id") == last, timeout=30)
    assert (reply["type"], reply["msg"]) == ("error", error(27, "Too many requests"))


@pytest.mark.success("ws:add_markets", "ws:delete_markets", "channel:orderbook_delta")
def test_markets_are_added_with_a_snapshot_and_taken_away_in_silence(
    feed: Feed, alice: Trader, markets: Markets
) -> None:
    first, second = markets.take(), markets.take()
    sid = feed.subscribe(BOOK, first)
    feed.next()
    added = feed.update(sid, "add_markets", market_tickers=[second])
    assert (added["type"], added["sid"], added["seq"]) == ("ok", sid, 2)
    assert sorted(added["msg"]["market_tickers"]) == sorted([first, second])
    snapshot = feed.next()
    assert (snapshot["msg"]["market_ticker"], snapshot["seq"]) == (second, 3)
    gone = feed.ask("update_subscription", {"sids": [sid], "action": "delete_markets", "market_ticker": first})
    assert (gone["type"], gone["msg"]["market_tickers"]) == ("ok", [second])
    alice.place(first, "bid", "0.2000")
    alice.place(second, "bid", "0.3000")
    delta = feed.next()
    assert (delta["type"], delta["msg"]["market_ticker"]) == ("orderbook_delta", second)


@pytest.mark.success("ws:get_snapshot", "channel:orderbook_delta")
def test_a_snapshot_on_demand_is_numbered_in_stream_and_carries_the_commands_id(
    feed: Feed, alice: Trader, market: str
) -> None:
    sid = feed.subscribe(BOOK, market)
    feed.next()
    alice.place(market, "ask", "0.8000", "2.00")
    assert feed.typed("orderbook_delta")["seq"] == 2
    command = feed.send("update_subscription", {"sid": sid, "action": "get_snapshot", "market_tickers": [market]})
    snapshot = feed.reply(command)
    assert (snapshot["type"], snapshot["seq"], snapshot["sid"]) == ("orderbook_snapshot", 3, sid)
    assert snapshot["msg"]["no_dollars_fp"] == [["0.2000", "2.00"]]


@pytest.mark.error("ws:get_snapshot", "channel:orderbook_delta")
@pytest.mark.parametrize("filters", [{}, {"market_ticker": "X"}])
def test_a_snapshot_on_demand_is_asked_for_by_the_list_of_tickers_only(feed: Feed, market: str, filters: dict) -> None:
    sid = feed.subscribe(BOOK, market)
    feed.next()
    named = {"market_ticker": market} if filters else {}
    reply = feed.update(sid, "get_snapshot", **named)
    assert (reply["type"], reply["msg"]) == ("error", error(14, "Market Ticker required"))


@pytest.mark.error("ws:get_snapshot", "channel:trade")
def test_only_books_have_snapshots(feed: Feed, market: str) -> None:
    sid = feed.subscribe("trade", market)
    reply = feed.update(sid, "get_snapshot", market_tickers=[market])
    assert reply["msg"] == error(13, "Unsupported action")


@pytest.mark.error("ws:add_markets")
@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"action": "add_markets", "market_tickers": ["A"]}, 12),
        ({"action": "add_markets", "market_tickers": ["A"], "sids": [1, 2]}, 12),
        ({"action": "add_markets", "market_tickers": ["A"], "sid": 1, "sids": [1]}, 12),
        ({"action": "add_markets", "market_tickers": ["A"], "sid": 99}, 7),
        ({"action": "add_markets", "sid": 1}, 14),
    ],
)
def test_an_addition_that_cannot_be_gets_its_code(feed: Feed, market: str, params: dict, code: int) -> None:
    assert feed.subscribe(BOOK, market) == 1
    feed.next()
    reply = feed.ask("update_subscription", params)
    assert (reply["type"], reply["msg"]["code"]) == ("error", code)


@pytest.mark.error("ws:delete_markets")
def test_a_deletion_names_its_markets(feed: Feed, market: str) -> None:
    sid = feed.subscribe(BOOK, market)
    feed.next()
    reply = feed.update(sid, "delete_markets")
    assert reply["msg"] == error(14, "Market Ticker required")


def test_an_update_without_params_action_or_a_known_action_gets_its_code(feed: Feed) -> None:
    sid = feed.subscribe("trade")
    assert feed.ask("update_subscription")["msg"] == error(2, "Params required")
    assert feed.ask("update_subscription", {"sid": sid})["msg"] == error(15, "Action required")
    assert feed.update(sid, "paint_markets")["msg"] == error(13, "Unsupported action")


@pytest.mark.parametrize("text", ["", "hello", "[]", "7", '{"cmd":7}', "{" * 1_000])
def test_what_is_no_command_cannot_be_processed(feed: Feed, text: str) -> None:
    feed.send_text(text)
    reply = feed.typed("error")
    assert reply["msg"] == error(1, "Unable to process message")
    assert feed.ask("list_subscriptions")["type"] == "ok"


def test_an_unknown_command_gets_its_code(feed: Feed) -> None:
    assert feed.ask("dance", {})["msg"] == error(5, "Unknown command")


def test_an_id_of_zero_counts_as_none(feed: Feed) -> None:
    feed.send_text('{"id":0,"cmd":"dance","params":{}}')
    reply = feed.typed("error")
    assert reply.get("id", 0) == 0


def test_an_error_about_a_subscription_uses_up_one_of_its_numbers(feed: Feed, alice: Trader, market: str) -> None:
    sid = feed.subscribe(BOOK, market)
    feed.next()
    refused = feed.update(sid, "delete_markets")
    alice.place(market, "bid", "0.2000")
    delta = feed.typed("orderbook_delta")
    assert delta["seq"] == (3 if "seq" in refused else 2)
    assert refused.get("sid", sid) == sid


def test_a_ping_of_the_client_is_answered(feed: Feed) -> None:
    feed.ping(b"are you there")
    assert feed.typed("pong")["data"] == b"are you there"


def test_the_exchange_pings_every_ten_seconds(feed: Feed) -> None:
    started = time.monotonic()
    while not feed.pings and time.monotonic() < started + 12:
        feed.quiet(0.5)
    assert feed.pings == [b"heartbeat"]
    assert 9 < time.monotonic() - started < 12


def test_a_reader_that_stops_reading_loses_its_subscriptions_and_not_its_connection(
    alice: Trader, feed: Feed, market: str
) -> None:
    for cents in range(1, 46):
        alice.place(market, "bid", f"0.{cents:02}00", "1.00")
        alice.place(market, "ask", f"0.{cents + 50}00", "1.00")
    sids = [feed.subscribe("trade", market), feed.subscribe(BOOK, market)]
    # Some 50 MB of snapshots, more than all buffers on the way can hold, within the limit of commands per second.
    params = {"sid": sids[1], "action": "get_snapshot", "market_tickers": [market]}
    feed.passed_over = "orderbook_snapshot"
    for _ in range(3):
        feed.flood(json.dumps({"id": 70, "cmd": "update_subscription", "params": params}), 9_000)
        time.sleep(1.1)
    lost = [feed.until(lambda frame: frame["type"] == "error" and frame["msg"]["code"] == 25, 30) for _ in sids]
    assert sorted(frame["sid"] for frame in lost) == sorted(sids), "each subscription hears of its end"
    assert all(frame["msg"] == error(25, "Subscription buffer overflow") for frame in lost)
    # The commands sent before are answered first.
    listing = feed.send("list_subscriptions")
    listed = feed.reply(listing, 30)
    assert listed["msg"] == [], "nothing is left of them"
    feed.passed_over = None
    assert feed.subscribe(BOOK, market) > max(sids), "a new subscription has a new sid"
    assert feed.typed("orderbook_snapshot")["seq"] == 1
