//! Turns recorded steps into records: the trades of each step, and its changes of the market's recorded book.

use std::sync::Arc;

use super::{PreparedMarket, Record};
use crate::exchange::engine::own_price;
use crate::exchange::recorded::{AvailableChange, Entry, Playback, RecordedBook, SessionMarket};
use crate::exchange::recordings::Recording;
use crate::market::Grid;

/// Recorded markets that are being merged into one stream.
pub(super) struct Flattener {
    playback: Playback,
    markets: Vec<Flattened>,
    changes: Vec<AvailableChange>,
}

struct Flattened {
    terms: SessionMarket,
    grid: Arc<Grid>,
    book: RecordedBook,
    frames: u64,
    trades: u64,
}

impl Flattener {
    pub(super) fn new(recordings: Vec<Recording>) -> Self {
        let (mut markets, mut steps) = (Vec::with_capacity(recordings.len()), Vec::with_capacity(recordings.len()));
        for recording in recordings {
            let grid = Grid::new(recording.terms.spec.bands);
            let book = RecordedBook::new(&grid);
            markets.push(Flattened { terms: recording.terms, grid, book, frames: 0, trades: 0 });
            steps.push(recording.steps);
        }
        Self { playback: Playback::new(steps), markets, changes: Vec::new() }
    }

    /// Appends the records of the next step. Returns false if there is none.
    pub(super) fn next(&mut self, records: &mut Vec<Record>) -> bool {
        let Some((number, step)) = self.playback.pop_due(i64::MAX) else { return false };
        let market = u16::try_from(number).expect("a larger number of markets was rejected before");
        let Flattened { grid, book, frames, trades, .. } = &mut self.markets[number];
        for entry in &step.entries {
            book.apply(grid, entry);
        }
        book.cap();
        book.finish(&mut self.changes);

        let wait_ms = u16::try_from(step.complete_ms.saturating_sub(step.ts_ms)).unwrap_or(0);
        let mut left = step.entries.len();
        *frames += left as u64;
        loop {
            let some = u16::try_from(left).unwrap_or(u16::MAX);
            records.push(Record::Step { market, ts_ms: step.ts_ms, wait_ms, frames: some });
            left -= usize::from(some);
            if left == 0 {
                break;
            }
        }
        for entry in &step.entries {
            if let &Entry::Trade { price, count, taker } = entry {
                *trades += 1;
                records.push(Record::Trade { market, price, count, taker });
            }
        }
        records.extend(self.changes.drain(..).map(|AvailableChange { side, slot, change }| Record::Change {
            market,
            side: side.outcome(),
            price: own_price(side, grid.price(slot)),
            change,
        }));
        true
    }

    /// The markets, after all steps have been taken.
    pub(super) fn finish(self) -> Vec<PreparedMarket> {
        let market = |Flattened { terms, book, frames, trades, .. }| PreparedMarket {
            terms,
            frames,
            trades,
            faults: book.faults(),
        };
        self.markets.into_iter().map(market).collect()
    }
}
