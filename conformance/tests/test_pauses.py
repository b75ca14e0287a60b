"""Pauses of trading and of the exchange, controlled over an endpoint that Kalshi does not have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3
from kalshi_python_sync.exceptions import ApiException

from support.trader import Trader, refusal
from support.venue import Venue, start

Pause = Callable[[str], None]
TICKER, OTHER = "KXSIMCENT-0001-A", "KXSIMCENT-0002-A"


@pytest.fixture(scope="module")
def venue(folder: Path) -> Iterator[Venue]:
    exchange: dict[str, str | int] = {"tier": "unlimited", "order_latency_ms": 0, "read_lag_ms": 0}
    running = start(folder / "pauses", "--quiet-markets", exchange=exchange)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def trader(venue: Venue) -> Trader:
    return Trader.of(venue, 1, "ed25519")


@pytest.fixture
def pause(venue: Venue) -> Iterator[Pause]:
    parts = urlsplit(venue.rest_url)
    faults = f"{parts.scheme}://{parts.netloc}/control/faults"
    pool = urllib3.PoolManager(retries=False)

    def begin(kind: str) -> None:
        body = json.dumps({"fault": {kind: {"for_ms": 60_000}}})
        assert pool.request("POST", faults, body=body).status == 200

    yield begin
    assert pool.request("DELETE", faults).status == 200


def refused(call: Callable[[], object]) -> tuple[int | None, str]:
    with pytest.raises(ApiException) as error:
        call()
    status, body = refusal(error.value)
    return status, body["error"]["code"]


@pytest.mark.success("GetExchangeStatus", "CancelOrderV2", "CreateOrderV2")
@pytest.mark.error("CreateOrderV2", "AmendOrderV2")
def test_while_trading_is_paused_orders_stay_and_can_be_canceled_only(trader: Trader, pause: Pause) -> None:
    order_id = trader.place(TICKER, "bid", "0.2000", "2.00").order_id
    pause("pause_trading")
    status = trader.sdk.get_exchange_status()
    assert (status.exchange_active, status.trading_active) == (True, False)
    assert refused(lambda: trader.place(TICKER, "bid", "0.2000")) == (409, "trading_is_paused")
    change = {"ticker": TICKER, "side": "bid", "price": "0.2100", "count": "2.00"}
    assert refused(lambda: trader.sdk.amend_order_v2(order_id, **change)) == (409, "trading_is_paused")
    assert trader.sdk.get_order(order_id).order.status == "resting"
    assert trader.sdk.cancel_order_v2(order_id, market_ticker=TICKER).reduced_by == "2.00"


@pytest.mark.success("CreateOrderV2", "channel:user_orders")
def test_an_order_that_asks_for_it_is_canceled_by_a_pause(trader: Trader, pause: Pause) -> None:
    with trader.feed() as feed:
        feed.subscribe("user_orders", OTHER)
        leaving = trader.place(OTHER, "bid", "0.2000", cancel_order_on_pause=True).order_id
        staying = trader.place(OTHER, "bid", "0.2000").order_id
        pause("pause_trading")
        ended = feed.until(lambda frame: frame["msg"].get("status") == "canceled")["msg"]
    assert (ended["order_id"], ended["last_update_reason"]) == (leaving, "HaltCancel")
    assert trader.sdk.get_order(staying).order.status == "resting"


@pytest.mark.success("GetExchangeStatus")
@pytest.mark.error("CreateOrderV2", "CancelOrderV2")
def test_while_the_exchange_is_paused_no_order_can_be_touched(trader: Trader, pause: Pause) -> None:
    order_id = trader.place(TICKER, "bid", "0.2000").order_id
    pause("pause_exchange")
    status = trader.sdk.get_exchange_status()
    assert (status.exchange_active, status.trading_active) == (False, False)
    assert refused(lambda: trader.place(TICKER, "bid", "0.2000")) == (503, "service_unavailable")
    assert refused(lambda: trader.sdk.cancel_order_v2(order_id, market_ticker=TICKER)) == (503, "service_unavailable")


@pytest.mark.success("CreateOrderV2")
def test_after_a_pause_trading_goes_on(trader: Trader) -> None:
    assert trader.place(TICKER, "bid", "0.1000").remaining_count == "1.00"
    assert trader.sdk.get_exchange_status().trading_active
