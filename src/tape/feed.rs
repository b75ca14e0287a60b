//! The inputs and outputs of the feed stage.

use super::form::{InputError, Noted, message};
use super::{Recorded, Tape, fate, socket};
use crate::clock::Now;
use crate::feed::FeedStage;
use crate::market::BookLevels;
use crate::messages::{DecideToFeed, ReconcileToFeed};
use crate::ports::{FeedEffect, FeedMessage, FeedPort, Refused, SocketInput};
use crate::record::Span;
use crate::record::journal::{Flags, Kind};

/// An input of the feed stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedInput<'a> {
    /// The stage is to begin.
    Start,
    /// An event of its WebSocket.
    Socket(SocketInput<&'a [u8]>),
    /// A message from `reconcile`.
    Reconcile(ReconcileToFeed),
    /// A message from `decide`.
    Decide(DecideToFeed),
    /// A deadline has passed.
    Timer,
}

/// Passes an input to the stage, and records it and its effects.
#[inline]
pub fn feed(stage: &mut FeedStage, input: FeedInput<'_>, now: Now, tape: &mut Tape, port: &mut impl FeedPort) {
    tape.now = now;
    input.write(tape);
    input.apply(stage, now, &mut Recorded { port, tape });
}

impl<'a> FeedInput<'a> {
    fn write(&self, tape: &mut Tape) {
        match self {
            Self::Start => tape.event(Kind::Start, Flags::Input),
            Self::Socket(input) => socket::write(input, tape),
            Self::Reconcile(message) => tape.message(Kind::ReconcileToFeed, Flags::Input, message),
            Self::Decide(message) => tape.message(Kind::DecideToFeed, Flags::Input, message),
            Self::Timer => tape.event(Kind::Timer, Flags::Input),
        }
    }

    /// Reads an input back from its record.
    ///
    /// # Errors
    /// If the record is not an input of this stage.
    pub fn read(kind: Kind, payload: &'a [u8]) -> Result<Self, InputError> {
        Ok(match kind {
            Kind::Start => Self::Start,
            Kind::ReconcileToFeed => Self::Reconcile(message(kind, payload)?),
            Kind::DecideToFeed => Self::Decide(message(kind, payload)?),
            Kind::Timer => Self::Timer,
            _ => Self::Socket(socket::read(kind, payload)?),
        })
    }

    /// Passes the input to the stage.
    #[inline]
    pub fn apply(self, stage: &mut FeedStage, now: Now, port: &mut impl FeedPort) {
        match self {
            Self::Start => stage.start(now, port),
            Self::Socket(input) => match input {
                SocketInput::Opened(connection) => stage.on_opened(connection, now, port),
                SocketInput::Closed(connection, lost) => stage.on_closed(connection, &lost, now, port),
                SocketInput::Ping(connection) => stage.on_ping(connection, now),
                SocketInput::Frame { connection, read_ns, bytes } => {
                    stage.on_frame(connection, bytes, read_ns, now, port);
                }
            },
            Self::Reconcile(message) => stage.on_reconcile(&message, now, port),
            Self::Decide(message) => stage.on_decide(&message, now, port),
            Self::Timer => stage.on_timer(now, port),
        }
    }
}

impl Noted for FeedMessage {
    #[inline]
    fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Decide(_) => Kind::FeedToDecide,
            Self::Execute(_) => Kind::FeedToExecute,
        })
    }
}

impl Noted for FeedEffect<'_> {
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Socket(output) => output.kind(),
            Self::Overflow(_) => Some(Kind::OverflowEpoch),
        }
    }
}

impl<P: FeedPort> FeedPort for Recorded<'_, P> {
    #[inline]
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused> {
        let copied = match &message {
            FeedMessage::Decide(message) => message.copied().map(FeedMessage::Decide),
            FeedMessage::Execute(message) => Some(FeedMessage::Execute(*message)),
        };
        if let Some(copied) = copied {
            let result = self.port.push(message);
            self.tape.note(&copied, fate(result.is_ok()));
            result
        } else {
            let encoded = self.tape.encode(&message);
            let result = self.port.push(message);
            self.tape.commit(Kind::FeedToDecide, encoded, result.is_ok());
            result
        }
    }

    fn tell(&mut self, effect: FeedEffect<'_>) {
        self.told(effect, P::tell);
    }

    fn stamp_ns(&mut self) -> u64 {
        self.port.stamp_ns()
    }

    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        let levels = self.port.take_levels();
        self.tape.event(Kind::Buffer, fate(levels.is_some()));
        levels
    }

    fn latency(&mut self, span: Span, nanos: u64) {
        self.port.latency(span, nanos);
    }
}
