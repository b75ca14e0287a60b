//! The time from reading a frame from a socket to handing an order's bytes to the kernel: with real sockets on
//! loopback, the real feed, decide (with the built-in model) and execute stages, the real rings and order connections,
//! all on one thread, so that no figure includes the wake-up of a thread. There is no journal and no TLS.
//!
//! The frames and answers are in `inputs/tick.rs`.

mod exchange;
#[path = "../inputs/tick.rs"]
mod tick;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use exchange::BenchExchange;
use kalshi_actor::clock::{Now, SessionClock};
use kalshi_actor::decide::{DecideConfig, DecideStage};
use kalshi_actor::drivers::live::book_rings::{BookReceiver, BookRingSizes, BookSender, book_rings};
use kalshi_actor::execute::{ExecuteConfig, ExecuteStage};
use kalshi_actor::feed::{FeedConfig, FeedStage};
use kalshi_actor::host::clock::Clock;
use kalshi_actor::host::idle::{Idle, IdleKind};
use kalshi_actor::host::ring::{Receiver, Sender, ring};
use kalshi_actor::market::{BookLevels, Money};
use kalshi_actor::messages::{
    AccountEvent, AccountNote, DayState, DecideToExecute, ExecuteToReconcile, FeedToExecute, QueryRequest,
};
use kalshi_actor::network::connect::Connector;
use kalshi_actor::network::endpoint::Endpoint;
use kalshi_actor::network::http::{HttpEvent, HttpPool};
use kalshi_actor::network::net::Trust;
use kalshi_actor::network::signing::{SignatureCache, start_signing};
use kalshi_actor::network::websocket::LiveSocket;
use kalshi_actor::ports::{
    DecideEffect, DecideMessage, DecidePort, ExecuteEffect, ExecuteMessage, ExecutePort, FeedEffect, FeedMessage,
    FeedPort, Full, NotSent, OrderRequest, Refused, SocketInput,
};
use kalshi_actor::record::Span;
use kalshi_actor::wire::orders::ORDERS_PATH;
use kalshi_actor::wire::sign::{Credentials, Signer, generate_rsa_2048};
use tick::{AlwaysBid, START_MS, listing};
use tungstenite::Utf8Bytes;

const PATIENCE: Duration = Duration::from_secs(20);
const SIZES: BookRingSizes = BookRingSizes { events: 1_024, riders: 64, buffers: 8, levels: 128 };

struct FeedIo {
    clock: Clock,
    socket: LiveSocket,
    book: BookSender,
    execute: VecDeque<FeedToExecute>,
}

impl FeedPort for FeedIo {
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused> {
        match message {
            FeedMessage::Decide(message) => self.book.push(message)?,
            FeedMessage::Execute(message) => self.execute.push_back(message),
        }
        Ok(())
    }
    fn tell(&mut self, effect: FeedEffect<'_>) {
        match effect {
            FeedEffect::Socket(output) => self.socket.tell(output),
            FeedEffect::Overflow(epoch) => self.book.raise_overflow(epoch),
        }
    }
    fn stamp_ns(&mut self) -> u64 {
        self.clock.now_ns()
    }
    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        self.book.take_levels()
    }
    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

struct DecideIo {
    clock: Clock,
    book: BookReceiver,
    execute: Sender<DecideToExecute>,
}

impl DecidePort for DecideIo {
    fn stamp_ns(&mut self) -> u64 {
        self.clock.now_ns()
    }
    fn overflow_epoch(&mut self) -> u64 {
        self.book.overflow_epoch()
    }
    fn push(&mut self, message: DecideMessage) -> Result<(), Full> {
        match message {
            DecideMessage::Execute(message) => self.execute.push(message),
            DecideMessage::Feed(message) => panic!("the book of the bench is never wrong: {message:?}"),
        }
    }
    fn tell(&mut self, _effect: DecideEffect<'_>) {}
    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.book.return_levels(levels);
    }
    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

struct ExecuteIo {
    clock: Clock,
    http: HttpPool,
    signatures: SignatureCache,
    decide: Sender<AccountNote>,
    queries: VecDeque<QueryRequest>,
    newest_to_wire_ns: Option<u64>,
}

impl ExecutePort for ExecuteIo {
    fn stamp_ns(&mut self) -> u64 {
        self.clock.now_ns()
    }
    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        let signature = self.signatures.signature(request.method, request.path, self.clock.wall_ms());
        self.http.request(request, &signature.expect("the key signs"))?;
        Ok(self.clock.now_ns())
    }
    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full> {
        match message {
            ExecuteMessage::Decide(note) => self.decide.push(note),
            ExecuteMessage::Reconcile(ExecuteToReconcile::Query(query)) => {
                self.queries.push_back(query);
                Ok(())
            }
        }
    }
    fn tell(&mut self, effect: ExecuteEffect<'_>) {
        match effect {
            ExecuteEffect::Presign(method, path) => self.signatures.presign(method, path),
            ExecuteEffect::Abandon(request) => self.http.abandon(request),
            ExecuteEffect::Groups(_) | ExecuteEffect::Day(_) => {}
        }
    }
    fn latency(&mut self, span: Span, nanos: u64) {
        if span == Span::NewestToWire {
            self.newest_to_wire_ns = Some(nanos);
        }
    }
}

/// The three stages of a tick's path with their rings and connections.
struct Path {
    clock: Clock,
    session: SessionClock,
    idle: Idle,
    feed: FeedStage,
    feed_io: FeedIo,
    decide: DecideStage<AlwaysBid>,
    decide_io: DecideIo,
    execute: ExecuteStage,
    execute_io: ExecuteIo,
    decisions: Receiver<DecideToExecute>,
    notes: Receiver<AccountNote>,
    answer: Vec<u8>,
    answers: u64,
}

fn endpoint(scheme: &str, address: SocketAddr, path: &str) -> Endpoint {
    format!("{scheme}://{address}{path}").parse().expect("an address makes a URL")
}

impl Path {
    fn new(exchange: &BenchExchange) -> Self {
        let clock = Clock::start();
        let session = SessionClock::new(clock.now_ns(), START_MS, 1_000);
        let pem = generate_rsa_2048().expect("keys can be made");
        let signer = Signer::from_pem(&pem).expect("a key just made is readable");
        let credentials = Arc::new(Credentials { key_id: "bench".to_owned(), signer });
        let tls = Trust::WebPki.client_config().expect("the roots are part of the program");
        let (connector, _) = Connector::start(tls, PATIENCE, clock.clone()).expect("a thread");
        let (signatures, _) = start_signing(Arc::clone(&credentials), &[("POST", ORDERS_PATH)]).expect("a thread");
        let (book_sender, book_receiver) = book_rings(SIZES);
        let (decisions_in, decisions) = ring(64);
        let (notes_in, notes) = ring(64);
        let execute = ExecuteConfig {
            read_lag_ms: 0,
            compare_every_ns: 1 << 62,
            write_refill: 1_000_000,
            write_capacity: 1_000_000,
            ..ExecuteConfig::default()
        };
        let http = HttpPool::new(connector.clone(), endpoint("http", exchange.rest, "/"), "bench", 4);
        Self {
            feed: FeedStage::new(FeedConfig { max_markets: 16, ..FeedConfig::default() }, session, 1),
            feed_io: FeedIo {
                clock: clock.clone(),
                socket: LiveSocket::new(connector, endpoint("ws", exchange.feed, "/"), Some(credentials)),
                book: book_sender,
                execute: VecDeque::new(),
            },
            decide: DecideStage::new(AlwaysBid::new(), &DecideConfig { max_markets: 16, clock: session })
                .expect("one schema"),
            decide_io: DecideIo { clock: clock.clone(), book: book_receiver, execute: decisions_in },
            execute: ExecuteStage::new(execute, session, 1, DayState::default()),
            execute_io: ExecuteIo {
                clock: clock.clone(),
                http,
                signatures,
                decide: notes_in,
                queries: VecDeque::new(),
                newest_to_wire_ns: None,
            },
            decisions,
            notes,
            answer: Vec::with_capacity(4_096),
            answers: 0,
            idle: Idle::new(IdleKind::Yield).expect("yielding needs nothing"),
            clock,
            session,
        }
    }

    /// Prepares the path so that the next tick amends a resting order.
    fn open(&mut self, exchange: &BenchExchange) {
        let listing = listing();
        let now = self.now();
        self.execute.on_account(&AccountEvent::Listing(listing), now, &mut self.execute_io);
        self.execute.on_account(&AccountEvent::Stream { up: true }, now, &mut self.execute_io);
        self.feed.on_listing(&listing, now, &mut self.feed_io);
        self.feed.start(now, &mut self.feed_io);
        self.until("a fresh book, a ledger and four connections", |path| {
            path.feed.fresh_books() == 1 && path.execute.is_synced() && path.execute_io.http.free() == 5
        });
        while self.answers == 0 {
            exchange.tick();
            let begin = Instant::now();
            self.until("the first order", |path| path.answers > 0 || begin.elapsed() > Duration::from_millis(200));
        }
        self.until("a signature made ahead", |path| path.answers > 0 && path.execute_io.http.outstanding() == 0);
        std::thread::sleep(Duration::from_millis(50));
    }

    fn now(&self) -> Now {
        self.session.now(self.clock.now_ns())
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let begin = Instant::now();
        while !done(self) {
            assert!(begin.elapsed() < PATIENCE, "{what} did not come: {:?}", self.decide.counters());
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.execute_io.signatures.refresh();
        while let Some(input) = self.feed_io.socket.poll(&self.idle) {
            self.input(&input);
        }
        self.pass_on();
        self.answers();
        self.reads();
        self.timers();
    }

    fn input(&mut self, input: &SocketInput<Utf8Bytes>) {
        let now = self.now();
        match input.lent() {
            SocketInput::Frame { connection, bytes, read_ns } => {
                self.feed.on_frame(connection, bytes, read_ns, now, &mut self.feed_io);
            }
            SocketInput::Ping(connection) => self.feed.on_ping(connection, now),
            SocketInput::Opened(connection) => self.feed.on_opened(connection, now, &mut self.feed_io),
            SocketInput::Closed(_, lost) => panic!("the feed was lost: {lost:?}"),
        }
    }

    /// Passes messages from the rings through `decide` and `execute`.
    fn pass_on(&mut self) {
        let now = self.now();
        while let Some(message) = self.decide_io.book.pop() {
            self.decide.on_feed(message, now, &mut self.decide_io);
        }
        let now = self.now();
        while let Some(message) = self.decisions.pop() {
            self.execute.on_decide(&message, now, &mut self.execute_io);
        }
        while let Some(message) = self.feed_io.execute.pop_front() {
            self.execute.on_feed(&message, now, &mut self.execute_io);
        }
        while let Some(note) = self.notes.pop() {
            self.decide.on_execute(&note, now, &mut self.decide_io);
        }
    }

    fn answers(&mut self) {
        let now = self.now();
        while let Some(event) = self.execute_io.http.poll(now.mono_ns, &self.idle, &mut self.answer) {
            let HttpEvent::Answer { request, status, read_ns } = event else { panic!("an order write: {event:?}") };
            assert!(matches!(status, 200 | 201), "an order write was answered with {status}");
            self.execute.on_answer(request, status, &self.answer, read_ns, now, &mut self.execute_io);
            self.answers += 1;
        }
    }

    /// Answers the ledger's queries with an account that has only cash.
    fn reads(&mut self) {
        while let Some(QueryRequest { query, kind, .. }) = self.execute_io.queries.pop_front() {
            let now = self.now();
            let cash = Money::from_dollars(100_000);
            for event in [
                AccountEvent::ReadBegin { query, kind },
                AccountEvent::Balance { exchange_index: 0, cash },
                AccountEvent::ReadEnd { query, kind, complete: true, as_of_ms: now.session_ms },
            ] {
                self.execute.on_account(&event, now, &mut self.execute_io);
            }
        }
    }

    fn timers(&mut self) {
        let now = self.now();
        if self.feed.deadline_ns() <= now.mono_ns {
            self.feed.on_timer(now, &mut self.feed_io);
        }
        if self.decide.deadline_ns() <= now.mono_ns {
            self.decide.on_timer(now, &mut self.decide_io);
        }
        if self.execute.deadline_ns() <= now.mono_ns {
            self.execute.on_timer(now, &mut self.execute_io);
        }
    }

    /// Runs one tick up to the verdict of its order. Returns the time from frame read to bytes written.
    fn tick(&mut self, exchange: &BenchExchange) -> Duration {
        let answers = self.answers;
        self.execute_io.newest_to_wire_ns = None;
        exchange.tick();
        self.until("the order of a tick", |path| path.answers > answers);
        self.pass_on();
        Duration::from_nanos(self.execute_io.newest_to_wire_ns.expect("an order that is answered was written"))
    }
}

fn tick_to_wire(criterion: &mut Criterion) {
    let exchange = BenchExchange::start();
    let mut path = Path::new(&exchange);
    path.open(&exchange);
    let mut group = criterion.benchmark_group("tick_to_wire");
    group.sample_size(30).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    group.bench_function("loopback", |bencher| {
        bencher.iter_custom(|ticks| (0..ticks).map(|_| path.tick(&exchange)).sum());
    });
    group.finish();
    println!("signatures: {:?}", path.execute_io.signatures.counters());
}

criterion_group!(benches, tick_to_wire);
criterion_main!(benches);
