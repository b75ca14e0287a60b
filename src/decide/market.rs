//! One market as the decide stage sees it: its book, whether the book is fresh, its points and its decision times.

use serde::{Deserialize, Serialize};

use crate::book::{Book, Crossing};
use crate::clock::Now;
use crate::market::{MarketKey, Ticker};
use crate::messages::{BookEvent, Listing, Phase, ResyncReason};

use super::observation::PointHistory;
use super::queue::QueuePlace;
use super::trades::Trades;

/// Whether decisions may be taken on a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Trust {
    /// No snapshot has come yet.
    Awaiting,
    /// Correct as of the last frame.
    Fresh,
    /// Stale since this session time.
    Stale { since_ms: i64 },
}

/// A request for a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resync {
    pub(super) reason: ResyncReason,
    /// When to send or repeat the request, in monotonic nanoseconds.
    pub(super) due_ns: u64,
}

/// The state of one market.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Market {
    pub(super) key: MarketKey,
    pub(super) ticker: Ticker,
    pub(super) traded: bool,
    pub(super) phase: Phase,
    pub(super) close_time_ms: i64,
    pub(super) book: Book,
    /// Whether the book is crossed, and for how long that is tolerated.
    pub(super) crossing: Crossing,
    pub(super) points: PointHistory,
    /// The trades since the last decision.
    pub(super) trades: Trades,
    /// The queue position of our open order.
    pub(super) place: QueuePlace,
    pub(super) trust: Trust,
    pub(super) resync: Option<Resync>,
    /// The time of the newest frame, in session milliseconds. It never decreases.
    pub(super) time_ms: i64,
    /// The start of the next decision bucket, in session milliseconds.
    next_bucket_ms: i64,
    /// When the oldest frame since the last decision was read, in monotonic nanoseconds; 0 if there was none.
    pub(super) oldest_read_ns: u64,
    pub(super) newest_read_ns: u64,
}

impl Market {
    pub(super) fn new(listing: &Listing, book: Book, points: PointHistory) -> Self {
        Self {
            key: listing.market,
            ticker: listing.ticker,
            traded: listing.traded,
            phase: listing.phase,
            close_time_ms: listing.close_time_ms,
            book,
            crossing: Crossing::default(),
            points,
            trades: Trades::new(),
            place: QueuePlace::default(),
            trust: Trust::Awaiting,
            resync: None,
            time_ms: i64::MIN,
            next_bucket_ms: i64::MIN,
            oldest_read_ns: 0,
            newest_read_ns: 0,
        }
    }

    /// Advances to a frame's time and returns whether the frame is the first in a new bucket of `decide_ms` (always, if
    /// that is 0).
    #[inline]
    pub(super) fn enter_bucket(&mut self, time_ms: i64, decide_ms: i64) -> bool {
        self.time_ms = self.time_ms.max(time_ms);
        if decide_ms == 0 {
            return true;
        }
        let entered = self.time_ms >= self.next_bucket_ms;
        if entered {
            self.next_bucket_ms = self.time_ms.div_euclid(decide_ms).saturating_add(1).saturating_mul(decide_ms);
        }
        entered
    }

    /// Records the book's state after a frame as a point of its history, unless the book is crossed.
    #[inline]
    pub(super) fn record(&mut self, event: &BookEvent) {
        if !self.crossing.is_open() {
            self.points.record(&self.book, self.time_ms.max(event.time_ms));
        }
        if self.oldest_read_ns == 0 {
            self.oldest_read_ns = event.read_ns;
        }
        self.newest_read_ns = event.read_ns;
    }

    /// The mid of the book; `None` if a side is empty or the book is crossed.
    pub(super) fn mid2(&self) -> Option<i64> {
        if self.book.is_crossed() { self.points.current().and_then(|point| point.mid2) } else { self.book.mid2() }
    }

    /// Marks the book stale. Frames from before this no longer lead to a decision.
    pub(super) fn distrust(&mut self, now: Now) {
        if self.trust == Trust::Fresh {
            self.trust = Trust::Stale { since_ms: now.session_ms };
        }
        self.crossing = Crossing::default();
        self.oldest_read_ns = 0;
    }

    /// Marks the book fresh after a snapshot.
    pub(super) fn refresh(&mut self, now: Now) {
        if let Trust::Stale { since_ms } = self.trust {
            // By the session clock, since a snapshot may have no time of its own, and the last frame may have come long
            // before the book became stale.
            self.points.after_stale_spell(since_ms, now.session_ms);
        }
        self.trust = Trust::Fresh;
        self.resync = None;
    }

    pub(super) fn closed(&self) -> bool {
        matches!(self.phase, Phase::Closed | Phase::Determined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{EventKey, FeeSchedule, Grid, GridBands};

    fn market() -> Market {
        let listing = Listing {
            close_time_ms: 0,
            age_ms: 0,
            event: EventKey::default(),
            exclusive: false,
            market: MarketKey::default(),
            fees: FeeSchedule::QUADRATIC,
            event_length: 5,
            exchange_index: 0,
            phase: Phase::Open,
            traded: true,
            ticker: Ticker::new("KXTEST-1").unwrap(),
            bands: GridBands::cents(),
        };
        Market::new(&listing, Book::new(Grid::new(GridBands::cents())), PointHistory::new(1, 10))
    }

    #[test]
    fn only_the_first_frame_of_a_bucket_enters_it() {
        let mut market = market();
        let entered: Vec<bool> =
            [1_000, 1_001, 1_249, 1_250, 1_200, 1_499, 9_999].map(|time_ms| market.enter_bucket(time_ms, 250)).into();
        assert_eq!(entered, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn without_a_bucket_width_every_frame_is_one() {
        let mut market = market();
        assert!((0..5).all(|_| market.enter_bucket(1_000, 0)));
    }
}
