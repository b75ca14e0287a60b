//! The feed stage's inputs and outputs.

use super::form::{InputError, frame, frame_prefix, message, unexpected};
use super::{Recorded, Tape};
use crate::clock::Now;
use crate::feed::FeedStage;
use crate::market::BookLevels;
use crate::messages::{BookEvent, Listing, MarketStatus, ResyncRequest};
use crate::ports::{ConnectionId, ConnectionLost, FeedPort, Full, SocketPort};
use crate::record::Stage;
use crate::record::journal::{Flags, Kind};

/// Something that happens to the feed stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedInput<'a> {
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
    /// A market enters the directory.
    Listing(Listing),
    /// `decide` found a book wrong.
    Resync(ResyncRequest),
    /// Something is due.
    Timer,
}

/// Hands the stage an input and notes it and what follows from it.
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
            Self::Opened(connection) => tape.message(Kind::Connect, Flags::Input, connection),
            Self::Closed(connection, lost) => tape.message(Kind::Closed, Flags::Input, &(connection, lost)),
            Self::Ping(connection) => tape.message(Kind::Ping, Flags::Input, connection),
            Self::Frame { connection, read_ns, bytes } => {
                tape.bytes(Kind::Frame, &frame_prefix(*connection, *read_ns), bytes);
            }
            Self::Listing(listing) => tape.message(Kind::Listing, Flags::Input, listing),
            Self::Resync(request) => tape.message(Kind::ResyncRequest, Flags::Input, request),
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
            Kind::Listing => Self::Listing(message(kind, payload)?),
            Kind::ResyncRequest => Self::Resync(message(kind, payload)?),
            Kind::Timer => Self::Timer,
            _ => return Err(unexpected(kind)),
        })
    }

    /// Hands the input to the stage.
    #[inline]
    pub fn apply(self, stage: &mut FeedStage, now: Now, port: &mut impl FeedPort) {
        match self {
            Self::Start => stage.start(now, port),
            Self::Opened(connection) => stage.on_opened(connection, now, port),
            Self::Closed(connection, lost) => stage.on_closed(connection, &lost, now, port),
            Self::Ping(connection) => stage.on_ping(connection, now),
            Self::Frame { connection, read_ns, bytes } => stage.on_frame(connection, bytes, read_ns, now, port),
            Self::Listing(listing) => stage.on_listing(&listing, now, port),
            Self::Resync(request) => stage.on_resync(&request, now, port),
            Self::Timer => stage.on_timer(now, port),
        }
    }
}

impl<P: SocketPort> SocketPort for Recorded<'_, P> {
    fn connect(&mut self, connection: ConnectionId) {
        self.tape.message(Kind::Connect, Flags::Output, &connection);
        self.port.connect(connection);
    }

    fn send(&mut self, connection: ConnectionId, text: &str) {
        self.tape.message(Kind::Frame, Flags::Output, &(connection, text));
        self.port.send(connection, text);
    }

    fn close(&mut self, connection: ConnectionId) {
        self.tape.message(Kind::Closed, Flags::Output, &connection);
        self.port.close(connection);
    }
}

impl<P: FeedPort> FeedPort for Recorded<'_, P> {
    fn stamp_ns(&mut self) -> u64 {
        self.port.stamp_ns()
    }

    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        let levels = self.port.take_levels();
        self.tape.event(Kind::Buffer, super::fate(levels.is_some()));
        levels
    }

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.port.return_levels(levels);
    }

    fn book(&mut self, event: &BookEvent) -> Result<(), Full> {
        let result = self.port.book(event);
        self.tape.pushed(Kind::BookEvent, event, result)
    }

    fn snapshot(&mut self, event: &BookEvent, levels: Box<BookLevels>) -> Result<(), Box<BookLevels>> {
        let encoded = self.tape.encode(&(event, &*levels));
        let result = self.port.snapshot(event, levels);
        self.tape.commit(Kind::Levels, encoded, result.is_ok());
        result
    }

    fn list(&mut self, event: &BookEvent, listing: &Listing) -> Result<(), Full> {
        let result = self.port.list(event, listing);
        self.tape.pushed(Kind::Listing, &(event, listing), result)
    }

    fn raise_overflow(&mut self, epoch: u64) {
        self.tape.message(Kind::OverflowEpoch, Flags::Output, &epoch);
        self.port.raise_overflow(epoch);
    }

    fn status(&mut self, status: &MarketStatus) -> Result<(), Full> {
        let result = self.port.status(status);
        self.tape.pushed(Kind::MarketStatus, status, result)
    }

    fn latency(&mut self, stage: Stage, nanos: u64) {
        self.port.latency(stage, nanos);
    }
}
