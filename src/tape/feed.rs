//! The feed stage's inputs and outputs.

use super::form::{InputError, message};
use super::{Recorded, SocketInput, Tape};
use crate::clock::Now;
use crate::feed::FeedStage;
use crate::market::BookLevels;
use crate::messages::{BookEvent, Listing, MarketStatus, ResyncRequest};
use crate::ports::{FeedPort, Full};
use crate::record::Span;
use crate::record::journal::{Flags, Kind};

/// Something that happens to the feed stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedInput<'a> {
    /// It begins.
    Start,
    /// Its WebSocket brings something.
    Socket(SocketInput<'a>),
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
            Self::Socket(input) => input.write(tape),
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
            Kind::Listing => Self::Listing(message(kind, payload)?),
            Kind::ResyncRequest => Self::Resync(message(kind, payload)?),
            Kind::Timer => Self::Timer,
            _ => Self::Socket(SocketInput::read(kind, payload)?),
        })
    }

    /// Hands the input to the stage.
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
            Self::Listing(listing) => stage.on_listing(&listing, now, port),
            Self::Resync(request) => stage.on_resync(&request, now, port),
            Self::Timer => stage.on_timer(now, port),
        }
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

    fn latency(&mut self, span: Span, nanos: u64) {
        self.port.latency(span, nanos);
    }
}
