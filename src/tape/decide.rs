//! The decide stage's inputs and outputs.

use super::form::{InputError, message, unexpected};
use super::{Recorded, Tape};
use crate::clock::Now;
use crate::decide::DecideStage;
use crate::decide::policy::Policy;
use crate::market::{BookLevels, MarketKey};
use crate::messages::{BookEvent, DecisionRecord, Listing, OrderIntent, PortfolioUpdate, ResyncRequest, Skip};
use crate::ports::{DecidePort, Full};
use crate::record::Span;
use crate::record::journal::{Flags, Kind};

/// Something that happens to the decide stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecideInput {
    /// A change, a trade, or a condition.
    Event(BookEvent),
    /// A whole book.
    Snapshot(BookEvent, Box<BookLevels>),
    /// A market enters, or what is known of it changed.
    Listed(BookEvent, Listing),
    /// The account's state.
    Portfolio(PortfolioUpdate),
    /// Everything that had waited has been handled.
    Drained,
    /// Something is due.
    Timer,
}

/// Hands the stage an input and notes it and what follows from it.
#[inline]
pub fn decide<P: Policy>(
    stage: &mut DecideStage<P>,
    input: DecideInput,
    now: Now,
    tape: &mut Tape,
    port: &mut impl DecidePort,
) {
    tape.now = now;
    input.write(tape);
    let (market, drained) = (input.market(), matches!(input, DecideInput::Drained));
    input.apply(stage, now, &mut Recorded { port, tape });
    if tape.pen.is_none() {
        return;
    }
    if let Some(market) = market {
        tape.tops.note(stage, market);
    }
    if drained && let Some(tops) = tape.tops.take() {
        tape.message(Kind::Tops, Flags::Output, &tops);
    }
}

impl DecideInput {
    /// The market whose book the input may change.
    #[must_use]
    #[inline]
    pub fn market(&self) -> Option<MarketKey> {
        match self {
            Self::Event(event) | Self::Snapshot(event, _) | Self::Listed(event, _) => Some(event.market),
            Self::Portfolio(_) | Self::Drained | Self::Timer => None,
        }
    }

    #[inline]
    fn write(&self, tape: &mut Tape) {
        match self {
            Self::Event(event) => tape.message(Kind::BookEvent, Flags::Input, event),
            Self::Snapshot(event, levels) => tape.message(Kind::Levels, Flags::Input, &(event, &**levels)),
            Self::Listed(event, listing) => tape.message(Kind::Listing, Flags::Input, &(event, listing)),
            Self::Portfolio(update) => tape.message(Kind::PortfolioUpdate, Flags::Input, update),
            Self::Drained => tape.event(Kind::Drained, Flags::Input),
            Self::Timer => tape.event(Kind::Timer, Flags::Input),
        }
    }

    /// Reads an input back.
    ///
    /// # Errors
    /// When the record is no input of this stage.
    pub fn read(kind: Kind, payload: &[u8]) -> Result<Self, InputError> {
        Ok(match kind {
            Kind::BookEvent => Self::Event(message(kind, payload)?),
            Kind::Levels => {
                let (event, levels): (BookEvent, BookLevels) = message(kind, payload)?;
                Self::Snapshot(event, Box::new(levels))
            }
            Kind::Listing => {
                let (event, listing) = message(kind, payload)?;
                Self::Listed(event, listing)
            }
            Kind::PortfolioUpdate => Self::Portfolio(message(kind, payload)?),
            Kind::Drained => Self::Drained,
            Kind::Timer => Self::Timer,
            _ => return Err(unexpected(kind)),
        })
    }

    /// Hands the input to the stage.
    #[inline]
    pub fn apply<P: Policy>(self, stage: &mut DecideStage<P>, now: Now, port: &mut impl DecidePort) {
        match self {
            Self::Event(event) => stage.on_book(&event, None, now, port),
            Self::Snapshot(event, levels) => stage.on_book(&event, Some(levels), now, port),
            Self::Listed(_, listing) => stage.on_listing(&listing, now),
            Self::Portfolio(update) => stage.on_portfolio(&update, now, port),
            Self::Drained => stage.on_drained(port),
            Self::Timer => stage.on_timer(now, port),
        }
    }
}

impl<P: DecidePort> DecidePort for Recorded<'_, P> {
    fn stamp_ns(&mut self) -> u64 {
        self.port.stamp_ns()
    }

    fn overflow_epoch(&mut self) -> u64 {
        let epoch = self.port.overflow_epoch();
        if self.tape.epoch != Some(epoch) {
            self.tape.epoch = Some(epoch);
            self.tape.message(Kind::OverflowEpoch, Flags::Input, &epoch);
        }
        epoch
    }

    fn intent(&mut self, intent: &OrderIntent) -> Result<(), Full> {
        let result = self.port.intent(intent);
        self.tape.pushed(Kind::OrderIntent, intent, result)
    }

    fn resync(&mut self, request: &ResyncRequest) -> Result<(), Full> {
        let result = self.port.resync(request);
        self.tape.pushed(Kind::ResyncRequest, request, result)
    }

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.port.return_levels(levels);
    }

    fn decided(&mut self, record: &DecisionRecord<'_>) {
        self.tape.message(Kind::Decision, Flags::Output, record);
        self.port.decided(record);
    }

    fn skipped(&mut self, market: MarketKey, time_ms: i64, reason: Skip) {
        self.tape.message(Kind::Skipped, Flags::Output, &(market, time_ms, reason));
        self.port.skipped(market, time_ms, reason);
    }

    fn latency(&mut self, span: Span, nanos: u64) {
        self.port.latency(span, nanos);
    }
}
