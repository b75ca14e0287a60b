//! Schedules the reads, and defines the requests of each.

use std::collections::{BTreeSet, VecDeque};

use super::config::DirectoryConfig;
use super::directory::Directory;
use super::fetch::{Fetch, named};
use super::job::{Job, Purpose};
use super::stage::ReconcileStage;
use crate::clock::{NEVER_NS, Now};
use crate::messages::QueryKind;
use crate::ports::{ReconcileEffect, ReconcilePort};
use crate::wire::markets::Market;

/// Tickers per filter: the most that every listing accepts.
pub(super) const TICKERS_IN_FILTER: usize = 100;

/// A read that is replaced after this many pages is reported, since its list may never end.
const PAGES_OF_NOTE: u32 = 16;

impl ReconcileStage {
    /// Adds a read. An unfinished one that asks the same is dropped, since its facts might be older than the query.
    pub(super) fn begin(&mut self, purpose: Purpose, now: Now) {
        for job in self.jobs.extract_if(.., |job| job.purpose.is_replaced_by(purpose)).collect::<Vec<_>>() {
            if let Some(fetch) = job.fetches.front().filter(|_| job.pages >= PAGES_OF_NOTE) {
                self.problem(format!(
                    "GET {}: not at its end after {} pages, and asked for anew",
                    fetch.path(),
                    job.pages
                ));
            }
        }
        let waits = matches!(purpose, Purpose::Follow { .. }) || purpose.is(QueryKind::Successor);
        let backoff = if waits { self.config.successor_backoff } else { self.config.backoff };
        let mut job = Job::new(self.next_serial, purpose, backoff, self.seed);
        job.not_before_ns = now.mono_ns;
        self.next_serial = self.next_serial.wrapping_add(1);
        self.jobs.push(job);
    }

    /// Sends the next request and evaluates finished reads, until something has to be waited for.
    pub(super) fn advance(&mut self, now: Now, port: &mut impl ReconcilePort) {
        while self.in_flight.is_none() {
            let due = |job: &Job| self.may_run(job) && self.runs_at_ns(job) <= now.mono_ns;
            let Some(index) = self.jobs.iter().position(due) else { return };
            if self.jobs[index].begun.is_none() {
                let plan = self.plan(self.jobs[index].purpose);
                let job = &mut self.jobs[index];
                job.begun = Some(now);
                job.fetches = plan;
            }
            if let Some(fetch) = self.jobs[index].fetches.front() {
                let request = self.next_request;
                self.next_request = self.next_request.wrapping_add(1);
                self.counters.requests += 1;
                self.in_flight = Some((request, self.jobs[index].serial, now.mono_ns));
                port.tell(ReconcileEffect::Get(request, &fetch.path()));
            } else {
                let job = self.jobs.remove(index);
                if let Some(job) = self.conclude(job, now) {
                    self.jobs.insert(index.min(self.jobs.len()), job);
                } else {
                    self.counters.reads += 1;
                }
            }
        }
    }

    /// Whether a read may start. The account is not read before the markets are listed, and the first rebuild waits for
    /// the stream, so that no fill is missed between them.
    pub(super) fn may_run(&self, job: &Job) -> bool {
        match job.purpose {
            Purpose::Start => true,
            Purpose::Query { kind: QueryKind::Rebuild, .. } => self.started && self.was_up,
            _ => self.started,
        }
    }

    pub(super) fn runs_at_ns(&self, job: &Job) -> u64 {
        let quiet_ns = match self.changed_ns {
            Some(changed_ns) if job.begun.is_none() && job.purpose.is(QueryKind::Rebuild) => {
                changed_ns.saturating_add(self.config.quiet_ns)
            }
            _ => 0,
        };
        job.not_before_ns.max(quiet_ns)
    }

    /// The first requests of a round.
    fn plan(&self, purpose: Purpose) -> VecDeque<Fetch> {
        let page = String::new;
        let since = |since_ms: i64| format!("min_ts={}", since_ms.div_euclid(1_000).max(0));
        let account = |status: &str| {
            [
                Fetch::Balance { shard: None },
                Fetch::Positions { cursor: page() },
                Fetch::Orders { filter: format!("status={status}"), cursor: page() },
            ]
        };
        let groups = self.config.order_groups.then_some(Fetch::Groups);
        let mut plan = VecDeque::new();
        match purpose {
            // Limits and netting are read with the account, before anything is traded.
            Purpose::Start => {
                plan.extend([Fetch::Status, Fetch::Costs]);
                plan.extend(fee_changes());
                plan.extend(start_markets(&self.config.directory));
            }
            Purpose::Watch => {
                plan.push_back(Fetch::Status);
                let known = self.directory.traded_open();
                plan.extend(known.chunks(TICKERS_IN_FILTER).map(markets_named));
                plan.extend(self.missing_markets());
            }
            Purpose::CatchUp => {
                let filter = since(self.newest_fill_ms.saturating_sub(self.config.catch_up_ms));
                plan.push_back(Fetch::Fills { filter, cursor: page() });
            }
            Purpose::Fees => plan.extend(fee_changes()),
            Purpose::Unlisted => {}
            Purpose::Follow { closed } => {
                let series = closed.and_then(|closed| self.directory.series_of(closed).map(str::to_owned));
                let series = series.or_else(|| self.config.directory.series.clone());
                plan.extend(series.map(|series| open_markets_of(&series)));
            }
            Purpose::Query { kind, market, since_ms, .. } => match kind {
                QueryKind::Rebuild => {
                    plan.extend([Fetch::Limits, Fetch::Netting]);
                    plan.extend(account("resting"));
                    plan.extend(groups);
                    plan.push_back(Fetch::Fills { filter: since(since_ms), cursor: page() });
                }
                QueryKind::Compare => plan.extend(account("resting").into_iter().chain(groups)),
                QueryKind::Resolve => {
                    if let Some(listing) = self.directory.listing(market) {
                        let filter = format!("ticker={}&{}", listing.ticker, since(since_ms));
                        plan.push_back(Fetch::Orders { filter: filter.clone(), cursor: page() });
                        plan.push_back(Fetch::Fills { filter, cursor: page() });
                    }
                }
                QueryKind::Settlements => {
                    plan.push_back(Fetch::Settlements { filter: since(since_ms), cursor: page() });
                }
                QueryKind::Successor => {
                    plan.extend(self.directory.series_of(market).map(open_markets_of));
                }
            },
        }
        plan
    }

    /// The requests for markets that are wanted and not traded yet. Those of a series are requested separately.
    fn missing_markets(&self) -> Vec<Fetch> {
        let wanted = &self.config.directory;
        if !wanted.tickers.is_empty() {
            let missing: Vec<String> =
                wanted.tickers.iter().filter(|ticker| !self.directory.is_traded(ticker)).cloned().collect();
            missing.chunks(TICKERS_IN_FILTER).map(markets_named).collect()
        } else if wanted.series.is_none() && self.directory.has_no_traded() {
            start_markets(wanted)
        } else {
            Vec::new()
        }
    }

    /// Looks for the successors of markets of the followed series that have closed.
    pub(super) fn follow_series(&mut self, now: Now) {
        if self.follow_ns() > now.mono_ns {
            return;
        }
        let Some(series) = self.config.directory.series.clone() else { return };
        for closed in self.directory.take_closed(&series, now.session_ms) {
            self.begin(Purpose::Follow { closed: Some(closed) }, now);
        }
    }

    /// When the next market of the followed series closes.
    pub(super) fn follow_ns(&self) -> u64 {
        let series = self.config.directory.series.as_ref().filter(|_| self.started);
        let close_ms = series.and_then(|series| self.directory.next_close_ms(series));
        close_ms.map_or(NEVER_NS, |close_ms| self.clock.mono_ns(close_ms))
    }
}

fn fee_changes() -> [Fetch; 2] {
    [Fetch::SeriesFeeChanges, Fetch::EventFeeChanges { cursor: String::new() }]
}

/// The listings from which the traded markets are chosen.
pub(super) fn start_markets(wanted: &DirectoryConfig) -> Vec<Fetch> {
    if !wanted.tickers.is_empty() {
        return wanted.tickers.chunks(TICKERS_IN_FILTER).map(markets_named).collect();
    }
    match (&wanted.series, wanted.count) {
        (Some(series), _) => vec![open_markets_of(series)],
        (None, count) => vec![Fetch::Markets {
            filter: "status=open&mve_filter=exclude".to_owned(),
            cursor: String::new(),
            enough: count.unwrap_or(1),
        }],
    }
}

/// The requests for the fee terms of markets that are not known yet: events first, then their series. Events are
/// requested a hundred at a time, since one by one they would take the read tokens of most of a minute for a session of
/// 1,000 markets.
pub(super) fn missing_terms(directory: &Directory, markets: &[Market]) -> Vec<Fetch> {
    let (mut events, mut series) = (BTreeSet::new(), BTreeSet::new());
    for market in markets {
        if !directory.knows_event(market.event()) {
            events.insert(market.event().to_owned());
        } else if let Some(unknown) = directory.unknown_series(market.event()) {
            series.insert(unknown.to_owned());
        }
    }
    let (one_by_one, together): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event: &String| directory.is_missed_event(event));
    let together = together.chunks(TICKERS_IN_FILTER).map(|tickers| match tickers {
        [ticker] => Fetch::Event { ticker: ticker.clone() },
        tickers => Fetch::Events { tickers: tickers.to_vec() },
    });
    together
        .chain(one_by_one.into_iter().map(|ticker| Fetch::Event { ticker }))
        .chain(series.into_iter().map(|ticker| Fetch::Series { ticker }))
        .collect()
}

/// Markets by name.
pub(super) fn markets_named(tickers: &[String]) -> Fetch {
    let filter = named("tickers", tickers);
    Fetch::Markets { filter, cursor: String::new(), enough: usize::MAX }
}

fn open_markets_of(series: &str) -> Fetch {
    let filter = named("series_ticker", &[series.to_owned()]) + "&status=open";
    Fetch::Markets { filter, cursor: String::new(), enough: usize::MAX }
}
