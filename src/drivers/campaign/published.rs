//! The exchange's own books at some of their clocks, for comparison with the books that follow from the frames.

use std::collections::BTreeMap;

use super::reference::{Levels, ReferenceBook};
use crate::exchange::engine::Engine;
use crate::market::BookLevels;

/// The time between two looks at a market's book, in session milliseconds. A look goes through every price of its grid.
const LOOK_EVERY_MS: i64 = 400;
/// How many clocks are remembered per market, since frames may be some seconds late.
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
    /// The number of books that were compared.
    pub(super) compared: u64,
}

impl PublishedBooks {
    /// Now and then records the books that have changed.
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

    /// Compares a book that is complete as of its clock, if that clock is remembered. Returns the difference, if any.
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
