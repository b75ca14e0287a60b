//! A recording in the role of the exchange: the feed stage connects to it, subscribes to its books, and gets its frames.
//!
//! A recording may have several subscriptions, parts of them, gaps throughout, or frames from before `ts_ms` existed.
//! The reader of recordings knows where each frame belongs; here they become the single subscription that a session
//! has, numbered without gaps. When a part ends or a book refuses a change, the stage is told market by market, as
//! `decide` does, since a recording has no snapshots of the other markets.

use std::collections::VecDeque;

use crate::clock::{Now, SessionClock};
use crate::exchange::recorded::{MARKETS_MAX, RecordedFrame};
use crate::feed::{FeedConfig, FeedStage};
use crate::market::{BookLevels, EventKey, FeeSchedule, GridBands, MarketKey, Ticker};
use crate::messages::{FeedToDecide, Listing, Phase, ResyncReason, ResyncRequest};
use crate::ports::{ConnectionId, FeedEffect, FeedMessage, FeedPort, Refused, SocketOutput};
use crate::record::Span;
use crate::wire::command::Command;
use crate::wire::frame::{Envelope, Frame, Message};

/// The order book channel; the next constant is the sid of its only subscription.
const BOOKS: &str = "orderbook_delta";
const BOOKS_SID: u64 = 1;
/// The sid of late frames, on a subscription that has been replaced.
const REPLACED_SID: u64 = 2;

/// A frame to be played.
pub(super) struct PlayedFrame<'a> {
    pub(super) recorded: &'a RecordedFrame<'a>,
    /// The levels of a snapshot.
    pub(super) levels: &'a BookLevels,
    /// Whether the frame belongs to the subscription on which its market's snapshot came.
    pub(super) in_place: bool,
    /// The session time at which it arrives.
    pub(super) time_ms: i64,
}

/// The feed stage, and the recording's side of its port.
pub(super) struct Playing {
    stage: FeedStage,
    port: Port,
    bands: GridBands,
    now: Now,
    next_seq: u64,
}

impl Playing {
    /// Connects the stage. All markets have this grid.
    pub(super) fn start(bands: GridBands) -> Self {
        let config = FeedConfig { max_markets: MARKETS_MAX, ..FeedConfig::default() };
        let mut this = Self {
            stage: FeedStage::new(config, SessionClock::new(0, 0, 1_000), 0),
            port: Port::default(),
            bands,
            now: Now { mono_ns: 0, session_ms: 0 },
            next_seq: 1,
        };
        this.stage.start(this.now, &mut this.port);
        this.stage.on_opened(this.port.connection, this.now, &mut this.port);
        this
    }

    /// Lists a market at the next free position.
    pub(super) fn list(&mut self, position: usize, name: &str, time_ms: i64) {
        self.now.session_ms = time_ms;
        let listing = Listing {
            close_time_ms: i64::MAX,
            market: key(position),
            event: EventKey::default(),
            age_ms: 0,
            fees: FeeSchedule::QUADRATIC,
            exclusive: false,
            exchange_index: 0,
            phase: Phase::Open,
            traded: true,
            event_length: 0,
            ticker: Ticker::new(name).expect("the reader of recordings checks names"),
            bands: self.bands,
        };
        self.stage.on_listing(&listing, self.now, &mut self.port);
        // The first listing makes the stage subscribe.
        if let Some(id) = self.port.subscribed.take() {
            let envelope = Envelope { id: Some(id), ..Envelope::default() };
            let answer = Frame { envelope, message: Message::Subscribed { channel: BOOKS, sid: BOOKS_SID } };
            self.hand_in(&answer, &BookLevels::default());
        }
    }

    /// Plays a frame.
    pub(super) fn frame(&mut self, played: &PlayedFrame<'_>) {
        self.now.session_ms = played.time_ms;
        let RecordedFrame { frame, stamped_ms, .. } = *played.recorded;
        let mut envelope = frame.envelope;
        if matches!(frame.message, Message::Delta(_)) {
            // A frame from before `ts_ms` only has a date, which does not identify an instant.
            envelope.sending_ts_ms = stamped_ms;
        }
        if played.in_place {
            (envelope.sid, envelope.seq) = (Some(BOOKS_SID), Some(self.next_seq));
            self.next_seq += 1;
        } else {
            envelope.sid = Some(REPLACED_SID);
        }
        self.hand_in(&Frame { envelope, message: frame.message.clone() }, played.levels);
    }

    fn hand_in(&mut self, frame: &Frame<'_>, levels: &BookLevels) {
        self.stage.on_recorded(self.port.connection, frame, levels, self.now, &mut self.port);
    }

    /// Marks a market's book stale because it is wrong or a frame is missing.
    pub(super) fn distrust(&mut self, position: usize) {
        // Other reasons would make every book stale.
        let request = ResyncRequest { market: key(position), reason: ResyncReason::NoSnapshot };
        self.stage.on_resync(&request, self.now, &mut self.port);
    }

    /// The next message for `decide`.
    pub(super) fn next(&mut self) -> Option<FeedToDecide> {
        self.port.messages.pop_front()
    }

    /// Takes back the buffer of a snapshot.
    pub(super) fn give_back(&mut self, message: FeedToDecide) {
        self.port.pool.extend(message.into_levels());
    }

    /// Deltas that were not applied, because the book was stale or the subscription had been replaced.
    pub(super) fn not_applied(&self) -> u64 {
        let counters = self.stage.counters();
        counters.deltas_while_stale + counters.unknown_sids
    }
}

fn key(position: usize) -> MarketKey {
    MarketKey { index: u16::try_from(position).expect("the reader of recordings limits the markets"), generation: 1 }
}

/// The recording's side of the port: it takes every message, and answers only the first command for the books.
#[derive(Default)]
struct Port {
    connection: ConnectionId,
    /// The id of the command that subscribes to the books, until it is answered.
    subscribed: Option<u64>,
    messages: VecDeque<FeedToDecide>,
    #[expect(clippy::vec_box, reason = "a snapshot moves as a pointer, as over the rings")]
    pool: Vec<Box<BookLevels>>,
}

impl FeedPort for Port {
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused> {
        if let FeedMessage::Decide(message) = message {
            self.messages.push_back(message);
        }
        Ok(())
    }

    fn tell(&mut self, effect: FeedEffect<'_>) {
        match effect {
            FeedEffect::Socket(SocketOutput::Connect(connection)) => self.connection = connection,
            FeedEffect::Socket(SocketOutput::Send(_, text)) => {
                let command: Command = serde_json::from_str(text).unwrap_or_default();
                let channels = command.params.and_then(|params| params.channels).unwrap_or_default();
                if command.cmd == "subscribe" && channels.iter().any(|channel| channel == BOOKS) {
                    self.subscribed = Some(command.id);
                }
            }
            FeedEffect::Socket(SocketOutput::Close(_)) | FeedEffect::Overflow(_) => {}
        }
    }

    fn stamp_ns(&mut self) -> u64 {
        0
    }

    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        Some(self.pool.pop().unwrap_or_default())
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}
