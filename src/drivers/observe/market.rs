//! One market of a recording: its book and history, from the events of the feed stage.

use std::sync::Arc;

use crate::book::{Book, BookError, CROSSED_GRACE_MS, Crossing};
use crate::decide::observation::PointHistory;
use crate::decide::observation::obs52::POINTS;
use crate::market::{BookLevels, Grid};
use crate::messages::{BookEvent, NO_TIME_MS};

/// A change of a book, from the feed stage.
pub(super) struct Change<'a> {
    pub(super) event: &'a BookEvent,
    /// The levels of a snapshot; `None` for a delta.
    pub(super) levels: Option<&'a BookLevels>,
}

/// The result of a change.
pub(super) enum State {
    /// The book can be observed.
    Shown,
    /// The book is crossed or locked. `is_first` says that this is the first such state of its instant.
    Crossed { is_first: bool },
}

pub(super) struct ObservedMarket {
    pub(super) book: Book,
    pub(super) points: PointHistory,
    /// The time of the book's newest change.
    pub(super) time_ms: i64,
    /// The newest time of its frames, whether they were applied or not.
    pub(super) newest_ms: i64,
    /// The part of the subscription in which its snapshot came.
    pub(super) stretch: Option<u64>,
    /// Since when the book is stale; `None` while it is fresh.
    pub(super) stale_since_ms: Option<i64>,
    crossing: Crossing,
}

impl ObservedMarket {
    pub(super) fn new(grid: Arc<Grid>, point_ms: u64, time_ms: i64) -> Self {
        Self {
            book: Book::new(grid),
            points: PointHistory::new(point_ms, POINTS),
            time_ms,
            newest_ms: time_ms,
            stretch: None,
            stale_since_ms: Some(time_ms),
            crossing: Crossing::default(),
        }
    }

    /// Applies a change that was received at this time. After an error the book is stale.
    pub(super) fn apply(&mut self, change: &Change<'_>, received_ms: Option<u64>) -> Result<State, BookError> {
        let Change { event, levels } = *change;
        self.time_ms = event.time_ms;
        let exchange_ms = Some(event.exchange_ms).filter(|time_ms| *time_ms != NO_TIME_MS);
        let applied = match levels {
            Some(levels) => self.snapshot(levels, exchange_ms),
            None if self.stays_crossed(exchange_ms, received_ms) => Err(self.book.stays_crossed()),
            None => self.book.apply_delta(event.side, event.price, event.change),
        };
        if let Err(error) = applied {
            self.stale_since_ms = Some(self.time_ms);
            return Err(error);
        }
        let is_crossed = self.book.is_crossed();
        let until_ms = received_ms.map_or(u64::MAX, |received_ms| received_ms.saturating_add(CROSSED_GRACE_MS));
        let is_first = self.crossing.follow(is_crossed, exchange_ms, until_ms);
        if is_crossed {
            return Ok(State::Crossed { is_first });
        }
        self.points.record(&self.book, self.time_ms);
        Ok(State::Shown)
    }

    /// Whether the book is still crossed after its instant when the next delta comes.
    fn stays_crossed(&self, exchange_ms: Option<i64>, received_ms: Option<u64>) -> bool {
        let has_waited = exchange_ms.is_none() && self.crossing.deadline() <= received_ms;
        self.crossing.outlasts(exchange_ms) || (self.crossing.is_open() && has_waited)
    }

    fn snapshot(&mut self, levels: &BookLevels, exchange_ms: Option<i64>) -> Result<(), BookError> {
        self.crossing.replace(exchange_ms);
        self.book.apply_snapshot(levels)?;
        if let Some(since_ms) = self.stale_since_ms.take() {
            self.points.after_stale_spell(since_ms, self.time_ms);
        }
        Ok(())
    }
}
