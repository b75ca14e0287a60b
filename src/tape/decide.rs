//! The inputs and outputs of the decide stage.

use super::form::{InputError, Noted, message, unexpected};
use super::{Recorded, Tape};
use crate::clock::Now;
use crate::decide::DecideStage;
use crate::decide::policy::Policy;
use crate::market::{BookLevels, MarketKey};
use crate::messages::{AccountNote, FeedToDecide};
use crate::ports::{DecideEffect, DecideMessage, DecidePort, Full};
use crate::record::Span;
use crate::record::journal::{Flags, Kind};

/// An input of the decide stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecideInput {
    /// A message from `feed`.
    Feed(FeedToDecide),
    /// A message from `execute`.
    Execute(AccountNote),
    /// All waiting messages have been handled.
    Drained,
    /// A deadline has passed.
    Timer,
}

/// Passes an input to the stage, and records it and its effects.
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
            Self::Feed(message) => Some(message.event().market),
            Self::Execute(_) | Self::Drained | Self::Timer => None,
        }
    }

    #[inline]
    fn write(&self, tape: &mut Tape) {
        match self {
            Self::Feed(message) => tape.message(Kind::FeedToDecide, Flags::Input, message),
            Self::Execute(note) => tape.message(Kind::AccountNote, Flags::Input, note),
            Self::Drained => tape.event(Kind::Drained, Flags::Input),
            Self::Timer => tape.event(Kind::Timer, Flags::Input),
        }
    }

    /// Reads an input back from its record.
    ///
    /// # Errors
    /// If the record is not an input of this stage.
    pub fn read(kind: Kind, payload: &[u8]) -> Result<Self, InputError> {
        Ok(match kind {
            Kind::FeedToDecide => Self::Feed(message(kind, payload)?),
            Kind::AccountNote => Self::Execute(message(kind, payload)?),
            Kind::Drained => Self::Drained,
            Kind::Timer => Self::Timer,
            _ => return Err(unexpected(kind)),
        })
    }

    /// Passes the input to the stage.
    #[inline]
    pub fn apply<P: Policy>(self, stage: &mut DecideStage<P>, now: Now, port: &mut impl DecidePort) {
        match self {
            Self::Feed(message) => stage.on_feed(message, now, port),
            Self::Execute(note) => stage.on_execute(&note, now, port),
            Self::Drained => stage.on_drained(port),
            Self::Timer => stage.on_timer(now, port),
        }
    }
}

impl Noted for DecideMessage {
    fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Execute(_) => Kind::DecideToExecute,
            Self::Feed(_) => Kind::DecideToFeed,
        })
    }
}

impl Noted for DecideEffect<'_> {
    fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Decided(_) => Kind::Decision,
            Self::Skipped(..) => Kind::Skipped,
        })
    }
}

impl<P: DecidePort> DecidePort for Recorded<'_, P> {
    #[inline]
    fn push(&mut self, message: DecideMessage) -> Result<(), Full> {
        self.passed(message, P::push)
    }

    #[inline]
    fn tell(&mut self, effect: DecideEffect<'_>) {
        self.told(effect, P::tell);
    }

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

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.port.return_levels(levels);
    }

    fn latency(&mut self, span: Span, nanos: u64) {
        self.port.latency(span, nanos);
    }
}
