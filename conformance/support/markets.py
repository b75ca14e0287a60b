"""Markets of the quiet exchange that no other test has touched."""

from __future__ import annotations

# Lasting markets on the quiet exchange, on its four grids in turn.
LASTING = 600


class Markets:
    """Hands out markets, each once."""

    def __init__(self, tickers: list[str]) -> None:
        """Takes the names of all lasting markets."""
        self._free = tickers

    def take(self, series: str = "KXSIMCENT") -> str:
        """A fresh market of a series: a cent grid on shard 0, unless another is wanted."""
        ticker = next((name for name in self._free if name.startswith(f"{series}-")), None)
        assert ticker is not None, f"no market of {series} is left: raise LASTING"
        self._free.remove(ticker)
        return ticker
