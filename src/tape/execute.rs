//! The execute stage's inputs and outputs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::form::{InputError, answer, answer_prefix, message, unexpected};
use super::{Recorded, Tape};
use crate::clock::Now;
use crate::execute::ExecuteStage;
use crate::messages::{AccountEvent, DayState, KnownGroup, MarketStatus, OrderIntent, PortfolioUpdate, QueryRequest};
use crate::ports::{ExecutePort, Full, NoAnswer, NotSent, OrderRequest, RequestId};
use crate::record::Span;
use crate::record::journal::{Flags, Kind};

/// Something that happens to the execute stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecuteInput<'a> {
    /// A market's condition.
    Status(MarketStatus),
    /// A decision.
    Intent(OrderIntent),
    /// A fact about the account.
    Account(AccountEvent),
    /// The answer to a write.
    Answer {
        /// To which.
        request: RequestId,
        /// Its HTTP status.
        status: u16,
        /// When it had been read.
        read_ns: u64,
        /// Its body.
        body: &'a [u8],
    },
    /// A write remains without an answer.
    NoAnswer(RequestId, NoAnswer),
    /// Something is due.
    Timer,
    /// A stop was asked for.
    Stop,
    /// A trip was asked for.
    Trip(Cow<'a, str>),
}

/// An order write as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord<'a> {
    /// Its number.
    pub id: RequestId,
    /// `POST` or `DELETE`.
    pub method: Cow<'a, str>,
    /// The path.
    pub path: Cow<'a, str>,
    /// The JSON body.
    pub body: Cow<'a, str>,
    /// Whether it should use the connection kept for cancelling.
    pub cancels: bool,
    /// When the kernel had it; zero when it was not sent.
    pub written_ns: u64,
}

impl<'a> RequestRecord<'a> {
    /// Of a request and the time at which it was written.
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

/// Hands the stage an input and notes it and what follows from it.
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
            Self::Status(status) => tape.message(Kind::MarketStatus, Flags::Input, status),
            Self::Intent(intent) => tape.message(Kind::OrderIntent, Flags::Input, intent),
            Self::Account(event) => tape.message(Kind::AccountEvent, Flags::Input, event),
            Self::Answer { request, status, read_ns, body } => {
                tape.bytes(Kind::Answer, &answer_prefix(*request, *status, *read_ns), body);
            }
            Self::NoAnswer(request, why) => tape.message(Kind::NoAnswer, Flags::Input, &(request, why)),
            Self::Timer => tape.event(Kind::Timer, Flags::Input),
            Self::Stop => tape.event(Kind::Stop, Flags::Input),
            Self::Trip(reason) => tape.message(Kind::Stop, Flags::Input, reason),
        }
    }

    /// Reads an input back.
    ///
    /// # Errors
    /// When the record is no input of this stage.
    pub fn read(kind: Kind, payload: &'a [u8]) -> Result<Self, InputError> {
        Ok(match kind {
            Kind::MarketStatus => Self::Status(message(kind, payload)?),
            Kind::OrderIntent => Self::Intent(message(kind, payload)?),
            Kind::AccountEvent => Self::Account(message(kind, payload)?),
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

    /// Hands the input to the stage.
    #[inline]
    pub fn apply(self, stage: &mut ExecuteStage, now: Now, port: &mut impl ExecutePort) {
        match self {
            Self::Status(status) => stage.on_status(&status, now, port),
            Self::Intent(intent) => stage.on_intent(&intent, now, port),
            Self::Account(event) => stage.on_account(&event, now, port),
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

impl<P: ExecutePort> ExecutePort for Recorded<'_, P> {
    fn stamp_ns(&mut self) -> u64 {
        self.port.stamp_ns()
    }

    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        let result = self.port.request(request);
        let written_ns = *result.as_ref().unwrap_or(&0);
        self.tape.pushed(Kind::Request, &RequestRecord::new(request, written_ns), result)
    }

    fn presign(&mut self, method: &'static str, path: &str) {
        self.tape.message(Kind::Presign, Flags::Output, &(method, path));
        self.port.presign(method, path);
    }

    fn abandon(&mut self, request: RequestId) {
        self.tape.message(Kind::Abandon, Flags::Output, &request);
        self.port.abandon(request);
    }

    fn portfolio(&mut self, update: &PortfolioUpdate) -> Result<(), Full> {
        let result = self.port.portfolio(update);
        self.tape.pushed(Kind::PortfolioUpdate, update, result)
    }

    fn query(&mut self, query: &QueryRequest) -> Result<(), Full> {
        let result = self.port.query(query);
        self.tape.pushed(Kind::QueryRequest, query, result)
    }

    /// Not noted: it says nothing that the answers before it did not.
    fn keep_groups(&mut self, known: &[KnownGroup]) {
        self.port.keep_groups(known);
    }

    fn persist(&mut self, day: &DayState) {
        self.tape.message(Kind::Day, Flags::Output, day);
        self.port.persist(day);
    }

    fn latency(&mut self, span: Span, nanos: u64) {
        self.port.latency(span, nanos);
    }
}
