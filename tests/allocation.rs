//! The hot path does not allocate: with the shipped model, the decide and execute stages handle snapshots, deltas,
//! decisions, risk checks, acknowledgements, fills, amends and cancels without calling the allocator.
//!
//! The allocator counts per thread, so the test harness does not interfere. The stages are driven by hand, and their
//! ports only write into preallocated buffers.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write as _;

use kalshi_actor::clock::{Now, SessionClock};
use kalshi_actor::decide::observation::OBS52;
use kalshi_actor::decide::policy::{AnyPolicy, Policy, PolicySpec};
use kalshi_actor::decide::{DecideConfig, DecideStage};
use kalshi_actor::execute::{ExecuteConfig, ExecuteStage};
use kalshi_actor::market::{
    BookLevels, BookSide, Count, EventKey, FeeSchedule, GridBands, Liquidity, MarketKey, Money, OrderId, Outcome,
    Price, Ticker, TradeId,
};
use kalshi_actor::messages::{
    AccountEvent, AccountNote, Action, BookEvent, BookEventKind, DayState, DecideToExecute, DecisionStamps,
    ExecuteToReconcile, Fill, Listing, MarketStatus, OrderIntent, Phase, PortfolioUpdate, QueryKind, QueryRequest,
    Quote, Source, Verdict,
};
use kalshi_actor::ports::{
    DecideEffect, DecideMessage, DecidePort, ExecuteEffect, ExecuteMessage, ExecutePort, Full, NotSent, OrderRequest,
    RequestId,
};
use kalshi_actor::record::Span;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts the calling thread's calls to the system's allocator.
struct Counting;

fn count() {
    // A thread that is ending has no counter any more, and its calls need not be counted.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged. Counting touches only a thread-local number that is
// initialised at compile time and has no destructor, so it never allocates itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's guarantees are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls `act` and returns how often it called the allocator, including to free memory.
fn allocations<T>(act: impl FnOnce() -> T) -> (u64, T) {
    let before = ALLOCATIONS.get();
    let result = act();
    (ALLOCATIONS.get() - before, result)
}

const START_MS: i64 = 1_790_000_000_000;
const KEY: MarketKey = MarketKey { index: 0, generation: 1 };
const ROOM: usize = 64;
/// Rounds before counting begins.
const WARM_ROUNDS: u32 = 50;
const ROUNDS: u32 = 250;

/// The port of the decide stage.
struct DecideOut {
    intents: Vec<OrderIntent>,
    /// Decisions reported since the last check.
    decisions: usize,
    #[expect(clippy::vec_box, reason = "the stage takes and returns boxes")]
    levels: Vec<Box<BookLevels>>,
}

impl DecidePort for DecideOut {
    fn stamp_ns(&mut self) -> u64 {
        0
    }

    fn overflow_epoch(&mut self) -> u64 {
        0
    }

    fn push(&mut self, message: DecideMessage) -> Result<(), Full> {
        match message {
            DecideMessage::Execute(DecideToExecute::Intent(intent)) => {
                assert!(self.intents.len() < ROOM);
                self.intents.push(intent);
                Ok(())
            }
            DecideMessage::Feed(message) => panic!("the book is right: {message:?}"),
        }
    }

    fn tell(&mut self, effect: DecideEffect<'_>) {
        if let DecideEffect::Decided(record) = effect {
            assert_eq!(record.observation.len(), OBS52.width());
            self.decisions += 1;
        }
    }

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.levels.push(levels);
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

/// The port of the execute stage.
struct ExecuteOut {
    requests: Vec<(RequestId, &'static str)>,
    notes: Vec<AccountNote>,
    queries: Vec<QueryRequest>,
}

impl ExecutePort for ExecuteOut {
    fn stamp_ns(&mut self) -> u64 {
        0
    }

    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        assert!(self.requests.len() < ROOM);
        let what = match request.method {
            "DELETE" => "cancel",
            _ if request.path.ends_with("/amend") => "amend",
            _ => "create",
        };
        self.requests.push((request.id, what));
        Ok(0)
    }

    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full> {
        match message {
            ExecuteMessage::Decide(note) => {
                assert!(self.notes.len() < ROOM);
                self.notes.push(note);
            }
            ExecuteMessage::Reconcile(ExecuteToReconcile::Query(query)) => {
                assert!(self.queries.len() < ROOM);
                self.queries.push(query);
            }
        }
        Ok(())
    }

    fn tell(&mut self, effect: ExecuteEffect<'_>) {
        assert!(!matches!(effect, ExecuteEffect::Abandon(_)), "every request is answered in time: {effect:?}");
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

/// Both stages, and how often each kind of call used the allocator once the stages were warm.
struct Bench {
    decide: DecideStage<AnyPolicy>,
    execute: ExecuteStage,
    said: DecideOut,
    done: ExecuteOut,
    clock: SessionClock,
    now: Now,
    decide_ms: i64,
    intents: u64,
    last_update: Option<PortfolioUpdate>,
    trades: u128,
    round: u32,
    /// Kind of call, number of calls, number of allocations.
    figures: Vec<(&'static str, u64, u64)>,
    body: String,
}

impl Bench {
    fn new() -> Self {
        let clock = SessionClock::new(0, START_MS, 1_000);
        let policy = AnyPolicy::load(&PolicySpec::Onnx, None).unwrap();
        let decide_ms = i64::try_from(policy.terms().decide_ms).unwrap();
        // Few enough that fills are forgotten while allocations are counted.
        let config = ExecuteConfig { fills_remembered: 128, ..ExecuteConfig::default() };
        let mut bench = Self {
            decide: DecideStage::new(policy, &DecideConfig { max_markets: 64, clock }).unwrap(),
            execute: ExecuteStage::new(config, clock, 7, DayState::default()),
            said: DecideOut { intents: Vec::with_capacity(ROOM), decisions: 0, levels: Vec::with_capacity(ROOM) },
            done: ExecuteOut {
                requests: Vec::with_capacity(ROOM),
                notes: Vec::with_capacity(ROOM),
                queries: Vec::with_capacity(ROOM),
            },
            clock,
            now: clock.now(1_000_000_000),
            decide_ms,
            intents: 0,
            last_update: None,
            trades: 0,
            round: 0,
            figures: Vec::with_capacity(ROOM),
            body: String::with_capacity(1_024),
        };
        bench.start();
        bench
    }

    /// Lists a market and reads an account with $1,000.
    fn start(&mut self) {
        let listing = Listing {
            close_time_ms: START_MS + 86_400_000,
            age_ms: 0,
            event: EventKey::default(),
            exclusive: false,
            market: KEY,
            fees: FeeSchedule::QUADRATIC,
            event_length: 5,
            exchange_index: 0,
            phase: Phase::Open,
            traded: true,
            ticker: Ticker::new("KXTEST-1-A").unwrap(),
            bands: GridBands::cents(),
        };
        self.decide.on_listing(&listing, self.now);
        let status = MarketStatus {
            market: KEY,
            phase: Phase::Open,
            fresh: true,
            settlement: None,
            close_time_ms: listing.close_time_ms,
            time_ms: START_MS,
            bands: listing.bands,
            fee_override: None,
        };
        self.execute.on_account(&AccountEvent::Listing(listing), self.now, &mut self.done);
        self.execute.on_status(&status, self.now, &mut self.done);
        let limit = AccountEvent::WriteLimit { refill: 10_000, capacity: 10_000 };
        for event in [limit, AccountEvent::Stream { up: true }] {
            self.execute.on_account(&event, self.now, &mut self.done);
        }
        for _ in 0..6 {
            self.answer_queries();
            self.pass(600);
        }
        assert!(self.execute.is_synced());
    }

    /// Answers reads of the account with the ledger's own positions. Not counted, since reads are not on the hot path.
    fn answer_queries(&mut self) {
        while let Some(query) = self.done.queries.pop() {
            let (number, kind) = (query.query, query.kind);
            let ledger = self.execute.ledger();
            let cash = ledger.available() + ledger.reserved();
            let rebuild = kind == QueryKind::Rebuild;
            let cash = if rebuild && cash == Money::ZERO { Money::from_dollars(1_000) } else { cash };
            let held: Vec<_> = self.execute.positions().map(|view| (view.market, view.contracts, view.cost)).collect();
            let mut facts = vec![AccountEvent::ReadBegin { query: number, kind }];
            facts.push(AccountEvent::Balance { exchange_index: 0, cash });
            facts.extend(held.into_iter().map(|(market, position, cost)| AccountEvent::Position {
                market,
                position,
                cost,
            }));
            let as_of_ms = self.now.session_ms;
            facts.push(AccountEvent::ReadEnd { query: number, kind, complete: true, as_of_ms });
            for fact in facts {
                self.execute.on_account(&fact, self.now, &mut self.done);
            }
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.clock.now(self.now.mono_ns + ms * 1_000_000);
        if self.execute.deadline_ns() <= self.now.mono_ns {
            self.execute.on_timer(self.now, &mut self.done);
        }
        self.answer_queries();
        self.tell_decide();
    }

    fn note(&mut self, kind: &'static str, found: u64) {
        if self.round < WARM_ROUNDS {
            return;
        }
        match self.figures.iter_mut().find(|(known, ..)| *known == kind) {
            Some((_, calls, sum)) => (*calls, *sum) = (*calls + 1, *sum + found),
            None => self.figures.push((kind, 1, found)),
        }
    }

    fn tell_decide(&mut self) {
        for note in self.done.notes.drain(..) {
            if let AccountNote::Portfolio(update) = note {
                self.last_update = Some(update);
            }
            let (found, ()) = allocations(|| self.decide.on_execute(&note, self.now, &mut self.said));
            assert!(self.round < WARM_ROUNDS || found == 0, "{note:?}: {found}");
        }
    }

    fn book(&mut self, kind: BookEventKind, side: Outcome, cents: u16, contracts: i64) {
        let event = BookEvent {
            market: KEY,
            kind,
            side,
            price: Price::from_cents(cents),
            change: Count::from_contracts(contracts),
            time_ms: self.now.session_ms,
            exchange_ms: self.now.session_ms,
            clock: 0,
            seq: 0,
            read_ns: self.now.mono_ns,
            parsed_ns: self.now.mono_ns,
        };
        let levels =
            (kind == BookEventKind::Snapshot).then(|| self.said.levels.pop().unwrap_or_else(|| Box::new(levels())));
        let (found, ()) = allocations(|| {
            self.decide.on_book(&event, levels, self.now, &mut self.said);
            self.decide.on_drained(&mut self.said);
        });
        let decided = std::mem::take(&mut self.said.decisions) > 0;
        self.note(
            match kind {
                BookEventKind::Snapshot => "snapshot",
                _ if decided => "delta with decision",
                _ => "delta",
            },
            found,
        );
    }

    /// Passes an intent to `execute` and returns the request it led to.
    fn intend(&mut self, action: Action, cents: u16, count: i64) -> Option<(RequestId, &'static str)> {
        self.intents += 1;
        let intent = OrderIntent {
            id: self.intents,
            market: KEY,
            side: action.book_side().unwrap(),
            quote: Some(Quote {
                reduce_only: action.reduces(),
                ..Quote::resting(Price::from_cents(cents), Count::from_contracts(count))
            }),
            best_bid: Some(Price::from_cents(40)),
            best_ask: Some(Price::from_cents(44)),
            time_ms: self.now.session_ms,
            portfolio_version: 0,
            stamps: DecisionStamps::default(),
        };
        let (found, ()) = allocations(|| self.execute.on_intent(&intent, self.now, &mut self.done));
        let request = self.done.requests.pop();
        let (rehearsing, ()) = allocations(|| {
            self.decide.rehearse();
            self.execute.rehearse(self.now, &mut self.done);
        });
        self.note("rehearsal", rehearsing);
        self.note(
            match request {
                Some((_, "create")) => "risk and create",
                Some((_, "amend")) => "risk and amend",
                Some(_) => "risk and cancel",
                None => "keep or refusal",
            },
            found,
        );
        self.tell_decide();
        request
    }

    /// As [`Self::intend`], for an intent that must lead to a request.
    fn write(&mut self, action: Action, cents: u16, count: i64) -> (RequestId, &'static str) {
        let request = self.intend(action, cents, count);
        request.unwrap_or_else(|| panic!("no request for {action:?}: {:?}", self.last_update))
    }

    fn answer(&mut self, request: RequestId, status: u16, kind: &'static str) {
        let body = std::mem::take(&mut self.body);
        let (found, ()) = allocations(|| {
            self.execute.on_answer(request, status, body.as_bytes(), self.now.mono_ns, self.now, &mut self.done);
        });
        self.body = body;
        self.note(kind, found);
        self.tell_decide();
    }

    fn accept(&mut self, request: RequestId, order: OrderId, filled: i64, remaining: i64, kind: &'static str) {
        self.body.clear();
        write!(
            self.body,
            r#"{{"order_id":"{order}","fill_count":"{filled}.00","remaining_count":"{remaining}.00","ts_ms":{}}}"#,
            self.now.session_ms
        )
        .unwrap();
        self.answer(request, if kind == "create acknowledged" { 201 } else { 200 }, kind);
    }

    fn accept_cancel(&mut self, request: RequestId, order: OrderId, reduced_by: i64) {
        self.body.clear();
        write!(
            self.body,
            r#"{{"orders":[{{"order_id":"{order}","reduced_by":"{reduced_by}.00","ts_ms":{}}}]}}"#,
            self.now.session_ms
        )
        .unwrap();
        self.answer(request, 200, "cancel acknowledged");
    }

    fn fill(&mut self, order: OrderId, side: BookSide, cents: u16, contracts: i64) {
        self.trades += 1;
        let fill = Fill {
            trade: TradeId::from_bits(self.trades),
            order,
            count: Count::from_contracts(contracts),
            fee: Money::ZERO,
            post_position: None,
            time_ms: self.now.session_ms,
            read_ns: self.now.mono_ns,
            market: KEY,
            price: Price::from_cents(cents),
            side,
            liquidity: Liquidity::Maker,
            source: Source::Stream,
        };
        let event = AccountEvent::Fill(fill);
        let (found, ()) = allocations(|| self.execute.on_account(&event, self.now, &mut self.done));
        self.note("fill", found);
        self.tell_decide();
    }

    /// The whole life of an order on both sides, with everything that may happen in between.
    fn round(&mut self) {
        let order = OrderId::from_bits(u128::from(self.round) * 2 + 1);
        let exit = OrderId::from_bits(u128::from(self.round) * 2 + 2);
        let (create, what) = self.write(Action::BuyYes, 40, 10);
        assert_eq!(what, "create");
        self.pass(5);
        self.accept(create, order, 0, 10, "create acknowledged");
        assert!(self.intend(Action::BuyYes, 40, 10).is_none(), "kept");
        self.fill(order, BookSide::Bid, 40, 4);
        let (amend, what) = self.write(Action::BuyYes, 36, 10);
        assert_eq!(what, "amend");
        self.pass(5);
        self.accept(amend, order, 0, 10, "amend acknowledged");
        assert!(self.intend(Action::BuyYes, 1, 10).is_none(), "outside the collar");
        let (cancel, what) = self.write(Action::SellYes, 44, 4);
        assert_eq!(what, "cancel");
        self.pass(5);
        self.accept_cancel(cancel, order, 10);
        let (create, what) = self.write(Action::SellYes, 44, 4);
        assert_eq!(what, "create");
        self.pass(5);
        self.accept(create, exit, 0, 4, "create acknowledged");
        self.fill(exit, BookSide::Ask, 44, 1);
        self.fill(exit, BookSide::Ask, 44, 3);
        self.pass(5);
        assert_eq!(self.execute.open_orders(), 0);

        self.book(BookEventKind::Snapshot, Outcome::Yes, 0, 0);
        for step in 0..8 {
            self.pass(u64::try_from(self.decide_ms / 2).unwrap());
            let contracts = if step % 2 == 0 { 3 } else { -3 };
            self.book(BookEventKind::Delta, Outcome::Yes, 38, contracts);
            self.book(BookEventKind::Delta, Outcome::No, 56, contracts);
            // Crossed for an instant.
            self.book(BookEventKind::Delta, Outcome::Yes, 45, 3);
            self.book(BookEventKind::Delta, Outcome::Yes, 45, -3);
            self.refuse_intents();
        }
        self.execute.audit().unwrap();
    }

    /// Answers the policy's intents with a verdict, as if `execute` had refused them.
    fn refuse_intents(&mut self) {
        while let Some(intent) = self.said.intents.pop() {
            let last = self.last_update.expect("the account was told at the start");
            let verdict = PortfolioUpdate { last_intent: intent.id, verdict: Verdict::RefusedRate, ..last };
            self.done.notes.push(AccountNote::Portfolio(verdict));
            self.tell_decide();
        }
    }
}

fn levels() -> BookLevels {
    let side = |best: u16| {
        (1..=best).map(|cents| (Price::from_cents(cents), Count::from_contracts(i64::from(cents) + 20))).collect()
    };
    BookLevels { yes: side(40), no: side(56) }
}

#[test]
fn decide_and_execute_allocate_nothing_once_they_are_warm() {
    let mut bench = Bench::new();
    while bench.round < ROUNDS {
        bench.round();
        bench.round += 1;
    }
    for (kind, calls, found) in &bench.figures {
        println!("{kind}: {calls} calls, {found} allocations");
    }
    let counters = bench.execute.counters();
    println!("{counters:?}\n{:?}", bench.decide.counters());
    for verdict in [Verdict::Kept, Verdict::Placed, Verdict::Amended, Verdict::Cancelled, Verdict::RefusedCollar] {
        assert!(counters.verdict(verdict) >= u64::from(ROUNDS), "{verdict:?}: {counters:?}");
    }
    for expected in [
        "snapshot",
        "delta",
        "delta with decision",
        "risk and create",
        "risk and amend",
        "risk and cancel",
        "keep or refusal",
        "rehearsal",
        "create acknowledged",
        "amend acknowledged",
        "cancel acknowledged",
        "fill",
    ] {
        let figure = bench.figures.iter().find(|(kind, ..)| *kind == expected);
        let (_, calls, _) = figure.unwrap_or_else(|| panic!("no `{expected}`"));
        assert!(*calls >= u64::from(ROUNDS - WARM_ROUNDS), "{expected}: {calls}");
    }
    let dirty: Vec<_> = bench.figures.iter().filter(|(.., found)| *found > 0).collect();
    assert!(dirty.is_empty(), "{dirty:?}");
}

#[test]
fn the_counting_allocator_counts() {
    let (found, text) = allocations(|| String::from("one"));
    assert_eq!((found, text.len()), (1, 3));
}
