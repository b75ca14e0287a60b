"""A book built from frames, as any client builds it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


class Book:
    """The bids of both sides by price."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        """Starts from a snapshot."""
        message = snapshot["msg"]
        self.ticker = message["market_ticker"]
        self._sides = {
            side: {Decimal(price): Decimal(count) for price, count in message.get(f"{side}_dollars_fp", ())}
            for side in ("yes", "no")
        }

    def apply(self, frame: dict[str, Any]) -> None:
        """Applies a delta of this market; ignores other frames."""
        message = frame["msg"]
        if frame["type"] != "orderbook_delta" or message["market_ticker"] != self.ticker:
            return
        side = self._sides[message["side"]]
        price = Decimal(message["price_dollars"])
        count = side.get(price, Decimal(0)) + Decimal(message["delta_fp"])
        assert count >= 0, f"a level below nothing: {frame}"
        if count:
            side[price] = count
        else:
            side.pop(price, None)

    def levels(self, side: str) -> list[list[str]]:
        """Returns a side in the order of REST: ascending, best last."""
        return [[f"{price:.4f}", f"{count:.2f}"] for price, count in sorted(self._sides[side].items())]

    def is_crossed(self) -> bool:
        """Returns whether both outcomes could be bought for a dollar or less."""
        best_yes, best_no = (max(self._sides[side], default=Decimal(0)) for side in ("yes", "no"))
        return best_yes + best_no >= 1
