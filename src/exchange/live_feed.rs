//! Recorded markets whose recording is still in progress: the frames of another venue's live feed become steps of the
//! markets with the same tickers. This module holds what is between a frame and a complete step; books, orders and money
//! belong to the engine.
//!
//! A step is complete at the next time of its market, or [`STEP_WAIT_MS`] after its first frame *arrived*. Frames of the
//! same moment take longer than that to arrive, so their own time does not tell whether more will come.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Engine, FeeChange, FeeScope, MarketIndex};
use super::recorded::{Entry, STEP_WAIT_MS, StepBuilder};
use crate::market::BookLevels;
use crate::wire::frame::{self, Frame, Lifecycle, LifecycleEvent, Message};
use crate::wire::time::is_writable;

/// Counts of a live feed's input. Frames of markets that are not listed here are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveFeedCounters {
    /// Frames of listed recorded markets.
    pub frames: u64,
    /// Frames that could not be parsed (after which the book is wrong until the next snapshot), closes with an invalid time,
    /// and fees with an unknown formula.
    pub malformed: u64,
    /// Steps applied.
    pub steps: u64,
}

#[derive(Debug, Default)]
struct Progress {
    builder: StepBuilder,
    /// When the open step has waited long enough.
    due_ms: Option<i64>,
}

/// The steps that are not complete yet.
#[derive(Debug, Default)]
pub(super) struct LiveFeed {
    markets: BTreeMap<MarketIndex, Progress>,
    due: BTreeSet<(i64, MarketIndex)>,
    levels: BookLevels,
    counters: LiveFeedCounters,
}

impl LiveFeed {
    pub(super) fn counters(&self) -> LiveFeedCounters {
        self.counters
    }

    /// When the next step is complete if no frame comes before.
    pub(super) fn next_ms(&self) -> Option<i64> {
        self.due.first().map(|&(due_ms, _)| due_ms)
    }

    /// Applies the steps that have waited long enough.
    pub(super) fn advance(&mut self, engine: &mut Engine, now_ms: i64) {
        while let Some((_, market)) = self.due.first().copied().filter(|&(due_ms, _)| due_ms <= now_ms) {
            self.complete(engine, market, now_ms);
        }
    }

    /// Handles a frame of the live feed that arrived at `received_ms`.
    pub(super) fn frame(&mut self, engine: &mut Engine, bytes: &[u8], received_ms: i64, now_ms: i64) {
        let mut levels = std::mem::take(&mut self.levels);
        match frame::parse(bytes, &mut levels) {
            Err(_) => self.counters.malformed += 1,
            Ok(Frame { message: Message::Lifecycle(lifecycle), .. }) => self.lifecycle(engine, &lifecycle, now_ms),
            Ok(Frame { message: Message::EventFees(fees), .. }) => match fees.schedule.transpose() {
                Ok(schedule) => {
                    let scope = FeeScope::Event(fees.event_ticker.to_owned());
                    engine.change_fees(FeeChange { scope, schedule, from_ms: now_ms }, now_ms);
                }
                Err(_) => self.counters.malformed += 1,
            },
            Ok(frame) => {
                if let Some((ticker, entry)) = Entry::from_frame(&frame, &levels)
                    && let Some(market) = recorded_market(engine, ticker)
                {
                    self.entry(engine, market, entry, frame.time_ms(), received_ms, now_ms);
                }
            }
        }
        self.levels = levels;
    }

    fn entry(
        &mut self,
        engine: &mut Engine,
        market: MarketIndex,
        entry: Entry,
        stamped_ms: Option<i64>,
        received_ms: i64,
        now_ms: i64,
    ) {
        self.counters.frames += 1;
        let progress = self.markets.entry(market).or_default();
        let done = progress.builder.push(entry, stamped_ms, Some(received_ms));
        if done.is_some() || progress.due_ms.is_none() {
            let due_ms = received_ms.saturating_add(STEP_WAIT_MS);
            if let Some(before_ms) = progress.due_ms.replace(due_ms) {
                self.due.remove(&(before_ms, market));
            }
            self.due.insert((due_ms, market));
        }
        if let Some(step) = done {
            self.counters.steps += 1;
            engine.recorded_step(market, &step, now_ms);
        }
    }

    /// Applies a market's open step, if it has one.
    fn complete(&mut self, engine: &mut Engine, market: MarketIndex, now_ms: i64) {
        let Some(progress) = self.markets.get_mut(&market) else { return };
        if let Some(due_ms) = progress.due_ms.take() {
            self.due.remove(&(due_ms, market));
        }
        if let Some(step) = progress.builder.finish() {
            self.counters.steps += 1;
            engine.recorded_step(market, &step, now_ms);
        }
    }

    /// Applies a life-cycle event of a market, after everything that was traded before it.
    fn lifecycle(&mut self, engine: &mut Engine, lifecycle: &Lifecycle<'_>, now_ms: i64) {
        let Some(market) = recorded_market(engine, lifecycle.ticker) else { return };
        self.complete(engine, market, now_ms);
        match &lifecycle.event {
            LifecycleEvent::Activated => engine.set_active(market, true, now_ms),
            // A market of the engine never changes its grid: under another grid it is not traded any more, and positions are
            // still paid at the end.
            LifecycleEvent::Deactivated | LifecycleEvent::PriceLevelStructureUpdated { .. } => {
                engine.set_active(market, false, now_ms);
            }
            LifecycleEvent::CloseDateUpdated { close_ts } => {
                let close_ms = close_ts.saturating_mul(1_000);
                self.counters.malformed += u64::from(!is_writable(close_ms));
                engine.move_close(market, close_ms, now_ms);
            }
            LifecycleEvent::Determined { settlement_value } => engine.determine(market, *settlement_value, now_ms),
            LifecycleEvent::Created { .. } | LifecycleEvent::Settled | LifecycleEvent::Other => {}
        }
    }
}

fn recorded_market(engine: &Engine, ticker: &str) -> Option<MarketIndex> {
    engine.market_by_ticker(ticker).filter(|&market| engine.market(market).spec().recorded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::{MarketSpec, MarketState};
    use crate::exchange::recorded::{RecordedMarket, SessionMarket};
    use crate::market::{BookSide, Count, FeeSchedule, GridBands, Price};

    const NOW_MS: i64 = 1_790_000_000_000;
    const TICKER: &str = "KXLIVE-1-A";

    fn engine() -> (Engine, MarketIndex) {
        let steps = RecordedMarket { ticker: TICKER.to_owned(), ..RecordedMarket::default() };
        let SessionMarket { spec, .. } = SessionMarket::inferred(&steps, FeeSchedule::QUADRATIC);
        let spec = MarketSpec { open_ms: NOW_MS - 1_000, close_ms: NOW_MS + 60_000, bands: GridBands::cents(), ..spec };
        let mut engine = Engine::new(1);
        let market = engine.list_market(spec, NOW_MS).unwrap();
        (engine, market)
    }

    fn delta(price: &str, change: &str, ts_ms: i64) -> String {
        format!(
            r#"{{"type":"orderbook_delta","sid":1,"seq":2,"msg":{{"market_ticker":"{TICKER}","market_id":"00000000-0000-4000-8000-000000000001","price_dollars":"{price}","delta_fp":"{change}","side":"yes","ts_ms":{ts_ms}}}}}"#
        )
    }

    fn lifecycle(event: &str, more: &str) -> String {
        format!(
            r#"{{"type":"market_lifecycle_v2","sid":3,"seq":1,"msg":{{"event_type":"{event}","market_ticker":"{TICKER}"{more}}}}}"#
        )
    }

    fn bid(engine: &Engine, market: MarketIndex) -> Option<(Price, Count)> {
        engine.best(market, BookSide::Bid)
    }

    #[test]
    fn frames_of_one_moment_are_one_step_although_they_arrive_late() {
        let (mut engine, market) = engine();
        let mut feed = LiveFeed::default();
        // The network took 80 ms, so by the frames' own time the steps would have been complete long ago.
        let sent_ms = NOW_MS - 80;
        feed.frame(&mut engine, delta("0.4000", "5.00", sent_ms).as_bytes(), NOW_MS, NOW_MS);
        feed.advance(&mut engine, NOW_MS + 4);
        feed.frame(&mut engine, delta("0.4100", "2.00", sent_ms).as_bytes(), NOW_MS + 4, NOW_MS + 4);
        assert_eq!((bid(&engine, market), feed.next_ms()), (None, Some(NOW_MS + 5)));
        feed.advance(&mut engine, NOW_MS + 5);
        assert_eq!(bid(&engine, market), Some((Price::from_cents(41), Count::from_contracts(2))));
        assert_eq!(feed.counters(), LiveFeedCounters { frames: 2, malformed: 0, steps: 1 });
    }

    #[test]
    fn the_next_time_completes_a_step_at_once() {
        let (mut engine, market) = engine();
        let mut feed = LiveFeed::default();
        feed.frame(&mut engine, delta("0.4000", "5.00", NOW_MS).as_bytes(), NOW_MS, NOW_MS);
        feed.frame(&mut engine, delta("0.4200", "1.00", NOW_MS + 1).as_bytes(), NOW_MS + 2, NOW_MS + 2);
        assert_eq!(bid(&engine, market), Some((Price::from_cents(40), Count::from_contracts(5))));
        assert_eq!(feed.next_ms(), Some(NOW_MS + 7));
    }

    #[test]
    fn a_result_determines_the_market_and_a_moved_close_moves_it() {
        let (mut engine, market) = engine();
        let mut feed = LiveFeed::default();
        let no_date = lifecycle("close_date_updated", r#","close_ts":1790000000000"#);
        feed.frame(&mut engine, no_date.as_bytes(), NOW_MS, NOW_MS);
        assert_eq!((feed.counters().malformed, engine.market(market).spec().close_ms), (1, NOW_MS + 60_000));
        let close_ts = NOW_MS / 1_000 + 90;
        let moved = lifecycle("close_date_updated", &format!(r#","close_ts":{close_ts}"#));
        feed.frame(&mut engine, moved.as_bytes(), NOW_MS, NOW_MS);
        assert_eq!(engine.market(market).spec().close_ms, close_ts * 1_000);
        let determined = lifecycle("determined", r#","result":"yes","settlement_value":"1.0000","determination_ts":1"#);
        feed.frame(&mut engine, determined.as_bytes(), NOW_MS, NOW_MS);
        assert!(matches!(
            engine.market(market).state(),
            MarketState::Determined(Price::ONE) | MarketState::Finalized(Price::ONE)
        ));
    }

    #[test]
    fn unknown_markets_and_garbage_change_nothing() {
        let (mut engine, market) = engine();
        let mut feed = LiveFeed::default();
        let stranger = delta("0.4000", "5.00", NOW_MS).replace(TICKER, "KXOTHER-1-A");
        feed.frame(&mut engine, stranger.as_bytes(), NOW_MS, NOW_MS);
        feed.frame(&mut engine, b"{", NOW_MS, NOW_MS);
        feed.advance(&mut engine, NOW_MS + 100);
        assert_eq!(bid(&engine, market), None);
        assert_eq!(feed.counters(), LiveFeedCounters { frames: 0, malformed: 1, steps: 0 });
    }
}
