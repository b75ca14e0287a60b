//! The state and the inputs of the stage.

use serde::{Deserialize, Serialize};

use super::channels::{Channel, Channels, Subscription};
use super::config::{FeedConfig, FeedCounters};
use super::market_set::MarketSet;
use super::markets::{Book, Markets};
use super::rehearsal::Rehearsal;
use crate::backoff::Backoff;
use crate::clock::{NEVER_NS, Now, SessionClock};
use crate::link::{Link, LinkTimer};
use crate::market::BookLevels;
use crate::messages::{DecideToFeed, Listing, Phase, ReconcileToFeed, ResyncReason, ResyncRequest};
use crate::ports::{ConnectionId, ConnectionLost, FeedEffect, FeedPort, SocketOutput};

/// The feed stage. See the [module](crate::feed) for its rules.
#[derive(Debug, Serialize, Deserialize)]
pub struct FeedStage {
    pub(super) config: FeedConfig,
    pub(super) counters: FeedCounters,
    pub(super) clock: SessionClock,
    pub(super) link: Link,
    pub(super) channels: Channels,
    pub(super) markets: Markets,
    /// Number of frames received on this connection.
    pub(super) frame_number: u64,
    /// The buffer that the next snapshot is parsed into.
    #[serde(skip)]
    pub(super) levels: Box<BookLevels>,
    /// Empty buffers, one for each snapshot that may be requested.
    #[expect(clippy::vec_box, reason = "the ring to `decide` carries boxes: a snapshot moves as a pointer")]
    #[serde(with = "crate::checkpoint::pool")]
    pub(super) spares: Vec<Box<BookLevels>>,
    /// Number of snapshots requested and not yet received.
    pub(super) asked: usize,
    /// Markets whose book needs a snapshot that has not been requested yet.
    pub(super) wanted: MarketSet,
    /// Where the next chunk starts, so that no market is starved.
    pub(super) wanted_cursor: usize,
    /// Markets to be added to the trade subscription.
    pub(super) wanted_trades: MarketSet,
    /// Markets that `decide` does not know yet, or not with their current grid.
    pub(super) owed_listing: MarketSet,
    /// Markets that `decide` must be told are stale.
    pub(super) owed_stale: MarketSet,
    /// Markets whose current status `execute` does not know.
    pub(super) owed_status: MarketSet,
    /// Markets to be delisted.
    pub(super) owed_delisting: MarketSet,
    /// Listings whose position is still occupied by a market that is leaving.
    arrivals: Vec<Listing>,
    /// The latest overflow epoch; the next field says whether it has yet to be cleared.
    pub(super) epoch: u64,
    pub(super) overflowing: bool,
    /// Pauses after commands that the exchange refused for their rate or size.
    pub(super) command_backoff: Backoff,
    pub(super) commands_after_ns: u64,
    /// The earliest monotonic time at which a command or snapshot may be overdue, or be requested again.
    pub(super) scan_ns: u64,
    /// The earliest session time at which a market's phase changes by itself.
    pub(super) phase_ms: i64,
    /// When to retry what a full ring or an empty pool prevented, in monotonic nanoseconds.
    pub(super) retry_at_ns: u64,
    last_problem: Option<String>,
    #[serde(skip)]
    pub(super) rehearsal: Rehearsal,
}

impl FeedStage {
    /// Creates a stage without markets and without a connection. The seed determines the jitter of its pauses.
    ///
    /// # Panics
    /// When `max_markets` exceeds the range of a market index, or `snapshots_in_flight` is zero.
    #[must_use]
    pub fn new(config: FeedConfig, clock: SessionClock, seed: u64) -> Self {
        assert!(config.max_markets < usize::from(u16::MAX), "market indexes are 16 bits");
        assert!(config.snapshots_in_flight > 0, "without a buffer no book ever becomes fresh");
        let set = || MarketSet::new(config.max_markets);
        Self {
            counters: FeedCounters::default(),
            clock,
            link: Link::new(config.link, seed),
            channels: Channels::new(),
            markets: Markets::new(config.max_markets),
            frame_number: 0,
            levels: Box::default(),
            spares: Vec::with_capacity(config.snapshots_in_flight),
            asked: 0,
            wanted: set(),
            wanted_cursor: 0,
            wanted_trades: set(),
            owed_listing: set(),
            owed_stale: set(),
            owed_status: set(),
            owed_delisting: set(),
            arrivals: Vec::new(),
            epoch: 0,
            overflowing: false,
            command_backoff: Backoff::new(config.link.backoff, seed ^ 1),
            commands_after_ns: 0,
            scan_ns: NEVER_NS,
            phase_ms: i64::MAX,
            retry_at_ns: NEVER_NS,
            last_problem: None,
            rehearsal: Rehearsal::new(),
            config,
        }
    }

    /// The markets in the table, with their latest grid and close time.
    pub fn listings(&self) -> impl Iterator<Item = &Listing> {
        self.markets.iter().map(|(_, market)| &market.listing)
    }

    /// Opens the public connection.
    pub fn start(&mut self, now: Now, port: &mut impl FeedPort) {
        let output = self.link.start(now);
        tell_socket(output, port);
    }

    /// A market was added to the directory, or its listing changed.
    pub fn on_listing(&mut self, listing: &Listing, now: Now, port: &mut impl FeedPort) {
        let position = listing.market.position();
        if position >= self.markets.capacity() {
            self.counters.refused_listings += 1;
            self.problem(format!(
                "market {}: index {position} is not below the configured {} markets",
                listing.ticker,
                self.markets.capacity()
            ));
            return;
        }
        match self.markets.get(position).map(|market| market.listing.market) {
            Some(known) if known == listing.market => self.relist(position, listing, now),
            Some(_) => {
                self.arrivals.push(*listing);
                self.evict(position, now, port);
            }
            None => self.admit(listing),
        }
        self.settle(now, port);
    }

    #[inline]
    pub fn on_reconcile(&mut self, message: &ReconcileToFeed, now: Now, port: &mut impl FeedPort) {
        match message {
            ReconcileToFeed::Listing(listing) => self.on_listing(listing, now, port),
        }
    }

    #[inline]
    pub fn on_decide(&mut self, message: &DecideToFeed, now: Now, port: &mut impl FeedPort) {
        match message {
            DecideToFeed::Resync(request) => self.on_resync(request, now, port),
        }
    }

    /// The connection's handshake succeeded.
    pub fn on_opened(&mut self, connection: ConnectionId, now: Now, port: &mut impl FeedPort) {
        if !self.link.on_opened(connection, now) {
            return;
        }
        self.counters.connections += 1;
        self.frame_number = 0;
        self.commands_after_ns = 0;
        self.subscribe_lifecycle(now, port);
        self.settle(now, port);
    }

    /// The exchange pinged. The driver has already answered.
    pub fn on_ping(&mut self, connection: ConnectionId, now: Now) {
        self.link.on_heard(connection, now);
    }

    /// The connection ended or could not be made.
    pub fn on_closed(&mut self, connection: ConnectionId, lost: &ConnectionLost, now: Now, port: &mut impl FeedPort) {
        if !self.link.on_closed(connection, now) {
            return;
        }
        self.counters.refused_handshakes += u64::from(lost.http_status.is_some());
        self.problem(match lost.http_status {
            Some(status) => format!("public connection refused with HTTP {status}: {}", lost.reason),
            None => format!("public connection lost: {}", lost.reason),
        });
        self.forget_connection();
        self.settle(now, port);
    }

    /// `decide` found a book to be wrong.
    pub fn on_resync(&mut self, request: &ResyncRequest, now: Now, port: &mut impl FeedPort) {
        self.counters.resync_requests += 1;
        let position = request.market.position();
        let Some(market) = self.markets.get(position) else { return };
        if market.listing.market != request.market || market.book != Book::Fresh {
            return;
        }
        match request.reason {
            ResyncReason::NegativeSize | ResyncReason::OffGrid | ResyncReason::Crossed | ResyncReason::BadLevel => {
                self.on_impossible(position, now);
            }
            ResyncReason::Overflow | ResyncReason::NoSnapshot => self.mark_stale(position),
        }
        self.settle(now, port);
    }

    /// Does whatever is due. Early and repeated calls are harmless.
    pub fn on_timer(&mut self, now: Now, port: &mut impl FeedPort) {
        let (timer, output) = self.link.on_timer(now);
        tell_socket(output, port);
        match timer {
            LinkTimer::Quiet => {}
            LinkTimer::TimedOut => {
                self.problem("public connection: the handshake took too long".to_owned());
                self.forget_connection();
            }
            LinkTimer::Silent => {
                self.counters.silences += 1;
                self.problem("public connection: neither frame nor ping was heard".to_owned());
                self.forget_connection();
            }
        }
        if now.mono_ns >= self.scan_ns {
            self.scan(now, port);
        }
        if now.session_ms >= self.phase_ms {
            self.advance_phases(now, port);
        }
        self.settle(now, port);
    }

    /// When [`FeedStage::on_timer`] is next due, in monotonic nanoseconds.
    #[must_use]
    pub fn deadline_ns(&self) -> u64 {
        let phase_ns = if self.phase_ms == i64::MAX { NEVER_NS } else { self.clock.mono_ns(self.phase_ms) };
        self.link.deadline_ns().min(self.scan_ns).min(phase_ns).min(self.retry_at_ns)
    }

    #[must_use]
    pub fn counters(&self) -> &FeedCounters {
        &self.counters
    }

    /// A description of the latest problem, for the report.
    #[must_use]
    pub fn last_problem(&self) -> Option<&str> {
        self.last_problem.as_deref()
    }

    /// How many listed markets have a fresh book.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn fresh_books(&self) -> usize {
        self.markets.iter().filter(|(_, market)| market.book == Book::Fresh).count()
    }

    pub(super) fn problem(&mut self, text: String) {
        self.last_problem = Some(text);
    }

    /// Closes the connection and forgets everything that depended on it.
    pub(super) fn reconnect(&mut self, reason: String, now: Now, port: &mut impl FeedPort) {
        self.problem(reason);
        let output = self.link.reconnect(now);
        tell_socket(output, port);
        self.forget_connection();
    }

    /// The connection is lost, with its subscriptions: every book is stale until its next snapshot.
    fn forget_connection(&mut self) {
        self.counters.disconnections += 1;
        self.channels.forget();
        self.forget_book_subscription();
        for position in 0..self.markets.capacity() {
            if let Some(market) = self.markets.get_mut(position) {
                market.on_trade = false;
                self.wanted_trades.remove(position);
            }
        }
        self.forget_book_subscription();
    }

    /// No market is on the book subscription any more.
    pub(super) fn forget_book_subscription(&mut self) {
        self.channels.set(Channel::Book, Subscription::Closed);
        for position in 0..self.markets.capacity() {
            let Some(market) = self.markets.get_mut(position) else { continue };
            market.on_book = false;
            let leaving = market.leaving.is_some();
            self.mark_stale(position);
            self.unask(position);
            if leaving {
                self.finish_leaving(position);
            }
        }
    }

    /// Adds a market at its position, which is free.
    fn admit(&mut self, listing: &Listing) {
        let position = listing.market.position();
        self.markets.insert(*listing);
        self.owed_listing.insert(position);
        self.owed_status.insert(position);
        if listing.phase != Phase::Determined {
            self.wanted.insert(position);
        }
        self.note_phase_change(position);
    }

    /// Removes the market at a position from the table and all sets, and admits the listing that waits for the position.
    pub(super) fn forget_market(&mut self, position: usize) {
        if self.markets.get(position).is_some() {
            self.unask(position);
            self.markets.remove(position);
        }
        for set in [
            &mut self.wanted,
            &mut self.wanted_trades,
            &mut self.owed_listing,
            &mut self.owed_stale,
            &mut self.owed_status,
            &mut self.owed_delisting,
        ] {
            set.remove(position);
        }
        if let Some(next) = self.arrivals.iter().position(|listing| listing.market.position() == position) {
            let listing = self.arrivals.remove(next);
            self.admit(&listing);
        }
    }
}

/// Passes the link's request to the socket.
fn tell_socket(output: Option<SocketOutput<'_>>, port: &mut impl FeedPort) {
    if let Some(output) = output {
        port.tell(FeedEffect::Socket(output));
    }
}
