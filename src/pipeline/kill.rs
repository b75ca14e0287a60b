//! Cancels every resting order of this program on a venue one by one, by plain requests of its own: the second half of a
//! kill. Owns nothing between calls. Orders of others are looked at and left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::rest::RestClient;
use crate::config::OrdersConfig;
use crate::market::{ClientOrderId, OrderId};
use crate::wire::REST_PREFIX;
use crate::wire::account::{Order, OrdersPage};
use crate::wire::orders::BATCHED_PATH;
use crate::wire::orders::answer::parse_canceled_batch;
use crate::wire::orders::body::{Cancel, write_cancel_batch};

/// Orders in one request: 40 tokens, which every tier's bucket has (protocol page, 6).
const BATCH: usize = 20;
/// The shortest pause between two readings.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Pages of resting orders, at most.
const PAGES_MAX: usize = 1_000;

/// How long it is tried.
#[derive(Clone, Copy, Debug)]
pub struct KillSettings {
    /// How far the venue's reads may lag its matching engine.
    pub read_lag: Duration,
    /// After which time it gives up.
    pub patience: Duration,
}

impl KillSettings {
    /// As the session's own stop.
    #[must_use]
    pub fn new(orders: &OrdersConfig) -> Self {
        Self {
            read_lag: Duration::from_millis(orders.read_lag_ms),
            patience: Duration::from_millis(orders.stop_timeout_ms),
        }
    }
}

/// It could not be seen whether anything rests.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("resting orders could not be read, so some of ours may be open: {0}")]
pub struct KillError(String);

/// What was found and done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KillReport {
    /// Orders of ours that were seen resting.
    pub found: usize,
    /// Those whose cancellation the venue confirmed. Others were filled or ended by themselves, if none is left.
    pub cancelled: usize,
    /// Orders of ours that rest in spite of all, each with its market.
    pub left: Vec<(String, String)>,
    /// Orders of others, which are none of our business.
    pub foreign: usize,
    /// What the venue answered instead of cancelling, each once.
    pub problems: BTreeSet<String>,
}

impl KillReport {
    /// Whether nothing of ours rests.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.left.is_empty()
    }
}

impl fmt::Display for KillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, cancelled, left, foreign, problems } = self;
        write!(f, "{found} resting orders of ours found, {cancelled} cancelled, {} left", left.len())?;
        if *foreign > 0 {
            write!(f, "; {foreign} orders of others left alone")?;
        }
        for (order, market) in left {
            write!(f, "\nstill open: order {order} in {market}")?;
        }
        problems.iter().try_for_each(|problem| write!(f, "\nproblem: {problem}"))
    }
}

/// Cancels all our resting orders and reads again until none has rested for as long as reads may lag.
///
/// # Errors
/// When the resting orders could not be read to the end. Orders that are left are no error: see
/// [`KillReport::is_clean`].
pub(super) fn cancel_resting(client: &RestClient, settings: KillSettings) -> Result<KillReport, KillError> {
    let started = Instant::now();
    let mut changed = started;
    let mut report = KillReport::default();
    let mut found = BTreeSet::new();
    let mut cancelled = BTreeSet::new();
    loop {
        let began = Instant::now();
        let read = resting(client);
        if let Ok(orders) = &read {
            let (ours, foreign): (Vec<&Order>, Vec<&Order>) =
                orders.iter().partition(|order| ClientOrderId::parse(&order.client_order_id).is_some());
            report.foreign = foreign.len();
            report.left = ours.iter().map(|order| (order.order_id.clone(), order.ticker.clone())).collect();
            found.extend(ours.iter().map(|order| order.order_id.clone()));
            (report.found, report.cancelled) = (found.len(), cancelled.len());
            if ours.is_empty() {
                if began.duration_since(changed) >= settings.read_lag {
                    return Ok(report);
                }
            } else if started.elapsed() < settings.patience {
                cancel(client, &ours, &mut cancelled, &mut report.problems);
                changed = Instant::now();
            } else {
                return Ok(report);
            }
        }
        if let Err(problem) = read
            && started.elapsed() >= settings.patience
        {
            return Err(KillError(problem));
        }
        std::thread::sleep(settings.read_lag.max(PAUSE_MIN));
    }
}

/// All resting orders of the account.
fn resting(client: &RestClient) -> Result<Vec<Order>, String> {
    let mut orders = Vec::new();
    let mut cursor = String::new();
    for _ in 0..PAGES_MAX {
        let mut path = format!("{REST_PREFIX}/portfolio/orders?status=resting&limit=1000");
        if !cursor.is_empty() {
            path.push_str("&cursor=");
            crate::wire::escape_query(&mut path, &cursor);
        }
        let answer = client.get(&path).map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("GET {path}: HTTP {}: {}", answer.status, excerpt(&answer.body)));
        }
        let page: OrdersPage = serde_json::from_slice(&answer.body).map_err(|error| format!("GET {path}: {error}"))?;
        orders.extend(page.orders);
        if page.cursor.is_empty() {
            return Ok(orders);
        }
        cursor = page.cursor;
    }
    Err(format!("more than {PAGES_MAX} pages"))
}

/// Sends the cancels, each shard's in requests of their own, so that one shard's trouble is not another's.
fn cancel(client: &RestClient, orders: &[&Order], cancelled: &mut BTreeSet<OrderId>, problems: &mut BTreeSet<String>) {
    let mut by_shard: BTreeMap<u8, Vec<Cancel<'_>>> = BTreeMap::new();
    for order in orders {
        match OrderId::parse(&order.order_id) {
            Ok(id) => {
                let item = Cancel { order: id, ticker: &order.ticker, exchange_index: order.exchange_index };
                by_shard.entry(order.exchange_index).or_default().push(item);
            }
            Err(error) => {
                problems.insert(error.to_string());
            }
        }
    }
    let mut body = Vec::new();
    for batch in by_shard.values().flat_map(|cancels| cancels.chunks(BATCH)) {
        body.clear();
        write_cancel_batch(&mut body, batch.iter().copied());
        match client.delete(BATCHED_PATH, &body) {
            Ok(answer) if answer.status == 200 => {
                let read = parse_canceled_batch(&answer.body, |item| match item.error {
                    None => {
                        cancelled.insert(item.order);
                    }
                    Some(code) => {
                        problems.insert(format!("cancelling an order: {code}"));
                    }
                });
                problems.extend(read.err().map(|error| error.to_string()));
            }
            Ok(answer) => {
                problems.insert(format!("DELETE {BATCHED_PATH}: HTTP {}: {}", answer.status, excerpt(&answer.body)));
            }
            Err(error) => {
                problems.insert(error.to_string());
            }
        }
    }
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(120).collect()
}
