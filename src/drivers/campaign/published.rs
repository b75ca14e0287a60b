//! The exchange's own books by their clocks, to be compared with the books that the frames lead to.

use std::collections::BTreeMap;

use super::reference::{Levels, ReferenceBook};
use crate::exchange::engine::Engine;
use crate::market::BookLevels;

/// From one look at a market's book to the next, in session milliseconds: a look goes through every price of its grid.
const LOOK_EVERY_MS: i64 = 400;
/// Clocks that are remembered of a market: frames may be some seconds late.
const REMEMBERED: usize = 64;

#[derive(Debug, Default)]
struct Remembered {
    looked_ms: i64,
    by_clock: BTreeMap<u64, Levels>,
}

/// The books of all markets at some of their clocks.
#[derive(Debug, Default)]
pub(super) struct PublishedBooks {
    markets: BTreeMap<u32, Remembered>,
    scratch: BookLevels,
    /// Books that were compared.
    pub(super) compared: u64,
}

impl PublishedBooks {
    /// Remembers the books that have changed, now and then.
    pub(super) fn look(&mut self, engine: &Engine, now_ms: i64) {
        for market in 0..engine.market_count() {
            let clock = engine.market(market).clock();
            let remembered = self.markets.entry(market).or_default();
            if now_ms - remembered.looked_ms < LOOK_EVERY_MS || remembered.by_clock.contains_key(&clock) {
                continue;
            }
            remembered.looked_ms = now_ms;
            engine.levels(market, &mut self.scratch);
            let side = |is_no: bool, levels: &[(crate::market::Price, crate::market::Count)]| {
                levels.iter().map(|(price, count)| ((is_no, price.units()), count.units())).collect::<Vec<_>>()
            };
            let levels = [side(false, &self.scratch.yes), side(true, &self.scratch.no)].concat().into_iter().collect();
            remembered.by_clock.insert(clock, levels);
            if remembered.by_clock.len() > REMEMBERED {
                remembered.by_clock.pop_first();
            }
        }
    }

    /// Compares a book that the frames of its clock have made complete, if that clock is remembered. Returns the difference.
    pub(super) fn differs(&mut self, engine: &Engine, ticker: &str, book: &ReferenceBook) -> Option<String> {
        let market = engine.market_by_ticker(ticker)?;
        let published = self.markets.get(&market)?.by_clock.get(&book.clock)?;
        self.compared += 1;
        let differs = *published != book.levels;
        differs.then(|| {
            format!(
                "{ticker} at clock {}: the frames make {:?}, the exchange has {published:?}",
                book.clock, book.levels
            )
        })
    }
}
