//! Checks orders: what rests at the exchange, compared with the orders that the trader tracks and the cash that it
//! reserves for them.

use std::collections::{BTreeMap, BTreeSet};

use super::account::Account;
use super::instruments::Tried;
use super::invariants::{Checked, Limits, hold};
use crate::decide::policy::Policy;
use crate::exchange::engine::{Engine, OrderRecord};
use crate::execute::{ExecuteStage, Order, OrderState, Whose};
use crate::market::{BookSide, ClientOrderId, Count, FeeSchedule, Liquidity, Money, OrderId, OrderStatus, Price};

/// An order placed this shortly before a crash may be missing from the first read after it, since reads lag.
const SEEN_AFTER_MS: i64 = 2_000;
/// How long after a start orders of the one before it may still arrive and fill.
const AFTERMATH_MS: i64 = 90_000;

/// The state of the checks from step to step.
#[derive(Debug)]
pub(super) struct Orders {
    limits: Limits,
    started_ms: i64,
    /// The orders of this start that the trader tracks.
    followed: BTreeMap<ClientOrderId, Option<OrderId>>,
    /// Orders of all starts that the trader considers never accepted.
    denied: BTreeSet<ClientOrderId>,
    /// Orders that were resting at the crash, until the next start has read the account.
    left_behind: Vec<OrderId>,
    /// When the faults ended.
    healed_ms: Option<i64>,
}

impl Orders {
    pub(super) fn new(limits: Limits, started_ms: i64) -> Self {
        Self {
            limits,
            started_ms,
            followed: BTreeMap::new(),
            denied: BTreeSet::new(),
            left_behind: Vec::new(),
            healed_ms: None,
        }
    }

    /// Another start.
    pub(super) fn restart(&mut self, engine: &Engine, account: u32, now_ms: i64) {
        self.started_ms = now_ms;
        self.followed.clear();
        let open = engine.open_orders_of(account).filter(|order| order.created_ms <= now_ms - SEEN_AFTER_MS);
        self.left_behind = open.map(|order| order.order).collect();
    }

    /// Faults have ended.
    pub(super) fn healed(&mut self, now_ms: i64) {
        self.healed_ms = Some(now_ms);
    }

    /// After every step.
    pub(super) fn step<P: Policy>(&mut self, simulation: &Tried<P>, account: &Account) -> Checked {
        let execute = &simulation.stages().execute;
        let exchange = simulation.exchange();
        let (engine, client) = (exchange.engine(), exchange.clients()[0]);
        self.ended_alike(execute, engine, client, account)?;
        let now_ms = simulation.session_ms();
        let mut reserving = BTreeMap::new();
        for record in engine.open_orders_of(client) {
            let Some(id) = record.client_order_id.as_deref().and_then(ClientOrderId::parse) else { continue };
            if id.nonce != execute.nonce() {
                continue;
            }
            let order = execute.orders().find(|order| order.whose == Whose::Ours(id));
            let order = order.filter(|order| order.state.is_open());
            let Some(order) = order else {
                return hold("resting_is_followed", false, || format!("{id} rests, and the trader takes it for ended"));
            };
            terms_agree(id, order, record)?;
            let alone = reserving.insert(record.market, (order, record)).is_none();
            let ticker = &engine.market(record.market).spec().ticker;
            hold("one_open_order", alone, || format!("two orders of this start rest in {ticker}"))?;
        }
        reserved_suffices(execute, engine, &reserving, now_ms)?;
        self.within_limits(engine, client, now_ms, &reserving)?;
        self.finds_what_rests(execute, engine)?;
        self.unknown_ends(execute, now_ms)
    }

    /// Checks that an order that the trader no longer tracks does not rest at the exchange, and that all its fills have
    /// arrived.
    fn ended_alike(&mut self, execute: &ExecuteStage, engine: &Engine, client: u32, account: &Account) -> Checked {
        let ours = |order: &Order| match order.whose {
            Whose::Ours(id) => Some((id, order.id)),
            Whose::Earlier(_) | Whose::Foreign => None,
        };
        let now: BTreeMap<_, _> = execute.orders().filter_map(ours).collect();
        if now == self.followed {
            return Ok(());
        }
        for (id, order) in std::mem::replace(&mut self.followed, now) {
            if self.followed.contains_key(&id) {
                continue;
            }
            let text = id.to_string();
            let by_client = || engine.orders_of(client).find(|record| record.client_order_id.as_ref() == Some(&text));
            let Some(record) = order.and_then(|order| engine.order(order)).or_else(by_client) else {
                self.denied.insert(id);
                continue;
            };
            let over = record.status != OrderStatus::Resting && !account.owes(record.order);
            hold("orders_end_alike", over, || format!("{id} has ended for the trader, the exchange has {record:?}"))?;
        }
        Ok(())
    }

    /// Checks that no limit of the gate would be exceeded if all resting orders filled.
    fn within_limits(
        &self,
        engine: &Engine,
        client: u32,
        now_ms: i64,
        reserving: &BTreeMap<u32, (&Order, &OrderRecord)>,
    ) -> Checked {
        let limits = &self.limits;
        hold("limits_hold", reserving.len() <= limits.open_orders_max, || format!("{} orders rest", reserving.len()))?;
        for (market, (_, record)) in reserving {
            let ticker = &engine.market(*market).spec().ticker;
            hold("limits_hold", record.remaining <= limits.order_size_max, || {
                format!("an order for {} rests in {ticker}", record.remaining)
            })?;
            let held = engine.position(client, *market).contracts.units();
            let furthest = held + record.side.sign() * record.remaining.units();
            let allowed = limits.position_max.units().max(held.abs());
            let aftermath = now_ms - self.started_ms < AFTERMATH_MS;
            hold("limits_hold", aftermath || furthest.abs() <= allowed, || {
                format!("{ticker}: {held} hundredths held, {furthest} if the resting order fills")
            })?;
        }
        for (market, position) in engine.positions_of(client) {
            hold("limits_hold", position.contracts.abs() <= limits.position_max, || {
                format!("{} contracts in {}", position.contracts, engine.market(market).spec().ticker)
            })?;
        }
        Ok(())
    }

    /// Checks that a start that has read the account knows every order that the last one left in the book.
    fn finds_what_rests(&mut self, execute: &ExecuteStage, engine: &Engine) -> Checked {
        if self.left_behind.is_empty() || execute.baseline_ms().is_none() {
            return Ok(());
        }
        for left in std::mem::take(&mut self.left_behind) {
            let rests = engine.order(left).is_some_and(|record| record.status == OrderStatus::Resting);
            let known = execute.orders().any(|order| order.id == Some(left) && !order.is_foreign());
            hold("restart_finds_orders", !rests || known, || {
                format!("{left} rests, and the new start does not know it")
            })?;
        }
        Ok(())
    }

    /// Checks that unknown orders are resolved within the deadline once the exchange answers again.
    fn unknown_ends(&self, execute: &ExecuteStage, now_ms: i64) -> Checked {
        let Some(healed_ms) = self.healed_ms else { return Ok(()) };
        for order in execute.orders().filter(|order| order.state.is_unknown()) {
            let since_ms = now_ms - order.unsure_ms.max(healed_ms);
            hold("unknown_ends", since_ms <= self.limits.resolve_ms, || {
                format!("unknown for {since_ms} ms although the exchange answers: {order:?}")
            })?;
        }
        Ok(())
    }

    /// Checks at the end that orders considered never accepted never were.
    pub(super) fn at_the_end(&self, engine: &Engine, client: u32) -> Checked {
        for record in engine.orders_of(client) {
            let id = record.client_order_id.as_deref().and_then(ClientOrderId::parse);
            let denied = id.is_some_and(|id| self.denied.contains(&id));
            hold("unknown_is_never_guessed", !denied, || {
                format!("taken for never accepted, and the exchange had it: {record:?}")
            })?;
        }
        Ok(())
    }
}

/// Checks that a resting order has the price and the size that the trader expects.
fn terms_agree(id: ClientOrderId, order: &Order, record: &OrderRecord) -> Checked {
    if order.state != OrderState::Resting || order.amend.is_some() {
        return Ok(());
    }
    let theirs = (record.side, record.price, record.filled + record.remaining);
    hold("terms_agree", (order.side, order.price, order.total) == theirs, || {
        format!("{id}: the trader has {order:?}, the exchange {record:?}")
    })
}

/// Checks that the cash reserved for a market's orders covers what the exchange's order there could cost, by an
/// independent implementation of the formula.
fn reserved_suffices(
    execute: &ExecuteStage,
    engine: &Engine,
    reserving: &BTreeMap<u32, (&Order, &OrderRecord)>,
    now_ms: i64,
) -> Checked {
    if execute.baseline_ms().is_none() {
        return Ok(());
    }
    for (market, (order, record)) in reserving {
        let spec = engine.market(*market).spec();
        let Some(held) = execute.positions().find(|view| view.market == order.market) else { continue };
        let at_market = execute.orders().filter(|other| other.market == order.market);
        let (count, reserved) = at_market.fold((0, Money::ZERO), |(n, sum), other| (n + 1, sum + other.reserved));
        let fees = spec.fees.dearest_from(now_ms);
        let needed = worst_case(record.side, record.price, record.remaining, held.contracts, fees);
        hold("reserved_covers_the_book", reserved >= needed, || {
            format!("{}: {reserved} reserved, the resting order needs {needed}: {order:?}", spec.ticker)
        })?;
        // When fees fall, the reserved cash follows at the next turn.
        let changed = spec.fees.next_change_ms(now_ms - 1_000).is_some_and(|change_ms| change_ms <= now_ms);
        let calm = count == 1 && order.state == OrderState::Resting && order.amend.is_none() && !changed;
        if calm && order.terms()[0].pending == record.remaining {
            hold("reserved_is_exact", reserved == needed, || {
                format!("{}: {reserved} reserved for one resting order that needs {needed}", spec.ticker)
            })?;
        }
    }
    Ok(())
}

/// The most that an order may cost: its price for contracts that open a position, the higher fee on them, and one
/// balance step.
fn worst_case(side: BookSide, price: Price, count: Count, held: Count, fees: FeeSchedule) -> Money {
    let closes = match side {
        BookSide::Bid => (-held).max(Count::ZERO),
        BookSide::Ask => held.max(Count::ZERO),
    };
    let opens = count - count.min(closes);
    if opens.is_zero() {
        return Money::ZERO;
    }
    let own = if side == BookSide::Bid { price } else { price.complement() };
    let fee = fees.trade_fee(opens, price, Liquidity::Taker).max(fees.trade_fee(opens, price, Liquidity::Maker));
    own.times(opens) + fee + Money::from_micros(100)
}
