"""The list of deviations is correct: each entry's evidence exists and contradicts the specification as stated."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from support.operations import operation_of, sdk_operations
from support.recorder import Answer
from support.specs import SPECS, Deviation, real_data


@pytest.mark.parametrize("deviation", SPECS.deviations, ids=lambda deviation: deviation.problem.pattern)
def test_the_captured_answer_shows_the_problem(deviation: Deviation) -> None:
    if SPECS.openapi is None or not real_data().is_dir():
        pytest.skip(f"no captured traffic in {real_data()}, or no specification in {SPECS.folder}")
    if not deviation.evidence.endswith(".json"):
        assert (SPECS.folder.parent / deviation.evidence).is_file()
        return
    body = real_data() / deviation.evidence
    meta = json.loads(body.with_suffix("").with_suffix(".meta.json").read_text())
    operation = operation_of(meta["method"], urlsplit(meta["path"]).path)
    answer = Answer(operation, meta["method"], meta["path"], meta["status"], body.read_bytes())
    assert deviation.where.fullmatch(f"{operation} {meta['status']}")
    assert any(deviation.problem.search(problem) for problem in SPECS.openapi.problems(answer))


def test_operations_are_known_by_their_most_specific_path() -> None:
    assert operation_of("GET", "/trade-api/v2/markets/trades") == "GetTrades"
    assert operation_of("GET", "/trade-api/v2/markets/KXA-1-A") == "GetMarket"
    assert operation_of("DELETE", "/trade-api/v2/portfolio/events/orders/batched") == "BatchCancelOrdersV2"
    assert operation_of("DELETE", "/trade-api/v2/portfolio/events/orders/some-id") == "CancelOrderV2"
    assert operation_of("POST", "/trade-api/v2/portfolio/orders") is None


def test_the_specification_has_every_operation_of_the_sdk_that_is_counted() -> None:
    if SPECS.openapi is None:
        pytest.skip(f"no specification in {SPECS.folder}")
    listed = {name.lower() for name in SPECS.openapi.operations}
    assert {name.lower() for name in sdk_operations()} <= listed
