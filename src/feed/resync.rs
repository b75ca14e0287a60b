//! Staleness and its remedies: which snapshots are requested, when, and what follows if they don't come.

use super::channels::{Channel, Purpose, Subscription};
use super::markets::Book;
use super::stage::FeedStage;
use crate::clock::{NEVER_NS, Now};
use crate::ports::{FeedEffect, FeedPort, SocketOutput};
use crate::wire::command::CommandParams;

/// Consecutive misses after which a market is requested alone, with growing pauses.
const MISSES_ALONE: u32 = 3;
/// Reports about one market in closer succession than this concern that market alone. Longer than the longest pause
/// between two of its snapshots.
const ACCUSATION_NS: u64 = 600_000_000_000;
/// Tickers per command on the trade subscription, which brings no snapshots.
const TRADES_CHUNK: usize = 256;

impl FeedStage {
    pub(super) fn mark_stale(&mut self, position: usize) {
        let Some(market) = self.markets.get_mut(position) else { return };
        if market.book == Book::Fresh {
            market.book = Book::Stale;
            self.counters.stale += 1;
            self.owed_status.insert(position);
        }
        if market.decide_fresh {
            self.owed_stale.insert(position);
        }
        if market.book == Book::Stale && market.is_followed() {
            self.wanted.insert(position);
        }
    }

    /// Marks every book of the subscription stale.
    pub(super) fn distrust_books(&mut self) {
        for position in 0..self.markets.capacity() {
            self.mark_stale(position);
        }
    }

    /// No longer expects a snapshot that was requested.
    pub(super) fn unask(&mut self, position: usize) {
        let Some(market) = self.markets.get_mut(position) else { return };
        if matches!(market.book, Book::Asked { .. }) {
            market.book = Book::Stale;
            self.asked -= 1;
            self.mark_stale(position);
        }
    }

    /// `decide` found an impossible level. The first report makes every book of the subscription stale. Further reports
    /// about the same market within [`ACCUSATION_NS`] mean that its snapshots themselves are impossible: it is then
    /// requested alone, with growing pauses, so that one bad market cannot keep all others stale.
    pub(super) fn on_impossible(&mut self, position: usize, now: Now) {
        let Some(market) = self.markets.get_mut(position) else { return };
        let again = market.accused_ns.is_some_and(|since_ns| now.mono_ns.saturating_sub(since_ns) < ACCUSATION_NS);
        market.strikes = if again { market.strikes.saturating_add(1) } else { 0 };
        market.accused_ns = Some(now.mono_ns);
        if again {
            self.mark_stale(position);
            self.postpone(position, now);
        } else {
            self.distrust_books();
        }
    }

    /// Requests the market again after a pause that grows with its failures.
    fn postpone(&mut self, position: usize, now: Now) {
        let Some(market) = self.markets.get_mut(position) else { return };
        let doublings = market.misses.max(market.strikes).min(6);
        let pause_ns = self.config.snapshot_timeout_ns.saturating_mul(1 << doublings);
        market.ask_after_ns = now.mono_ns.saturating_add(pause_ns);
        self.scan_ns = self.scan_ns.min(market.ask_after_ns);
    }

    /// Requests as many snapshots as there are free buffers. Returns whether nothing could be requested for lack of
    /// buffers alone.
    pub(super) fn ask_snapshots(&mut self, now: Now, port: &mut impl FeedPort) -> bool {
        let subscription = self.channels.state(Channel::Book);
        let ready = matches!(subscription, Subscription::Closed | Subscription::Open { .. });
        if self.wanted.is_empty() || !self.link.is_open() || !ready || now.mono_ns < self.commands_after_ns {
            return false;
        }
        // While the ring is full, snapshots would only overflow.
        if self.overflowing || !self.owed_stale.is_empty() {
            return false;
        }
        let wished = self.wanted.len().min(self.config.snapshots_in_flight.saturating_sub(self.asked));
        while self.spares.len() < self.asked + wished
            && let Some(levels) = port.take_levels()
        {
            self.spares.push(levels);
        }
        let free = wished.min(self.spares.len().saturating_sub(self.asked));
        if free == 0 {
            return wished > 0 && self.asked == 0;
        }
        // Prefer a few large commands to one for each snapshot that arrives.
        if self.asked > 0 && free < self.wanted.len().min(self.config.snapshots_in_flight.div_ceil(4)) {
            return false;
        }
        let (added, refreshed) = self.next_chunk(free, now);
        self.request_snapshots(&added, &refreshed, now, port);
        false
    }

    /// Takes up to `room` wanted markets, starting where the last chunk ended: those to be added to the subscription,
    /// and those already on it.
    fn next_chunk(&mut self, room: usize, now: Now) -> (Vec<usize>, Vec<usize>) {
        let (mut added, mut refreshed) = (Vec::new(), Vec::new());
        let begin = self.wanted_cursor;
        let (mut from, mut wrapped) = (begin, false);
        while added.len() + refreshed.len() < room {
            let Some(position) = self.wanted.next_from(from).filter(|&position| !wrapped || position < begin) else {
                if wrapped {
                    break;
                }
                (from, wrapped) = (0, true);
                continue;
            };
            from = position + 1;
            let Some(market) = self.markets.get(position) else { continue };
            if market.ask_after_ns > now.mono_ns {
                self.scan_ns = self.scan_ns.min(market.ask_after_ns);
            } else if self.owed_listing.contains(position) {
                // Not before `decide` knows the market.
            } else if market.on_book {
                refreshed.push(position);
            } else {
                added.push(position);
            }
        }
        self.wanted_cursor = from % self.markets.capacity().max(1);
        (added, refreshed)
    }

    fn request_snapshots(&mut self, added: &[usize], refreshed: &[usize], now: Now, port: &mut impl FeedPort) {
        let sid = self.channels.open_sid(Channel::Book);
        if !added.is_empty() {
            for &position in added {
                if self.markets.get(position).is_some_and(|market| !market.on_trade) {
                    self.wanted_trades.insert(position);
                }
            }
            let params = match sid {
                None => CommandParams {
                    channels: Some(vec![Channel::Book.name().to_owned()]),
                    use_yes_price: Some(false),
                    skip_ticker_ack: Some(true),
                    ..self.tickers(added)
                },
                Some(_) => CommandParams { sid, action: Some("add_markets".to_owned()), ..self.tickers(added) },
            };
            let purpose = if sid.is_none() { Purpose::Subscribe(Channel::Book) } else { Purpose::AddBooks };
            let id = self.send(purpose, params, now, port);
            self.expect_snapshots(added, id, now);
            if sid.is_none() {
                self.channels.set(Channel::Book, Subscription::Opening);
            }
            self.ask_trades(now, port);
        }
        if !refreshed.is_empty() {
            let params = CommandParams { sid, action: Some("get_snapshot".to_owned()), ..self.tickers(refreshed) };
            let id = self.send(Purpose::Snapshots, params, now, port);
            self.expect_snapshots(refreshed, id, now);
        }
    }

    fn expect_snapshots(&mut self, positions: &[usize], command: u64, now: Now) {
        for &position in positions {
            self.wanted.remove(position);
            if let Some(market) = self.markets.get_mut(position) {
                market.book = Book::Asked { command, since_ns: now.mono_ns };
                self.asked += 1;
                self.counters.snapshots_asked += 1;
            }
        }
        self.scan_ns = self.scan_ns.min(now.mono_ns.saturating_add(self.config.snapshot_timeout_ns));
    }

    /// Adds markets to the trade subscription as they join the book subscription.
    pub(super) fn ask_trades(&mut self, now: Now, port: &mut impl FeedPort) {
        let subscription = self.channels.state(Channel::Trade);
        let ready = matches!(subscription, Subscription::Closed | Subscription::Open { .. });
        if self.wanted_trades.is_empty() || !self.link.is_open() || !ready || now.mono_ns < self.commands_after_ns {
            return;
        }
        let mut positions = Vec::new();
        while positions.len() < TRADES_CHUNK
            && let Some(position) = self.wanted_trades.first()
        {
            self.wanted_trades.remove(position);
            if let Some(market) = self.markets.get_mut(position) {
                market.on_trade = true;
                positions.push(position);
            }
        }
        let sid = self.channels.open_sid(Channel::Trade);
        if sid.is_some() {
            let params = CommandParams { sid, action: Some("add_markets".to_owned()), ..self.tickers(&positions) };
            self.send(Purpose::AddTrades, params, now, port);
        } else {
            let params = CommandParams {
                channels: Some(vec![Channel::Trade.name().to_owned()]),
                skip_ticker_ack: Some(true),
                ..self.tickers(&positions)
            };
            self.send(Purpose::Subscribe(Channel::Trade), params, now, port);
            self.channels.set(Channel::Trade, Subscription::Opening);
        }
    }

    pub(super) fn subscribe_lifecycle(&mut self, now: Now, port: &mut impl FeedPort) {
        let channels = Some(vec![Channel::Lifecycle.name().to_owned()]);
        let params = CommandParams { channels, skip_ticker_ack: Some(true), ..CommandParams::default() };
        self.send(Purpose::Subscribe(Channel::Lifecycle), params, now, port);
        self.channels.set(Channel::Lifecycle, Subscription::Opening);
    }

    /// Ends the book subscription. Once that is acknowledged, its markets are subscribed again under a new sid.
    fn resubscribe_books(&mut self, now: Now, port: &mut impl FeedPort) {
        let Some(sid) = self.channels.open_sid(Channel::Book) else { return };
        self.counters.resubscriptions += 1;
        let params = CommandParams { sids: Some(vec![sid]), ..CommandParams::default() };
        self.send(Purpose::Unsubscribe(Channel::Book), params, now, port);
        self.forget_book_subscription();
        self.channels.set(Channel::Book, Subscription::Closing { sid });
    }

    /// Checks for overdue snapshots and acknowledgements.
    pub(super) fn scan(&mut self, now: Now, port: &mut impl FeedPort) {
        let due_ns = |since_ns: u64, timeout_ns: u64| since_ns.saturating_add(timeout_ns);
        let mut remedy = 0;
        let mut next_ns = NEVER_NS;
        for position in 0..self.markets.capacity() {
            let Some(market) = self.markets.get(position) else { continue };
            if let Book::Asked { since_ns, .. } = market.book {
                let deadline_ns = due_ns(since_ns, self.config.snapshot_timeout_ns);
                if now.mono_ns < deadline_ns {
                    next_ns = next_ns.min(deadline_ns);
                } else {
                    self.counters.snapshot_timeouts += 1;
                    remedy = remedy.max(self.miss(position, now));
                }
            } else if market.ask_after_ns > now.mono_ns {
                next_ns = next_ns.min(market.ask_after_ns);
            }
        }
        if self.commands_after_ns > now.mono_ns {
            next_ns = next_ns.min(self.commands_after_ns);
        }
        let acknowledgement = self.channels.oldest_unacknowledged_ns();
        let acknowledgement_ns = acknowledgement.map_or(NEVER_NS, |sent| due_ns(sent, self.config.ack_timeout_ns));
        self.scan_ns = next_ns.min(acknowledgement_ns);
        if now.mono_ns >= acknowledgement_ns {
            self.counters.ack_timeouts += 1;
            self.scan_ns = next_ns;
            self.reconnect("public connection: a command was not acknowledged in time".to_owned(), now, port);
        } else {
            self.remedy(remedy, now, port);
        }
    }

    /// A snapshot did not come. Returns the remedy called for: 0 none, 1 resubscription, 2 reconnection.
    pub(super) fn miss(&mut self, position: usize, now: Now) -> u32 {
        self.unask(position);
        let Some(market) = self.markets.get_mut(position) else { return 0 };
        market.misses = market.misses.saturating_add(1);
        if market.misses < MISSES_ALONE {
            return market.misses;
        }
        self.postpone(position, now);
        0
    }

    /// Applies the remedy that failed snapshots call for.
    pub(super) fn remedy(&mut self, strength: u32, now: Now, port: &mut impl FeedPort) {
        match strength {
            0 => {}
            1 => self.resubscribe_books(now, port),
            _ => self.reconnect("public connection: snapshots did not come".to_owned(), now, port),
        }
    }

    /// No longer expects the snapshots of a refused command.
    pub(super) fn give_back(&mut self, command: u64) {
        for position in 0..self.markets.capacity() {
            if self.asked_by(position, command) {
                self.unask(position);
            }
        }
    }

    /// Whether a market waits for the snapshot requested by this command.
    pub(super) fn asked_by(&self, position: usize, command: u64) -> bool {
        self.markets
            .get(position)
            .is_some_and(|market| matches!(market.book, Book::Asked { command: by, .. } if by == command))
    }

    pub(super) fn tickers(&self, positions: &[usize]) -> CommandParams {
        let tickers = positions.iter().filter_map(|&position| self.markets.get(position));
        let tickers = tickers.map(|market| market.listing.ticker.as_str().to_owned()).collect();
        CommandParams { market_tickers: Some(tickers), ..CommandParams::default() }
    }

    pub(super) fn send(&mut self, purpose: Purpose, params: CommandParams, now: Now, port: &mut impl FeedPort) -> u64 {
        let (id, text) = self.channels.command(purpose, params, now.mono_ns);
        port.tell(FeedEffect::Socket(SocketOutput::Send(self.link.connection(), &text)));
        if purpose != Purpose::Snapshots {
            self.scan_ns = self.scan_ns.min(now.mono_ns.saturating_add(self.config.ack_timeout_ns));
        }
        id
    }
}
