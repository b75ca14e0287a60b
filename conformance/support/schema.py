"""Turns the exchange's specifications into strict JSON Schemas.

They are stricter than the specifications in three ways: an object may have no key that its schema doesn't list, formats
are checked, and fixed-point strings must have the number of decimals that the specification's prose or type hints give.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

FORMATS = FormatChecker(formats=())

# Keyed by the serializer named in `x-rust-serialize-with`, or by the schema's own name.
PATTERNS = {
    "serialize_price_dollars": r"^\d+\.\d{4}$",
    "serialize_option_price_dollars": r"^\d+\.\d{4}$",
    "serialize_centicount_fixed_point_count": r"^-?\d+\.\d{2}$",
    "serialize_amount_fixed_point_count": r"^\d+\.\d{2}$",
    "serialize_position_fixed_point_count": r"^-?\d+\.\d{2}$",
    "serialize_value_microcent_dollars": r"^-?\d+\.\d{6}$",
    "FixedPointDollars": r"^-?\d+\.\d{4,6}$",
    "FixedPointCount": r"^-?\d+\.\d{2}$",
}


@FORMATS.checks("uuid")
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value))


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return "T" in value and datetime.fromisoformat(value).tzinfo is not None


@FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def strict(schema: Any, name: str | None = None) -> Any:
    """Returns the strict form of a schema and everything in it. `name` is the schema's name, if it has one."""
    if isinstance(schema, list):
        return [strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _strict_member(key, value) for key, value in schema.items() if key not in ("example", "examples")}
    if "properties" in result and "additionalProperties" not in result:
        result["additionalProperties"] = False
    serializer = str(schema.get("x-rust-serialize-with", name)).rsplit("::", 1)[-1]
    if serializer in PATTERNS and schema.get("type") == "string":
        result["pattern"] = PATTERNS[serializer]
    if result.pop("nullable", False):
        result = {"anyOf": [result, {"type": "null"}]}
    return result


def _strict_member(key: str, value: Any) -> Any:
    if key == "properties" and isinstance(value, dict):
        return {name: strict(member) for name, member in value.items()}
    if key in ("enum", "required", "const", "default"):
        return value
    return strict(value)


class Validator:
    """Validates values against schemas that share one set of components."""

    def __init__(self, components: dict[str, Any]) -> None:
        """Takes the `components` of a specification."""
        schemas = {name: strict(schema, name) for name, schema in components["schemas"].items()}
        self._root = {"components": {"schemas": schemas}}
        self._validators: dict[str, Draft202012Validator] = {}

    def problems(self, key: str, schema: Callable[[], Any], value: Any) -> Iterator[str]:
        """Returns what is wrong with a value. The strict schema is built once for each key."""
        if key not in self._validators:
            whole = {**self._root, **strict(schema())}
            self._validators[key] = Draft202012Validator(whole, format_checker=FORMATS)
        for error in self._validators[key].iter_errors(value):
            message = error.message if len(error.message) < 300 else f"breaks the rule {error.validator}"
            yield f"{error.json_path}: {message} (found {repr(error.instance)[:200]})"
