"""A client of an exchange: the official SDK, raw requests and raw WebSockets, all with one key."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

from kalshi_python_sync import KalshiClient
from kalshi_python_sync.exceptions import ApiException
from kalshi_python_sync.models import CreateOrderV2Response

from .feed import Feed
from .rest import Raw, sdk_client
from .signing import Signer
from .venue import Venue

_NUMBERS = itertools.count(1)


def client_order_id() -> str:
    """Returns a new client order id."""
    return f"conf-{next(_NUMBERS):06}"


def order(ticker: str, side: str, price: str, count: str = "1.00", **fields: Any) -> dict[str, Any]:
    """Returns the body of a create: good till canceled and `taker_at_cross`, unless fields say otherwise."""
    defaults = {
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "client_order_id": client_order_id(),
    }
    return {"ticker": ticker, "side": side, "price": price, "count": count} | defaults | fields


@dataclass(frozen=True)
class Trader:
    """One account, with one of its keys."""

    venue: Venue
    signer: Signer
    sdk: KalshiClient
    raw: Raw

    @classmethod
    def of(cls, venue: Venue, number: int, kind: str) -> Trader:
        """Takes the account's number, from 1, and which of its keys to sign with, `rsa` or `ed25519`."""
        key = getattr(venue.accounts[number - 1], kind)
        signer = Signer(key)
        return cls(venue, signer, sdk_client(venue.rest_url, key), Raw(venue.rest_url, signer))

    def feed(self) -> Feed:
        """Opens a WebSocket."""
        return Feed.signed(self.venue.ws_url, self.signer)

    def place(self, ticker: str, side: str, price: str, count: str = "1.00", **fields: Any) -> CreateOrderV2Response:
        """Places an order with the SDK."""
        placed: CreateOrderV2Response = self.sdk.create_order_v2(**order(ticker, side, price, count, **fields))
        return placed

    def cash(self, shard: int) -> str:
        """Returns the balance on a shard, in dollars."""
        breakdown = self.sdk.get_balance(exchange_index=shard).balance_breakdown or []
        return str(next(entry.balance for entry in breakdown if entry.exchange_index == shard))

    def position(self, ticker: str) -> str:
        """Returns the signed position in a market, `0.00` without one."""
        positions = self.sdk.get_positions(ticker=ticker).market_positions
        return str(next((position.position_fp for position in positions), "0.00"))


def refusal(error: ApiException) -> tuple[int | None, dict[str, Any]]:
    """Returns the status and body of a refused SDK call."""
    return error.status, json.loads(error.body or "{}")
