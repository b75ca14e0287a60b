"""Records what goes over the wire, so that coverage is counted from answers and every body is validated."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """An answer of the REST API."""

    operation: str | None
    method: str
    target: str
    status: int
    body: bytes

    @property
    def is_json(self) -> bool:
        """Returns whether the body is valid JSON or empty."""
        try:
            _ = self.json
        except ValueError:
            return False
        return True

    @property
    def json(self) -> Any:
        """Returns the parsed body; `None` when it is empty."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Reply:
    """A command's reply or a data frame, with its coverage key."""

    key: str
    succeeded: bool


@dataclass
class Recorder:
    """What was received during the current test, and what was wrong with it."""

    answers: list[Answer] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Clears everything for the next test."""
        self.answers.clear()
        self.replies.clear()
        self.violations.clear()

    def outcomes(self) -> set[tuple[str, bool]]:
        """Returns which operations succeeded and which were refused."""
        answered = {(answer.operation, answer.status < 400) for answer in self.answers if answer.operation}
        return answered | {(reply.key, reply.succeeded) for reply in self.replies}

    def note(self, where: str, problems: Iterable[str]) -> None:
        """Records what a validator found."""
        self.violations.extend(f"{where}: {problem}" for problem in problems)


RECORDER = Recorder()
