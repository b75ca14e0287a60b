//! What must hold whatever goes wrong. Each has a name; `docs/guarantees.md` says what it means.

use std::collections::{BTreeMap, BTreeSet};

use super::reference::ReferenceBooks;
use crate::decide::policy::Policy;
use crate::drivers::simulation::Simulation;
use crate::exchange::engine::MarketState;
use crate::market::{ClientOrderId, Count, MarketKey, Money, OrderStatus, Outcome};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its name.
    pub invariant: &'static str,
    /// What was found and expected.
    pub detail: String,
}

/// How often the exchange's records are gone through: they grow, and what they show lasts.
const EXCHANGE_EVERY: u64 = 32;

type Checked = Result<(), Violation>;

fn hold(invariant: &'static str, holds: bool, detail: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation { invariant, detail: detail() }) }
}

/// The limits that the risk gate was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) position_max: Count,
    pub(super) open_orders_max: usize,
}

/// What the checks remember from step to step.
#[derive(Debug)]
pub(super) struct Checker {
    pub(super) books: ReferenceBooks,
    limits: Limits,
    steps: u64,
    requests_seen: usize,
    decisions_seen: usize,
    /// The longest lease of any start.
    lease_ms: i64,
    /// Starts that died, by the mark of their orders, and when.
    died: BTreeMap<u64, i64>,
    client_order_ids: BTreeSet<String>,
}

impl Checker {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            books: ReferenceBooks::default(),
            limits,
            steps: 0,
            requests_seen: 0,
            decisions_seen: 0,
            lease_ms: 0,
            died: BTreeMap::new(),
            client_order_ids: BTreeSet::new(),
        }
    }

    /// The start whose orders have this mark died.
    pub(super) fn died(&mut self, nonce: u64, session_ms: i64) {
        self.died.insert(nonce, session_ms);
        self.books.forget();
    }

    /// The longest lease of any start.
    pub(super) fn lease_ms(&self) -> i64 {
        self.lease_ms
    }

    /// After every step.
    pub(super) fn step<P: Policy>(&mut self, simulation: &mut Simulation<P>) -> Checked {
        let changed = simulation.take_newest_frame().and_then(|(connection, text)| self.books.apply(connection, &text));
        if let Some(ticker) = changed {
            self.book_is_true(simulation, &ticker)?;
        }
        self.decisions_on_fresh_books(simulation)?;
        if self.requests_seen < simulation.sent().len() {
            self.ids_once(simulation)?;
        }
        let execute = &simulation.stages().execute;
        self.lease_ms = self.lease_ms.max(execute.lease_plan().lease_ms);
        execute.audit().map_err(|detail| Violation { invariant: "ledger_sums", detail })?;
        hold("never_trips", execute.tripped().is_none(), || execute.tripped().unwrap_or_default().to_owned())?;
        self.steps += 1;
        if self.steps.is_multiple_of(EXCHANGE_EVERY) { self.exchange_side(simulation) } else { Ok(()) }
    }

    /// `book_is_true`: a book that `decide` trusts equals what the frames up to it say.
    fn book_is_true<P: Policy>(&self, simulation: &Simulation<P>, ticker: &str) -> Checked {
        if !simulation.decide_is_current() {
            return Ok(());
        }
        let stages = simulation.stages();
        let Some(view) = stages.execute.positions().find(|view| view.ticker.as_str() == ticker) else { return Ok(()) };
        let Some(book) = stages.decide.book(view.market) else { return Ok(()) };
        let Some(reference) = self.books.book(ticker) else {
            return hold("book_is_true", false, || format!("{ticker}: trusted, and no snapshot ever came"));
        };
        hold("book_is_true", reference.fresh, || format!("{ticker}: trusted after a gap"))?;
        let levels = |side: Outcome| {
            book.levels(side).map(move |(price, count)| ((side == Outcome::No, price.units()), count.units()))
        };
        let ours = levels(Outcome::Yes).chain(levels(Outcome::No)).collect();
        hold("book_is_true", reference.levels == ours, || {
            format!("{ticker}: the book has {ours:?}, the frames say {:?}", reference.levels)
        })
    }

    /// `decides_on_fresh_books`: no decision on a book that the frames do not support. Events that waited for a frozen
    /// `decide` are left out: what it decided on one of them cannot know of the next, and `execute` refuses to act on it.
    fn decisions_on_fresh_books<P: Policy>(&mut self, simulation: &mut Simulation<P>) -> Checked {
        let waited = simulation.take_worked_off();
        let new = &simulation.decisions()[self.decisions_seen..];
        self.decisions_seen += new.len();
        for decision in new.iter().filter(|_| !waited) {
            let Some(ticker) = ticker_of(simulation, decision.market) else { continue };
            let fresh = self.books.book(&ticker).is_some_and(|book| book.fresh);
            hold("decides_on_fresh_books", fresh, || format!("{ticker} at {}", decision.time_ms))?;
        }
        Ok(())
    }

    /// `order_ids_once`: no client order id is sent twice.
    fn ids_once<P: Policy>(&mut self, simulation: &Simulation<P>) -> Checked {
        let new = &simulation.sent()[self.requests_seen..];
        self.requests_seen += new.len();
        for request in new.iter().filter(|request| request.path.ends_with("/orders") && request.method == "POST") {
            let body: serde_json::Value = serde_json::from_str(&request.body).unwrap_or_default();
            let id = body["client_order_id"].as_str().unwrap_or_default().to_owned();
            let first = !id.is_empty() && self.client_order_ids.insert(id.clone());
            hold("order_ids_once", first, || format!("client_order_id `{id}`"))?;
        }
        Ok(())
    }

    /// `leases_hold`: whatever rests ends within a lease from now, and what a dead start left has ended a lease after it
    /// died, though its requests may arrive later.
    fn leases_hold<P: Policy>(&self, simulation: &Simulation<P>) -> Checked {
        let exchange = simulation.exchange();
        let (engine, account, now_ms) = (exchange.engine(), exchange.clients()[0], simulation.session_ms());
        for order in engine.orders_of(account).filter(|order| order.status == OrderStatus::Resting) {
            let ends = order.expiration_ms;
            hold("leases_hold", ends.is_some_and(|ends_ms| ends_ms <= now_ms + self.lease_ms), || {
                format!("an order rests at {now_ms} and ends at {ends:?}, with leases of {} ms", self.lease_ms)
            })?;
            let start = order.client_order_id.as_deref().and_then(ClientOrderId::parse).map(|id| id.nonce);
            if let Some(died_ms) = start.and_then(|nonce| self.died.get(&nonce)) {
                hold("leases_hold", now_ms <= died_ms + self.lease_ms, || {
                    format!("an order rests {} ms after its start died", now_ms - died_ms)
                })?;
            }
        }
        Ok(())
    }

    /// `cancels_are_paid_for`: the exchange's own bucket holds what cancelling everything of ours costs.
    fn cancels_are_paid_for<P: Policy>(simulation: &Simulation<P>) -> Checked {
        let exchange = simulation.exchange();
        let (engine, account) = (exchange.engine(), exchange.clients()[0]);
        let resting = engine.orders_of(account).filter(|order| order.status == OrderStatus::Resting).count() as u64;
        let tokens = exchange.gateway().write_tokens(account, simulation.session_ms());
        hold("cancels_are_paid_for", tokens >= 2 * resting, || {
            format!("{resting} orders rest, and {tokens} write tokens are left")
        })
    }

    /// What the exchange sees of us: `one_open_order` a market, `limits_hold`, `leases_hold`, `cancels_are_paid_for`.
    fn exchange_side<P: Policy>(&self, simulation: &Simulation<P>) -> Checked {
        self.leases_hold(simulation)?;
        Self::cancels_are_paid_for(simulation)?;
        let exchange = simulation.exchange();
        let (engine, account) = (exchange.engine(), exchange.clients()[0]);
        let mut markets = BTreeSet::new();
        for order in engine.orders_of(account).filter(|order| order.status == OrderStatus::Resting) {
            // A write of a crashed start may arrive when its successor has an order already, which then cancels it.
            let start = order.client_order_id.as_deref().and_then(|id| id.rsplit_once('-')).map(|(start, _)| start);
            let alone = markets.insert((order.market, start));
            hold("one_open_order", alone, || {
                format!("two orders rest in {}", engine.market(order.market).spec().ticker)
            })?;
        }
        hold("limits_hold", markets.len() <= self.limits.open_orders_max, || format!("{} orders rest", markets.len()))?;
        for (market, position) in engine.positions_of(account) {
            hold("limits_hold", position.contracts.abs() <= self.limits.position_max, || {
                format!("{} contracts in {}", position.contracts, engine.market(market).spec().ticker)
            })?;
        }
        Ok(())
    }
}

/// At the end, when faults have ceased and the trader has stopped.
pub(super) fn at_the_end<P: Policy>(simulation: &Simulation<P>, quiet: bool) -> Checked {
    let execute = &simulation.stages().execute;
    let counters = execute.counters();
    hold("unknown_ends", quiet && execute.open_orders() == 0, || {
        format!("{} orders open or unknown a minute after the stop: {counters:?}", execute.open_orders())
    })?;
    let agreement = execute.agreement();
    hold("ledger_agrees", agreement.is_some_and(|agreement| agreement.agrees), || match agreement {
        Some(agreement) => {
            let texts: Vec<_> = agreement.differences.iter().map(ToString::to_string).collect();
            texts.join("; ")
        }
        None => "never compared".to_owned(),
    })?;
    let exchange = simulation.exchange();
    let (engine, account) = (exchange.engine(), exchange.clients()[0]);
    let resting = engine.orders_of(account).filter(|order| order.status == OrderStatus::Resting).count();
    hold("nothing_rests", resting == 0, || format!("{resting} orders rest after the stop"))?;
    let cash: Money = engine.shards_of(account).into_iter().map(|shard| engine.balance(account, shard)).sum();
    let ours = execute.ledger().available() + execute.ledger().reserved();
    hold("cash_to_the_micro_dollar", ours == cash, || format!("the ledger has {ours}, the exchange {cash}"))?;
    for view in execute.positions() {
        let Some(market) = engine.market_by_ticker(view.ticker.as_str()) else { continue };
        let held = engine.position(account, market).contracts;
        // What is determined is out of the ledger's position before the exchange pays.
        let settled = matches!(engine.market(market).state(), MarketState::Determined(_));
        hold("positions_to_the_contract", settled || view.contracts == held, || {
            format!("{}: the ledger has {}, the exchange {held}", view.ticker, view.contracts)
        })?;
    }
    Ok(())
}

fn ticker_of<P: Policy>(simulation: &Simulation<P>, key: MarketKey) -> Option<String> {
    let mut views = simulation.stages().execute.positions();
    views.find(|view| view.market == key).map(|view| view.ticker.as_str().to_owned())
}
