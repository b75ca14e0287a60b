"""Creating orders: the answers, the matching, and every documented refusal."""

from __future__ import annotations

import time

import pytest
from kalshi_python_sync.exceptions import ApiException, BadRequestException, ConflictException

from support.trader import Trader, client_order_id, order, refusal

ORDERS = "/portfolio/events/orders"


@pytest.mark.success("CreateOrderV2")
def test_a_new_order_rests(alice: Trader, market: str) -> None:
    before = int(time.time() * 1000)
    placed = alice.place(market, "bid", "0.2000", "3.00", client_order_id="rest-1")
    assert (placed.fill_count, placed.remaining_count) == ("0.00", "3.00")
    assert placed.client_order_id == "rest-1"
    assert placed.average_fill_price is None
    assert placed.average_fee_paid is None
    assert before - 1_000 < placed.ts_ms < before + 5_000
    assert len(placed.order_id) == 36


@pytest.mark.success("CreateOrderV2")
def test_a_created_order_is_answered_with_201(alice: Trader, market: str) -> None:
    answer = alice.raw.request("POST", ORDERS, order(market, "bid", "0.20", "3"))
    assert answer.status == 201
    assert answer.json["remaining_count"] == "3.00"


@pytest.mark.success("CreateOrderV2")
def test_both_sides_trade_at_the_resting_price_and_the_taker_pays_the_fee(
    alice: Trader, bob: Trader, market: str
) -> None:
    alice.place(market, "ask", "0.5200", "1.00")
    taken = bob.place(market, "bid", "0.6000", "1.00")
    assert (taken.fill_count, taken.remaining_count) == ("1.00", "0.00")
    assert taken.average_fill_price == "0.5200"
    # 0.07 x 0.52 x 0.48 = 0.017472, rounded up to the $0.0001 of a direct member's balance, as in a capture.
    assert taken.average_fee_paid == "0.0175"


@pytest.mark.success("CreateOrderV2")
def test_an_order_takes_the_best_prices_first_and_the_rest_of_it_rests(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "ask", "0.3200", "1.00")
    alice.place(market, "ask", "0.3000", "1.00")
    taken = bob.place(market, "bid", "0.3200", "3.00")
    assert (taken.fill_count, taken.remaining_count) == ("2.00", "1.00")
    assert taken.average_fill_price == "0.3100"
    book = bob.sdk.get_market_orderbook(market).orderbook_fp
    assert (book.yes_dollars, book.no_dollars) == ([["0.3200", "1.00"]], [])


@pytest.mark.success("CreateOrderV2")
def test_orders_at_one_price_are_served_in_the_order_in_which_they_came(
    alice: Trader, bob: Trader, dave: Trader, market: str
) -> None:
    first = alice.place(market, "bid", "0.4000", "2.00")
    second = dave.place(market, "bid", "0.4000", "2.00")
    bob.place(market, "ask", "0.4000", "3.00")
    assert alice.sdk.get_order(first.order_id).order.status == "executed"
    assert dave.sdk.get_order(second.order_id).order.remaining_count_fp == "1.00"


@pytest.mark.success("CreateOrderV2")
def test_fractions_of_a_contract_trade(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "bid", "0.5000", "0.37")
    taken = bob.place(market, "ask", "0.5000", "0.12")
    assert (taken.fill_count, taken.remaining_count) == ("0.12", "0.00")
    assert alice.sdk.get_market_orderbook(market).orderbook_fp.yes_dollars == [["0.5000", "0.25"]]


@pytest.mark.success("CreateOrderV2")
def test_the_rest_of_an_immediate_order_is_canceled(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "ask", "0.4500", "1.00")
    taken = bob.place(market, "bid", "0.5000", "5.00", time_in_force="immediate_or_cancel")
    assert (taken.fill_count, taken.remaining_count) == ("1.00", "0.00")
    assert bob.sdk.get_order(taken.order_id).order.status == "canceled"
    assert bob.sdk.get_market_orderbook(market).orderbook_fp.yes_dollars == []


@pytest.mark.success("CreateOrderV2")
def test_fill_or_kill_fills_whole(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "ask", "0.4500", "2.00")
    taken = bob.place(market, "bid", "0.4500", "2.00", time_in_force="fill_or_kill")
    assert (taken.fill_count, taken.remaining_count) == ("2.00", "0.00")


@pytest.mark.error("CreateOrderV2")
def test_fill_or_kill_without_enough_to_take_does_nothing_and_burns_its_id(
    alice: Trader, bob: Trader, market: str
) -> None:
    alice.place(market, "ask", "0.4500", "2.00")
    killed = order(market, "bid", "0.4500", "3.00", time_in_force="fill_or_kill")
    with pytest.raises(ConflictException) as error:
        bob.sdk.create_order_v2(**killed)
    assert refusal(error.value)[1]["error"]["code"] == "fill_or_kill_insufficient_resting_volume"
    assert bob.sdk.get_market_orderbook(market).orderbook_fp.no_dollars == [["0.5500", "2.00"]]
    with pytest.raises(ConflictException) as error:
        bob.sdk.create_order_v2(**(killed | {"count": "1.00"}))
    assert refusal(error.value)[1]["error"]["code"] == "order_already_exists"


@pytest.mark.success("CreateOrderV2")
def test_an_order_with_an_expiration_is_gone_when_it_has_come(alice: Trader, market: str) -> None:
    expires = int(time.time()) + 2
    placed = alice.place(market, "bid", "0.3000", "1.00", expiration_time=expires)
    shown = alice.sdk.get_order(placed.order_id).order
    assert shown.status == "resting"
    assert shown.expiration_time is not None
    assert shown.expiration_time.timestamp() == expires
    time.sleep(max(0.0, expires + 0.3 - time.time()))
    assert alice.sdk.get_order(placed.order_id).order.status == "canceled"
    assert alice.sdk.get_market_orderbook(market).orderbook_fp.yes_dollars == []


@pytest.mark.error("CreateOrderV2")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"expiration_time": 1_700_000_000}, "Expiration timestamp must be in the future"),
        (
            {"expiration_time": 4_000_000_000, "time_in_force": "immediate_or_cancel"},
            "Cannot specify both immediate_or_cancel and expiration_ts",
        ),
    ],
)
def test_an_expiration_is_in_the_future_and_only_of_a_resting_order(
    alice: Trader, market: str, fields: dict, words: str
) -> None:
    with pytest.raises(BadRequestException) as error:
        alice.place(market, "bid", "0.3000", **fields)
    assert words in str(refusal(error.value)[1])


@pytest.mark.error("CreateOrderV2")
def test_a_post_only_order_that_would_cross_gets_the_captured_words(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "ask", "0.5000")
    with pytest.raises(BadRequestException) as error:
        bob.place(market, "bid", "0.5000", post_only=True)
    assert refusal(error.value)[1] == {
        "error": {"code": "invalid_order", "message": "invalid order", "details": "post only cross"}
    }


@pytest.mark.success("CreateOrderV2")
def test_a_post_only_order_that_does_not_cross_rests(alice: Trader, market: str) -> None:
    assert alice.place(market, "bid", "0.4900", post_only=True).remaining_count == "1.00"


@pytest.mark.success("CreateOrderV2")
def test_an_immediate_order_that_meets_its_own_is_canceled_and_the_resting_one_stays(
    alice: Trader, market: str
) -> None:
    resting = alice.place(market, "ask", "0.5000", "1.00")
    taken = alice.place(market, "bid", "0.5000", "1.00", time_in_force="immediate_or_cancel")
    assert (taken.fill_count, taken.remaining_count) == ("0.00", "0.00")
    assert alice.sdk.get_order(resting.order_id).order.status == "resting"


@pytest.mark.success("CreateOrderV2")
def test_taker_at_cross_keeps_what_filled_before_the_cross(alice: Trader, bob: Trader, market: str) -> None:
    bob.place(market, "ask", "0.4000", "1.00")
    own = alice.place(market, "ask", "0.5000", "1.00")
    taken = alice.place(market, "bid", "0.5000", "3.00")
    assert (taken.fill_count, taken.remaining_count) == ("1.00", "0.00")
    assert alice.sdk.get_order(own.order_id).order.status == "resting"


@pytest.mark.success("CreateOrderV2")
def test_stp_of_the_maker_cancels_the_resting_order_and_matching_goes_on(
    alice: Trader, bob: Trader, market: str
) -> None:
    own = alice.place(market, "ask", "0.4000", "1.00")
    bob.place(market, "ask", "0.5000", "1.00")
    taken = alice.place(market, "bid", "0.5000", "1.00", self_trade_prevention_type="maker")
    assert (taken.fill_count, taken.average_fill_price) == ("1.00", "0.5000")
    assert alice.sdk.get_order(own.order_id).order.status == "canceled"


@pytest.mark.error("CreateOrderV2")
def test_a_client_order_id_is_used_once_even_after_a_cancel(alice: Trader, market: str) -> None:
    name = client_order_id()
    placed = alice.place(market, "bid", "0.1000", client_order_id=name)
    alice.sdk.cancel_order_v2(placed.order_id, market_ticker=market)
    with pytest.raises(ConflictException) as error:
        alice.place(market, "bid", "0.1000", client_order_id=name)
    body = refusal(error.value)[1]
    assert body["error"] == {"code": "order_already_exists", "message": "order already exists"}


@pytest.mark.success("CreateOrderV2")
def test_accounts_do_not_share_client_order_ids(alice: Trader, bob: Trader, market: str) -> None:
    name = client_order_id()
    alice.place(market, "bid", "0.1000", client_order_id=name)
    assert bob.place(market, "bid", "0.1000", client_order_id=name).client_order_id == name


@pytest.mark.error("CreateOrderV2")
@pytest.mark.parametrize("price", ["0.1250", "0.0000", "1.0000"])
def test_a_price_off_the_grid_is_invalid(alice: Trader, market: str, price: str) -> None:
    with pytest.raises(BadRequestException) as error:
        alice.place(market, "bid", price)
    assert refusal(error.value)[1]["error"]["code"] == "invalid_price"


@pytest.mark.success("CreateOrderV2")
@pytest.mark.error("CreateOrderV2")
def test_the_grid_of_a_tapered_market_is_finer_at_its_ends(alice: Trader, sharded: str) -> None:
    assert alice.place(sharded, "bid", "0.0990").remaining_count == "1.00"
    assert alice.place(sharded, "ask", "0.9010").remaining_count == "1.00"
    with pytest.raises(BadRequestException) as error:
        alice.place(sharded, "bid", "0.1010")
    assert refusal(error.value)[1]["error"]["code"] == "invalid_price"


@pytest.mark.error("CreateOrderV2")
@pytest.mark.parametrize("count", ["0.00", "-1.00"])
def test_a_count_is_positive(alice: Trader, market: str, count: str) -> None:
    with pytest.raises(BadRequestException) as error:
        alice.place(market, "bid", "0.1000", count)
    assert refusal(error.value)[0] == 400


@pytest.mark.error("CreateOrderV2")
def test_an_order_is_paid_for_in_advance(dave: Trader, market: str) -> None:
    with pytest.raises(BadRequestException) as error:
        dave.place(market, "bid", "0.9900", "1100.00")
    assert refusal(error.value)[1] == {"error": {"code": "insufficient_balance", "message": "insufficient balance"}}


@pytest.mark.error("CreateOrderV2")
@pytest.mark.parametrize(("field", "kind"), [("count", "number"), ("price", "number"), ("side", "bool")])
def test_a_value_of_the_wrong_type_gets_the_decoders_words(alice: Trader, market: str, field: str, kind: str) -> None:
    value: object = True if kind == "bool" else 1
    answer = alice.raw.request("POST", ORDERS, order(market, "bid", "0.10") | {field: value})
    assert answer.status == 400
    assert answer.json["code"] == "bad_request"
    assert answer.json["message"] == "bad request"
    assert f"json: cannot unmarshal {kind} into Go struct field CreateOrderV2Request.{field}" in answer.json["details"]


@pytest.mark.error("CreateOrderV2")
def test_a_body_that_is_no_json_is_a_bad_request(alice: Trader) -> None:
    answer = alice.raw.request("POST", ORDERS, b"{not json")
    assert answer.status == 400
    assert answer.json["code"] == "bad_request"


@pytest.mark.error("CreateOrderV2")
@pytest.mark.parametrize("field", ["ticker", "side", "count", "price", "time_in_force", "self_trade_prevention_type"])
def test_every_required_field_is_required(alice: Trader, market: str, field: str) -> None:
    body = order(market, "bid", "0.10")
    del body[field]
    assert alice.raw.request("POST", ORDERS, body).status == 400


@pytest.mark.error("CreateOrderV2")
@pytest.mark.parametrize(
    ("field", "value"),
    [("side", "yes"), ("time_in_force", "day"), ("self_trade_prevention_type", "none"), ("client_order_id", "a.b")],
)
def test_words_that_are_none_of_the_field_are_refused(alice: Trader, market: str, field: str, value: str) -> None:
    answer = alice.raw.request("POST", ORDERS, order(market, "bid", "0.10") | {field: value})
    assert answer.status == 400
    if field == "client_order_id":
        assert answer.json["error"]["code"] == "invalid_parameters"


@pytest.mark.error("CreateOrderV2")
def test_an_unknown_market_is_not_found(alice: Trader) -> None:
    with pytest.raises(ApiException) as error:
        alice.place("KXNOSUCH-1-A", "bid", "0.1000")
    status, body = refusal(error.value)
    assert (status, body["error"]["code"]) == (404, "market_not_found")


@pytest.mark.success("CreateOrderV2")
@pytest.mark.error("CreateOrderV2")
def test_a_market_is_found_on_its_shard_or_by_routing_only(alice: Trader, sharded: str) -> None:
    assert alice.place(sharded, "bid", "0.5000", exchange_index=2).remaining_count == "1.00"
    assert alice.place(sharded, "bid", "0.5000", exchange_index=-1).remaining_count == "1.00"
    assert alice.place(sharded, "bid", "0.5000").remaining_count == "1.00"
    with pytest.raises(ApiException) as error:
        alice.place(sharded, "bid", "0.5000", exchange_index=0)
    status, body = refusal(error.value)
    assert (status, body["error"]["code"]) == (404, "market_not_found")


@pytest.mark.error("CreateOrderV2")
def test_reduce_only_needs_an_immediate_order(alice: Trader, market: str) -> None:
    with pytest.raises(BadRequestException) as error:
        alice.place(market, "bid", "0.1000", reduce_only=True)
    assert refusal(error.value)[0] == 400


@pytest.mark.success("CreateOrderV2")
def test_reduce_only_closes_and_never_opens(alice: Trader, bob: Trader, market: str) -> None:
    alice.place(market, "ask", "0.5000", "2.00")
    bob.place(market, "bid", "0.5000", "2.00")
    alice.place(market, "bid", "0.4000", "5.00")
    closed = bob.place(market, "ask", "0.4000", "5.00", reduce_only=True, time_in_force="immediate_or_cancel")
    assert closed.fill_count == "2.00"
    assert bob.position(market) == "0.00"


@pytest.mark.error("CreateOrderV2")
def test_a_subaccount_beyond_63_is_refused(alice: Trader, market: str) -> None:
    answer = alice.raw.request("POST", ORDERS, order(market, "bid", "0.10") | {"subaccount": 64})
    assert answer.status in (400, 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/portfolio/orders"),
        ("DELETE", "/portfolio/orders/00000000-0000-4000-8000-000000000000"),
        ("POST", "/portfolio/orders/00000000-0000-4000-8000-000000000000/amend"),
        ("POST", "/portfolio/orders/00000000-0000-4000-8000-000000000000/decrease"),
        ("POST", "/portfolio/orders/batched"),
        ("DELETE", "/portfolio/orders/batched"),
    ],
)
def test_order_writes_of_the_first_version_are_gone(alice: Trader, method: str, path: str) -> None:
    answer = alice.raw.request(method, path, {})
    assert answer.status == 410
    assert "Please switch to the V2 endpoints" in answer.body.decode()
