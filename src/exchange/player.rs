//! Plays the recorded markets of an exchange: lists them, passes their steps to the engine when they are complete, and
//! determines known results when the markets close.

use std::collections::BTreeSet;

use super::engine::{Engine, ListError, MarketIndex};
use super::recorded::Playback;
use super::recordings::Recording;
use crate::market::Price;

/// The recorded markets of an exchange.
#[derive(Debug)]
pub(super) struct Player {
    playback: Playback,
    markets: Vec<MarketIndex>,
    /// The results to be determined, by time.
    results: BTreeSet<(i64, MarketIndex, Price)>,
}

impl Player {
    /// Lists the markets.
    ///
    /// # Errors
    /// If one can't be listed, because its ticker is taken or it would close before it opens.
    pub(super) fn new(engine: &mut Engine, recordings: Vec<Recording>, now_ms: i64) -> Result<Self, ListError> {
        let mut markets = Vec::with_capacity(recordings.len());
        let mut results = BTreeSet::new();
        let mut steps = Vec::with_capacity(recordings.len());
        for Recording { terms, steps: market_steps } in recordings {
            let close_ms = terms.spec.close_ms;
            let market = engine.list_market(terms.spec, now_ms)?;
            if let Some(value) = terms.result {
                results.insert((close_ms, market, value));
            }
            markets.push(market);
            steps.push(market_steps);
        }
        Ok(Self { playback: Playback::new(steps), markets, results })
    }

    /// When something happens next, in session milliseconds.
    pub(super) fn next_ms(&self) -> Option<i64> {
        let result = self.results.first().map(|(close_ms, ..)| *close_ms);
        self.playback.next_ms().into_iter().chain(result).min()
    }

    /// Applies what is complete, each step at its own time.
    pub(super) fn advance(&mut self, engine: &mut Engine, now_ms: i64) {
        while let Some(due_ms) = self.next_ms().filter(|due_ms| *due_ms <= now_ms) {
            if let Some((market, step)) = self.playback.pop_due(due_ms) {
                engine.recorded_step(self.markets[market], &step, due_ms);
            } else if let Some((_, market, value)) = self.results.pop_first() {
                engine.determine(market, value, due_ms);
            }
        }
    }
}
