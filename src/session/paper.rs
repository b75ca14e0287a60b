//! Paper trading: an embedded exchange that plays the venue's markets as they happen. The public feed is the venue's;
//! orders, account and private stream are the embedded exchange's. Nothing here can write to the venue, since the
//! client has no credentials and only reads.

use std::collections::BTreeSet;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{self, RecvTimeoutError};
use thiserror::Error;

use super::embedded::{EmbeddedError, EmbeddedExchange, settings};
use crate::clock::SessionClock;
use crate::config::Config;
use crate::drivers::live::TeeFrame;
use crate::drivers::stages::directory;
use crate::exchange::Exchange;
use crate::exchange::recorded::{RecordedFaults, RecordedMarket, SessionMarket};
use crate::exchange::recordings::{RECORDED_NOTE, Recording};
use crate::exchange::server::FeedControl;
use crate::host::clock::{Clock, wall_ms};
use crate::network::net::Trust;
use crate::network::rest::RestClient;
use crate::network::venue::Venue;
use crate::reconcile::{Catalog, CatalogMarket, DirectoryConfig};

/// How long a read may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Pauses before a failed read is retried.
const RETRIES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
/// How often a followed series is checked for new markets.
const SERIES_EVERY: Duration = Duration::from_secs(3);
const SHARDS: std::ops::RangeInclusive<u8> = 0..=3;

/// Why the paper exchange could not be started.
#[derive(Debug, Error)]
pub enum PaperError {
    /// The venue's markets can't be read.
    #[error("the venue's markets: {0}")]
    Markets(String),
    /// None of the markets can be traded.
    #[error("the venue has none of the markets asked for that can be traded; expected at least one")]
    NoMarkets,
    /// The embedded exchange could not be started.
    #[error(transparent)]
    Exchange(#[from] EmbeddedError),
    /// A thread could not be started.
    #[error("a thread for paper trading: {0}")]
    Thread(#[from] std::io::Error),
}

pub(super) struct Paper {
    embedded: EmbeddedExchange,
    tee: channel::Sender<TeeFrame>,
    frames: JoinHandle<()>,
    /// The thread that looks for the series' next markets, until its channel is closed.
    successors: Option<(channel::Sender<()>, JoinHandle<()>)>,
    notes: Vec<String>,
}

impl Paper {
    /// Starts an embedded exchange with the venue's markets.
    ///
    /// # Errors
    /// When the markets can't be read, none can be traded, or the exchange can't be started.
    pub(super) fn start(config: &Config, venue: &Venue) -> Result<Self, PaperError> {
        let client = RestClient::new(&venue.rest, &Trust::WebPki, None, READ_TIMEOUT);
        let wanted = directory(config);
        let (markets, mut notes) = read(&client, &wanted)?;
        let markets = terms(markets, &mut notes);
        if markets.is_empty() && wanted.series.is_none() {
            return Err(PaperError::NoMarkets);
        }
        let known: BTreeSet<String> = markets.iter().map(|market| market.spec.ticker.clone()).collect();
        notes.push(RECORDED_NOTE.to_owned());
        let exchange = Exchange::builder()
            .seed(super::draw_nonce())
            .settings(settings(&config.exchange)?)
            .cash(config.exchange.cash)
            .shards(SHARDS)
            .recordings(markets.into_iter().map(recording).collect())
            .start_ms(wall_ms());
        let embedded = EmbeddedExchange::start(exchange)?;
        let (tee, received) = channel::unbounded::<TeeFrame>();
        let feed = embedded.feed();
        let frames = std::thread::Builder::new().name("paper-feed".to_owned()).spawn(move || {
            for TeeFrame { text, session_ms } in received {
                feed.frame(text, session_ms);
            }
        })?;
        let successors = if wanted.series.is_some() {
            let (stop, stopped) = channel::bounded(0);
            let feed = embedded.feed();
            let follow = move || follow_series(&client, &wanted, known, &feed, &stopped);
            Some((stop, std::thread::Builder::new().name("paper-series".to_owned()).spawn(follow)?))
        } else {
            None
        };
        Ok(Self { embedded, tee, frames, successors, notes })
    }

    /// The venue's address for the feed, and the paper exchange's for everything else.
    pub(super) fn venue(&self, outside: &Venue) -> Venue {
        Venue {
            feed: outside.feed.clone(),
            feed_credentials: outside.feed_credentials.clone(),
            ..self.embedded.venue.clone()
        }
    }

    /// The channel that takes the frames of the venue's feed.
    pub(super) fn tee(&self) -> channel::Sender<TeeFrame> {
        self.tee.clone()
    }

    pub(super) fn clock(&self) -> Clock {
        self.embedded.clock.clone()
    }

    pub(super) fn session(&self) -> SessionClock {
        self.embedded.session
    }

    /// Stops the exchange after the session. Returns what a reader of the results should know.
    ///
    /// # Errors
    /// When the exchange's thread panicked.
    pub(super) fn stop(self) -> Result<Vec<String>, PaperError> {
        let mut notes = self.notes;
        if let Some((stop, thread)) = self.successors {
            drop(stop);
            // A panic there means that a successor was not listed. The session has ended anyway.
            notes.extend(thread.join().err().map(|_| "looking for the series' next markets failed".to_owned()));
        }
        drop(self.tee);
        let fed = self.frames.join();
        let (exchange, _) = self.embedded.stop()?;
        let counters = exchange.live_feed();
        notes.push(format!("paper: nothing was sent to the venue; {} steps of its feed were matched", counters.steps));
        let engine = exchange.engine();
        let mut misfits = RecordedFaults::default();
        for market in 0..engine.market_count() {
            misfits += engine.market(market).recorded_faults().unwrap_or_default();
        }
        if misfits != RecordedFaults::default() {
            notes.push(format!("paper: {misfits}"));
        }
        if fed.is_err() || counters.malformed > 0 {
            notes.push(format!("paper: {} frames of the feed could not be used", counters.malformed));
        }
        Ok(notes)
    }
}

/// Reads markets with their fees. The second value describes those that can't be traded.
fn read(client: &RestClient, wanted: &DirectoryConfig) -> Result<(Vec<CatalogMarket>, Vec<String>), PaperError> {
    let mut catalog = Catalog::new(wanted.clone());
    let mut retries = RETRIES.iter();
    while let Some(path) = catalog.next_path() {
        let answer = client.get(&path).map_err(|error| error.to_string());
        let taken = answer.and_then(|answer| catalog.answer(answer.status, &answer.body));
        if let Err(problem) = taken {
            std::thread::sleep(*retries.next().ok_or(PaperError::Markets(problem))?);
        }
    }
    Ok(catalog.finish())
}

/// Converts markets for the embedded exchange. A market whose grid can't be represented becomes a note.
fn terms(markets: Vec<CatalogMarket>, notes: &mut Vec<String>) -> Vec<SessionMarket> {
    let mut listed = Vec::with_capacity(markets.len());
    for CatalogMarket { market, series, fees } in markets {
        let ticker = market.ticker.clone();
        match SessionMarket::of(market, fees) {
            Ok(mut terms) => {
                terms.spec.series_ticker = series;
                listed.push(terms);
            }
            Err(error) => notes.push(format!("market {ticker}: {error}")),
        }
    }
    listed
}

/// An empty recording.
fn recording(terms: SessionMarket) -> Recording {
    let steps = RecordedMarket { ticker: terms.spec.ticker.clone(), ..RecordedMarket::default() };
    Recording { terms, steps }
}

/// Lists the new markets of a series as the venue opens them, until told to stop.
fn follow_series(
    client: &RestClient,
    wanted: &DirectoryConfig,
    mut known: BTreeSet<String>,
    feed: &FeedControl,
    stopped: &channel::Receiver<()>,
) {
    while stopped.recv_timeout(SERIES_EVERY) == Err(RecvTimeoutError::Timeout) {
        let mut problems = Vec::new();
        let markets = match read(client, wanted) {
            Ok((markets, refused)) => {
                problems.extend(refused);
                terms(markets, &mut problems)
            }
            Err(error) => {
                tracing::warn!(%error, "the series' markets could not be read");
                continue;
            }
        };
        for SessionMarket { spec, .. } in markets {
            let ticker = spec.ticker.clone();
            if known.insert(ticker.clone())
                && let Err(error) = feed.list(spec)
            {
                problems.push(format!("market {ticker}: {error}"));
            }
        }
        for problem in problems {
            tracing::warn!(problem, "a market of the series is not traded on paper");
        }
    }
}
