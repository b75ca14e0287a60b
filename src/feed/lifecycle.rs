//! The phases of a market, which change by life-cycle frames, by periodic REST reads, or at known times.

use super::channels::{Channel, Purpose};
use super::markets::Book;
use super::stage::FeedStage;
use crate::clock::Now;
use crate::market::{Band, FeeSchedule, GridBands, Price};
use crate::messages::{FeeOverride, Listing, Phase};
use crate::ports::FeedPort;
use crate::wire::command::CommandParams;
use crate::wire::frame::{EventFees, Lifecycle, LifecycleEvent};
use crate::wire::markets::PriceRange;
use crate::wire::time::is_writable;

/// How long a frame with unknown fees pauses a market, in session milliseconds. By then the lists of fee changes have
/// been read more than once, and those reads determine whether it stays paused.
const FEES_UNKNOWN_MS: i64 = 60_000;

impl FeedStage {
    pub(super) fn on_lifecycle(&mut self, lifecycle: &Lifecycle<'_>, now: Now) {
        // The channel carries every market of the exchange.
        let Some(position) = self.markets.find(lifecycle.ticker) else { return };
        self.counters.lifecycle += 1;
        if let Some(market) = self.markets.get_mut(position) {
            market.told_ms = now.session_ms;
        }
        match &lifecycle.event {
            LifecycleEvent::Activated => self.on_activated(position, now),
            LifecycleEvent::Deactivated => self.enter(position, Phase::Paused),
            LifecycleEvent::CloseDateUpdated { close_ts } => self.on_close_moved(position, *close_ts),
            LifecycleEvent::Determined { settlement_value } => self.on_determined(position, *settlement_value, now),
            LifecycleEvent::PriceLevelStructureUpdated { price_ranges } => self.on_new_grid(position, price_ranges),
            LifecycleEvent::Settled | LifecycleEvent::Created { .. } | LifecycleEvent::Other => {}
        }
        self.note_phase_change(position);
    }

    /// Applies a new read of the market, for changes whose life-cycle frames were lost or came before the subscription.
    pub(super) fn relist(&mut self, position: usize, listing: &Listing, now: Now) {
        let Some(market) = self.markets.get_mut(position) else { return };
        let known_better = now.session_ms.saturating_sub(i64::from(listing.age_ms)) < market.told_ms;
        if known_better || planted!(MarketsReadOnce) {
            return;
        }
        let regridded = market.listing.bands != listing.bands;
        if market.listing.close_time_ms != listing.close_time_ms || regridded {
            self.owed_status.insert(position);
            self.owed_listing.insert(position);
        }
        market.listing = Listing { phase: market.listing.phase, ..*listing };
        if regridded {
            // `decide` gets the book from a snapshot.
            self.mark_stale(position);
        }
        match listing.phase {
            Phase::Open => self.on_activated(position, now),
            Phase::Listed | Phase::Paused if now.session_ms < listing.close_time_ms => {
                self.enter(position, listing.phase);
            }
            Phase::Listed | Phase::Paused => (),
            // The result comes with a frame, or with the settlement.
            Phase::Closed | Phase::Determined => self.end(position, now),
        }
        self.note_phase_change(position);
    }

    /// The market takes no more orders.
    fn end(&mut self, position: usize, now: Now) {
        let Some(market) = self.markets.get_mut(position) else { return };
        if !matches!(market.phase, Phase::Closed | Phase::Determined) {
            market.ended_ms = Some(now.session_ms);
            self.enter(position, Phase::Closed);
        }
    }

    fn enter(&mut self, position: usize, phase: Phase) {
        let Some(market) = self.markets.get_mut(position) else { return };
        if market.phase != phase && market.phase != Phase::Determined {
            market.phase = phase;
            self.owed_status.insert(position);
        }
    }

    /// An event's override of its series' fees began or ended. If the formula is unknown, the event's markets are
    /// paused, since the cost of an order cannot be reserved.
    pub(super) fn on_event_fees(&mut self, fees: &EventFees<'_>, from_ms: i64, now: Now) {
        let of_event = self.markets.iter().filter(|(_, market)| market.listing.event_name() == Some(fees.event_ticker));
        let positions: Vec<usize> = of_event.map(|(position, _)| position).collect();
        for position in positions {
            self.counters.lifecycle += 1;
            let Some(market) = self.markets.get_mut(position) else { continue };
            // A delayed frame must not replace a newer one that overtook it.
            if market.fee_override.is_some_and(|known| known.from_ms > from_ms) {
                continue;
            }
            match &fees.schedule {
                Some(Err(reason)) => {
                    market.fees_unknown_ms = Some(now.session_ms);
                    self.problem(format!("event {}: {reason}; its markets are paused", fees.event_ticker));
                    if self.markets.get(position).is_some_and(|market| market.phase == Phase::Open) {
                        self.enter(position, Phase::Paused);
                    }
                }
                Some(Ok(schedule)) => self.override_fees(position, from_ms, Some(*schedule)),
                None => self.override_fees(position, from_ms, None),
            }
        }
    }

    fn override_fees(&mut self, position: usize, from_ms: i64, schedule: Option<FeeSchedule>) {
        let Some(market) = self.markets.get_mut(position) else { return };
        // If unknown fees had paused the market, the next read resumes it.
        market.fees_unknown_ms = None;
        market.fee_override = Some(FeeOverride { from_ms, schedule });
        self.owed_status.insert(position);
    }

    /// A paused market resumes, or a closed one reopens because its close was moved.
    fn on_activated(&mut self, position: usize, now: Now) {
        let Some(market) = self.markets.get_mut(position) else { return };
        if now.session_ms < market.listing.close_time_ms && market.phase != Phase::Determined {
            market.ended_ms = None;
            market.followed = true;
            let unknown_until = market.fees_unknown_ms.map(|told_ms| told_ms.saturating_add(FEES_UNKNOWN_MS));
            let unknown = unknown_until.is_some_and(|until_ms| now.session_ms < until_ms);
            if market.listing.phase == Phase::Closed {
                // `decide` was told so with the listing, and is told of no later phase.
                market.listing.phase = Phase::Open;
                self.owed_listing.insert(position);
                self.mark_stale(position);
            }
            self.enter(position, if unknown { Phase::Paused } else { Phase::Open });
            self.mark_stale_if_unfollowed(position);
        }
    }

    /// Resubscribes a market that had been removed from the book subscription while closed.
    fn mark_stale_if_unfollowed(&mut self, position: usize) {
        if self.markets.get(position).is_some_and(|market| market.book == Book::Stale) {
            self.mark_stale(position);
        }
    }

    /// Removes a market whose position is needed for another one.
    pub(super) fn evict(&mut self, position: usize, now: Now, port: &mut impl FeedPort) {
        let Some(market) = self.markets.get_mut(position) else { return };
        market.evicted = true;
        if market.leaving.is_none() {
            self.unsubscribe(&[position], now, port);
        }
    }

    fn on_close_moved(&mut self, position: usize, close_ts: i64) {
        let Some(market) = self.markets.get_mut(position) else { return };
        let close_ms = close_ts.saturating_mul(1_000);
        if !is_writable(close_ms) {
            let ticker = market.listing.ticker;
            return self.problem(format!("market {ticker}: a close at {close_ts} s was ignored: it is not a date"));
        }
        market.listing.close_time_ms = close_ms;
        self.owed_status.insert(position);
        self.owed_listing.insert(position);
    }

    fn on_determined(&mut self, position: usize, settlement: Price, now: Now) {
        let Some(market) = self.markets.get_mut(position) else { return };
        market.settlement = Some(settlement);
        market.phase = Phase::Determined;
        market.ended_ms = Some(now.session_ms);
        self.owed_status.insert(position);
        self.wanted.remove(position);
    }

    /// The tick grid changed: the market is listed again with `decide`, and its book comes from a snapshot.
    fn on_new_grid(&mut self, position: usize, ranges: &[PriceRange]) {
        let bands: Vec<Band> = ranges.iter().map(|&range| range.into()).collect();
        let Some(market) = self.markets.get_mut(position) else { return };
        match GridBands::new(&bands) {
            Ok(bands) => {
                market.listing.bands = bands;
                self.owed_listing.insert(position);
                self.owed_status.insert(position);
                self.mark_stale(position);
            }
            Err(error) => {
                let text =
                    format!("market {}: new tick grid refused, the market is paused: {error}", market.listing.ticker);
                self.counters.bad_grids += 1;
                self.problem(text);
                self.enter(position, Phase::Paused);
            }
        }
    }

    /// The session time at which a market's phase next changes by itself.
    fn next_phase_ms(&self, position: usize) -> i64 {
        let Some(market) = self.markets.get(position) else { return i64::MAX };
        let ended_ms = market.ended_ms.unwrap_or(i64::MAX);
        match market.phase {
            Phase::Listed | Phase::Open | Phase::Paused => market.listing.close_time_ms,
            _ if market.leaving.is_some() || self.owed_delisting.contains(position) => i64::MAX,
            Phase::Determined => ended_ms.saturating_add(self.config.determined_linger_ms),
            Phase::Closed if market.on_book => ended_ms.saturating_add(self.config.closed_linger_ms),
            Phase::Closed => i64::MAX,
        }
    }

    /// Keeps the phase timer at or before every market's next change.
    pub(super) fn note_phase_change(&mut self, position: usize) {
        if let Some(market) = self.markets.get_mut(position)
            && matches!(market.phase, Phase::Closed | Phase::Determined)
            && market.ended_ms.is_none()
        {
            market.ended_ms = Some(market.listing.close_time_ms);
        }
        self.phase_ms = self.phase_ms.min(self.next_phase_ms(position));
    }

    /// Closes markets that are due, and unsubscribes those that ended long enough ago.
    pub(super) fn advance_phases(&mut self, now: Now, port: &mut impl FeedPort) {
        let mut leaving = Vec::new();
        for position in 0..self.markets.capacity() {
            if self.next_phase_ms(position) > now.session_ms {
                continue;
            }
            let Some(market) = self.markets.get_mut(position) else { continue };
            match market.phase {
                Phase::Listed | Phase::Open | Phase::Paused => self.end(position, now),
                Phase::Closed | Phase::Determined => leaving.push(position),
            }
        }
        if !leaving.is_empty() {
            self.unsubscribe(&leaving, now, port);
        }
        self.phase_ms =
            (0..self.markets.capacity()).map(|position| self.next_phase_ms(position)).min().unwrap_or(i64::MAX);
    }

    /// Removes markets from the subscriptions. They stay in the table until the exchange has acknowledged that, since
    /// earlier frames may still arrive.
    fn unsubscribe(&mut self, positions: &[usize], now: Now, port: &mut impl FeedPort) {
        let delete = |sid| CommandParams {
            sid: Some(sid),
            action: Some("delete_markets".to_owned()),
            ..CommandParams::default()
        };
        let traded: Vec<_> = positions
            .iter()
            .copied()
            .filter(|&position| {
                self.markets.get_mut(position).is_some_and(|market| std::mem::take(&mut market.on_trade))
            })
            .collect();
        if let Some(sid) = self.channels.open_sid(Channel::Trade)
            && !traded.is_empty()
        {
            let params = CommandParams { market_tickers: self.tickers(&traded).market_tickers, ..delete(sid) };
            self.send(Purpose::DeleteTrades, params, now, port);
        }
        let (on_book, mut off_book): (Vec<_>, Vec<_>) = positions.iter().copied().partition(|&position| {
            self.markets.get(position).is_some_and(|market| market.on_book || matches!(market.book, Book::Asked { .. }))
        });
        match self.channels.open_sid(Channel::Book) {
            Some(sid) if !on_book.is_empty() => {
                let params = CommandParams { market_tickers: self.tickers(&on_book).market_tickers, ..delete(sid) };
                let id = self.send(Purpose::DeleteBooks, params, now, port);
                for position in on_book {
                    self.unask(position);
                    self.wanted.remove(position);
                    if let Some(market) = self.markets.get_mut(position) {
                        market.leaving = Some(id);
                    }
                }
            }
            _ => off_book.extend(on_book),
        }
        for position in off_book {
            self.finish_leaving(position);
        }
    }

    /// The exchange has removed the markets of a command from the book subscription.
    pub(super) fn left_book(&mut self, command: u64) {
        for position in 0..self.markets.capacity() {
            if self.markets.get(position).is_some_and(|market| market.leaving == Some(command)) {
                self.finish_leaving(position);
            }
        }
    }

    /// A market's book is no longer subscribed: a determined market is delisted, a closed one waits for its result.
    pub(super) fn finish_leaving(&mut self, position: usize) {
        self.unask(position);
        self.mark_stale(position);
        self.wanted.remove(position);
        self.wanted_trades.remove(position);
        let Some(market) = self.markets.get_mut(position) else { return };
        market.leaving = None;
        market.on_book = false;
        market.followed = false;
        if market.evicted || market.phase == Phase::Determined {
            self.owed_delisting.insert(position);
        }
    }
}
