"""Validates REST answers against the exchange's OpenAPI specification."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from .recorder import Answer
from .schema import Validator


class OpenApi:
    """The specification of REST."""

    def __init__(self, path: Path) -> None:
        """Reads the file."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        with path.open() as file:
            self._document: dict[str, Any] = yaml.load(file, loader)  # noqa: S506 - a safe loader, by either name
        self._validator = Validator(self._document["components"])

    @property
    def version(self) -> str:
        """The version that the file states."""
        return str(self._document["info"]["version"])

    @cached_property
    def operations(self) -> dict[str, dict[str, Any]]:
        """Every operation by its id."""
        methods = (method for path in self._document["paths"].values() for method in path.values())
        return {method["operationId"]: method for method in methods if isinstance(method, dict) and "operationId" in method}

    def lists_status(self, operation: str, status: int) -> bool:
        """Whether the specification names this status for an operation."""
        return str(status) in self.operations[operation]["responses"]

    def problems(self, answer: Answer) -> Iterator[str]:
        """What is wrong with the body of an answer."""
        assert answer.operation is not None
        response = self.operations[answer.operation]["responses"].get(str(answer.status))
        if response is None:
            # Statuses that the operation does not list are counted by the caller; an error is an error.
            response = {"$ref": "#/components/responses/BadRequestError"}
        if "$ref" in response:
            response = self._document["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
        content = response.get("content", {}).get("application/json")
        if content is None:
            if answer.status < 400 and answer.body:
                yield f"expected no body, found {answer.body[:200]!r}"
            return
        key = f"{answer.operation} {answer.status}"
        yield from self._validator.problems(key, lambda: content["schema"], answer.json)
