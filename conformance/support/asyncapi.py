"""Validates WebSocket frames against the exchange's AsyncAPI specification."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .schema import Validator

# The reply of this schema shares its type with others and is recognised by its contents.
LIST_REPLY = "listSubscriptionsResponsePayload"
METADATA_UPDATE = "marketMetadataUpdatedPayload"
# Replies about price feeds, which the embedded exchange does not have.
ELSEWHERE = ("subscribedIndicesResponsePayload", "subscribedUnderlyingsResponsePayload")


class AsyncApi:
    """The AsyncAPI specification of the WebSocket."""

    def __init__(self, path: Path) -> None:
        """Reads the specification."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        with path.open() as file:
            self._document: dict[str, Any] = yaml.load(file, loader)
        components = self._document["components"]
        self._validator = Validator(components)
        self._by_type: dict[str, str] = {}
        for name, schema in components["schemas"].items():
            frame_type = schema.get("properties", {}).get("type", {}).get("const")
            if frame_type is not None and name not in (LIST_REPLY, METADATA_UPDATE, *ELSEWHERE):
                self._by_type.setdefault(frame_type, name)

    @property
    def version(self) -> str:
        """The version that the file states."""
        return str(self._document["info"]["version"])

    def problems(self, frame: dict[str, Any]) -> Iterator[str]:
        """Returns what is wrong with a frame."""
        name = self._schema_name(frame)
        if name is None:
            yield f"no message of the specification has the type {frame.get('type')!r}"
            return
        yield from self._validator.problems(name, lambda: {"$ref": f"#/components/schemas/{name}"}, frame)

    def _schema_name(self, frame: dict[str, Any]) -> str | None:
        message = frame.get("msg")
        if frame.get("type") == "ok" and isinstance(message, list):
            return LIST_REPLY
        if isinstance(message, dict) and message.get("event_type") == "metadata_updated":
            return METADATA_UPDATE
        return self._by_type.get(str(frame.get("type")))
