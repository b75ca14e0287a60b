//! Public WebSocket frames as a client reads them, one per line: the parser by itself, whose fast path must agree with
//! its general path, and the feed stage behind it.

use std::collections::VecDeque;

use kalshi_actor::clock::{Now, SessionClock};
use kalshi_actor::feed::{FeedConfig, FeedStage};
use kalshi_actor::market::{BookLevels, EventKey, FeeSchedule, GridBands, MarketKey, Ticker};
use kalshi_actor::messages::{BookEventKind, FeedToDecide, Listing, Phase, ResyncReason, ResyncRequest};
use kalshi_actor::ports::{ConnectionId, FeedEffect, FeedMessage, FeedPort, Refused, SocketOutput};
use kalshi_actor::record::Span;
use kalshi_actor::wire::frame::{self, Frame};
use kalshi_actor::wire::recorded::{unwrap_line, written_ms};

const MARKETS: u16 = 3;
const BUFFERS: usize = 4;
const RING: usize = 64;

pub fn run(data: &[u8]) {
    let mut feed = Feed::new();
    for line in data.split(|byte| *byte == b'\n') {
        parses_one_way(line);
        let _ = unwrap_line(line);
        let _ = written_ms(line);
        feed.frame(line);
    }
    feed.end();
}

/// Checks that both paths agree. The fast path handles only frames without spaces, so the same frame with a space goes
/// to the general parser.
fn parses_one_way(line: &[u8]) {
    let (mut levels, mut spaced_levels) = (BookLevels::default(), BookLevels::default());
    let found = frame::parse(line, &mut levels);
    let Some(rest) = line.strip_prefix(b"{") else { return };
    let spaced = [b"{ ", rest].concat();
    match (found, frame::parse(&spaced, &mut spaced_levels)) {
        // The reason may contain a position, which the space has shifted.
        (Ok(Frame { message: frame::Message::Unusable(_), envelope }), Ok(general)) => {
            assert!(matches!(general.message, frame::Message::Unusable(_)), "{general:?}");
            assert_eq!(envelope, general.envelope);
        }
        (Ok(fast), Ok(general)) => {
            assert_eq!(fast, general, "the two parsers read two things");
            if matches!(fast, Frame { message: frame::Message::Snapshot(_), .. }) {
                assert_eq!(levels, spaced_levels, "the two parsers read two books");
            }
        }
        (Err(_), Err(_)) => {}
        (fast, general) => panic!("one parser takes what the other refuses: {fast:?}, {general:?}"),
    }
}

#[derive(Default)]
struct Port {
    connections: Vec<ConnectionId>,
    ring: VecDeque<Option<Box<BookLevels>>>,
    #[expect(clippy::vec_box, reason = "a buffer travels by its box, as in the live pool")]
    pool: Vec<Box<BookLevels>>,
    epoch: u64,
}

impl FeedPort for Port {
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused> {
        let FeedMessage::Decide(message) = message else { return Ok(()) };
        let event = message.event();
        match &message {
            FeedToDecide::Event(event) => {
                assert!(event.market.index < MARKETS, "an event of a market that is not listed");
            }
            FeedToDecide::Snapshot(..) => assert_eq!(event.kind, BookEventKind::Snapshot),
            FeedToDecide::Listed(..) => {}
        }
        if self.ring.len() == RING {
            return Err(message.into());
        }
        self.ring.push_back(message.into_levels());
        Ok(())
    }
    fn tell(&mut self, effect: FeedEffect<'_>) {
        match effect {
            FeedEffect::Socket(SocketOutput::Connect(connection)) => self.connections.push(connection),
            FeedEffect::Socket(SocketOutput::Send(_, text)) => {
                serde_json::from_str::<serde_json::Value>(text).expect("what is sent is JSON");
            }
            FeedEffect::Socket(SocketOutput::Close(_)) => {}
            FeedEffect::Overflow(epoch) => {
                assert!(epoch > self.epoch, "epochs only grow");
                self.epoch = epoch;
            }
        }
    }
    fn stamp_ns(&mut self) -> u64 {
        0
    }
    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        self.pool.pop()
    }
    fn latency(&mut self, _: Span, _: u64) {}
}

/// A feed with three markets on an open connection.
struct Feed {
    stage: FeedStage,
    port: Port,
    now: Now,
    open: usize,
}

impl Feed {
    fn new() -> Self {
        let clock = SessionClock::new(0, 0, 1_000);
        let config = FeedConfig { max_markets: 16, snapshots_in_flight: BUFFERS, ..FeedConfig::default() };
        let pool = (0..BUFFERS).map(|_| Box::default()).collect();
        let mut feed = Self {
            stage: FeedStage::new(config, clock, 7),
            port: Port { pool, ..Port::default() },
            now: Now::default(),
            open: 0,
        };
        for index in 0..MARKETS {
            feed.stage.on_listing(&listing(index), feed.now, &mut feed.port);
        }
        feed.stage.start(feed.now, &mut feed.port);
        feed.follow();
        feed
    }

    /// Opens the connections that the stage asks for, and drains the rings only now and then, so that they are
    /// sometimes full.
    fn follow(&mut self) {
        while let Some(&connection) = self.port.connections.get(self.open) {
            self.open += 1;
            self.stage.on_opened(connection, self.now, &mut self.port);
        }
        if self.port.ring.len() == RING {
            self.port.pool.extend(self.port.ring.drain(..).flatten());
        }
    }

    fn frame(&mut self, line: &[u8]) {
        self.now.mono_ns += 1_000_000;
        self.now.session_ms += 1;
        let connection = *self.port.connections.last().expect("the stage connects at its start");
        self.stage.on_frame(connection, line, self.now.mono_ns, self.now, &mut self.port);
        if self.stage.deadline_ns() <= self.now.mono_ns {
            self.stage.on_timer(self.now, &mut self.port);
        }
        self.follow();
    }

    fn end(&mut self) {
        let market = MarketKey { index: 0, generation: 1 };
        let request = ResyncRequest { market, reason: ResyncReason::Crossed };
        self.stage.on_resync(&request, self.now, &mut self.port);
        for _ in 0..100 {
            self.now.mono_ns = self.stage.deadline_ns().max(self.now.mono_ns);
            self.stage.on_timer(self.now, &mut self.port);
            self.follow();
            self.port.pool.extend(self.port.ring.drain(..).flatten());
        }
        assert!(self.port.pool.len() <= BUFFERS, "a snapshot's buffer was given back twice");
        assert!(self.stage.fresh_books() <= usize::from(MARKETS));
    }
}

fn listing(index: u16) -> Listing {
    Listing {
        close_time_ms: 10_000_000,
        age_ms: 0,
        event: EventKey::default(),
        exclusive: false,
        market: MarketKey { index, generation: 1 },
        fees: FeeSchedule::QUADRATIC,
        event_length: 5,
        exchange_index: 0,
        phase: Phase::Open,
        traded: true,
        ticker: Ticker::new(&format!("KXA-{index}")).expect("a short name"),
        bands: GridBands::cents(),
    }
}
