//! The reconcile stage's inputs and outputs. Its socket is noted as that of `feed`.

use std::borrow::Cow;

use super::form::{InputError, answer, answer_prefix, frame, frame_prefix, message, unexpected};
use super::{Recorded, Tape};
use crate::clock::Now;
use crate::messages::{AccountEvent, Listing, QueryRequest};
use crate::ports::{ConnectionId, ConnectionLost, Full, ReconcilePort, RequestId};
use crate::reconcile::ReconcileStage;
use crate::record::journal::{Flags, Kind};

/// Something that happens to the reconcile stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconcileInput<'a> {
    /// It begins.
    Start,
    /// A connection is open.
    Opened(ConnectionId),
    /// A connection is gone.
    Closed(ConnectionId, ConnectionLost),
    /// The exchange pinged.
    Ping(ConnectionId),
    /// A text frame.
    Frame {
        /// On which connection.
        connection: ConnectionId,
        /// When it had been read.
        read_ns: u64,
        /// The frame.
        bytes: &'a [u8],
    },
    /// The answer to a read.
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
    /// A read has no answer, and why.
    NoAnswer(RequestId, Cow<'a, str>),
    /// A question of `execute`.
    Query(QueryRequest),
    /// Something is due.
    Timer,
}

/// Hands the stage an input and notes it and what follows from it.
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
            Self::Opened(connection) => tape.message(Kind::Connect, Flags::Input, connection),
            Self::Closed(connection, lost) => tape.message(Kind::Closed, Flags::Input, &(connection, lost)),
            Self::Ping(connection) => tape.message(Kind::Ping, Flags::Input, connection),
            Self::Frame { connection, read_ns, bytes } => {
                tape.bytes(Kind::Frame, &frame_prefix(*connection, *read_ns), bytes);
            }
            Self::Answer { request, status, read_ns, body } => {
                tape.bytes(Kind::Answer, &answer_prefix(*request, *status, *read_ns), body);
            }
            Self::NoAnswer(request, reason) => tape.message(Kind::NoAnswer, Flags::Input, &(request, reason)),
            Self::Query(query) => tape.message(Kind::QueryRequest, Flags::Input, query),
            Self::Timer => tape.event(Kind::Timer, Flags::Input),
        }
    }

    /// Reads an input back.
    ///
    /// # Errors
    /// When the record is no input of this stage.
    pub fn read(kind: Kind, payload: &'a [u8]) -> Result<Self, InputError> {
        Ok(match kind {
            Kind::Start => Self::Start,
            Kind::Connect => Self::Opened(message(kind, payload)?),
            Kind::Closed => {
                let (connection, lost) = message(kind, payload)?;
                Self::Closed(connection, lost)
            }
            Kind::Ping => Self::Ping(message(kind, payload)?),
            Kind::Frame => {
                let (connection, read_ns, bytes) = frame(payload)?;
                Self::Frame { connection, read_ns, bytes }
            }
            Kind::Answer => {
                let (request, status, read_ns, body) = answer(payload)?;
                Self::Answer { request, status, read_ns, body }
            }
            Kind::NoAnswer => {
                let (request, reason) = message(kind, payload)?;
                Self::NoAnswer(request, reason)
            }
            Kind::QueryRequest => Self::Query(message(kind, payload)?),
            Kind::Timer => Self::Timer,
            _ => return Err(unexpected(kind)),
        })
    }

    /// Hands the input to the stage.
    #[inline]
    pub fn apply(self, stage: &mut ReconcileStage, now: Now, port: &mut impl ReconcilePort) {
        match self {
            Self::Start => stage.start(now, port),
            Self::Opened(connection) => stage.on_opened(connection, now, port),
            Self::Closed(connection, lost) => stage.on_closed(connection, &lost, now, port),
            Self::Ping(connection) => stage.on_ping(connection, now),
            Self::Frame { connection, read_ns, bytes } => stage.on_frame(connection, bytes, read_ns, now, port),
            Self::Answer { request, status, read_ns, body } => {
                stage.on_answer(request, status, body, read_ns, now, port);
            }
            Self::NoAnswer(request, reason) => stage.on_no_answer(request, &reason, now, port),
            Self::Query(query) => stage.on_query(&query, now, port),
            Self::Timer => stage.on_timer(now, port),
        }
    }
}

impl<P: ReconcilePort> ReconcilePort for Recorded<'_, P> {
    fn get(&mut self, request: RequestId, path: &str) {
        self.tape.message(Kind::Request, Flags::Output, &(request, path));
        self.port.get(request, path);
    }

    fn account(&mut self, event: &AccountEvent) -> Result<(), Full> {
        let result = self.port.account(event);
        self.tape.pushed(Kind::AccountEvent, event, result)
    }

    fn list(&mut self, listing: &Listing) -> Result<(), Full> {
        let result = self.port.list(listing);
        self.tape.pushed(Kind::Listing, listing, result)
    }
}
