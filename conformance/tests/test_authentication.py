"""Authentication: both kinds of keys, and the captured error bodies for everything that can be wrong."""

from __future__ import annotations

import pytest

from support.feed import Feed, Refused
from support.rest import Raw, sdk_client
from support.signing import Signer
from support.trader import Trader
from support.venue import Account, Venue

BALANCE = "/portfolio/balance"


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.success("GetBalance")
def test_the_sdk_signs_with_either_kind_of_key(quiet: Venue, frank: Account, kind: str) -> None:
    client = sdk_client(quiet.rest_url, getattr(frank, kind))
    balance = client.get_balance()
    assert balance.balance == 200_000
    assert balance.balance_dollars == "2000.0000"


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.success("ws:list_subscriptions")
def test_a_websocket_opens_with_either_kind_of_key(quiet: Venue, frank: Account, kind: str) -> None:
    with Feed.signed(quiet.ws_url, Signer(getattr(frank, kind))) as feed:
        assert feed.ask("list_subscriptions")["msg"] == []


@pytest.mark.parametrize("skew_ms", [-5_000, 5_000])
@pytest.mark.success("GetBalance")
def test_five_seconds_of_clock_skew_are_accepted(quiet: Venue, frank: Account, skew_ms: int) -> None:
    signer = Signer(frank.ed25519, skew_ms=skew_ms)
    assert Raw(quiet.rest_url, signer).get(BALANCE).status == 200


@pytest.mark.parametrize("skew_ms", [-30_000, -300_000, 300_000])
@pytest.mark.error("GetBalance")
def test_half_a_minute_of_clock_skew_is_refused(quiet: Venue, frank: Account, skew_ms: int) -> None:
    signer = Signer(frank.ed25519, skew_ms=skew_ms)
    answer = Raw(quiet.rest_url, signer).get(BALANCE)
    assert answer.status == 401
    assert answer.json == {"error": {"code": "header_timestamp_expired", "message": "header timestamp expired"}}


@pytest.mark.error("GetBalance")
def test_a_request_without_its_signature_is_refused(quiet: Venue, frank: Account) -> None:
    headers = Signer(frank.rsa).headers("GET", "/trade-api/v2" + BALANCE)
    del headers["KALSHI-ACCESS-SIGNATURE"]
    answer = Raw(quiet.rest_url, None).request("GET", BALANCE, headers=headers)
    assert answer.status == 401
    assert answer.json["error"] == {
        "code": "signature_is_missing_from_headers",
        "message": "signature is missing from headers",
    }


@pytest.mark.error("GetBalance")
def test_a_request_without_any_header_is_refused(quiet: Venue) -> None:
    answer = Raw(quiet.rest_url, None).get(BALANCE)
    assert answer.status == 401
    assert answer.json["error"]["code"]


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.error("GetBalance")
def test_a_signature_of_something_else_is_refused(quiet: Venue, frank: Account, kind: str) -> None:
    signer = Signer(getattr(frank, kind))
    wrong = signer.headers("GET", "/trade-api/v2/portfolio/orders")
    answer = Raw(quiet.rest_url, None).request("GET", BALANCE, headers=wrong)
    assert answer.status == 401
    assert answer.json["error"] == {
        "code": "authentication_error",
        "message": "authentication_error",
        "details": "INCORRECT_API_KEY_SIGNATURE",
    }


@pytest.mark.error("GetBalance")
def test_an_unknown_key_is_refused(quiet: Venue, frank: Account) -> None:
    headers = Signer(frank.ed25519).headers("GET", "/trade-api/v2" + BALANCE)
    headers["KALSHI-ACCESS-KEY"] = "00000000-0000-4000-8000-000000000000"
    answer = Raw(quiet.rest_url, None).request("GET", BALANCE, headers=headers)
    assert answer.status == 401
    assert answer.json["error"]["details"] == "NOT_FOUND"


def test_a_websocket_without_signature_is_refused_at_the_handshake(quiet: Venue) -> None:
    with pytest.raises(Refused) as refused:
        Feed(quiet.ws_url, {})
    assert refused.value.status == 401
    assert refused.value.body.startswith(b'{"error":')


def test_a_websocket_with_a_stale_signature_is_refused_at_the_handshake(quiet: Venue, frank: Account) -> None:
    with pytest.raises(Refused) as refused:
        Feed.signed(quiet.ws_url, Signer(frank.rsa, skew_ms=-60_000))
    assert refused.value.status == 401
    assert b"header_timestamp_expired" in refused.value.body


def test_the_query_is_not_signed_and_the_percent_escapes_of_the_path_are(alice: Trader) -> None:
    assert alice.raw.get("/portfolio/orders", limit=5, status="resting").status == 200
    assert alice.raw.get("/markets/KXNOSUCH%2D1%2DA").status == 404
