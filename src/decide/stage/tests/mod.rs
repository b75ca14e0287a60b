//! Tests of the stage, with a policy that gives prepared answers and a port that records its calls.

mod crossed;
mod strategies;

use super::resync::{RESYNC_REPEAT_NS, RESYNC_RETRY_NS};
use super::*;
use crate::decide::observation::{OBS52, Schema, TOUCH8};
use crate::decide::policy::{ActionTerms, Answer, Choice, OwnOrders, PolicyIdentity, Touch, View};
use crate::decide::trades::TradePrint;
use crate::market::{BookSide, Count, EventKey, FeeSchedule, Money, Outcome, Price, Ticker};
use crate::messages::{
    Action, DecideToExecute, DecideToFeed, DecisionRecord, OpenOrder, OrderIntent, Phase, PolicyFault, Quote, Skip,
    Verdict,
};
use crate::ports::{DecideEffect, DecideMessage, Full};

/// Gives a prepared answer, an action or quotes, and records what it sees and is told.
#[derive(Debug)]
struct Prepared {
    terms: ActionTerms,
    action: Action,
    fault: Option<PolicyFault>,
    answer: Option<Answer>,
    saw: Vec<Saw>,
    fills: Vec<OwnFill>,
    settlements: Vec<OwnSettlement>,
    refusals: Vec<OwnRefusal>,
}

/// The parts of a view that tests check.
#[derive(Clone, Debug, PartialEq)]
struct Saw {
    trades: Vec<TradePrint>,
    position: Count,
    orders: OwnOrders,
    touch: Touch,
    to_close_ms: i64,
    equity: Money,
}

impl Prepared {
    fn new(terms: ActionTerms, action: Action) -> Self {
        let (saw, fills, settlements, refusals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { terms, action, fault: None, answer: None, saw, fills, settlements, refusals }
    }
}

impl Policy for Prepared {
    fn identity(&self) -> PolicyIdentity {
        PolicyIdentity::named("prepared")
    }

    fn terms(&self) -> &PolicyTerms {
        &self.terms.policy
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        assert!(view.observation.iter().all(|value| value.is_finite()));
        self.saw.push(Saw {
            trades: view.trades.recent().copied().collect(),
            position: view.position,
            orders: view.orders,
            touch: view.touch,
            to_close_ms: view.time_to_close_ms(),
            equity: view.account.equity,
        });
        let choice = Choice { action: self.action, logits: None, fault: self.fault };
        self.answer.unwrap_or_else(|| self.terms.answer(choice, view))
    }

    fn on_fill(&mut self, fill: &OwnFill) {
        self.fills.push(*fill);
    }

    fn on_settlement(&mut self, settlement: &OwnSettlement) {
        self.settlements.push(*settlement);
    }

    fn on_refusal(&mut self, refusal: &OwnRefusal) {
        self.refusals.push(*refusal);
    }
}

#[derive(Default)]
struct Recorder {
    clock_ns: u64,
    epoch: u64,
    full: bool,
    intents: Vec<OrderIntent>,
    resyncs: Vec<ResyncReason>,
    returned: usize,
    decided: Vec<DecisionRecord<'static>>,
    skipped: Vec<(i64, Skip)>,
    latencies: Vec<(Span, u64)>,
}

impl DecidePort for Recorder {
    fn stamp_ns(&mut self) -> u64 {
        self.clock_ns += 10;
        self.clock_ns
    }
    fn overflow_epoch(&mut self) -> u64 {
        self.epoch
    }
    fn push(&mut self, message: DecideMessage) -> Result<(), Full> {
        if self.full {
            return Err(Full);
        }
        match message {
            DecideMessage::Execute(DecideToExecute::Intent(intent)) => self.intents.push(intent),
            DecideMessage::Feed(DecideToFeed::Resync(request)) => self.resyncs.push(request.reason),
        }
        Ok(())
    }
    fn tell(&mut self, effect: DecideEffect<'_>) {
        match effect {
            DecideEffect::Decided(record) => self.decided.push(record.clone().into_owned()),
            DecideEffect::Skipped(_, time_ms, reason) => self.skipped.push((time_ms, reason)),
        }
    }
    fn return_levels(&mut self, _levels: Box<BookLevels>) {
        self.returned += 1;
    }
    fn latency(&mut self, span: Span, nanos: u64) {
        self.latencies.push((span, nanos));
    }
}

const KEY: MarketKey = MarketKey { index: 2, generation: 5 };

struct Bench {
    stage: DecideStage<Prepared>,
    port: Recorder,
    now: Now,
    version: u64,
}

impl Bench {
    fn new(action: Action) -> Self {
        let terms = ActionTerms::standard();
        let config = DecideConfig { max_markets: 8, clock: SessionClock::new(0, 0, 1_000) };
        let stage = DecideStage::new(Prepared::new(terms, action), &config).unwrap();
        let mut bench = Self { stage, port: Recorder::default(), now: Now::default(), version: 0 };
        bench.list(KEY);
        bench
    }

    /// A listed market with a fresh book of 40 to 45 cents and a flat account, after the first decision bucket.
    fn ready(action: Action) -> Self {
        let mut bench = Self::new(action);
        bench.account(|_| {});
        bench.snapshot(0, &[(40, 10), (38, 10)], &[(55, 10), (50, 10)]);
        bench.port = Recorder::default();
        bench.stage.state.accounts[KEY.position()] = Account::default();
        bench.stage.state.intents = 0;
        bench.account(|_| {});
        bench.stage.state.counters = DecideCounters::default();
        bench
    }

    fn list(&mut self, market: MarketKey) {
        self.stage.on_listing(&listed(market), self.now);
    }

    fn event(&self, kind: BookEventKind, time_ms: i64) -> BookEvent {
        BookEvent {
            market: KEY,
            kind,
            side: Outcome::Yes,
            price: Price::from_cents(30),
            change: Count::from_contracts(1),
            time_ms,
            exchange_ms: time_ms,
            clock: 0,
            seq: 0,
            read_ns: self.now.mono_ns,
            parsed_ns: self.now.mono_ns,
        }
    }

    fn send(&mut self, event: &BookEvent) {
        self.stage.on_book(event, None, self.now, &mut self.port);
    }

    fn snapshot(&mut self, time_ms: i64, yes: &[(u16, i64)], no: &[(u16, i64)]) {
        let parse = |levels: &[(u16, i64)]| {
            levels.iter().map(|&(at, size)| (Price::from_cents(at), Count::from_contracts(size))).collect()
        };
        let levels = Box::new(BookLevels { yes: parse(yes), no: parse(no) });
        let event = self.event(BookEventKind::Snapshot, time_ms);
        self.stage.on_book(&event, Some(levels), self.now, &mut self.port);
    }

    fn delta(&mut self, time_ms: i64) {
        self.send(&self.event(BookEventKind::Delta, time_ms));
    }

    fn bad_delta(&mut self, time_ms: i64) {
        let event = BookEvent { change: Count::from_contracts(-1_000), ..self.event(BookEventKind::Delta, time_ms) };
        self.send(&event);
    }

    fn account(&mut self, change: impl FnOnce(&mut PortfolioUpdate)) {
        self.version += 1;
        let mut update = PortfolioUpdate {
            version: self.version,
            available: Money::from_dollars(1_000),
            reserved: Money::ZERO,
            market: KEY,
            busy: false,
            blocked: false,
            verdict: Verdict::None,
            position: Count::ZERO,
            cost: Money::ZERO,
            open_order: None,
            last_intent: 0,
            cause_read_ns: 0,
        };
        change(&mut update);
        self.stage.on_portfolio(&update, self.now, &mut self.port);
    }

    fn decision_times(&self) -> Vec<i64> {
        self.port.decided.iter().map(|record| record.time_ms).collect()
    }
}

fn listed(market: MarketKey) -> Listing {
    Listing {
        close_time_ms: i64::MAX,
        age_ms: 0,
        event: EventKey::default(),
        exclusive: false,
        market,
        fees: FeeSchedule::QUADRATIC,
        event_length: 5,
        exchange_index: 0,
        phase: Phase::Open,
        traded: true,
        ticker: Ticker::new("KXTEST-1").unwrap(),
        bands: GridBands::cents(),
    }
}

#[test]
fn a_market_is_decided_on_the_first_frame_of_each_bucket() {
    let mut bench = Bench::ready(Action::Hold);
    for time_ms in [10, 249, 250, 251, 499, 1_100, 1_000, 1_249, 1_250] {
        bench.delta(time_ms);
    }
    assert_eq!(bench.decision_times(), [250, 1_100, 1_250]);
    assert_eq!(bench.stage.counters().decisions, 3);
    assert!(bench.port.intents.is_empty());
}

#[test]
fn an_intent_carries_its_price_its_collar_and_its_stamps() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.now.mono_ns = 1_000;
    bench.delta(100);
    bench.now.mono_ns = 2_000;
    bench.port.clock_ns = 2_000;
    bench.delta(300);
    let [intent] = bench.port.intents[..] else { panic!("one intent") };
    assert_eq!((intent.id, intent.market, intent.side, intent.time_ms), (1, KEY, BookSide::Bid, 300));
    assert_eq!(intent.quote, Some(Quote::resting(Price::from_cents(40), Count::from_contracts(10))));
    assert_eq!(intent.best_bid.zip(intent.best_ask), Some((Price::from_cents(40), Price::from_cents(45))));
    let stamps = intent.stamps;
    assert_eq!((stamps.oldest_read_ns, stamps.newest_read_ns), (1_000, 2_000));
    let order = [2_000, stamps.applied_ns, stamps.observed_ns, stamps.inferred_ns, stamps.decided_ns];
    assert!(order.is_sorted_by(|one, other| one < other), "{order:?}");
    let [record] = &bench.port.decided[..] else { panic!("one record") };
    assert_eq!((record.intent, record.price, record.withheld), (1, Some(Price::from_cents(40)), None));
}

#[test]
fn a_market_is_busy_until_its_intent_has_a_verdict() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.now.mono_ns = 500;
    bench.delta(250);
    bench.delta(500);
    bench.account(|update| update.busy = true);
    bench.delta(750);
    bench.now.mono_ns = 9_500;
    bench.account(|update| {
        update.last_intent = 1;
        update.busy = true;
    });
    bench.delta(1_000);
    bench.account(|update| update.last_intent = 1);
    bench.delta(1_250);
    assert_eq!(bench.port.skipped, [(500, Skip::Busy), (750, Skip::Busy), (1_000, Skip::Busy)]);
    assert_eq!(bench.port.intents.iter().map(|intent| intent.id).collect::<Vec<_>>(), [1, 2]);
    let loops: Vec<_> = bench.port.latencies.iter().filter(|(span, _)| *span == Span::BookToPortfolio).collect();
    assert_eq!(loops, [&(Span::BookToPortfolio, 9_000)]);
}

#[test]
fn an_intent_that_finds_the_ring_full_is_dropped_and_frees_the_market() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.port.full = true;
    bench.delta(250);
    bench.port.full = false;
    bench.delta(500);
    assert_eq!(bench.stage.counters().skipped(Skip::RingFull), 1);
    assert_eq!(bench.port.decided[0].withheld, Some(Skip::RingFull));
    assert_eq!(bench.port.intents[0].id, 1);
}

#[test]
fn no_decision_is_taken_before_the_account_is_known() {
    let mut bench = Bench::new(Action::BuyYes);
    bench.snapshot(0, &[(40, 10)], &[(55, 10)]);
    assert_eq!(bench.port.skipped, [(0, Skip::NotReady)]);
    assert_eq!(bench.port.returned, 1);
    bench.account(|_| {});
    bench.delta(250);
    assert_eq!(bench.decision_times(), [250]);
}

#[test]
fn a_refused_delta_makes_the_book_stale_until_the_next_snapshot() {
    let mut bench = Bench::ready(Action::Hold);
    bench.bad_delta(250);
    bench.delta(500);
    assert_eq!(bench.port.resyncs, [ResyncReason::NegativeSize]);
    assert_eq!(bench.port.skipped, [(250, Skip::Stale), (500, Skip::Stale)]);
    assert!(bench.stage.book(KEY).is_none());
    bench.snapshot(600, &[(40, 10)], &[(55, 10)]);
    bench.delta(750);
    assert_eq!(bench.decision_times(), [750]);
    assert_eq!(bench.stage.deadline_ns(), RESYNC_REPEAT_NS);
    bench.now.mono_ns = RESYNC_REPEAT_NS;
    bench.stage.on_timer(bench.now, &mut bench.port);
    assert_eq!((bench.port.resyncs.len(), bench.stage.deadline_ns()), (1, NEVER_NS));
}

#[test]
fn a_request_for_a_snapshot_is_repeated_until_one_comes_or_feed_knows() {
    let mut bench = Bench::ready(Action::Hold);
    bench.port.full = true;
    bench.bad_delta(250);
    assert_eq!(bench.stage.deadline_ns(), RESYNC_RETRY_NS);
    bench.port.full = false;
    bench.stage.on_timer(bench.now, &mut bench.port);
    assert!(bench.port.resyncs.is_empty(), "an early call does nothing");
    for (mono_ns, asked) in [(RESYNC_RETRY_NS, 1), (RESYNC_RETRY_NS, 1), (RESYNC_RETRY_NS + RESYNC_REPEAT_NS, 2)] {
        bench.now.mono_ns = mono_ns;
        bench.stage.on_timer(bench.now, &mut bench.port);
        assert_eq!(bench.port.resyncs.len(), asked);
    }
    bench.send(&bench.event(BookEventKind::Stale, 300));
    bench.now.mono_ns = bench.stage.deadline_ns();
    bench.stage.on_timer(bench.now, &mut bench.port);
    assert_eq!((bench.port.resyncs.len(), bench.stage.deadline_ns()), (2, NEVER_NS));
}

#[test]
fn a_delta_before_any_snapshot_asks_for_one_once() {
    let mut bench = Bench::new(Action::Hold);
    bench.delta(0);
    bench.delta(1);
    assert_eq!(bench.port.resyncs, [ResyncReason::NoSnapshot]);
}

#[test]
fn a_stale_spell_of_more_than_ten_seconds_restarts_the_history() {
    for (spell_ms, points) in [(10_000, 3), (10_001, 0)] {
        let mut bench = Bench::ready(Action::Hold);
        for time_ms in [1_000, 2_000] {
            bench.delta(time_ms);
        }
        bench.send(&bench.event(BookEventKind::Stale, 2_000));
        bench.now.session_ms += spell_ms;
        bench.snapshot(3_000, &[(40, 10)], &[(55, 10)]);
        assert_eq!(bench.stage.state.markets[KEY.position()].as_ref().unwrap().points.len(), points);
    }
}

#[test]
fn nothing_is_decided_between_an_overflow_and_its_clearing() {
    let mut bench = Bench::ready(Action::Hold);
    bench.port.epoch = 2;
    bench.delta(250);
    bench.send(&BookEvent { clock: 1, ..bench.event(BookEventKind::EpochCleared, 0) });
    bench.delta(500);
    bench.send(&BookEvent { clock: 2, ..bench.event(BookEventKind::EpochCleared, 0) });
    bench.delta(750);
    assert_eq!(bench.port.skipped, [(250, Skip::Epoch), (500, Skip::Epoch)]);
    assert_eq!(bench.decision_times(), [750]);
}

#[test]
fn a_stage_that_is_behind_decides_only_the_newest_bucket() {
    let mut bench = Bench::ready(Action::Hold);
    let late = |bench: &Bench, time_ms| BookEvent { read_ns: 0, ..bench.event(BookEventKind::Delta, time_ms) };
    bench.now.mono_ns = 251_000_000;
    for time_ms in [250, 500, 510, 750] {
        bench.send(&late(&bench, time_ms));
    }
    assert!(bench.port.decided.is_empty());
    bench.stage.on_drained(&mut bench.port);
    bench.stage.on_drained(&mut bench.port);
    assert_eq!(bench.decision_times(), [750]);
    assert_eq!(bench.port.skipped, [(500, Skip::Behind), (750, Skip::Behind)]);
    // A postponed decision, followed by a timely frame of the same bucket: it is taken at once and nothing is skipped.
    bench.send(&late(&bench, 1_000));
    bench.delta(1_010);
    bench.stage.on_drained(&mut bench.port);
    assert_eq!(bench.decision_times(), [750, 1_010]);
    assert_eq!(bench.stage.counters().skipped(Skip::Behind), 2);
}

#[test]
fn a_sell_only_reduces() {
    for (action, position, count) in
        [(Action::SellYes, 4, Some(4)), (Action::SellNo, 4, None), (Action::SellYes, 0, None)]
    {
        let mut bench = Bench::ready(action);
        bench.account(|update| update.position = Count::from_contracts(position));
        bench.delta(250);
        let quote = bench.port.intents.first().and_then(|intent| intent.quote);
        assert_eq!(
            quote.map(|quote| (quote.count, quote.reduce_only)),
            count.map(|count| (Count::from_contracts(count), true))
        );
        let withheld = bench.port.decided[0].withheld;
        assert_eq!(withheld, count.is_none().then_some(Skip::NothingToReduce));
        assert_eq!(bench.stage.counters().skipped(Skip::NothingToReduce), u64::from(count.is_none()));
    }
}

#[test]
fn a_market_that_execute_has_not_reported_gets_no_intent() {
    let mut bench = Bench::ready(Action::BuyYes);
    // As for a market that has just been listed while others are traded.
    bench.stage.state.accounts[KEY.position()] = Account::default();
    bench.delta(250);
    assert!(bench.port.intents.is_empty());
    assert_eq!(bench.stage.counters().skipped(Skip::NotReady), 1);
    bench.account(|_| {});
    bench.delta(500);
    assert_eq!(bench.port.intents.len(), 1);
}

#[test]
fn a_blocked_market_sends_only_what_reduces() {
    for (action, position, sent) in [(Action::BuyYes, 0, 0), (Action::SellYes, 5, 1), (Action::BuyNo, 10, 1)] {
        let mut bench = Bench::ready(action);
        bench.account(|update| {
            update.position = Count::from_contracts(position);
            update.blocked = true;
        });
        bench.delta(250);
        assert_eq!(bench.port.intents.len(), sent, "{action:?}");
        assert_eq!(bench.stage.counters().skipped(Skip::Blocked), u64::from(sent == 0));
    }
}

#[test]
fn the_wanted_price_passes_over_a_level_held_only_by_us() {
    for (side, action, resting, wanted) in
        [(BookSide::Bid, Action::BuyYes, 40, 38), (BookSide::Ask, Action::BuyNo, 45, 50)]
    {
        let mut bench = Bench::ready(action);
        bench.account(|update| {
            update.open_order = Some(OpenOrder {
                remaining: Count::from_contracts(10),
                acked_ms: Some(0),
                price: Price::from_cents(resting),
                side,
            });
        });
        bench.delta(250);
        assert_eq!(bench.port.intents[0].quote.unwrap().price, Price::from_cents(wanted));
        // The observation shows the published book, and our order.
        assert!((bench.port.decided[0].observation[0] - 0.40).abs() < 1e-6);
        assert!((bench.port.decided[0].observation[47..49].iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}

#[test]
fn a_side_without_levels_gives_no_price() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.snapshot(250, &[], &[(55, 10)]);
    assert_eq!(bench.port.decided[0].withheld, Some(Skip::NoPrice));
    assert!(bench.port.intents.is_empty());
}

#[test]
fn a_policy_that_cannot_choose_holds_and_says_why() {
    let mut bench = Bench::ready(Action::Hold);
    bench.stage.policy.fault = Some(PolicyFault::NonFinite);
    bench.delta(250);
    assert_eq!(bench.port.decided[0].fault, Some(PolicyFault::NonFinite));
    assert_eq!(bench.stage.counters().faults, 1);
}

#[test]
fn trades_change_nothing() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.send(&bench.event(BookEventKind::Trade, 250));
    assert!(bench.port.decided.is_empty() && bench.port.skipped.is_empty());
    bench.delta(260);
    assert_eq!(bench.decision_times(), [260]);
}

#[test]
fn what_belongs_to_another_generation_is_ignored() {
    let mut bench = Bench::ready(Action::BuyYes);
    let other = MarketKey { generation: KEY.generation - 1, ..KEY };
    bench.send(&BookEvent { market: other, ..bench.event(BookEventKind::Delta, 250) });
    bench.send(&BookEvent { market: MarketKey { index: 99, generation: 0 }, ..bench.event(BookEventKind::Delta, 250) });
    bench.account(|update| {
        update.market = other;
        update.position = Count::from_contracts(7);
    });
    assert_eq!(bench.stage.counters().unknown_market, 3);
    assert_eq!(bench.stage.state.portfolio.sums().count, 0);
}

#[test]
fn a_position_known_before_its_market_is_listed_is_kept() {
    let mut bench = Bench::ready(Action::SellYes);
    let next = MarketKey { generation: KEY.generation + 1, ..KEY };
    bench.account(|update| {
        update.market = next;
        update.position = Count::from_contracts(7);
    });
    bench.send(&bench.event(BookEventKind::Delisted, 0));
    bench.list(next);
    assert_eq!(bench.stage.state.portfolio.sums().signed, 700);
    assert_eq!(bench.stage.state.accounts[next.position()].position, Count::from_contracts(7));
}

#[test]
fn a_held_market_is_valued_at_its_newest_mid() {
    let mut bench = Bench::ready(Action::Hold);
    bench.account(|update| update.position = Count::from_contracts(10));
    assert_eq!(bench.stage.state.portfolio.largest_worth2(), 2 * 4_250_000);
    let event = BookEvent { price: Price::from_cents(42), ..bench.event(BookEventKind::Delta, 10) };
    bench.send(&event);
    assert_eq!(bench.stage.state.portfolio.largest_worth2(), 2 * 4_350_000);
}

#[test]
fn a_new_position_does_not_inherit_the_mid_of_an_earlier_market() {
    let mut bench = Bench::ready(Action::Hold);
    bench.account(|update| update.position = Count::from_contracts(10));
    bench.send(&bench.event(BookEventKind::Delisted, 0));
    bench.account(|update| {
        update.market = MarketKey { generation: KEY.generation + 1, ..KEY };
        update.position = Count::from_contracts(10);
    });
    assert_eq!(bench.stage.state.portfolio.largest_worth2(), 2 * 5_000_000);
}

#[test]
fn a_stale_market_keeps_its_last_mid() {
    let mut bench = Bench::ready(Action::Hold);
    bench.send(&bench.event(BookEventKind::Stale, 0));
    bench.account(|update| update.position = Count::from_contracts(10));
    assert_eq!(bench.stage.state.portfolio.largest_worth2(), 2 * 4_250_000);
}

#[test]
fn the_way_from_a_fill_to_the_portfolio_is_measured() {
    let mut bench = Bench::ready(Action::Hold);
    bench.now.mono_ns = 5_000;
    bench.account(|update| {
        update.position = Count::from_contracts(3);
        update.cause_read_ns = 1_000;
    });
    assert_eq!(bench.port.latencies, [(Span::FillToPortfolio, 4_000)]);
}

#[test]
fn a_finer_grid_keeps_the_book_and_a_coarser_one_asks_for_it_again() {
    let mut bench = Bench::ready(Action::Hold);
    let listing = |bands| Listing {
        close_time_ms: i64::MAX,
        age_ms: 0,
        event: EventKey::default(),
        exclusive: false,
        market: KEY,
        fees: FeeSchedule::QUADRATIC,
        event_length: 5,
        exchange_index: 0,
        phase: Phase::Open,
        traded: true,
        ticker: Ticker::new("KXTEST-1").unwrap(),
        bands,
    };
    bench.stage.on_listing(&listing(GridBands::named("deci_cent").unwrap()), bench.now);
    assert_eq!(bench.stage.book(KEY).unwrap().best_bid(), Some(Price::from_cents(40)));
    bench.stage.on_listing(&listing(GridBands::uniform(Price::from_cents(25)).unwrap()), bench.now);
    assert!(bench.stage.book(KEY).is_none());
    bench.stage.on_timer(bench.now, &mut bench.port);
    assert_eq!(bench.port.resyncs, [ResyncReason::OffGrid]);
}

#[test]
fn a_policy_for_an_observation_that_cannot_be_built_is_refused_by_name() {
    let mut terms = ActionTerms::standard();
    terms.policy.schema = Some(Schema::new("obs99", 7, &["one", "one"], 0, |_, _| ()));
    let config = DecideConfig { max_markets: 1, clock: SessionClock::new(0, 0, 1_000) };
    let error = DecideStage::new(Prepared::new(terms, Action::Hold), &config).unwrap_err();
    assert!(error.to_string().contains("obs99/7"));
}

/// A stage whose policy asks for another schema, or none.
fn seeing(schema: Option<Schema>) -> Bench {
    let mut bench = Bench::new(Action::Hold);
    let mut terms = ActionTerms::standard();
    terms.policy.schema = schema;
    let config = DecideConfig { max_markets: 8, clock: SessionClock::new(0, 0, 1_000) };
    bench.stage = DecideStage::new(Prepared::new(terms, Action::Hold), &config).unwrap();
    bench.list(KEY);
    bench.account(|update| update.position = Count::from_contracts(50));
    bench.snapshot(0, &[(40, 10)], &[(56, 10)]);
    bench
}

#[test]
fn a_decision_sees_the_schema_that_its_policy_asks_for() {
    let bench = seeing(Some(TOUCH8));
    let [record] = &bench.port.decided[..] else { panic!("one record") };
    assert_eq!(*record.observation, [0.42, 0.04, 0.0, 0.0, 0.5, 0.0, 0.0, 1.0]);
    let bench = seeing(Some(OBS52));
    assert_eq!(bench.port.decided[0].observation.len(), 52);
}

#[test]
fn a_policy_without_a_schema_decides_without_an_observation_and_keeps_no_history() {
    let mut bench = seeing(None);
    for time_ms in [1_000, 2_000, 3_000] {
        bench.delta(time_ms);
    }
    assert_eq!(bench.port.decided.len(), 4);
    assert!(bench.port.decided.iter().all(|record| record.observation.is_empty()));
    let points = &bench.stage.state.markets[KEY.position()].as_ref().unwrap().points;
    assert!(points.is_empty() && points.current().is_some());
}

#[test]
fn a_stage_goes_on_from_its_checkpoint_with_the_schema_of_its_policy() {
    let mut bench = seeing(Some(TOUCH8));
    let checkpoint = postcard::to_stdvec(&bench.stage).unwrap();
    let restored: DecideStage<PolicyRecord> = postcard::from_bytes(&checkpoint).unwrap();
    let policy = |schema| {
        let mut terms = ActionTerms::standard();
        terms.policy.schema = schema;
        Prepared::new(terms, Action::Hold)
    };
    let another = policy(Some(OBS52));
    let mut restored = restored.with_policy(policy(Some(TOUCH8))).unwrap();
    let mut port = Recorder::default();
    bench.delta(250);
    restored.on_book(&bench.event(BookEventKind::Delta, 250), None, bench.now, &mut port);
    assert_eq!(port.decided, bench.port.decided[1..]);
    let restored: DecideStage<PolicyRecord> = postcard::from_bytes(&checkpoint).unwrap();
    let error = restored.with_policy(another).unwrap_err().to_string();
    assert!(error.contains("touch8/1") && error.contains("obs52/1"), "{error}");
}
