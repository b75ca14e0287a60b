"""Counts which operations the suite covers. An operation is covered when a passed test marked `success` and one marked
`error` name it, each having received such an answer and evaluated at least one assertion.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .operations import sdk_operations, websocket_operations

REQUIRED_SHARE = 0.95


@dataclass(frozen=True)
class Scope:
    """What is to be covered: operations by group, and the exceptions with their reasons."""

    groups: dict[str, tuple[str, ...]]
    exceptions: dict[str, str]

    @classmethod
    def load(cls, path: Path) -> Scope:
        """Reads `coverage.toml` and checks it: known operations, each once, and a reason for every exception."""
        document = tomllib.loads(path.read_text())
        groups = {name: tuple(operations) for name, operations in document["groups"].items()}
        exceptions = {entry["operation"]: entry.get("reason", "").strip() for entry in document.get("exception", [])}
        named = [operation for operations in groups.values() for operation in operations]
        known = {*sdk_operations(), *websocket_operations()}
        problems = [f"{name} is not in the SDK nor on the WebSocket" for name in named if name not in known]
        problems += [f"{name} is named twice" for name in set(named) if named.count(name) > 1]
        problems += [f"{name} is an exception outside of the groups" for name in exceptions if name not in named]
        problems += [f"{name} is an exception without a reason" for name, reason in exceptions.items() if not reason]
        if problems:
            raise ValueError(f"{path.name}: " + "; ".join(problems))
        return cls(groups, exceptions)

    @property
    def operations(self) -> tuple[str, ...]:
        """Returns all operations that are to be covered."""
        return tuple(operation for operations in self.groups.values() for operation in operations)


@dataclass
class Coverage:
    """The coverage so far."""

    scope: Scope
    tests: dict[tuple[str, bool], set[str]] = field(default_factory=dict)

    def add(self, operation: str, succeeded: bool, test: str) -> None:
        """Records that a passed test has shown an operation's success or its refusal."""
        self.tests.setdefault((operation, succeeded), set()).add(test)

    def is_covered(self, operation: str) -> bool:
        """Returns whether both success and refusal were shown."""
        return bool(self.tests.get((operation, True))) and bool(self.tests.get((operation, False)))

    def share(self, operations: Iterable[str]) -> tuple[int, int]:
        """Returns how many of these are covered, and how many there are."""
        listed = list(operations)
        return sum(self.is_covered(operation) for operation in listed), len(listed)

    def problems(self) -> list[str]:
        """Returns the reasons for which the suite fails, if any."""
        operations = self.scope.operations
        covered, total = self.share(operations)
        missing = [name for name in operations if not self.is_covered(name) and name not in self.scope.exceptions]
        problems = [f"{name} is not covered and not listed as an exception" for name in missing]
        problems += [f"{name} is an exception but covered" for name in self.scope.exceptions if self.is_covered(name)]
        if covered < REQUIRED_SHARE * total:
            problems.append(f"{covered} of {total} operations are covered, at least {REQUIRED_SHARE:.0%} are required")
        return problems

    def table(self) -> list[str]:
        """Returns the table that the suite prints."""
        lines = [f"{'operation':38} success  error"]
        for group, operations in self.scope.groups.items():
            covered, total = self.share(operations)
            lines.append(f"{group}: {covered} of {total}")
            for name in operations:
                counts = [len(self.tests.get((name, case), ())) for case in (True, False)]
                note = f"  exception: {self.scope.exceptions[name]}" if name in self.scope.exceptions else ""
                lines.append(f"  {name:36} {counts[0]:7}  {counts[1]:5}{note}")
        covered, total = self.share(self.scope.operations)
        lines.append(f"covered: {covered} of {total} operations ({covered / total:.1%})")
        return lines
