"""The exchange with its default settings: it is full of other participants, and the documented examples work there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.book import Book
from support.specs import CONFORMANCE
from support.trader import Trader
from support.venue import Venue

EXAMPLES = CONFORMANCE / "examples"


@pytest.fixture(scope="module")
def newcomer(lively: Venue) -> Trader:
    return Trader.of(lively, 1, "ed25519")


def test_the_line_that_the_exchange_prints_keeps_its_keys(lively: Venue) -> None:
    keys = ("key_id", "private_key_path", "ed25519_key_id", "ed25519_private_key_path")
    assert {"rest_url", "ws_url", *keys} <= set(lively.facts)
    accounts = lively.facts["accounts"]
    assert isinstance(accounts, list)
    assert [accounts[0][key] for key in keys] == [lively.facts[key] for key in keys]
    assert all(Path(accounts[0][key]).stat().st_mode & 0o777 == 0o600 for key in keys if key.endswith("path"))


@pytest.mark.success("channel:orderbook_delta", "channel:trade", "channel:ticker")
def test_books_trade_and_the_followed_ones_are_crossed_for_an_instant_at_most(newcomer: Trader) -> None:
    tickers = [market.ticker for market in newcomer.sdk.get_markets(status="open", series_ticker="KXSIMCENT").markets]
    with newcomer.feed() as feed:
        for channel in ("orderbook_delta", "trade", "ticker"):
            feed.subscribe(channel, *tickers)
        feed.quiet(4.0)
    books: dict[str, Book] = {}
    times: dict[str, int] = {}
    for frame in feed.frames:
        if frame["type"] == "orderbook_snapshot":
            books[frame["msg"]["market_ticker"]] = Book(frame)
        elif frame["type"] == "orderbook_delta":
            ticker, time_ms = frame["msg"]["market_ticker"], frame["msg"]["ts_ms"]
            # The rest of an order may be published before what it traded with leaves; all of that has the same time.
            assert time_ms == times.get(ticker, time_ms) or not books[ticker].is_crossed()
            times[ticker] = time_ms
            books[ticker].apply(frame)
    assert not any(book.is_crossed() for book in books.values())
    kinds = {frame["type"] for frame in feed.frames}
    assert {"orderbook_delta", "trade", "ticker"} <= kinds


@pytest.mark.success("CreateOrderV2")
def test_a_marketable_order_fills_against_the_participants(newcomer: Trader) -> None:
    market = newcomer.sdk.get_markets(status="open", series_ticker="KXSIMDECI", limit=1).markets[0]
    placed = newcomer.place(market.ticker, "bid", "0.9500", "1.00", time_in_force="immediate_or_cancel")
    assert placed.fill_count == "1.00"
    assert placed.average_fill_price is not None
    assert placed.average_fill_price < "0.9500"


def _environment(venue: Venue) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "REST_URL": venue.rest_url,
        "WS_URL": venue.ws_url,
        "KEY_ID": venue.accounts[0].rsa.key_id,
        "KEY_PATH": str(venue.accounts[0].rsa.path),
    }


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_the_python_examples_run_as_they_are_printed(lively: Venue, example: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(example)],
        env=_environment(lively),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()
    assert not any(line.startswith("-----BEGIN") for line in run.stdout.splitlines())


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "openssl"))), reason="needs curl and openssl")
def test_the_shell_example_runs_as_it_is_printed(lively: Venue) -> None:
    run = subprocess.run(
        ["bash", str(EXAMPLES / "curl.sh")],
        env=_environment(lively),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    balance, placed = (json.loads(line) for line in run.stdout.splitlines())
    assert "balance_dollars" in balance
    assert placed["remaining_count"] == "1.00"


@pytest.mark.parametrize("example", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_documentation_prints_the_examples_that_run(example: Path) -> None:
    page = (CONFORMANCE.parent / "docs" / "exchange.md").read_text()
    assert example.read_text().strip() in page
