"""Markets, order books and public trades."""

from __future__ import annotations

import time

import pytest
from kalshi_python_sync.exceptions import ApiException, NotFoundException

from support.markets import LASTING, Markets
from support.trader import Trader, refusal

GRIDS = {
    "KXSIMCENT": ("linear_cent", [("0.0000", "1.0000", "0.0100")]),
    "KXSIMDECI": ("deci_cent", [("0.0000", "1.0000", "0.0010")]),
    "KXSIMTAPER": (
        "tapered_deci_cent",
        [("0.0000", "0.1000", "0.0010"), ("0.1000", "0.9000", "0.0100"), ("0.9000", "1.0000", "0.0010")],
    ),
}


@pytest.mark.success("GetMarket")
def test_a_market_without_orders_has_the_captured_empty_prices(alice: Trader, market: str) -> None:
    body = alice.sdk.get_market(market).market
    assert body.status == "active"
    assert (body.yes_bid_dollars, body.yes_ask_dollars) == ("0.0000", "1.0000")
    assert (body.yes_bid_size_fp, body.yes_ask_size_fp) == ("0.00", "0.00")
    assert (body.no_bid_dollars, body.no_ask_dollars) == ("0.0000", "1.0000")
    assert body.notional_value_dollars == "1.0000"
    assert (body.result, body.exchange_index) == ("", 0)


@pytest.mark.success("GetMarket")
@pytest.mark.parametrize("series", sorted(GRIDS))
def test_the_bands_of_a_market_are_those_of_its_structure(alice: Trader, markets: Markets, series: str) -> None:
    body = alice.sdk.get_market(markets.take(series)).market
    structure, bands = GRIDS[series]
    assert body.price_level_structure == structure
    assert [(band.start, band.end, band.step) for band in body.price_ranges] == bands


@pytest.mark.success("GetMarket")
def test_a_market_shows_both_touches_with_sizes(alice: Trader, market: str) -> None:
    alice.place(market, "bid", "0.4200", "3.00")
    alice.place(market, "ask", "0.4700", "1.50")
    body = alice.sdk.get_market(market).market
    assert (body.yes_bid_dollars, body.yes_bid_size_fp) == ("0.4200", "3.00")
    assert (body.yes_ask_dollars, body.yes_ask_size_fp) == ("0.4700", "1.50")
    assert (body.no_bid_dollars, body.no_ask_dollars) == ("0.5300", "0.5800")


@pytest.mark.error("GetMarket")
def test_an_unknown_market_is_not_found(alice: Trader) -> None:
    with pytest.raises(NotFoundException) as error:
        alice.sdk.get_market("KXNOSUCH-1-A")
    assert refusal(error.value)[1]["error"]["code"] == "not_found"


@pytest.mark.success("GetMarkets")
def test_markets_come_in_pages_that_end_with_an_empty_cursor(alice: Trader) -> None:
    seen: list[str] = []
    cursor = None
    while cursor != "":
        page = alice.sdk.get_markets(limit=60, series_ticker="KXSIMCENT", cursor=cursor)
        assert len(page.markets) <= 60
        seen += [market.ticker for market in page.markets]
        cursor = page.cursor
    whole = alice.sdk.get_markets(limit=1000, series_ticker="KXSIMCENT")
    assert whole.cursor == ""
    assert sorted(seen) == sorted(market.ticker for market in whole.markets)


@pytest.mark.success("GetMarkets")
def test_markets_are_found_by_ticker_event_and_status(alice: Trader) -> None:
    pair = ["KXSIMCENT-0049-A", "KXSIMDECI-0049-A"]
    assert sorted(m.ticker for m in alice.sdk.get_markets(tickers=",".join(pair)).markets) == pair
    assert [m.ticker for m in alice.sdk.get_markets(event_ticker="KXSIMCENT-0049").markets] == pair[:1]
    assert {m.status for m in alice.sdk.get_markets(status="open", limit=1000).markets} == {"active"}
    assert alice.sdk.get_markets(status="unopened").markets == []
    assert alice.sdk.get_markets(mve_filter="only").markets == []


@pytest.mark.success("GetMarkets")
def test_markets_are_found_by_their_close(alice: Trader) -> None:
    tomorrow = int(time.time()) + 86_400
    later = alice.sdk.get_markets(min_close_ts=tomorrow, limit=1000).markets
    assert len(later) == LASTING
    assert all(market.close_time.timestamp() > tomorrow for market in later)
    assert {m.event_ticker.split("-")[0] for m in alice.sdk.get_markets(max_close_ts=tomorrow).markets} == {"KXSIM15S"}


@pytest.mark.success("GetMarkets")
def test_a_garbage_cursor_is_the_first_page(alice: Trader) -> None:
    answer = alice.raw.get("/markets", limit=5, cursor="garbage-cursor-fixture")
    assert answer.status == 200
    assert len(answer.json["markets"]) == 5


@pytest.mark.error("GetMarkets")
def test_a_limit_over_1000_gets_the_captured_words(alice: Trader) -> None:
    answer = alice.raw.get("/markets", limit=1001)
    assert answer.status == 400
    assert answer.json == {
        "msg": "Parameter validation failed for GetMarkets: Key: 'GetMarketsParams.Limit' "
        "Error:Field validation for 'Limit' failed on the 'lte' tag"
    }


@pytest.mark.error("GetMarkets")
@pytest.mark.parametrize("status", ["active", "finalized"])
def test_a_value_of_the_status_field_is_no_filter_word(alice: Trader, status: str) -> None:
    answer = alice.raw.get("/markets", status=status)
    assert answer.status == 400
    assert "status" in answer.body.decode().lower()


@pytest.mark.success("GetMarketOrderbook")
def test_an_order_book_has_bids_of_both_sides_best_last(alice: Trader, market: str) -> None:
    for price in ("0.3000", "0.4000", "0.3500"):
        alice.place(market, "bid", price, "2.00")
    alice.place(market, "ask", "0.5500", "1.25")
    alice.place(market, "ask", "0.6000", "4.00")
    book = alice.sdk.get_market_orderbook(market).orderbook_fp
    assert book.yes_dollars == [["0.3000", "2.00"], ["0.3500", "2.00"], ["0.4000", "2.00"]]
    assert book.no_dollars == [["0.4000", "4.00"], ["0.4500", "1.25"]]
    top = alice.sdk.get_market_orderbook(market, depth=1).orderbook_fp
    assert top.yes_dollars == [["0.4000", "2.00"]]
    assert top.no_dollars == [["0.4500", "1.25"]]


@pytest.mark.success("GetMarketOrderbook")
def test_orders_at_one_price_are_one_level(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "bid", "0.2500", "2.50")
    bob.place(market, "bid", "0.2500", "0.50")
    assert alice.sdk.get_market_orderbook(market).orderbook_fp.yes_dollars == [["0.2500", "3.00"]]


@pytest.mark.error("GetMarketOrderbook")
def test_the_book_of_an_unknown_market_is_not_found(alice: Trader) -> None:
    with pytest.raises(NotFoundException) as error:
        alice.sdk.get_market_orderbook("KXNOSUCH-1-A")
    assert refusal(error.value)[1]["error"]["code"] == "not_found"


@pytest.mark.error("GetMarketOrderbook")
def test_a_depth_over_100_is_refused(alice: Trader, market: str) -> None:
    answer = alice.raw.get(f"/markets/{market}/orderbook", depth=101)
    assert answer.status == 400
    assert "Depth" in answer.json["msg"]


@pytest.mark.success("GetMarketOrderbooks")
def test_several_books_come_in_one_answer(alice: Trader, markets: Markets) -> None:
    first, second = markets.take(), markets.take("KXSIMDECI")
    alice.place(second, "bid", "0.1230", "7.00")
    books = {book.ticker: book.orderbook_fp for book in alice.sdk.get_market_orderbooks([first, second]).orderbooks}
    assert set(books) == {first, second}
    assert books[first].yes_dollars == []
    assert books[second].yes_dollars == [["0.1230", "7.00"]]


@pytest.mark.error("GetMarketOrderbooks")
@pytest.mark.parametrize("count", [0, 101])
def test_books_are_asked_for_by_1_to_100_tickers(alice: Trader, count: int) -> None:
    query = [("tickers", f"KXSIMCENT-{number:04}-A") for number in range(count)]
    answer = alice.raw.request("GET", "/markets/orderbooks", query=query)
    assert answer.status == 400
    assert "tickers" in answer.body.decode().lower()


@pytest.mark.success("GetTrades")
def test_a_trade_is_public_with_the_makers_price_and_the_takers_side(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "ask", "0.5300", "2.00")
    bob.place(market, "bid", "0.6000", "1.00")
    bob.place(market, "bid", "0.5300", "0.50")
    newest, oldest = alice.sdk.get_trades(ticker=market).trades
    assert (oldest.count_fp, newest.count_fp) == ("1.00", "0.50")
    assert (oldest.yes_price_dollars, oldest.no_price_dollars) == ("0.5300", "0.4700")
    assert (oldest.taker_outcome_side, oldest.taker_book_side) == ("yes", "bid")
    assert oldest.is_block_trade is False
    assert oldest.trade_id != newest.trade_id
    body = alice.sdk.get_market(market).market
    assert (body.last_price_dollars, body.volume_fp, body.open_interest_fp) == ("0.5300", "1.50", "1.50")


@pytest.mark.success("GetTrades")
def test_trades_come_in_pages_and_can_be_filtered_by_time(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "bid", "0.4000", "3.00")
    for _ in range(3):
        bob.place(market, "ask", "0.4000", "1.00")
    first = alice.sdk.get_trades(ticker=market, limit=2)
    second = alice.sdk.get_trades(ticker=market, limit=2, cursor=first.cursor)
    assert (len(first.trades), len(second.trades), second.cursor) == (2, 1, "")
    assert len({trade.trade_id for trade in first.trades + second.trades}) == 3
    assert alice.sdk.get_trades(ticker=market, min_ts=int(time.time()) + 60).trades == []
    assert len(alice.sdk.get_trades(ticker=market, is_block_trade=False).trades) == 3
    assert alice.sdk.get_trades(ticker=market, is_block_trade=True).trades == []


@pytest.mark.error("GetTrades")
def test_a_page_of_trades_has_at_most_1000(alice: Trader) -> None:
    answer = alice.raw.get("/markets/trades", limit=1001)
    assert answer.status == 400
    assert "Limit" in answer.json["msg"]


def test_the_sdk_raises_its_own_exception_for_a_refusal(alice: Trader) -> None:
    with pytest.raises(ApiException) as error:
        alice.sdk.get_market("KXNOSUCH-1-A")
    assert error.value.status == 404
