//! The orders by themselves, without a stage around them: lives, cancels, leases, groups and the tokens for them.

use super::groups::{GroupConfig, GroupNeed, GroupWrite};
use super::order::Whose;
use super::*;
use crate::market::{OrderGroupId, OrderId};
use crate::messages::{GroupReport, GroupState, Source};

const START_MS: i64 = 1_700_000_000_000;
const MARKET: MarketKey = MarketKey { index: 0, generation: 1 };

struct Bench {
    orders: Orders,
    counters: ExecuteCounters,
    alarm: Alarm,
}

impl Bench {
    fn new() -> Self {
        let clock = SessionClock::new(0, START_MS, 1_000);
        let groups = GroupConfig { enabled: true, ..GroupConfig::default() };
        let config = ExecuteConfig { markets_max: 4, orders_max: 64, groups, ..ExecuteConfig::default() };
        let mut alarm = Alarm::new(&clock);
        alarm.clear();
        Self { orders: Orders::new(&config, &clock, 7), counters: ExecuteCounters::default(), alarm }
    }

    fn now(&self, ms: u64) -> Now {
        self.alarm.clock().now(ms * 1_000_000)
    }

    /// An order of this run that rests since then.
    fn resting(&mut self, number: u128, side: BookSide, ms: u64) -> OrderRef {
        let whose = Whose::Ours(self.orders.next_client());
        self.orders.spend_client();
        let count = Count::from_contracts(10);
        let mut order = Order::new(whose, MARKET, side, Price::from_cents(40), count, OrderState::Creating);
        order.sent_ms = self.now(ms).session_ms;
        let at = self.orders.table.insert(order).unwrap();
        assert!(self.orders.table.link(at, OrderId::from_bits(number)));
        self.step(at, OrderEvent::AcceptedResting, ms);
        at
    }

    fn step(&mut self, at: OrderRef, event: OrderEvent, ms: u64) -> Option<MarketKey> {
        let now = self.now(ms);
        self.orders.step(at, event, now, &mut self.counters, &mut self.alarm)
    }

    /// How many orders the next batch of cancels has, or when there is one.
    fn due(&mut self, ms: u64, is_over: bool) -> Result<usize, u64> {
        let now = self.now(ms);
        self.orders.begin_cancels();
        self.orders.next_cancels(&mut 0, |_| is_over, now, &mut self.alarm).map(|batch| batch.items().len())
    }
}

#[test]
fn a_lost_answer_makes_the_orders_market_uncertain_until_the_exchange_tells() {
    let mut bench = Bench::new();
    let at = bench.resting(1, BookSide::Bid, 0);
    assert_eq!(bench.orders.own(MARKET), Some(at));
    assert!(!bench.orders.is_uncertain(MARKET) && !bench.orders.has_open_end(MARKET, false));
    bench.step(at, OrderEvent::CancelSent, 1);
    assert_eq!(bench.step(at, OrderEvent::NoOutcome, 2), Some(MARKET));
    assert_eq!(bench.step(at, OrderEvent::NoOutcome, 3), None, "it was unknown before");
    assert!(bench.orders.is_uncertain(MARKET) && bench.orders.has_open_end(MARKET, false));
    bench.step(at, OrderEvent::SeenResting, 4);
    assert_eq!((bench.counters.unknown, bench.counters.unknown_resolved), (1, 1));
    assert!(!bench.orders.is_uncertain(MARKET));
    assert!(bench.orders.has_open_end(MARKET, true), "of a closed market the exchange tells how it ended");
}

#[test]
fn an_order_leaves_when_it_has_ended_and_all_its_fills_are_booked() {
    let mut bench = Bench::new();
    let at = bench.resting(1, BookSide::Ask, 0);
    let touch = |bench: &mut Bench| {
        let now = bench.now(1);
        bench.orders.touch(at, now, &mut bench.counters, &mut bench.alarm)
    };
    assert_eq!(touch(&mut bench), None);
    bench.orders.table.get_mut(at).unwrap().filled = Count::from_contracts(10);
    assert_eq!(touch(&mut bench), Some((MARKET, BookSide::Ask)));
    assert!(bench.orders.table.get(at).is_none() && bench.orders.table.is_gone(OrderId::from_bits(1)));
    assert_eq!((bench.orders.open().count(), bench.counters.cancelled), (0, 0));
}

#[test]
fn cancels_come_in_batches_as_far_as_tokens_go_and_not_of_markets_that_are_over() {
    let withdrawn = || {
        let mut bench = Bench::new();
        for number in 1..=30 {
            bench.resting(number, BookSide::Bid, 0);
        }
        let now = bench.now(1);
        bench.orders.withdraw_market(MARKET, true, now, &mut bench.alarm);
        assert_eq!((bench.orders.cancels_due_ns(), bench.alarm.due_ns()), (now.mono_ns, now.mono_ns));
        bench
    };
    assert_eq!(withdrawn().due(500, true), Err(NEVER_NS));
    // 50 tokens are there after half a second, which is 25 cancels; a batch has 20 at most.
    assert_eq!(withdrawn().due(500, false), Ok(20));
    assert_eq!(withdrawn().due(100, false), Ok(5));
    assert_eq!(withdrawn().due(10, false), Err(20_000_000), "a cancel costs two tokens");
}

#[test]
fn a_create_leaves_the_tokens_to_cancel_it_and_all_others() {
    let mut bench = Bench::new();
    let allows = |bench: &Bench| {
        let now = bench.now(1_000);
        (bench.orders.allows_create(0, now), bench.orders.allows_amend(0, now), bench.orders.allows_group(now))
    };
    for number in 1..=44 {
        bench.resting(number, BookSide::Bid, 0);
    }
    // Of 100 tokens 10 for the write and 2 for each order.
    assert_eq!(allows(&bench), (true, true, true));
    bench.resting(45, BookSide::Bid, 0);
    assert_eq!(allows(&bench), (false, true, true));
    bench.resting(46, BookSide::Bid, 0);
    assert_eq!(allows(&bench), (false, false, false));
}

#[test]
fn a_refused_cancel_waits_longer_each_time() {
    let mut bench = Bench::new();
    let at = bench.resting(1, BookSide::Bid, 0);
    for (round, wait_ns) in [10, 20, 40, 40].into_iter().enumerate() {
        let now = bench.now(1_000 * (1 + round as u64));
        bench.alarm.clear();
        bench.orders.begin_cancels();
        bench.orders.retry_cancel(at, 10..=40, now, &mut bench.alarm);
        assert_eq!(bench.orders.cancels_due_ns(), now.mono_ns + wait_ns);
        assert_eq!(bench.due(1_000 * (1 + round as u64), false), Err(NEVER_NS), "not before");
    }
}

#[test]
fn an_order_that_was_not_wanted_again_expires_and_the_others_wake() {
    let mut bench = Bench::new();
    let (first, second) = (bench.resting(1, BookSide::Bid, 0), bench.resting(2, BookSide::Bid, 0));
    bench.orders.table.get_mut(first).unwrap().expires_ms = START_MS + 1_000;
    bench.orders.table.get_mut(second).unwrap().expires_ms = START_MS + 3_000;
    bench.alarm.clear();
    let now = bench.now(999);
    bench.orders.expire(now, &mut bench.counters, &mut bench.alarm);
    assert_eq!((bench.counters.expired, bench.alarm.due_ns()), (0, 1_000_000_000));
    let now = bench.now(1_000);
    bench.orders.expire(now, &mut bench.counters, &mut bench.alarm);
    assert_eq!((bench.counters.expired, bench.due(1_000, false)), (1, Ok(1)));
}

#[test]
fn a_lease_is_renewed_when_little_is_left_of_it_and_the_order_rests() {
    let mut bench = Bench::new();
    let at = bench.resting(1, BookSide::Bid, 0);
    let renewed = (Price::from_cents(40), Count::from_contracts(10));
    assert_eq!(bench.orders.renewal(at, bench.now(0)), None, "it has no lease");
    let lease_ms = bench.orders.leases.lease_ms;
    bench.orders.table.get_mut(at).unwrap().lease.ends_ms = START_MS + lease_ms;
    let below_ms = u64::try_from(lease_ms - bench.orders.leases.renew_below_ms).unwrap();
    assert_eq!(bench.orders.renewal(at, bench.now(below_ms)), None);
    assert_eq!(bench.orders.renewal(at, bench.now(below_ms + 1)), Some(renewed));
    bench.step(at, OrderEvent::CancelSent, below_ms + 1);
    assert_eq!(bench.orders.renewal(at, bench.now(below_ms + 1)), None);
}

#[test]
fn a_group_is_made_limited_and_reset_after_its_time() {
    let mut bench = Bench::new();
    let (id, limit) = (OrderGroupId::from_bits(5), Count::from_contracts(150));
    let need = |bench: &Bench, ms| bench.orders.groups.need(0, limit, bench.now(ms), bench.alarm.clock());
    let answered = |bench: &mut Bench, request, status, body: &str, ms| {
        let now = bench.now(ms);
        bench.orders.groups.answered(request, Some(status), body.as_bytes(), 10..=40, now)
    };
    bench.orders.groups.trade(3);
    assert_eq!(bench.orders.groups.limit(1, Count::from_contracts(10)), limit);
    assert_eq!(need(&bench, 0), GroupNeed::Write(GroupWrite::Create(limit)));
    bench.orders.groups.written(0, 1, GroupWrite::Create(limit));
    assert_eq!(need(&bench, 0), GroupNeed::Nothing);
    assert_eq!(answered(&mut bench, 1, 503, "", 1).change, None);
    assert_eq!(need(&bench, 1), GroupNeed::At(1_000_010));
    bench.orders.groups.written(0, 2, GroupWrite::Create(limit));
    let made = answered(&mut bench, 2, 201, &format!(r#"{{"order_group_id":"{id}"}}"#), 2);
    assert!(made.made && made.change.is_some_and(|change| change.takes_orders && change.exchange_index == 3));
    assert_eq!((need(&bench, 3), bench.orders.groups.id(3)), (GroupNeed::Nothing, Some(id)));
    let report = GroupReport { group: id, limit: None, state: GroupState::Triggered, source: Source::Stream };
    let now = bench.now(10);
    let change = bench.orders.groups.reported(&report, 0, i64::MIN, now).unwrap();
    assert!(change.triggered && !change.takes_orders);
    assert_eq!(need(&bench, 10), GroupNeed::At(60_010_000_000));
    assert_eq!(need(&bench, 60_010), GroupNeed::Write(GroupWrite::Reset));
    assert_eq!(bench.orders.groups.keep()[0].group, id);
}
