"""Markets of the quiet exchange that no other test has touched."""

from __future__ import annotations

# The number of lasting markets on the quiet exchange, which has its four grids in turn.
LASTING = 600


class Markets:
    """Hands out markets, each only once."""

    def __init__(self, tickers: list[str]) -> None:
        """Reads the tickers of all lasting markets."""
        self._free = tickers

    def take(self, series: str = "KXSIMCENT") -> str:
        """Returns an unused market of a series, by default with a cent grid on shard 0."""
        ticker = next((name for name in self._free if name.startswith(f"{series}-")), None)
        assert ticker is not None, f"no market of {series} is left: raise LASTING"
        self._free.remove(ticker)
        return ticker
