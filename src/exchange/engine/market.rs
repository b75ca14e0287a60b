//! One market: its terms, its state and its book.

use std::collections::VecDeque;
use std::sync::Arc;

use super::book::Book;
use super::{MarketSpec, MarketState, TradeRecord};
use crate::exchange::recorded::{RecordedBook, RecordedFaults};
use crate::market::{BookSide, Count, FeeSchedule, Grid, Price};

/// How many trades are kept per market.
const TRADES_KEPT: usize = 10_000;

/// A listed market. Its public methods show what anyone may read.
#[derive(Debug)]
pub struct Market {
    pub(super) spec: MarketSpec,
    pub(super) state: MarketState,
    /// The fees of a fill now.
    pub(super) fees_now: FeeSchedule,
    /// The highest known fees of any fill from now on.
    pub(super) fees_ahead: FeeSchedule,
    pub(super) book: Book,
    /// The recorded side of the book, for a recorded market.
    pub(super) recorded: Option<RecordedBook>,
    pub(super) clock: u64,
    /// The time of the last published change. A recorded step, which is known late, is never dated before it.
    pub(super) published_ms: i64,
    /// The command that last moved the clock.
    pub(super) clock_command: u64,
    pub(super) trades: VecDeque<TradeRecord>,
    pub(super) last_price: Option<Price>,
    pub(super) volume: Count,
    pub(super) open_interest: Count,
    /// Every holding that ever existed here, in order.
    pub(super) holdings: Vec<u32>,
}

impl Market {
    pub(super) fn new(spec: MarketSpec, grid: Arc<Grid>) -> Self {
        Self {
            recorded: spec.recorded.then(|| RecordedBook::new(&grid)),
            spec,
            state: MarketState::Initialized,
            fees_now: FeeSchedule::FREE,
            fees_ahead: FeeSchedule::FREE,
            book: Book::new(grid),
            clock: 0,
            published_ms: i64::MIN,
            clock_command: 0,
            trades: VecDeque::new(),
            last_price: None,
            volume: Count::ZERO,
            open_interest: Count::ZERO,
            holdings: Vec::new(),
        }
    }

    /// Looks up the present fees; called when the market is listed and when its fees change.
    pub(super) fn note_fees(&mut self, now_ms: i64) {
        self.fees_now = self.spec.fees.at(now_ms);
        self.fees_ahead = self.spec.fees.dearest_from(now_ms);
    }

    pub(super) fn remember(&mut self, trade: TradeRecord) {
        if self.trades.len() == TRADES_KEPT {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
        self.last_price = Some(trade.price);
        self.volume += trade.count;
    }

    /// The published size of a level: that of orders, and what a recording has available.
    pub(super) fn published(&self, side: BookSide, level: usize) -> Count {
        let recorded = self.recorded.as_ref().map_or(Count::ZERO, |recorded| recorded.available(side, level));
        self.book.total_at(side, level) + recorded
    }

    /// The best published price of a side.
    pub(super) fn best_level(&self, side: BookSide) -> Option<usize> {
        let resting = self.book.best(side);
        let recorded = self.recorded.as_ref().and_then(|recorded| recorded.best(side));
        match (resting, recorded) {
            (Some(one), Some(other)) if side == BookSide::Bid => Some(one.max(other)),
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// What an order on side `taker` could trade with within its limit.
    pub(super) fn volume_within(&self, taker: BookSide, limit: usize) -> Count {
        let recorded = self.recorded.as_ref().map_or(Count::ZERO, |recorded| recorded.volume_within(taker, limit));
        self.book.volume_within(taker, limit) + recorded
    }

    /// Inconsistencies in the recording of this market; `None` if the market is not recorded.
    pub fn recorded_faults(&self) -> Option<RecordedFaults> {
        self.recorded.as_ref().map(RecordedBook::faults)
    }

    /// Its terms, with the close as last moved.
    pub fn spec(&self) -> &MarketSpec {
        &self.spec
    }

    /// Where it is in its life cycle.
    pub fn state(&self) -> MarketState {
        self.state
    }

    /// Its tick grid.
    pub fn grid(&self) -> &Grid {
        self.book.grid()
    }

    /// The number that increases with every command that changes its book; 0 before the first.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// The YES price of the last trade, if there was one.
    pub fn last_price(&self) -> Option<Price> {
        self.last_price
    }

    /// The number of contracts traded.
    pub fn volume(&self) -> Count {
        self.volume
    }

    /// The number of outstanding pairs of a YES and a NO contract.
    pub fn open_interest(&self) -> Count {
        self.open_interest
    }
}
