"""The exchange's specifications, if they are present, and the list of known deviations from them."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .asyncapi import AsyncApi
from .openapi import OpenApi
from .recorder import Answer

FOLDER_VARIABLE = "KALSHI_SPEC"
DATA_VARIABLE = "KALSHI_REAL_DATA"
CONFORMANCE = Path(__file__).resolve().parent.parent
REPOSITORY = CONFORMANCE.parent


@dataclass(frozen=True)
class Deviation:
    """Something that the real exchange sends contrary to its specification."""

    where: re.Pattern[str]
    problem: re.Pattern[str]
    evidence: str
    reason: str


@dataclass
class Specs:
    """Both specifications. If the folder is missing, nothing is validated."""

    folder: Path
    openapi: OpenApi | None = None
    asyncapi: AsyncApi | None = None
    deviations: tuple[Deviation, ...] = ()
    validated_bodies: int = 0
    validated_frames: int = 0
    used: dict[Deviation, int] = field(default_factory=dict)
    unlisted: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def present(self) -> bool:
        """Returns whether the specifications are present."""
        return self.openapi is not None

    def answer_problems(self, answer: Answer) -> list[str]:
        """Returns what is wrong with a REST answer, except for known deviations."""
        if self.openapi is None or answer.operation is None:
            return []
        self.validated_bodies += 1
        if not self.openapi.lists_status(answer.operation, answer.status):
            key = (answer.operation, answer.status)
            self.unlisted[key] = self.unlisted.get(key, 0) + 1
        where = f"{answer.operation} {answer.status}"
        return list(self._unexplained(where, self.openapi.problems(answer)))

    def frame_problems(self, frame: dict[str, Any]) -> list[str]:
        """Returns what is wrong with a WebSocket frame, except for known deviations."""
        if self.asyncapi is None:
            return []
        self.validated_frames += 1
        return list(self._unexplained(f"ws {frame.get('type')}", self.asyncapi.problems(frame)))

    def _unexplained(self, where: str, problems: Iterator[str]) -> Iterator[str]:
        for problem in problems:
            known = next((d for d in self.deviations if d.where.fullmatch(where) and d.problem.search(problem)), None)
            if known is None:
                yield problem
            else:
                self.used[known] = self.used.get(known, 0) + 1


def real_data() -> Path:
    """Returns the folder of captured traffic, if there is one."""
    return Path(os.environ.get(DATA_VARIABLE) or REPOSITORY.parent / "shared" / "data" / "real")


def _load() -> Specs:
    folder = Path(os.environ.get(FOLDER_VARIABLE) or REPOSITORY.parent / "shared" / "reference" / "spec")
    entries = tomllib.loads((CONFORMANCE / "deviations.toml").read_text()).get("deviation", [])
    deviations = tuple(
        Deviation(re.compile(e["where"]), re.compile(e["problem"]), e["evidence"], e["reason"]) for e in entries
    )
    specs = Specs(folder, deviations=deviations)
    if (folder / "openapi.yaml").is_file():
        specs.openapi = OpenApi(folder / "openapi.yaml")
    if (folder / "asyncapi.yaml").is_file():
        specs.asyncapi = AsyncApi(folder / "asyncapi.yaml")
    return specs


SPECS = _load()
