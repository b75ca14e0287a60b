//! The inputs and outputs of the execute stage.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::form::{InputError, Noted, answer, answer_prefix, message, unexpected};
use super::{Recorded, Tape, fate};
use crate::clock::Now;
use crate::execute::ExecuteStage;
use crate::messages::{AccountEvent, DecideToExecute, FeedToExecute};
use crate::ports::{ExecuteEffect, ExecuteMessage, ExecutePort, Full, NoAnswer, NotSent, OrderRequest, RequestId};
use crate::record::Span;
use crate::record::journal::{Flags, Kind};

/// An input of the execute stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecuteInput<'a> {
    /// A message from `feed`.
    Feed(FeedToExecute),
    /// A message from `decide`.
    Decide(DecideToExecute),
    /// A message from `reconcile`.
    Reconcile(AccountEvent),
    /// The response to a write.
    Answer {
        /// The request it answers.
        request: RequestId,
        status: u16,
        /// When it was read.
        read_ns: u64,
        body: &'a [u8],
    },
    /// A write will not be answered.
    NoAnswer(RequestId, NoAnswer),
    /// A deadline has passed.
    Timer,
    /// A stop was requested.
    Stop,
    /// A trip was requested, with its reason.
    Trip(Cow<'a, str>),
}

/// An order write as stored in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord<'a> {
    pub id: RequestId,
    pub method: Cow<'a, str>,
    pub path: Cow<'a, str>,
    pub body: Cow<'a, str>,
    /// Whether it should use the connection reserved for cancels.
    pub cancels: bool,
    /// When the kernel had taken it; zero if it was not sent.
    pub written_ns: u64,
}

impl<'a> RequestRecord<'a> {
    #[must_use]
    pub fn new(request: &OrderRequest<'a>, written_ns: u64) -> Self {
        Self {
            id: request.id,
            method: request.method.into(),
            path: request.path.into(),
            body: String::from_utf8_lossy(request.body),
            cancels: request.cancels,
            written_ns,
        }
    }
}

/// Passes an input to the stage, and records it and its effects.
#[inline]
pub fn execute(
    stage: &mut ExecuteStage,
    input: ExecuteInput<'_>,
    now: Now,
    tape: &mut Tape,
    port: &mut impl ExecutePort,
) {
    tape.now = now;
    input.write(tape);
    input.apply(stage, now, &mut Recorded { port, tape });
    if tape.pen.is_some()
        && let Some(sums) = tape.ledger.changed(stage)
    {
        tape.message(Kind::Ledger, Flags::Output, &sums);
    }
}

impl<'a> ExecuteInput<'a> {
    #[inline]
    fn write(&self, tape: &mut Tape) {
        match self {
            Self::Feed(message) => tape.message(Kind::FeedToExecute, Flags::Input, message),
            Self::Decide(message) => tape.message(Kind::DecideToExecute, Flags::Input, message),
            Self::Reconcile(event) => tape.message(Kind::AccountEvent, Flags::Input, event),
            Self::Answer { request, status, read_ns, body } => {
                tape.bytes(Kind::Answer, &answer_prefix(*request, *status, *read_ns), body);
            }
            Self::NoAnswer(request, why) => tape.message(Kind::NoAnswer, Flags::Input, &(request, why)),
            Self::Timer => tape.event(Kind::Timer, Flags::Input),
            Self::Stop => tape.event(Kind::Stop, Flags::Input),
            Self::Trip(reason) => tape.message(Kind::Stop, Flags::Input, reason),
        }
    }

    /// Reads an input back from its record.
    ///
    /// # Errors
    /// If the record is not an input of this stage.
    pub fn read(kind: Kind, payload: &'a [u8]) -> Result<Self, InputError> {
        Ok(match kind {
            Kind::FeedToExecute => Self::Feed(message(kind, payload)?),
            Kind::DecideToExecute => Self::Decide(message(kind, payload)?),
            Kind::AccountEvent => Self::Reconcile(message(kind, payload)?),
            Kind::Answer => {
                let (request, status, read_ns, body) = answer(payload)?;
                Self::Answer { request, status, read_ns, body }
            }
            Kind::NoAnswer => {
                let (request, why) = message(kind, payload)?;
                Self::NoAnswer(request, why)
            }
            Kind::Timer => Self::Timer,
            Kind::Stop if payload.is_empty() => Self::Stop,
            Kind::Stop => Self::Trip(message(kind, payload)?),
            _ => return Err(unexpected(kind)),
        })
    }

    /// Passes the input to the stage.
    #[inline]
    pub fn apply(self, stage: &mut ExecuteStage, now: Now, port: &mut impl ExecutePort) {
        match self {
            Self::Feed(message) => stage.on_feed(&message, now, port),
            Self::Decide(message) => stage.on_decide(&message, now, port),
            Self::Reconcile(event) => stage.on_account(&event, now, port),
            Self::Answer { request, status, read_ns, body } => {
                stage.on_answer(request, status, body, read_ns, now, port);
            }
            Self::NoAnswer(request, why) => stage.on_no_answer(request, why, now, port),
            Self::Timer => stage.on_timer(now, port),
            Self::Stop => stage.stop(now, port),
            Self::Trip(reason) => stage.trip(&reason, now, port),
        }
    }
}

impl Noted for ExecuteMessage {
    fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Decide(_) => Kind::AccountNote,
            Self::Reconcile(_) => Kind::ExecuteToReconcile,
        })
    }
}

impl Noted for ExecuteEffect<'_> {
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Presign(..) => Some(Kind::Presign),
            Self::Abandon(_) => Some(Kind::Abandon),
            // It follows from the responses recorded before it.
            Self::Groups(_) => None,
            Self::Day(_) => Some(Kind::Day),
        }
    }
}

impl<P: ExecutePort> ExecutePort for Recorded<'_, P> {
    #[inline]
    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full> {
        self.passed(message, P::push)
    }

    fn tell(&mut self, effect: ExecuteEffect<'_>) {
        self.told(effect, P::tell);
    }

    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        let result = self.port.request(request);
        let written_ns = *result.as_ref().unwrap_or(&0);
        self.tape.message(Kind::Request, fate(result.is_ok()), &RequestRecord::new(request, written_ns));
        result
    }

    fn stamp_ns(&mut self) -> u64 {
        self.port.stamp_ns()
    }

    fn latency(&mut self, span: Span, nanos: u64) {
        self.port.latency(span, nanos);
    }
}
