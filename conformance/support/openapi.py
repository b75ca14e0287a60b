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
    """The OpenAPI specification of the REST API."""

    def __init__(self, path: Path) -> None:
        """Reads the specification."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        with path.open() as file:
            self._document: dict[str, Any] = yaml.load(file, loader)
        self._validator = Validator(self._document["components"])

    @property
    def version(self) -> str:
        """The version that the file states."""
        return str(self._document["info"]["version"])

    @cached_property
    def operations(self) -> dict[str, dict[str, Any]]:
        """Returns every operation by its id."""
        methods = (method for path in self._document["paths"].values() for method in path.values())
        return {
            method["operationId"]: method for method in methods if isinstance(method, dict) and "operationId" in method
        }

    def lists_status(self, operation: str, status: int) -> bool:
        """Returns whether the specification lists this status for an operation."""
        return str(status) in self.operations[operation]["responses"]

    def problems(self, answer: Answer) -> Iterator[str]:
        """Returns what is wrong with the body of an answer."""
        assert answer.operation is not None
        schema = self._schema(answer.operation, answer.status)
        if not answer.is_json:
            yield f"no JSON: {answer.body[:200]!r}"
        elif schema is not None:
            yield from self._validator.problems(f"{answer.operation} {answer.status}", lambda: schema, answer.json)
        elif answer.body:
            yield f"expected no body, found {answer.body[:200]!r}"

    def _schema(self, operation: str, status: int) -> Any:
        """Returns the schema of an answer; `None` where the body is empty.

        An error without a schema, or with a status that the operation does not list, has the common error schema.
        """
        response = self.operations[operation]["responses"].get(str(status), {})
        if "$ref" in response:
            response = self._document["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
        content = response.get("content", {}).get("application/json")
        if content is not None:
            return content["schema"]
        return {"$ref": "#/components/schemas/ErrorResponse"} if status >= 400 else None
