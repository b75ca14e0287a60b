"""Subaccounts: each has its own cash, orders and positions."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest
from kalshi_python_sync.exceptions import ApiException

from support.trader import Trader, refusal

SHARD = 0


def cash(trader: Trader, subaccount: int) -> Decimal:
    balances = trader.sdk.get_subaccount_balances().subaccount_balances
    found = [b for b in balances if (b.subaccount_number, b.exchange_index) == (subaccount, SHARD)]
    return sum((Decimal(balance.balance) for balance in found), Decimal(0))


def give(trader: Trader, subaccount: int, cents: int, transfer_id: str | None = None) -> None:
    trader.sdk.apply_subaccount_transfer(
        client_transfer_id=transfer_id or str(uuid.uuid4()),
        from_subaccount=0,
        to_subaccount=subaccount,
        amount_cents=cents,
        exchange_index=SHARD,
    )


@pytest.fixture(scope="module")
def subaccount(grace: Trader) -> int:
    number: int = grace.sdk.create_subaccount(exchange_index=SHARD).subaccount_number
    give(grace, number, 10_000)
    return number


@pytest.mark.success("CreateSubaccount", "ApplySubaccountTransfer", "GetSubaccountBalances", "GetSubaccountTransfers")
def test_cash_is_moved_between_subaccounts_and_once_for_an_id(grace: Trader, subaccount: int) -> None:
    assert subaccount == 1
    primary, own, repeated = cash(grace, 0), cash(grace, subaccount), str(uuid.uuid4())
    give(grace, subaccount, 250, repeated)
    give(grace, subaccount, 250, repeated)
    assert cash(grace, 0) == primary - Decimal("2.50")
    assert cash(grace, subaccount) == own + Decimal("2.50")
    newest = grace.sdk.get_subaccount_transfers(limit=1).transfers[0]
    assert (newest.from_subaccount, newest.to_subaccount, newest.amount_cents) == (0, subaccount, 250)
    assert grace.sdk.create_subaccount(exchange_index=SHARD).subaccount_number == 2


@pytest.mark.error("ApplySubaccountTransfer")
def test_a_transfer_of_more_than_there_is_moves_nothing(grace: Trader, subaccount: int) -> None:
    before = cash(grace, 0), cash(grace, subaccount)
    with pytest.raises(ApiException) as error:
        give(grace, subaccount, 10_000_000)
    assert refusal(error.value)[0] == 400
    assert (cash(grace, 0), cash(grace, subaccount)) == before


@pytest.mark.success("GetPositions", "GetFills", "GetOrders", "GetBalance")
def test_orders_fills_and_positions_belong_to_their_subaccount(
    grace: Trader, bob: Trader, subaccount: int, market: str
) -> None:
    own = cash(grace, subaccount)
    bob.place(market, "ask", "0.5000", "2.00")
    placed = grace.place(market, "bid", "0.5000", "3.00", subaccount=subaccount)
    assert (placed.fill_count, placed.remaining_count) == ("2.00", "1.00")
    assert grace.sdk.get_positions(ticker=market).market_positions == []
    held = grace.sdk.get_positions(ticker=market, subaccount=subaccount).market_positions
    assert [position.position_fp for position in held] == ["2.00"]
    assert cash(grace, subaccount) == own - Decimal("1.00") - Decimal("0.0350")
    for filters, count in (({}, 1), ({"subaccount": subaccount}, 1), ({"subaccount": 0}, 0)):
        assert len(grace.sdk.get_orders(ticker=market, **filters).orders) == count
        assert len(grace.sdk.get_fills(ticker=market, **filters).fills) == count
    assert grace.sdk.get_fills(ticker=market).fills[0].subaccount_number == subaccount
    balance = grace.sdk.get_balance(subaccount=subaccount)
    assert Decimal(balance.balance_dollars) == cash(grace, subaccount)


@pytest.mark.success("CancelOrderV2", "GetOrderQueuePositions")
@pytest.mark.error("CancelOrderV2")
def test_an_order_is_changed_by_who_names_its_subaccount(grace: Trader, subaccount: int, market: str) -> None:
    placed = grace.place(market, "bid", "0.1000", subaccount=subaccount)
    assert grace.sdk.get_order_queue_positions(market_tickers=market).queue_positions == []
    shown = grace.sdk.get_order_queue_positions(market_tickers=market, subaccount=subaccount).queue_positions
    assert [entry.order_id for entry in shown] == [placed.order_id]
    with pytest.raises(ApiException) as error:
        grace.sdk.cancel_order_v2(placed.order_id, market_ticker=market)
    assert refusal(error.value)[0] == 404
    assert grace.sdk.cancel_order_v2(placed.order_id, market_ticker=market, subaccount=subaccount).reduced_by == "1.00"


@pytest.mark.success("channel:user_orders", "channel:fill")
def test_private_frames_name_their_subaccount(grace: Trader, bob: Trader, subaccount: int, market: str) -> None:
    with grace.feed() as feed:
        feed.subscribe("user_orders", market)
        feed.subscribe("fill", market)
        bob.place(market, "ask", "0.5000")
        grace.place(market, "bid", "0.5000", subaccount=subaccount)
        assert feed.typed("user_order")["msg"]["subaccount_number"] == subaccount
        fill = next(frame for frame in (*feed.frames, *feed.quiet()) if frame["type"] == "fill")
    assert fill["msg"]["subaccount"] == subaccount


@pytest.mark.error("CreateOrderV2")
def test_a_subaccount_pays_from_its_own_cash(grace: Trader, subaccount: int, market: str) -> None:
    with pytest.raises(ApiException) as error:
        grace.place(market, "bid", "0.9000", "500.00", subaccount=subaccount)
    status, body = refusal(error.value)
    assert (status, body["error"]["code"]) == (400, "insufficient_balance")
    with pytest.raises(ApiException) as error:
        grace.place(market, "bid", "0.1000", subaccount=33)
    assert refusal(error.value)[0] in (400, 404)
