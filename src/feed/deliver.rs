//! Delivers to the other stages what they must be told, and keeps it while their rings are full.

use super::markets::Book;
use super::stage::FeedStage;
use crate::clock::{NEVER_NS, Now};
use crate::market::{Count, MarketKey, Outcome, Price};
use crate::messages::{BookEvent, BookEventKind, FeedToDecide, FeedToExecute, MarketStatus, NO_TIME_MS};
use crate::ports::{FeedEffect, FeedMessage, FeedPort, Refused};

/// An event that was not caused by a frame.
fn notice(market: MarketKey, kind: BookEventKind, time_ms: i64, clock: u64) -> BookEvent {
    BookEvent {
        market,
        kind,
        side: Outcome::Yes,
        price: Price::ZERO,
        change: Count::ZERO,
        time_ms,
        exchange_ms: NO_TIME_MS,
        clock,
        seq: 0,
        read_ns: 0,
        parsed_ns: 0,
    }
}

/// Sends an event without a snapshot to `decide`.
#[inline]
pub(super) fn push_event(event: BookEvent, port: &mut impl FeedPort) -> Result<(), Refused> {
    port.push(FeedMessage::Decide(FeedToDecide::Event(event)))
}

impl FeedStage {
    /// Called at the end of every input: delivers what is owed, requests the snapshots that are needed, and arms the
    /// retry for the rest.
    pub(super) fn settle(&mut self, now: Now, port: &mut impl FeedPort) {
        self.flush_stale(now, port);
        self.flush_statuses(now, port);
        self.flush_delistings(now, port);
        self.flush_listings(now, port);
        self.ask_trades(now, port);
        let no_buffer = self.ask_snapshots(now, port);
        let owes = self.overflowing
            || no_buffer
            || !(self.owed_listing.is_empty()
                && self.owed_stale.is_empty()
                && self.owed_status.is_empty()
                && self.owed_delisting.is_empty());
        self.retry_at_ns = if owes { now.mono_ns.saturating_add(self.config.retry_ns) } else { NEVER_NS };
    }

    /// An event of this market did not reach `decide`, which must not decide until it has been told.
    pub(super) fn lost(&mut self, position: usize, port: &mut impl FeedPort) {
        self.mark_stale(position);
        self.owed_stale.insert(position);
        self.raise_overflow(port);
    }

    fn raise_overflow(&mut self, port: &mut impl FeedPort) {
        if !self.overflowing {
            self.overflowing = true;
            self.epoch += 1;
            self.counters.overflow_epochs += 1;
            port.tell(FeedEffect::Overflow(self.epoch));
        }
    }

    /// The time of a notice about a market, which is that of its newest frame.
    fn notice_time_ms(&self, position: usize, now: Now) -> i64 {
        self.markets.get(position).and_then(|market| market.time_ms).unwrap_or(now.session_ms)
    }

    pub(super) fn flush_listings(&mut self, now: Now, port: &mut impl FeedPort) {
        while let Some(position) = self.owed_listing.first() {
            let time_ms = self.notice_time_ms(position, now);
            let Some(market) = self.markets.get(position) else {
                self.owed_listing.remove(position);
                continue;
            };
            let event = notice(market.listing.market, BookEventKind::Listed, time_ms, 0);
            if port.push(FeedMessage::Decide(FeedToDecide::Listed(event, market.listing))).is_err() {
                return;
            }
            self.owed_listing.remove(position);
        }
    }

    fn flush_stale(&mut self, now: Now, port: &mut impl FeedPort) {
        while let Some(position) = self.owed_stale.first() {
            let time_ms = self.notice_time_ms(position, now);
            if let Some(market) = self.markets.get_mut(position) {
                if push_event(notice(market.listing.market, BookEventKind::Stale, time_ms, 0), port).is_err() {
                    self.raise_overflow(port);
                    return;
                }
                market.decide_fresh = false;
            }
            self.owed_stale.remove(position);
        }
        if self.overflowing {
            let event = notice(MarketKey::default(), BookEventKind::EpochCleared, now.session_ms, self.epoch);
            self.overflowing = push_event(event, port).is_err();
        }
    }

    fn flush_statuses(&mut self, now: Now, port: &mut impl FeedPort) {
        while let Some(position) = self.owed_status.first() {
            if let Some(market) = self.markets.get(position) {
                let status = MarketStatus {
                    market: market.listing.market,
                    phase: market.phase,
                    fresh: market.book == Book::Fresh,
                    settlement: market.settlement,
                    close_time_ms: market.listing.close_time_ms,
                    fee_override: market.fee_override,
                    time_ms: now.session_ms,
                    bands: market.listing.bands,
                };
                if port.push(FeedMessage::Execute(FeedToExecute::Status(status))).is_err() {
                    return;
                }
            }
            self.owed_status.remove(position);
        }
    }

    /// Delists markets whose last status has been delivered.
    fn flush_delistings(&mut self, now: Now, port: &mut impl FeedPort) {
        while let Some(position) = self.owed_delisting.first() {
            if self.owed_status.contains(position) {
                return;
            }
            let time_ms = self.notice_time_ms(position, now);
            if let Some(market) = self.markets.get(position)
                && push_event(notice(market.listing.market, BookEventKind::Delisted, time_ms, 0), port).is_err()
            {
                return;
            }
            self.forget_market(position);
        }
    }
}
