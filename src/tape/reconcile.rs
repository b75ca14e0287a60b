//! The inputs and outputs of the reconcile stage.

use std::borrow::Cow;

use super::form::{InputError, Noted, answer, answer_prefix, message};
use super::{Recorded, Tape, socket};
use crate::clock::Now;
use crate::messages::ExecuteToReconcile;
use crate::ports::{Full, ReconcileEffect, ReconcileMessage, ReconcilePort, RequestId, SocketInput};
use crate::reconcile::ReconcileStage;
use crate::record::journal::{Flags, Kind};

/// An input of the reconcile stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconcileInput<'a> {
    /// The stage is to begin.
    Start,
    /// An event of its WebSocket.
    Socket(SocketInput<&'a [u8]>),
    /// The response to a read.
    Answer {
        /// The request it answers.
        request: RequestId,
        status: u16,
        /// When it was read.
        read_ns: u64,
        body: &'a [u8],
    },
    /// A read will not be answered, and why.
    NoAnswer(RequestId, Cow<'a, str>),
    /// A message from `execute`.
    Execute(ExecuteToReconcile),
    /// A deadline has passed.
    Timer,
}

/// Passes an input to the stage, and records it and its effects.
#[inline]
pub fn reconcile(
    stage: &mut ReconcileStage,
    input: ReconcileInput<'_>,
    now: Now,
    tape: &mut Tape,
    port: &mut impl ReconcilePort,
) {
    tape.now = now;
    input.write(tape);
    input.apply(stage, now, &mut Recorded { port, tape });
}

impl<'a> ReconcileInput<'a> {
    fn write(&self, tape: &mut Tape) {
        match self {
            Self::Start => tape.event(Kind::Start, Flags::Input),
            Self::Socket(input) => socket::write(input, tape),
            Self::Answer { request, status, read_ns, body } => {
                tape.bytes(Kind::Answer, &answer_prefix(*request, *status, *read_ns), body);
            }
            Self::NoAnswer(request, reason) => tape.message(Kind::NoAnswer, Flags::Input, &(request, reason)),
            Self::Execute(message) => tape.message(Kind::ExecuteToReconcile, Flags::Input, message),
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
            Kind::Answer => {
                let (request, status, read_ns, body) = answer(payload)?;
                Self::Answer { request, status, read_ns, body }
            }
            Kind::NoAnswer => {
                let (request, reason) = message(kind, payload)?;
                Self::NoAnswer(request, reason)
            }
            Kind::ExecuteToReconcile => Self::Execute(message(kind, payload)?),
            Kind::Timer => Self::Timer,
            _ => Self::Socket(socket::read(kind, payload)?),
        })
    }

    /// Passes the input to the stage.
    #[inline]
    pub fn apply(self, stage: &mut ReconcileStage, now: Now, port: &mut impl ReconcilePort) {
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
            Self::Answer { request, status, read_ns, body } => {
                stage.on_answer(request, status, body, read_ns, now, port);
            }
            Self::NoAnswer(request, reason) => stage.on_no_answer(request, &reason, now, port),
            Self::Execute(message) => stage.on_execute(&message, now, port),
            Self::Timer => stage.on_timer(now, port),
        }
    }
}

impl Noted for ReconcileMessage {
    fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Execute(_) => Kind::AccountEvent,
            Self::Feed(_) => Kind::ReconcileToFeed,
        })
    }
}

impl Noted for ReconcileEffect<'_> {
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Socket(output) => output.kind(),
            Self::Get(..) => Some(Kind::Request),
        }
    }
}

impl<P: ReconcilePort> ReconcilePort for Recorded<'_, P> {
    fn push(&mut self, message: ReconcileMessage) -> Result<(), Full> {
        self.passed(message, P::push)
    }

    fn tell(&mut self, effect: ReconcileEffect<'_>) {
        self.told(effect, P::tell);
    }
}
