//! Recomputes the stops that only a person lifts, and the daily stop: the realised result from the exchange's own
//! fills, and the executions from the times at which the trader was given fills. A stop that is due must trip, one that
//! is not due must not, and after a stop no position is opened, not even by the next start.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::START_MS;
use super::instruments::Tried;
use super::invariants::{Checked, hold};
use crate::config::RiskConfig;
use crate::decide::policy::Policy;
use crate::drivers::simulation::SentRequest;
use crate::exchange::engine::{Engine, FillRecord};
use crate::market::{BookSide, ClientOrderId, Count, Money, OrderId, Price, TradeId};

/// The tolerance for the cost of closed contracts, which the trader rounds in another order.
const ROUNDING: Money = Money::from_cents(1);

/// How long after a stop earlier requests may still be accepted, in milliseconds.
const ON_ITS_WAY_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// Identifies a fill of the exchange.
pub(super) type FillKey = (TradeId, OrderId);

/// The sum of a market's fills.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    contracts: i64,
    cost: Money,
}

impl Held {
    /// How much of a fill on this side opens a position rather than closing one.
    fn opened_by(self, side: BookSide, count: Count) -> i64 {
        (count.units() - (-side.sign() * self.contracts).max(0)).max(0)
    }

    /// Adds a fill and returns the realised result net of its fee, at average cost.
    fn fill(&mut self, side: BookSide, price: Price, count: Count, fee: Money) -> Money {
        let signed = side.sign() * count.units();
        let closes = count.units() - self.opened_by(side, count);
        let share = |part: i64, cost: Money| {
            let held = i128::from(self.contracts.abs()).max(1);
            let micros = i128::from(cost.micros()) * i128::from(part) / held;
            Money::from_micros(i64::try_from(micros).expect("a share is no more than the whole"))
        };
        let returned = share(closes, self.cost);
        let (buys, sells) =
            if side == BookSide::Bid { (price, price.complement()) } else { (price.complement(), price) };
        // Closing a position in the other outcome sells that outcome.
        let proceeds = if side == BookSide::Bid { buys.complement() } else { sells };
        let realized = proceeds.times(Count::from_units(closes)) - returned - fee;
        self.cost += buys.times(Count::from_units(signed.abs() - closes)) - returned;
        self.contracts += signed;
        realized
    }
}

/// The state of the recomputed stops.
#[derive(Debug)]
pub(super) struct Stops {
    risk: RiskConfig,
    newest_fill: Option<FillKey>,
    held: BTreeMap<u32, Held>,
    /// The realised result of each fill of the exchange that the trader has not booked yet.
    realized: BTreeMap<FillKey, Money>,
    result: Money,
    best: Money,
    /// By market: the times within the window at which orders of this start had their first fill.
    executed: BTreeMap<u32, VecDeque<i64>>,
    executed_orders: BTreeSet<OrderId>,
    /// The stop that was hit, and when.
    hit: Option<(&'static str, i64)>,
    /// Whether the stop is recorded on disk.
    kept: bool,
    requests_seen: usize,
}

impl Stops {
    pub(super) fn new(risk: &RiskConfig) -> Self {
        Self {
            risk: risk.clone(),
            newest_fill: None,
            held: BTreeMap::new(),
            realized: BTreeMap::new(),
            result: Money::ZERO,
            best: Money::ZERO,
            executed: BTreeMap::new(),
            executed_orders: BTreeSet::new(),
            hit: None,
            kept: true,
            requests_seen: 0,
        }
    }

    /// The stop that was hit, if one was.
    pub(super) fn hit(&self) -> Option<&'static str> {
        self.hit.map(|(stop, _)| stop)
    }

    /// Another trader replaces the dead one and knows only what is on disk.
    pub(super) fn restart<P: Policy>(&mut self, simulation: &Tried<P>) {
        self.executed.clear();
        self.executed_orders.clear();
        let (day, full) = (simulation.day_state(), simulation.instruments().machine.effects().not_written > 0);
        if full {
            // What could not be written is lost.
            (self.result, self.best) = (day.sticky.result, day.sticky.high_water);
            self.kept = day.stopped || day.sticky.drawn_down || day.sticky.repeated;
        }
    }

    /// Checks after every step, with the fills that the ledger must have booked in it.
    pub(super) fn step<P: Policy>(&mut self, simulation: &Tried<P>, booked: &[FillKey]) -> Checked {
        let exchange = simulation.exchange();
        let (engine, account) = (exchange.engine(), exchange.clients()[0]);
        self.see_fills(engine, account)?;
        for key in booked {
            self.result += self.realized.remove(key).unwrap_or(Money::ZERO);
            self.best = self.best.max(self.result);
            self.count_execution(simulation, key.1);
        }
        let new = &simulation.instruments().sent()[self.requests_seen..];
        self.requests_seen += new.len();
        if self.hit.is_some() && self.kept {
            new.iter().try_for_each(|request| nothing_opens(engine, account, request))?;
        }
        // A settled market has a realised result that no fill shows.
        if engine.settlements_of(account).any(|payment| !payment.contracts.is_zero()) {
            let stop = simulation.stages().execute.tripped().and_then(stop_of);
            self.hit = self.hit.or(stop.map(|stop| (stop, simulation.session_ms())));
            return Ok(());
        }
        self.look(simulation, engine, account)
    }

    fn look<P: Policy>(&mut self, simulation: &Tried<P>, engine: &Engine, account: u32) -> Checked {
        let tripped = simulation.stages().execute.tripped();
        let below = self.best - self.result;
        if tripped.is_none() && self.hit.is_none() {
            let limit = self.risk.max_drawdown;
            hold("limits_hold", limit == Money::ZERO || below < limit + ROUNDING, || {
                format!("{below} below the best result, and the drawdown stop of {limit} has not tripped")
            })?;
            let lost = Money::ZERO - self.result;
            let limit = self.risk.daily_loss_stop;
            let first_day = simulation.session_ms().div_euclid(DAY_MS) == START_MS.div_euclid(DAY_MS);
            hold("limits_hold", !first_day || lost < limit + ROUNDING, || {
                format!("{lost} lost in a day, and the stop of {limit} has not tripped")
            })?;
            let (most, limit) = (self.most_executions(simulation.session_ms(), 0), self.risk.max_executions);
            hold("limits_hold", limit == 0 || most <= limit as usize, || {
                format!("{most} orders executed in a market, the limit is {limit}, and nothing has tripped")
            })?;
        }
        let (Some(reason), None) = (tripped, self.hit) else { return Ok(()) };
        let Some(stop) = stop_of(reason) else { return Ok(()) };
        // Open positions may have lost their whole cost.
        let open: Money = engine.positions_of(account).map(|(_, position)| position.cost).sum();
        let extra_ms = i64::try_from(self.risk.executions_window_ms / 12).unwrap_or(i64::MAX);
        let due = match stop {
            "drawdown" => below + open + ROUNDING >= self.risk.max_drawdown,
            "repeated" => self.most_executions(simulation.session_ms(), extra_ms) > self.risk.max_executions as usize,
            _ => open - self.result + ROUNDING >= self.risk.daily_loss_stop,
        };
        hold("limits_hold", due, || format!("tripped without a cause: {reason}; {below} below the best result"))?;
        self.hit = Some((stop, simulation.session_ms()));
        Ok(())
    }

    /// Adds the exchange's newest fills, oldest first.
    fn see_fills(&mut self, engine: &Engine, account: u32) -> Checked {
        let key = |fill: &FillRecord| (fill.trade, fill.order);
        let new: Vec<&FillRecord> =
            engine.fills_of(account).take_while(|fill| Some(key(fill)) != self.newest_fill).collect();
        for fill in new.into_iter().rev() {
            let held = self.held.entry(fill.market).or_default();
            let placed_ms = engine.order(fill.order).map_or(i64::MIN, |record| record.created_ms);
            let stopped = self.hit.is_some_and(|(_, hit_ms)| self.kept && placed_ms > hit_ms + ON_ITS_WAY_MS);
            let opened = held.opened_by(fill.side, fill.count);
            hold("limits_hold", !stopped || opened == 0, || {
                format!("after a stop, {opened} hundredths open: {fill:?}")
            })?;
            let realized = held.fill(fill.side, fill.price, fill.count, fill.fee);
            self.realized.insert(key(fill), realized);
            self.newest_fill = Some(key(fill));
        }
        Ok(())
    }

    fn count_execution<P: Policy>(&mut self, simulation: &Tried<P>, order: OrderId) {
        let Some(record) = simulation.exchange().engine().order(order) else { return };
        let id = record.client_order_id.as_deref().and_then(ClientOrderId::parse);
        let ours = id.is_some_and(|id| id.nonce == simulation.stages().execute.nonce());
        if ours && self.executed_orders.insert(order) {
            self.executed.entry(record.market).or_default().push_back(simulation.session_ms());
        }
    }

    /// The most orders executed in one market within the window, extended by `extra_ms`.
    fn most_executions(&self, now_ms: i64, extra_ms: i64) -> usize {
        let window_ms = i64::try_from(self.risk.executions_window_ms).unwrap_or(i64::MAX).saturating_add(extra_ms);
        let within = |times: &VecDeque<i64>| times.iter().filter(|at_ms| **at_ms > now_ms - window_ms).count();
        self.executed.values().map(within).max().unwrap_or(0)
    }
}

/// The stop named in the reason of a trip, if campaigns know it.
fn stop_of(reason: &str) -> Option<&'static str> {
    let stops = [("drawdown stop", "drawdown"), ("repeated automated", "repeated"), ("daily loss stop", "daily_loss")];
    stops.into_iter().find(|(words, _)| reason.starts_with(words)).map(|(_, stop)| stop)
}

/// Checks that only orders that close a position are placed after a stop. Since an amend may race with a fill, amends
/// are judged by their fills.
fn nothing_opens(engine: &Engine, account: u32, request: &SentRequest) -> Checked {
    if request.method != "POST" || !request.path.ends_with("/orders") {
        return Ok(());
    }
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    let market = engine.market_by_ticker(text("ticker"));
    let contracts = market.map_or(0, |market| engine.position(account, market).contracts.units());
    let side = if text("side") == "bid" { BookSide::Bid } else { BookSide::Ask };
    let opened = Held { contracts, cost: Money::ZERO }.opened_by(side, Count::parse(text("count")).unwrap_or_default());
    hold("limits_hold", opened == 0, || format!("after a stop, {opened} hundredths would open: {}", request.body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(held: &mut Held, side: BookSide, cents: u16, contracts: i64) -> Money {
        held.fill(side, Price::from_cents(cents), Count::from_contracts(contracts), Money::from_cents(1))
    }

    #[test]
    fn a_fill_realises_what_it_closes_less_its_fee() {
        let mut held = Held::default();
        assert_eq!(fill(&mut held, BookSide::Bid, 40, 10), Money::from_cents(-1));
        assert_eq!(fill(&mut held, BookSide::Ask, 55, 4), Money::from_cents(60 - 1));
        // The other six at a loss of five cents each, and four NO at 65 cents.
        assert_eq!(fill(&mut held, BookSide::Ask, 35, 10), Money::from_cents(-30 - 1));
        assert_eq!((held.contracts, held.cost), (-400, Money::from_cents(4 * 65)));
        // NO bought at 65 and closed at 70.
        assert_eq!(fill(&mut held, BookSide::Bid, 30, 4), Money::from_cents(20 - 1));
        assert_eq!((held.contracts, held.cost), (0, Money::ZERO));
    }

    #[test]
    fn a_trip_is_told_by_its_first_words() {
        assert_eq!(stop_of("drawdown stop: 5.00 below the best result"), Some("drawdown"));
        assert_eq!(stop_of("daily loss stop: -50.00 realised today"), Some("daily_loss"));
        assert_eq!(stop_of("the ledger differs from the exchange in two reads"), None);
    }
}
