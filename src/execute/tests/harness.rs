//! A port that remembers what was asked of it, and a bench that drives a stage by hand.

use crate::clock::{Now, SessionClock};
use crate::execute::{ExecuteConfig, ExecuteStage};
use crate::market::{
    BookSide, ClientOrderId, Count, EndReason, EventKey, FeeSchedule, GridBands, Liquidity, MarketKey, Money, OrderId,
    OrderStatus, Price, Ticker, TradeId,
};
use crate::messages::{
    AccountEvent, AccountNote, Action, DayState, DecisionStamps, ExecuteToReconcile, Fill, KnownGroup, Listing,
    MarketStatus, OrderIntent, OrderReport, OwnFill, OwnSettlement, Owner, Phase, PortfolioUpdate, Pricing, QueryKind,
    QueryRequest, Quote, QuoteLife, Source,
};
use crate::ports::{ExecuteEffect, ExecuteMessage, ExecutePort, Full, NotSent, OrderRequest, RequestId};
use crate::record::Span;

pub(super) const START_MS: i64 = 1_700_000_000_000;
pub(super) const NONCE: u64 = 0xfeed;
pub(super) const CLOSE_MS: i64 = START_MS + 3_600_000;

/// A request as it was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub id: RequestId,
    pub method: &'static str,
    pub path: String,
    pub body: serde_json::Value,
}

#[derive(Debug, Default)]
pub(super) struct Port {
    pub written: Vec<Written>,
    pub queries: Vec<QueryRequest>,
    pub portfolios: Vec<PortfolioUpdate>,
    pub fills: Vec<OwnFill>,
    pub settlements: Vec<OwnSettlement>,
    /// How many portfolios had been told when the last fill was.
    portfolios_at_fill: usize,
    pub persisted: Vec<DayState>,
    pub kept_groups: Vec<KnownGroup>,
    pub abandoned: Vec<RequestId>,
    pub presigned: Vec<(&'static str, String)>,
    pub latencies: Vec<Span>,
    pub no_connection: bool,
    pub full: bool,
}

impl Port {
    /// The portfolio that was told right after the last fill.
    pub fn first_after_a_fill(&self) -> PortfolioUpdate {
        self.portfolios[self.portfolios_at_fill]
    }
}

impl ExecutePort for Port {
    fn stamp_ns(&mut self) -> u64 {
        0
    }
    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        if self.no_connection {
            return Err(NotSent);
        }
        let body = if request.body.is_empty() {
            serde_json::Value::Null
        } else {
            serde_json::from_slice(request.body).unwrap()
        };
        let path = request.path.to_owned();
        self.written.push(Written { id: request.id, method: request.method, path, body });
        Ok(0)
    }
    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full> {
        if self.full {
            return Err(Full);
        }
        match message {
            ExecuteMessage::Decide(AccountNote::Portfolio(update)) => self.portfolios.push(update),
            ExecuteMessage::Decide(AccountNote::Fill(fill)) => {
                self.fills.push(fill);
                self.portfolios_at_fill = self.portfolios.len();
            }
            ExecuteMessage::Decide(AccountNote::Settlement(settlement)) => self.settlements.push(settlement),
            ExecuteMessage::Reconcile(ExecuteToReconcile::Query(query)) => self.queries.push(query),
        }
        Ok(())
    }
    fn tell(&mut self, effect: ExecuteEffect<'_>) {
        match effect {
            ExecuteEffect::Presign(method, path) => self.presigned.push((method, path.to_owned())),
            ExecuteEffect::Abandon(request) => self.abandoned.push(request),
            ExecuteEffect::Groups(known) => self.kept_groups = known.to_vec(),
            ExecuteEffect::Day(day) => self.persisted.push(*day),
        }
    }
    fn latency(&mut self, span: Span, _nanos: u64) {
        self.latencies.push(span);
    }
}

pub(super) fn market(index: u16) -> MarketKey {
    MarketKey { index, generation: 1 }
}

pub(super) fn ticker(key: MarketKey) -> Ticker {
    Ticker::new(&format!("KX-{}", key.index)).unwrap()
}

pub(super) fn listing(key: MarketKey) -> Listing {
    Listing {
        close_time_ms: CLOSE_MS,
        age_ms: 0,
        event: EventKey(u32::from(key.index)),
        exclusive: false,
        market: key,
        fees: FeeSchedule::QUADRATIC,
        event_length: 5,
        exchange_index: u8::try_from(key.index % 2).unwrap(),
        phase: Phase::Open,
        traded: true,
        ticker: ticker(key),
        bands: GridBands::cents(),
    }
}

pub(super) fn contracts(n: i64) -> Count {
    Count::from_contracts(n)
}

pub(super) fn cents(n: u16) -> Price {
    Price::from_cents(n)
}

/// A stage, its port and the time.
pub(super) struct Bench {
    pub stage: ExecuteStage,
    pub port: Port,
    pub now: Now,
    pub clock: SessionClock,
    intents: u64,
}

impl Bench {
    pub fn new(config: ExecuteConfig) -> Self {
        Self::with_day(config, DayState::default())
    }

    pub fn with_day(config: ExecuteConfig, day: DayState) -> Self {
        let clock = SessionClock::new(0, START_MS, 1_000);
        let stage = ExecuteStage::new(config, clock, NONCE, day);
        Self { stage, port: Port::default(), now: clock.now(1_000_000_000), clock, intents: 0 }
    }

    /// A stage that trades in two markets on two shards, $1,000 on each, and holds nothing.
    pub fn ready() -> Self {
        let mut bench = Self::new(ExecuteConfig::default());
        bench.start(&[]);
        bench
    }

    /// Brings a new stage to trading, with positions and their cost.
    pub fn start(&mut self, positions: &[(MarketKey, i64, i64)]) {
        for index in 0..2 {
            self.account(AccountEvent::Listing(listing(market(index))));
            self.status(market(index), Phase::Open, true, None);
        }
        self.account(AccountEvent::Stream { up: true });
        for _ in 0..4 {
            self.answer_rebuild(positions);
            self.pass_ms(600);
        }
        assert!(self.stage.is_synced());
        self.port.portfolios.clear();
        self.port.written.clear();
        self.port.queries.clear();
    }

    pub fn answer_rebuild(&mut self, positions: &[(MarketKey, i64, i64)]) {
        let Some(query) = self.take_query(QueryKind::Rebuild) else { return };
        self.account(AccountEvent::ReadBegin { query: query.query, kind: query.kind });
        for exchange_index in 0..2 {
            self.account(AccountEvent::Balance { exchange_index, cash: Money::from_dollars(1_000) });
        }
        for &(key, position, cost) in positions {
            self.position(key, position, cost);
        }
        self.end(query, true, self.now.session_ms);
    }

    pub fn position(&mut self, key: MarketKey, position: i64, cost: i64) {
        self.account(AccountEvent::Position {
            market: key,
            position: contracts(position),
            cost: Money::from_dollars(cost),
        });
    }

    pub fn begin(&mut self, query: QueryRequest) {
        self.account(AccountEvent::ReadBegin { query: query.query, kind: query.kind });
    }

    pub fn end(&mut self, query: QueryRequest, complete: bool, as_of_ms: i64) {
        self.account(AccountEvent::ReadEnd { query: query.query, kind: query.kind, complete, as_of_ms });
    }

    pub fn take_query(&mut self, kind: QueryKind) -> Option<QueryRequest> {
        let position = self.port.queries.iter().position(|query| query.kind == kind)?;
        Some(self.port.queries.remove(position))
    }

    pub fn account(&mut self, event: AccountEvent) {
        self.stage.on_account(&event, self.now, &mut self.port);
        self.stage.audit().unwrap();
    }

    pub fn status(&mut self, key: MarketKey, phase: Phase, fresh: bool, settlement: Option<Price>) {
        let status = MarketStatus {
            fee_override: None,
            market: key,
            phase,
            fresh,
            settlement,
            close_time_ms: CLOSE_MS,
            time_ms: self.now.session_ms,
            bands: GridBands::cents(),
        };
        self.stage.on_status(&status, self.now, &mut self.port);
        self.stage.audit().unwrap();
    }

    /// An intent at a book of 40 / 44.
    pub fn intend(&mut self, key: MarketKey, action: Action, price: u16, count: i64) -> u64 {
        self.intend_as(key, action, Pricing::Passive, price, count)
    }

    pub fn intend_as(&mut self, key: MarketKey, action: Action, pricing: Pricing, price: u16, count: i64) -> u64 {
        self.intents += 1;
        let intent = OrderIntent {
            id: self.intents,
            market: key,
            side: action.book_side().unwrap(),
            quote: Some(Quote {
                price: cents(price),
                count: contracts(count),
                life: if pricing == Pricing::Aggressive { QuoteLife::Immediate } else { QuoteLife::Resting },
                reduce_only: action.reduces(),
            }),
            best_bid: Some(cents(40)),
            best_ask: Some(cents(44)),
            time_ms: self.now.session_ms,
            portfolio_version: 0,
            stamps: DecisionStamps::default(),
        };
        self.stage.on_intent(&intent, self.now, &mut self.port);
        self.stage.audit().unwrap();
        intent.id
    }

    /// No order is wanted in a market.
    pub fn want_nothing(&mut self, key: MarketKey) {
        self.intents += 1;
        let intent = OrderIntent {
            id: self.intents,
            market: key,
            side: BookSide::Bid,
            quote: None,
            best_bid: Some(cents(40)),
            best_ask: Some(cents(44)),
            time_ms: self.now.session_ms,
            portfolio_version: 0,
            stamps: DecisionStamps::default(),
        };
        self.stage.on_intent(&intent, self.now, &mut self.port);
        self.stage.audit().unwrap();
    }

    pub fn answer(&mut self, request: RequestId, status: u16, body: &serde_json::Value) {
        let body = body.to_string();
        self.stage.on_answer(request, status, body.as_bytes(), 0, self.now, &mut self.port);
        self.stage.audit().unwrap();
    }

    pub fn accept(&mut self, request: RequestId, order: u128, filled: i64, remaining: i64) {
        let body = serde_json::json!({
            "order_id": OrderId::from_bits(order).to_string(), "fill_count": contracts(filled),
            "remaining_count": contracts(remaining), "ts_ms": self.now.session_ms,
        });
        self.answer(request, 201, &body);
    }

    pub fn accept_cancel(&mut self, request: RequestId, order: u128, reduced_by: i64) {
        let body = serde_json::json!({"orders": [{
            "order_id": OrderId::from_bits(order).to_string(), "reduced_by": contracts(reduced_by),
            "ts_ms": self.now.session_ms,
        }]});
        self.answer(request, 200, &body);
    }

    pub fn fill(&self, trade: u128, order: u128, side: BookSide, price: u16, count: i64) -> Fill {
        Fill {
            trade: TradeId::from_bits(trade),
            order: OrderId::from_bits(order),
            count: contracts(count),
            fee: Money::ZERO,
            post_position: None,
            time_ms: self.now.session_ms,
            read_ns: 77,
            market: market(0),
            price: cents(price),
            side,
            liquidity: Liquidity::Maker,
            source: Source::Stream,
        }
    }

    pub fn report(&self, order: u128, counter: u32, status: OrderStatus, filled: i64, remaining: i64) -> OrderReport {
        OrderReport {
            order: OrderId::from_bits(order),
            owner: Owner::Ours(ClientOrderId { nonce: NONCE, counter }),
            filled: contracts(filled),
            remaining: contracts(remaining),
            time_ms: self.now.session_ms,
            expires_ms: None,
            market: market(0),
            price: cents(40),
            side: BookSide::Bid,
            status,
            reason: EndReason::of(status, None),
            source: Source::Stream,
        }
    }

    /// Lets time pass, calling the timer whenever it is due.
    pub fn pass_ms(&mut self, ms: u64) {
        let until_ns = self.now.mono_ns + ms * 1_000_000;
        for _ in 0..100_000 {
            let due_ns = self.stage.deadline_ns();
            if due_ns > until_ns {
                self.now = self.clock.now(until_ns);
                return;
            }
            self.now = self.clock.now(due_ns.max(self.now.mono_ns + 1).min(until_ns));
            self.stage.on_timer(self.now, &mut self.port);
            self.stage.audit().unwrap();
            if self.now.mono_ns == until_ns {
                return;
            }
        }
        panic!("the timer never rests");
    }

    pub fn written(&mut self) -> Written {
        assert_eq!(self.port.written.len(), 1, "{:?}", self.port.written);
        self.port.written.remove(0)
    }

    pub fn last(&self, key: MarketKey) -> PortfolioUpdate {
        *self.port.portfolios.iter().rev().find(|update| update.market == key).unwrap()
    }
}

/// A bench with ten bid at 40 in the first market, resting as order 9.
pub(super) fn resting() -> Bench {
    resting_with(ExecuteConfig::default())
}

/// The same of a stage that is configured otherwise.
pub(super) fn resting_with(config: ExecuteConfig) -> Bench {
    let mut bench = Bench::new(config);
    bench.start(&[]);
    bench.intend(market(0), Action::BuyYes, 40, 10);
    let request = bench.written().id;
    bench.accept(request, 9, 0, 10);
    bench
}
