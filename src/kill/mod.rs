//! Cancels all orders of this program on a venue, with plain REST requests. No state is kept between calls. Orders that
//! this program did not place are left alone, unless everything on the account is to be cancelled.
//!
//! Each turn does what is left to do: trigger our order groups (and delete one that cannot be triggered), then read the
//! resting orders page by page and cancel ours as each page comes in. If the pages cannot be read to the end, orders
//! whose ids are known from elsewhere are cancelled by id. It ends when none of our orders has rested for as long as
//! reads may lag, or when its time is up.

pub mod known_orders;
pub mod line;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use crate::config::OrdersConfig;
use crate::market::{ClientOrderId, OrderId};
use crate::network::rest::RestClient;
use crate::network::signing::Signature;
use crate::wire::REST_PREFIX;
use crate::wire::account::Cancelable;
use crate::wire::elements::{Unusable, read_page};
use crate::wire::orders::answer::parse_canceled_batch;
use crate::wire::orders::{BATCHED_PATH, CancelBatch, CancelBatchItem, ORDERS_PATH};

/// Orders per request. 20 cancels cost 40 tokens, which fit into the bucket of every tier.
const BATCH: usize = 20;
/// The shortest and the longest pause between two turns.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// The most pages of resting orders that are read.
const PAGES_MAX: usize = 1_000;
/// How often progress is reported.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// The shards that an order may be on when it does not say which.
const SHARDS: std::ops::RangeInclusive<i32> = 0..=3;

#[derive(Clone, Copy, Debug)]
pub struct KillSettings {
    /// How far the venue's reads may lag its matching engine.
    pub read_lag: Duration,
    /// How long to try before giving up.
    pub patience: Duration,
}

impl KillSettings {
    /// The same limits as for a session's own stop.
    #[must_use]
    pub fn new(orders: &OrdersConfig) -> Self {
        Self {
            read_lag: Duration::from_millis(orders.read_lag_ms),
            patience: Duration::from_millis(orders.stop_timeout_ms),
        }
    }
}

/// One of our orders that is known without reading it from the venue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownOrder {
    pub order: OrderId,
    /// The order's market, if known.
    pub ticker: Option<String>,
}

/// What to cancel, and what a kill may use besides its own requests.
pub struct KillWays<'a> {
    /// Whether to cancel every order on the account, including those that other programs placed.
    pub everything: bool,
    /// Returns our orders as known from elsewhere. Called once, when the resting orders cannot be read.
    pub known_orders: &'a mut dyn FnMut() -> Vec<KnownOrder>,
    /// Receives progress as text: at once when there is trouble, then every few seconds.
    pub tell: &'a mut dyn FnMut(&str),
}

/// What a kill found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KillReport {
    /// Number of our orders that were seen resting.
    pub found: usize,
    /// Number of orders whose cancellation the venue confirmed. The rest were filled or expired, unless some are `left`.
    pub cancelled: usize,
    /// Our orders that still rest, by id, each with its market as far as known.
    pub left: Vec<(String, String)>,
    /// Number of orders that this program did not place, which were left alone.
    pub foreign: usize,
    /// Whether the venue accepted the request to cancel everything on the account.
    pub everything: bool,
    /// Why the resting orders could not be read to the end the last time. Some of ours may be open then.
    pub unseen: Option<String>,
    /// How long none of our orders was seen resting, if that is less than reads may lag.
    pub unconfirmed: Option<Duration>,
    /// The venue's distinct refusals and errors.
    pub problems: BTreeSet<String>,
}

impl KillReport {
    /// Whether it is certain that none of our orders rests.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.left.is_empty() && self.unseen.is_none() && self.unconfirmed.is_none()
    }
}

impl fmt::Display for KillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, cancelled, left, foreign, everything, unseen, unconfirmed, problems } = self;
        write!(f, "found {found} of our orders resting, {cancelled} cancelled, {} left", left.len())?;
        if *everything {
            f.write_str("; everything on the account was cancelled")?;
        } else if *foreign > 0 {
            write!(f, "; {foreign} other orders left alone")?;
        }
        if let Some(problem) = unseen {
            write!(f, "\nresting orders could not be read to the end, so some of ours may be open: {problem}")?;
        }
        if let Some(quiet) = unconfirmed {
            let quiet_s = quiet.as_secs_f64();
            write!(f, "\nnone of our orders was seen resting for {quiet_s:.1} s, but reads may lag for longer")?;
        }
        for (order, market) in left {
            write!(f, "\nstill open: order {order} in {market}")?;
        }
        problems.iter().try_for_each(|problem| write!(f, "\nproblem: {problem}"))
    }
}

#[derive(Clone, Debug)]
pub struct Killed {
    /// Number of order groups that the exchange triggered.
    pub triggered: usize,
    /// Time from the call to the exchange's last answer about a group.
    pub triggered_in: Duration,
    /// Time from the call to its end.
    pub took: Duration,
    /// What was found resting afterwards, and what was done about it.
    pub report: KillReport,
}

/// The request that triggers one of our order groups, ready to be sent.
pub(super) struct Trigger {
    pub(super) exchange_index: u8,
    pub(super) path: String,
    /// The path that deletes the group, in case it cannot be triggered.
    pub(super) delete_path: String,
    pub(super) signature: Option<Signature>,
}

/// A kill in progress.
pub(super) struct Kill<'a, 'w> {
    client: &'a RestClient,
    settings: KillSettings,
    ways: KillWays<'w>,
    /// Groups that are still to be triggered, and the number of failed attempts for each.
    triggers: Vec<(&'a Trigger, u32)>,
    triggered: usize,
    triggered_in: Duration,
    started: Instant,
    told: Option<Instant>,
    /// When one of our orders was last seen or cancelled.
    changed: Instant,
    found: BTreeSet<OrderId>,
    cancelled: BTreeSet<OrderId>,
    /// Orders that a cancel did not find. For an order read from the venue that proves little; for one known from
    /// elsewhere it is enough.
    missing: BTreeSet<OrderId>,
    known: Option<Vec<KnownOrder>>,
    report: KillReport,
}

/// The result of one pass over the resting orders.
#[derive(Default)]
struct Reading {
    left: Vec<(String, String)>,
    foreign: usize,
    /// Why the pass did not get to the end, if so.
    problem: Option<String>,
}

impl<'a, 'w> Kill<'a, 'w> {
    pub(super) fn new(
        client: &'a RestClient,
        settings: KillSettings,
        triggers: &'a [Trigger],
        ways: KillWays<'w>,
    ) -> Self {
        let started = Instant::now();
        Self {
            client,
            settings,
            ways,
            triggers: triggers.iter().map(|trigger| (trigger, 0)).collect(),
            triggered: 0,
            triggered_in: Duration::ZERO,
            started,
            told: None,
            changed: started,
            found: BTreeSet::new(),
            cancelled: BTreeSet::new(),
            missing: BTreeSet::new(),
            known: None,
            report: KillReport::default(),
        }
    }

    /// Runs until it is certain that none of our orders rests, or the time is up.
    pub(super) fn run(mut self) -> Killed {
        self.work();
        let Self { triggered, triggered_in, started, report, .. } = self;
        Killed { triggered, triggered_in, took: started.elapsed(), report }
    }

    fn work(&mut self) {
        loop {
            self.trigger_groups();
            self.cancel_everything();
            let began = Instant::now();
            let reading = self.read_and_cancel();
            self.report.foreign = reading.foreign;
            self.report.left = reading.left;
            self.report.unseen = reading.problem;
            (self.report.found, self.report.cancelled) = (self.found.len(), self.cancelled.len());
            if let Some(problem) = self.report.unseen.clone() {
                self.cancel_known();
                self.changed = Instant::now();
                self.tell(&format!("resting orders cannot be read: {problem}"));
            } else if self.report.left.is_empty() {
                let quiet = began.saturating_duration_since(self.changed);
                self.report.unconfirmed = (quiet < self.settings.read_lag).then_some(quiet);
                if self.started.elapsed() > TELL_EVERY {
                    self.tell("none of our orders is seen resting, but reads may still lag");
                }
                if quiet >= self.settings.read_lag && self.triggers.is_empty() {
                    return;
                }
            } else {
                self.tell(&format!("{} of our orders are resting and being cancelled", self.report.left.len()));
            }
            let left = self.settings.patience.saturating_sub(self.started.elapsed());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(self.settings.read_lag.clamp(PAUSES.0, PAUSES.1).min(left));
        }
    }

    fn is_over(&self) -> bool {
        self.started.elapsed() >= self.settings.patience
    }

    /// Reports progress, unless it was just reported.
    fn tell(&mut self, what: &str) {
        if self.told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        let left = self.settings.patience.saturating_sub(self.started.elapsed());
        (self.ways.tell)(&format!("{what}; trying for another {:.0} s", left.as_secs_f64().ceil()));
    }

    fn problem(&mut self, problem: String) {
        self.report.problems.insert(problem);
    }

    /// Triggers our groups: the exchange cancels all of a group's orders and refuses those still in flight. A group
    /// that cannot be triggered is deleted, which has the same effect.
    fn trigger_groups(&mut self) {
        let mut open = Vec::new();
        for (trigger, failures) in std::mem::take(&mut self.triggers) {
            let delete = failures > 0 && failures.is_multiple_of(2);
            let answer = if delete {
                self.client.delete(&trigger.delete_path, b"")
            } else {
                self.client.put(&trigger.path, b"{}", trigger.signature.as_ref())
            };
            let problem = match answer {
                Ok(answer) if answer.status == 200 => {
                    self.triggered += 1;
                    self.triggered_in = self.started.elapsed();
                    continue;
                }
                Ok(answer) => {
                    let what = if delete { "deleted" } else { "triggered" };
                    let problem = format!(
                        "the order group of shard {} was not {what}: HTTP {}",
                        trigger.exchange_index, answer.status
                    );
                    if answer.status == 404 {
                        // The group no longer exists, and neither do its orders.
                        self.problem(problem);
                        continue;
                    }
                    problem
                }
                Err(error) => error.to_string(),
            };
            self.problem(problem);
            open.push((trigger, failures + 1));
        }
        self.triggers = open;
    }

    fn cancel_everything(&mut self) {
        if !self.ways.everything || self.report.everything {
            return;
        }
        match self.client.delete(ORDERS_PATH, b"") {
            Ok(answer) if matches!(answer.status, 200 | 204) => {
                self.report.everything = true;
                self.changed = Instant::now();
            }
            Ok(answer) => {
                self.problem(format!("DELETE {ORDERS_PATH}: HTTP {}: {}", answer.status, excerpt(&answer.body)));
            }
            Err(error) => self.problem(error.to_string()),
        }
    }

    /// Reads the resting orders page by page and cancels ours on each page at once, so that a list that never ends or
    /// breaks off does not delay the orders already read.
    fn read_and_cancel(&mut self) -> Reading {
        let mut reading = Reading::default();
        let (mut cursor, mut followed) = (String::new(), BTreeSet::new());
        for _ in 0..PAGES_MAX {
            let mut path = format!("{REST_PREFIX}/portfolio/orders?status=resting&limit=1000");
            if !cursor.is_empty() {
                path.push_str("&cursor=");
                crate::wire::escape_query(&mut path, &cursor);
            }
            let page = match self.page(&path, &mut reading) {
                Ok(next) => next,
                Err(problem) => {
                    reading.problem = Some(problem);
                    return reading;
                }
            };
            if page.is_empty() {
                return reading;
            }
            if !followed.insert(page.clone()) {
                reading.problem = Some(format!("GET {path}: the list does not end: cursor `{page}` came before"));
                return reading;
            }
            if self.is_over() {
                let over = || format!("GET {path}: the list continues, and the time is over");
                reading.problem = Some(self.report.unseen.clone().unwrap_or_else(over));
                return reading;
            }
            cursor = page;
        }
        let last: String = cursor.chars().take(64).collect();
        reading.problem =
            Some(format!("resting orders have more than {PAGES_MAX} pages; the last cursor was `{last}`"));
        reading
    }

    /// Reads one page, cancels our orders on it, and returns the cursor of the next page.
    fn page(&mut self, path: &str, reading: &mut Reading) -> Result<String, String> {
        let answer = self.client.get(path).map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("GET {path}: HTTP {}: {}", answer.status, excerpt(&answer.body)));
        }
        let page = read_page::<Cancelable>(&answer.body).map_err(|error| format!("GET {path}: {error}"))?;
        for unusable in page.unusable {
            self.unusable(&unusable, reading);
        }
        let (ours, foreign): (Vec<_>, Vec<_>) =
            page.elements.into_iter().partition(|order| ClientOrderId::parse(&order.client_order_id).is_some());
        reading.foreign += foreign.len();
        let unnamed = || "a market that it does not name".to_owned();
        reading.left.extend(
            ours.iter().map(|order| (order.order_id.to_string(), order.ticker.clone().unwrap_or_else(unnamed))),
        );
        self.found.extend(ours.iter().map(|order| order.order_id));
        if !ours.is_empty() && !self.is_over() {
            self.cancel(&ours);
            self.changed = Instant::now();
        }
        Ok(page.cursor)
    }

    /// Records an element that cannot be parsed, and so cannot be cancelled by itself. If it is ours, it is reported as
    /// left.
    fn unusable(&mut self, unusable: &Unusable, reading: &mut Reading) {
        let client = unusable.client_order_id.as_deref().unwrap_or_default();
        self.problem(unusable.to_string());
        if ClientOrderId::parse(client).is_some() {
            let market = unusable.ticker.clone().unwrap_or_else(|| "an unknown market".to_owned());
            reading.left.push((format!("without an id ({client})"), market));
        } else if unusable.is_object {
            reading.foreign += 1;
        }
    }

    /// Cancels our orders as known from elsewhere, once the resting ones cannot be read.
    fn cancel_known(&mut self) {
        if self.is_over() {
            return;
        }
        let known = self.known.take().unwrap_or_else(&mut *self.ways.known_orders);
        let orders: Vec<Cancelable> = known
            .iter()
            .filter(|known| !self.cancelled.contains(&known.order) && !self.missing.contains(&known.order))
            .map(|known| Cancelable {
                order_id: known.order,
                ticker: known.ticker.clone(),
                client_order_id: String::new(),
                exchange_index: None,
            })
            .collect();
        self.cancel(&orders);
        self.report.cancelled = self.cancelled.len();
        self.known = Some(known);
    }

    /// Sends the cancels, with separate requests for each shard, so that trouble on one shard does not affect another.
    fn cancel(&mut self, orders: &[Cancelable]) {
        let mut by_shard: BTreeMap<Option<i32>, Vec<CancelBatchItem<'_>>> = BTreeMap::new();
        for order in orders {
            let shard = order.exchange_index.map(i32::from);
            // An order that names neither its market nor its shard is tried on all shards.
            let anywhere = shard.is_none() && order.ticker.is_none();
            for exchange_index in if anywhere { SHARDS.map(Some).collect() } else { vec![shard] } {
                by_shard.entry(exchange_index).or_default().push(CancelBatchItem {
                    order_id: order.order_id.to_string().into(),
                    market_ticker: order.ticker.as_deref().map(Into::into),
                    exchange_index,
                    subaccount: None,
                });
            }
        }
        for batch in by_shard.values().flat_map(|items| items.chunks(BATCH)) {
            if let Err(problems) = self.cancel_batch(batch) {
                self.report.problems.extend(problems);
            }
        }
    }

    fn cancel_batch(&mut self, batch: &[CancelBatchItem<'_>]) -> Result<(), Vec<String>> {
        let body =
            serde_json::to_vec(&CancelBatch { orders: batch.to_vec() }).map_err(|error| vec![error.to_string()])?;
        let answer = self.client.delete(BATCHED_PATH, &body).map_err(|error| vec![error.to_string()])?;
        if answer.status != 200 {
            let excerpt = excerpt(&answer.body);
            return Err(vec![format!("DELETE {BATCHED_PATH}: HTTP {}: {excerpt}", answer.status)]);
        }
        let mut problems = Vec::new();
        let read = parse_canceled_batch(&answer.body, |item| match item.error {
            None => {
                self.cancelled.insert(item.order);
            }
            Some("not_found") => {
                self.missing.insert(item.order);
            }
            Some(code) => problems.push(format!("cancelling an order: {code}")),
        });
        problems.extend(read.err().map(|error| error.to_string()));
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(120).collect()
}
