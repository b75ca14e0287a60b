"""The operations of the REST API, extracted from the official SDK, and those of the WebSocket.

A WebSocket operation is a command (`ws:subscribe`), an action of `update_subscription` (`ws:add_markets`) or a channel
(`channel:ticker`).
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass
from functools import cache

import kalshi_python_sync.api as sdk_api

PREFIX = "/trade-api/v2"

COMMANDS = ("subscribe", "unsubscribe", "list_subscriptions")
ACTIONS = ("add_markets", "delete_markets", "get_snapshot")
CHANNELS = {
    "orderbook_delta": ("orderbook_snapshot", "orderbook_delta"),
    "ticker": ("ticker",),
    "trade": ("trade",),
    "fill": ("fill",),
    "user_orders": ("user_order",),
    "market_positions": ("market_position",),
    "order_group_updates": ("order_group_updates",),
    "market_lifecycle_v2": ("market_lifecycle_v2", "event_lifecycle", "event_fee_update"),
}


@dataclass(frozen=True)
class Operation:
    """A REST operation as the SDK calls it."""

    name: str
    method: str
    path: str
    sdk_class: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the paths of its requests."""
        return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(PREFIX + self.path)))


@cache
def sdk_operations() -> dict[str, Operation]:
    """Returns every operation of the installed SDK by its id, parsed from the generated request builders."""
    found: dict[str, Operation] = {}
    for module_info in pkgutil.iter_modules(sdk_api.__path__):
        module = importlib.import_module(f"{sdk_api.__name__}.{module_info.name}")
        for class_name, api in inspect.getmembers(module, inspect.isclass):
            if api.__module__ != module.__name__:
                continue
            for name, builder in inspect.getmembers(api, inspect.isfunction):
                if not re.fullmatch(r"_\w+_serialize", name):
                    continue
                source = inspect.getsource(builder)
                method = re.search(r"""\bmethod=['"](\w+)['"]""", source)
                path = re.search(r"""\bresource_path=['"]([^'"]+)['"]""", source)
                if method and path:
                    operation = _operation_id(name.removeprefix("_").removesuffix("_serialize"))
                    found[operation] = Operation(operation, method[1], path[1], class_name)
    return found


def _operation_id(method_name: str) -> str:
    """Turns `create_order_v2` into `CreateOrderV2`."""
    return "".join(part[:1].upper() + part[1:] for part in method_name.split("_"))


@cache
def _by_specificity() -> tuple[Operation, ...]:
    """Sorts paths with fewer variable parts first: `/markets/trades` before `/markets/{ticker}`."""
    return tuple(sorted(sdk_operations().values(), key=lambda operation: (operation.path.count("{"), operation.path)))


def operation_of(method: str, path: str) -> str | None:
    """Returns the id of a request's operation, if the SDK has it."""
    for operation in _by_specificity():
        if operation.method == method and operation.pattern.fullmatch(path):
            return operation.name
    return None


def websocket_operations() -> tuple[str, ...]:
    """Returns the coverage keys of all WebSocket operations."""
    return (
        *(f"ws:{name}" for name in (*COMMANDS, *ACTIONS)),
        *(f"channel:{name}" for name in CHANNELS),
    )


def channel_of(frame_type: str) -> str | None:
    """Returns the channel whose data frames have this type."""
    return next((name for name, types in CHANNELS.items() if frame_type in types), None)
