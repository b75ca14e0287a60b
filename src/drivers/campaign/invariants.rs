//! The invariants, which must hold under every fault. `docs/guarantees.md` describes each by name.

use std::collections::BTreeSet;

use super::account::{Account, positions_agree};
use super::collar::Collars;
use super::fees;
use super::groups::orders_are_in_groups;
use super::instruments::Tried;
use super::keys::Keys;
use super::leases::{Cancels, Leases};
use super::orders::Orders;
use super::published::PublishedBooks;
use super::reference::{ReferenceBook, ReferenceBooks};
use super::stops::Stops;
use crate::config::RiskConfig;
use crate::decide::policy::Policy;
use crate::execute::Agreement;
use crate::market::{Count, MarketKey, Money, OrderStatus, Outcome};
use crate::messages::ResyncReason;

/// A violated invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the invariant, as in `docs/guarantees.md`.
    pub invariant: &'static str,
    /// What was found and expected.
    pub detail: String,
}

/// The invariant that a panic breaks.
pub(super) const NEVER_PANICS: &str = "never_panics";

pub(super) type Checked = Result<(), Violation>;

pub(super) fn hold(invariant: &'static str, holds: bool, detail: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation { invariant, detail: detail() }) }
}

/// The limits of the risk gate, and the time allowed for resolving an unknown order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) position_max: Count,
    pub(super) order_size_max: Count,
    pub(super) open_orders_max: usize,
    pub(super) resolve_ms: i64,
    /// How long after it was signed a request may be carried out, in milliseconds.
    pub(super) signature_valid_ms: i64,
}

/// The state of the checks from step to step.
#[derive(Debug)]
pub(super) struct Checker {
    books: ReferenceBooks,
    published: PublishedBooks,
    account: Account,
    orders: Orders,
    leases: Leases,
    cancels: Cancels,
    collars: Collars,
    stops: Stops,
    pub(super) keys: Keys,
    requests_seen: usize,
    decisions_seen: usize,
    client_order_ids: BTreeSet<String>,
    /// Markets whose book `decide` has given up and not received again.
    given_up: BTreeSet<u16>,
    steps: u32,
}

/// Fees are checked once in this many steps.
const FEES_EVERY: u32 = 16;

impl Checker {
    pub(super) fn new(limits: Limits, risk: &RiskConfig, keys: Keys, start_ms: i64) -> Self {
        Self {
            books: ReferenceBooks::default(),
            published: PublishedBooks::default(),
            account: Account::default(),
            cancels: Cancels::new(limits.signature_valid_ms),
            orders: Orders::new(limits, start_ms),
            leases: Leases::default(),
            collars: Collars::new(risk.price_collar),
            stops: Stops::new(risk),
            keys,
            steps: 0,
            requests_seen: 0,
            decisions_seen: 0,
            client_order_ids: BTreeSet::new(),
            given_up: BTreeSet::new(),
        }
    }

    /// The start with this nonce in its client order ids has died.
    pub(super) fn died(&mut self, nonce: u64, session_ms: i64) {
        self.leases.died(nonce, session_ms);
        self.books.forget();
        self.given_up.clear();
    }

    /// Another start is about to replace a dead one.
    pub(super) fn restarted<P: Policy>(&mut self, simulation: &Tried<P>) {
        let exchange = simulation.exchange();
        let (engine, client) = (exchange.engine(), exchange.clients()[0]);
        self.account.restart(engine, client);
        self.orders.restart(engine, client, simulation.session_ms());
        self.stops.restart(simulation);
        self.keys.restarted(simulation);
        self.cancels.restarted(simulation.session_ms());
    }

    /// All faults have ended.
    pub(super) fn healed(&mut self, now_ms: i64) {
        self.keys.healed();
        self.orders.healed(now_ms);
    }

    /// States in which a book was crossed for an instant.
    pub(super) fn crossed_states(&self) -> u64 {
        self.books.crossed_states
    }

    /// How often books, and how often cash and positions, were compared with the exchange's.
    pub(super) fn compared(&self) -> (u64, u64) {
        (self.published.compared, self.account.compared)
    }

    /// The stop that ended the trading, if one did.
    pub(super) fn stop(&self) -> Option<&'static str> {
        self.stops.hit().or(self.keys.stop())
    }

    /// The longest lease of any start.
    pub(super) fn lease_ms(&self) -> i64 {
        self.leases.longest_ms()
    }

    /// After every step.
    pub(super) fn step<P: Policy>(&mut self, simulation: &mut Tried<P>) -> Checked {
        let now_ms = simulation.session_ms();
        let frame = simulation.instruments_mut().probe.take_newest_frame();
        let changed = frame.and_then(|(connection, text)| self.books.apply(connection, &text, now_ms));
        if let Some(ticker) = changed {
            self.book_is_true(simulation, &ticker)?;
            self.book_is_the_exchanges(simulation)?;
        }
        self.published.look(simulation.exchange().engine(), now_ms);
        let waited = self.decisions_on_fresh_books(simulation)?;
        self.crossing_is_excused(simulation, waited)?;
        self.collars.step(simulation, &self.books, waited)?;
        if self.requests_seen < simulation.instruments().sent().len() {
            self.ids_once(simulation)?;
        }
        self.leases.step(simulation)?;
        self.cancels.step(simulation)?;
        orders_are_in_groups(simulation)?;
        let execute = &simulation.stages().execute;
        execute.audit().map_err(|detail| Violation { invariant: "ledger_sums", detail })?;
        // A dead trader does not see what the exchange does.
        if !simulation.is_dead() {
            self.steps = self.steps.wrapping_add(1);
            if self.steps.is_multiple_of(FEES_EVERY) {
                fees::are_known(simulation)?;
            }
            self.account.step(simulation)?;
            self.orders.step(simulation, &self.account)?;
            self.stops.step(simulation, &self.account.booked)?;
        }
        self.keys.step(simulation)?;
        let throttled = simulation.exchange().gateway().cancels_throttled();
        hold("tokens_for_cancels", throttled == 0, || "a cancel was refused for want of write tokens".to_owned())?;
        let execute = &simulation.stages().execute;
        let trips = execute.tripped().is_some() && self.stop().is_none();
        hold("never_trips", !trips, || execute.tripped().unwrap_or_default().to_owned())
    }

    /// `book_is_the_exchanges`: a book that follows from the frames without a gap equals the exchange's own at the same
    /// clock.
    fn book_is_the_exchanges<P: Policy>(&mut self, simulation: &Tried<P>) -> Checked {
        let Some((ticker, book)) = self.books.take_complete() else { return Ok(()) };
        let differs = self.published.differs(simulation.exchange().engine(), &ticker, &book);
        differs.map_or(Ok(()), |detail| Err(Violation { invariant: "book_is_the_exchanges", detail }))
    }

    /// `book_is_true`: a book that is fresh in `decide` equals the one that follows from the frames so far.
    fn book_is_true<P: Policy>(&self, simulation: &Tried<P>, ticker: &str) -> Checked {
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
        hold("book_is_true", !reference.stayed_crossed, || format!("{ticker}: trusted although it stayed crossed"))?;
        let levels = |side: Outcome| {
            book.levels(side).map(move |(price, count)| ((side == Outcome::No, price.units()), count.units()))
        };
        let ours = levels(Outcome::Yes).chain(levels(Outcome::No)).collect();
        hold("book_is_true", reference.levels == ours, || {
            format!("{ticker}: the book has {ours:?}, the frames say {:?}", reference.levels)
        })
    }

    /// `crossing_is_excused`: no book is given up for being crossed within one instant of the exchange. Not checked
    /// while `decide` lags the frames: after it was frozen, and after an event was lost to a full ring.
    fn crossing_is_excused<P: Policy>(&mut self, simulation: &mut Tried<P>, waited: bool) -> Checked {
        let requests = simulation.instruments_mut().probe.take_resync_requests();
        let (stages, now_ms) = (simulation.stages(), simulation.session_ms());
        let current = simulation.decide_is_current() && !waited;
        for request in requests {
            // Requests are repeated until the snapshot comes.
            let is_first = self.given_up.insert(request.market.index);
            if !is_first || request.reason != ResyncReason::Crossed || !current {
                continue;
            }
            let Some(ticker) = ticker_of(simulation, request.market) else { continue };
            let Some(book) = self.books.book(&ticker) else { continue };
            hold("crossing_is_excused", !book.fresh || book.may_be_given_up(now_ms), || {
                format!("{ticker} was given up at {now_ms}, the frames make {book:?}")
            })?;
        }
        let trusted = |index: &u16| {
            let mut views = stages.execute.positions();
            views.find(|view| view.market.index == *index).is_none_or(|view| stages.decide.book(view.market).is_some())
        };
        self.given_up.retain(|index| !trusted(index));
        Ok(())
    }

    /// `decides_on_fresh_books`: no decision is taken on a book that is crossed or does not follow from the frames.
    /// Events that waited while `decide` was frozen are left out: a decision on one of them cannot know of the next,
    /// and `execute` refuses to act on it. Returns whether there were such events.
    fn decisions_on_fresh_books<P: Policy>(&mut self, simulation: &mut Tried<P>) -> Result<bool, Violation> {
        let blind = simulation.instruments_mut().probe.take_blind_decisions().into_iter().next();
        hold("decides_on_fresh_books", blind.is_none(), || {
            let ticker = blind.and_then(|market| ticker_of(simulation, market)).unwrap_or_default();
            format!("{ticker}: an event of it was lost to a full ring")
        })?;
        let waited = simulation.instruments_mut().machine.take_worked_off();
        let new = &simulation.instruments().decisions()[self.decisions_seen..];
        self.decisions_seen += new.len();
        for decision in new.iter().filter(|_| !waited) {
            let Some(ticker) = ticker_of(simulation, decision.market) else { continue };
            let book = self.books.book(&ticker).filter(|book| book.fresh);
            hold("decides_on_fresh_books", book.is_some(), || format!("{ticker} at {}", decision.time_ms))?;
            let is_crossed = book.is_some_and(ReferenceBook::is_crossed);
            hold("decides_on_fresh_books", !is_crossed, || format!("{ticker} at {}: crossed", decision.time_ms))?;
        }
        Ok(waited)
    }

    /// `order_ids_once`: no client order id is sent twice.
    fn ids_once<P: Policy>(&mut self, simulation: &Tried<P>) -> Checked {
        let new = &simulation.instruments().sent()[self.requests_seen..];
        self.requests_seen += new.len();
        for request in new.iter().filter(|request| request.path.ends_with("/orders") && request.method == "POST") {
            let body: serde_json::Value = serde_json::from_str(&request.body).unwrap_or_default();
            let id = body["client_order_id"].as_str().unwrap_or_default().to_owned();
            let first = !id.is_empty() && self.client_order_ids.insert(id.clone());
            hold("order_ids_once", first, || format!("client_order_id `{id}`"))?;
        }
        Ok(())
    }

    /// Checks at the end, when the faults have ceased and the trader has stopped.
    pub(super) fn at_the_end<P: Policy>(&self, simulation: &Tried<P>, quiet: bool) -> Checked {
        let exchange = simulation.exchange();
        self.account.at_the_end()?;
        self.orders.at_the_end(exchange.engine(), exchange.clients()[0])?;
        stopped_in_order(simulation, quiet)
    }
}

/// Checks that the stopped trader has left no orders, and that both sides agree.
fn stopped_in_order<P: Policy>(simulation: &Tried<P>, quiet: bool) -> Checked {
    let execute = &simulation.stages().execute;
    let counters = execute.counters();
    hold("unknown_ends", quiet && execute.open_orders() == 0, || {
        format!("{} orders open or unknown a minute after the stop: {counters:?}", execute.open_orders())
    })?;
    let agreement = execute.agreement();
    hold("ledger_agrees", agreement.is_some_and(Agreement::agrees), || match agreement {
        Some(agreement) => {
            let reason = agreement.not_compared.iter().map(ToString::to_string);
            let texts: Vec<_> = reason.chain(agreement.differences.iter().map(ToString::to_string)).collect();
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
    positions_agree(execute, engine, account)
}

fn ticker_of<P: Policy>(simulation: &Tried<P>, key: MarketKey) -> Option<String> {
    let mut views = simulation.stages().execute.positions();
    views.find(|view| view.market == key).map(|view| view.ticker.as_str().to_owned())
}
