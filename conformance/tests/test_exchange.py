"""Exchange status and schedule, account limits and endpoint costs."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from support.rest import Raw
from support.signing import Signer
from support.trader import Trader
from support.venue import Venue

DESCRIPTIONS = {0: "Default", 1: "Combos", 2: "Crypto & Commodities", 3: "Tennis, Baseball, Basketball"}


@pytest.mark.success("GetExchangeStatus")
def test_the_exchange_and_its_four_shards_are_active(alice: Trader) -> None:
    status = alice.sdk.get_exchange_status()
    assert status.exchange_active
    assert status.trading_active
    shards = {shard.exchange_index: shard for shard in status.exchange_index_statuses or []}
    assert {index: shard.description for index, shard in shards.items()} == DESCRIPTIONS
    assert all(shard.exchange_active and shard.trading_active for shard in shards.values())


@pytest.mark.success("GetExchangeStatus")
def test_public_reads_need_no_signature(quiet: Venue) -> None:
    answer = Raw(quiet.rest_url, None).get("/exchange/status")
    assert answer.status == 200
    assert answer.json["exchange_active"] is True


@pytest.mark.success("GetExchangeSchedule")
def test_the_schedule_has_hours_for_every_day_and_maintenance_windows(alice: Trader) -> None:
    schedule = alice.sdk.get_exchange_schedule().schedule
    assert len(schedule.standard_hours) >= 1
    hours = schedule.standard_hours[0]
    assert hours.start_time < hours.end_time
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"):
        sessions = getattr(hours, day)
        assert all(len(session.open_time) >= 4 and len(session.close_time) >= 4 for session in sessions)
    assert isinstance(schedule.maintenance_windows, list)


@pytest.mark.success("GetUserDataTimestamp")
def test_account_reads_are_as_fresh_as_the_timestamp_says(alice: Trader) -> None:
    as_of = alice.sdk.get_user_data_timestamp().as_of_time
    age = datetime.now(UTC) - as_of
    assert timedelta(seconds=-1) < age < timedelta(seconds=5)


@pytest.mark.success("GetAccountApiLimits")
def test_a_basic_account_has_the_documented_budgets(limited: Venue) -> None:
    limits = Trader.of(limited, 1, "ed25519").sdk.get_account_api_limits()
    assert limits.usage_tier == "basic"
    assert (limits.read.refill_rate, limits.write.refill_rate) == (200, 100)
    assert limits.write.bucket_capacity == 100
    assert limits.grants == []


@pytest.mark.success("GetAccountEndpointCosts")
def test_cancels_and_the_read_of_one_order_are_cheap(alice: Trader) -> None:
    costs = alice.sdk.get_account_endpoint_costs()
    assert costs.default_cost == 10
    listed = {(entry.method, entry.path): entry.cost for entry in costs.endpoint_costs}
    assert listed["DELETE", "/trade-api/v2/portfolio/events/orders/:order_id"] == 2
    assert listed["DELETE", "/trade-api/v2/portfolio/events/orders/batched"] == 2
    assert listed["DELETE", "/trade-api/v2/portfolio/events/orders"] == 2
    assert listed["GET", "/trade-api/v2/portfolio/orders/:order_id"] == 2


def refused_when_drained(venue: Venue, account: int, path: str) -> None:
    """Reads until the bucket is empty: 200 tokens per second at 10 per call, and a capacity of three seconds."""
    raw = Raw(venue.rest_url, Signer(venue.accounts[account - 1].ed25519))
    started, answered = time.monotonic(), 0
    while (answer := raw.get(path)).status == 200:
        answered += 1
        assert answered < 400, "the read bucket never ran dry"
    elapsed = time.monotonic() - started
    assert 20 <= answered <= 61 + 20 * elapsed
    assert answer.status == 429
    assert answer.json == {"error": "too many requests"}


@pytest.mark.error("GetExchangeStatus")
def test_signed_reads_of_the_status_are_paid_from_the_read_bucket(limited: Venue) -> None:
    refused_when_drained(limited, 2, "/exchange/status")


@pytest.mark.error("GetExchangeSchedule")
def test_signed_reads_of_the_schedule_are_paid_from_the_read_bucket(limited: Venue) -> None:
    refused_when_drained(limited, 3, "/exchange/schedule")


@pytest.mark.error("GetUserDataTimestamp")
def test_signed_reads_of_the_timestamp_are_paid_from_the_read_bucket(limited: Venue) -> None:
    refused_when_drained(limited, 4, "/exchange/user_data_timestamp")


@pytest.mark.error("GetAccountEndpointCosts")
def test_signed_reads_of_the_costs_are_paid_from_the_read_bucket(limited: Venue) -> None:
    refused_when_drained(limited, 5, "/account/endpoint_costs")


@pytest.mark.error("GetAccountApiLimits")
def test_account_limits_are_read_with_a_signature_only(quiet: Venue) -> None:
    answer = Raw(quiet.rest_url, None).get("/account/limits")
    assert answer.status == 401
    assert answer.json["error"]["code"]


def test_an_unknown_path_and_a_wrong_method_are_not_found(alice: Trader) -> None:
    assert alice.raw.get("/exchange/weather").status == 404
    assert alice.raw.request("PUT", "/exchange/status").status in (404, 405)


def test_a_trailing_slash_is_redirected(alice: Trader) -> None:
    assert alice.raw.get("/exchange/status/").status == 301
