//! The decide thread: books, observation and policy between two rings. No I/O.

use super::common::Bench;
use super::control::Pulse;
use crate::decide::policy::Policy;
use crate::decide::{DecideCounters, DecideStage, DecisionRecord, Skip};
use crate::market::{BookLevels, MarketKey};
use crate::messages::{OrderIntent, PortfolioUpdate, ResyncRequest};
use crate::pipeline::ring::{BookInput, BookReceiver, Receiver, Sender};
use crate::ports::{DecidePort, Full};
use crate::record::journal::{Flags, Kind};
use crate::record::{Latencies, Stage};

/// How many book events are handled before the portfolio is looked at again.
const EVENTS_PER_TURN: usize = 256;

/// Everything the decide thread owns.
pub(super) struct DecideThread<P: Policy> {
    pub(super) stage: DecideStage<P>,
    pub(super) wires: DecideWires,
    pub(super) portfolio: Receiver<PortfolioUpdate>,
}

/// What the stage's port uses.
pub(super) struct DecideWires {
    pub(super) bench: Bench,
    pub(super) book: BookReceiver,
    pub(super) intents: Sender<OrderIntent>,
    pub(super) resyncs: Sender<ResyncRequest>,
}

/// What the decide thread leaves behind.
pub(super) struct DecideOutcome {
    pub(super) counters: DecideCounters,
    pub(super) latencies: Latencies,
    pub(super) ring_high_water: usize,
}

impl DecidePort for DecideWires {
    fn stamp_ns(&mut self) -> u64 {
        self.bench.clock.now_ns()
    }

    fn overflow_epoch(&self) -> u64 {
        self.book.overflow_epoch()
    }

    fn intent(&mut self, intent: &OrderIntent) -> Result<(), Full> {
        let result = self.intents.push(*intent);
        self.bench.pushed(Kind::OrderIntent, intent, result)
    }

    fn resync(&mut self, request: &ResyncRequest) -> Result<(), Full> {
        let result = self.resyncs.push(*request);
        self.bench.pushed(Kind::ResyncRequest, request, result)
    }

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.book.return_levels(levels);
    }

    fn decided(&mut self, record: &DecisionRecord) {
        self.bench.message(Kind::Decision, Flags::Output, record);
    }

    fn skipped(&mut self, market: MarketKey, time_ms: i64, reason: Skip) {
        self.bench.message(Kind::Skipped, Flags::Output, &(market, time_ms, reason));
    }

    fn latency(&mut self, stage: Stage, nanos: u64) {
        self.bench.latency(stage, nanos);
    }
}

impl<P: Policy> DecideThread<P> {
    /// Runs until the session ends.
    pub(super) fn run(mut self) -> std::io::Result<DecideOutcome> {
        let mut idle = self.wires.bench.settle()?;
        let mut drained = true;
        while !self.wires.bench.control.exit_requested() {
            let mut worked = false;
            while let Some(update) = self.portfolio.pop() {
                let now = self.wires.bench.tick();
                self.wires.bench.message(Kind::PortfolioUpdate, Flags::Input, &update);
                self.stage.on_portfolio(&update, now, &mut self.wires);
                worked = true;
            }
            for _ in 0..EVENTS_PER_TURN {
                let Some(input) = self.wires.book.pop() else { break };
                self.book_input(input);
                (worked, drained) = (true, false);
            }
            let now = self.wires.bench.tick();
            if !drained && self.wires.book.waiting() == 0 {
                self.wires.bench.event(Kind::Drained, Flags::Input);
                self.stage.on_drained(&mut self.wires);
                drained = true;
            }
            if now.mono_ns >= self.stage.deadline_ns() {
                self.wires.bench.event(Kind::Timer, Flags::Input);
                self.stage.on_timer(now, &mut self.wires);
            }
            let decisions = self.stage.counters().decisions;
            self.wires.bench.pulse(|| Pulse { decisions, ..Pulse::default() });
            if !worked {
                if self.wires.bench.rehearsal_due() {
                    self.stage.rehearse();
                }
                idle.wait();
            }
        }
        self.wires.bench.event(Kind::End, Flags::Input);
        Ok(DecideOutcome {
            counters: *self.stage.counters(),
            ring_high_water: self.wires.book.high_water(),
            latencies: self.wires.bench.latencies,
        })
    }

    fn book_input(&mut self, input: BookInput) {
        let now = self.wires.bench.tick();
        match input {
            BookInput::Event(event) => {
                self.wires.bench.message(Kind::BookEvent, Flags::Input, &event);
                self.stage.on_book(&event, None, now, &mut self.wires);
            }
            BookInput::Snapshot(event, levels) => {
                self.wires.bench.message(Kind::BookEvent, Flags::Input, &event);
                self.wires.bench.message(Kind::Levels, Flags::Input, &(&levels.yes, &levels.no));
                self.stage.on_book(&event, Some(levels), now, &mut self.wires);
            }
            BookInput::Listed(event, listing) => {
                self.wires.bench.message(Kind::BookEvent, Flags::Input, &event);
                self.wires.bench.message(Kind::Listing, Flags::Input, &listing);
                self.stage.on_listing(&listing, now);
            }
        }
    }
}
