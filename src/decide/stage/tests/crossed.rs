//! Books that are crossed for an instant, and books that stay crossed. The book of [`Bench::ready`] is 40 to 45 cents.

use super::*;
use crate::messages::NO_TIME_MS;

const MS: u64 = 1_000_000;

impl Bench {
    /// Changes a level with an event at this exchange time, which arrives without delay.
    fn level(&mut self, side: Outcome, cents: u16, contracts: i64, exchange_ms: i64) {
        let event = BookEvent {
            side,
            price: Price::from_cents(cents),
            change: Count::from_contracts(contracts),
            exchange_ms,
            ..self.event(BookEventKind::Delta, if exchange_ms == NO_TIME_MS { 0 } else { exchange_ms })
        };
        self.send(&event);
    }

    /// The rest of an order of 12 that took the 10 contracts asked at 45 cents.
    fn cross(&mut self, exchange_ms: i64) {
        self.level(Outcome::Yes, 46, 2, exchange_ms);
    }

    /// Removes the 10 contracts that it took.
    fn uncross(&mut self, exchange_ms: i64) {
        self.level(Outcome::No, 55, -10, exchange_ms);
    }

    fn pass(&mut self, ns: u64) {
        self.now = SessionClock::new(0, 0, 1_000).now(self.now.mono_ns + ns);
        self.stage.on_drained(&mut self.port);
        if self.now.mono_ns >= self.stage.deadline_ns() {
            self.stage.on_timer(self.now, &mut self.port);
        }
    }

    fn crossed(&self) -> (u64, u64) {
        (self.stage.counters().crossed_states, self.stage.counters().crossed_steps)
    }

    fn market(&self) -> &Market {
        self.stage.state.markets[KEY.position()].as_ref().unwrap()
    }
}

#[test]
fn a_crossed_state_is_passed_over_and_the_next_one_of_its_instant_is_decided() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.account(|update| update.position = Count::from_contracts(10));
    let worth = bench.stage.state.portfolio.largest_worth2();
    bench.delta(100);
    let point = *bench.market().points.current().unwrap();
    bench.cross(300);
    bench.level(Outcome::Yes, 44, 1, 300);
    bench.account(|update| update.position = Count::from_contracts(10));
    assert!(bench.port.decided.is_empty() && bench.port.skipped.is_empty() && bench.port.resyncs.is_empty());
    assert_eq!(bench.market().points.current(), Some(&point), "no point of history");
    assert_eq!(bench.stage.state.portfolio.largest_worth2(), worth, "a crossed book has no mid");
    assert!(bench.stage.book(KEY).unwrap().is_crossed(), "the book is trusted all the same");
    bench.uncross(300);
    assert_eq!(bench.decision_times(), [300], "the bucket's decision was due, and is taken now");
    assert_eq!(bench.port.intents[0].quote.unwrap().price, Price::from_cents(46));
    assert_eq!(bench.market().points.current().unwrap().time_ms, 300);
    assert_eq!((bench.crossed(), bench.stage.counters().book_errors), ((2, 1), 0));
}

#[test]
fn a_locked_book_is_passed_over_like_a_crossed_one() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.level(Outcome::No, 60, 1, 300);
    assert!(bench.port.decided.is_empty());
    bench.level(Outcome::No, 60, -1, 300);
    assert_eq!((bench.decision_times(), bench.crossed()), (vec![300], (1, 1)));
}

#[test]
fn a_book_that_is_still_crossed_when_the_exchanges_time_has_moved_on_is_given_up() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.cross(300);
    bench.level(Outcome::Yes, 10, 1, 299);
    assert!(bench.port.resyncs.is_empty(), "a time that runs backwards is the current one");
    bench.uncross(301);
    assert_eq!(bench.port.resyncs, [ResyncReason::Crossed], "judged before the frame is applied");
    assert_eq!(bench.port.skipped, [(301, Skip::Stale)]);
    assert!(bench.stage.book(KEY).is_none());
    assert_eq!((bench.crossed(), bench.stage.counters().book_errors), ((2, 1), 1));
    bench.snapshot(600, &[(40, 10)], &[(55, 10)]);
    assert_eq!(bench.decision_times(), [600]);
    bench.pass(300 * MS);
    assert_eq!(bench.port.resyncs.len(), 1, "nothing is left of the crossing");
}

#[test]
fn a_crossed_book_is_given_up_when_nothing_more_comes_for_a_quarter_of_a_second() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.pass(MS);
    bench.cross(300);
    bench.pass(100 * MS);
    bench.cross(300);
    assert_eq!(bench.stage.deadline_ns(), NEVER_NS, "what waits may end it");
    bench.pass(249 * MS);
    assert!(bench.port.resyncs.is_empty(), "counted from the newest frame of the instant");
    assert_eq!(bench.stage.deadline_ns(), 351 * MS);
    bench.pass(MS);
    assert_eq!(bench.port.resyncs, [ResyncReason::Crossed]);
    assert!(bench.stage.book(KEY).is_none());
    bench.pass(250 * MS);
    assert_eq!((bench.port.resyncs.len(), bench.stage.counters().book_errors), (1, 1));
}

#[test]
fn a_crossing_that_ends_in_time_leaves_nothing_to_wait_for() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.cross(300);
    bench.pass(249 * MS);
    bench.uncross(300);
    bench.pass(MS);
    bench.pass(1_000 * MS);
    assert!(bench.port.resyncs.is_empty() && bench.stage.book(KEY).is_some());
    assert_eq!(bench.stage.deadline_ns(), NEVER_NS);
}

#[test]
fn what_waits_for_a_late_stage_comes_before_its_timer() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.cross(300);
    bench.stage.on_drained(&mut bench.port);
    bench.now.mono_ns = 5_000 * MS;
    bench.level(Outcome::Yes, 46, 1, 300);
    bench.stage.on_timer(bench.now, &mut bench.port);
    assert!(bench.port.resyncs.is_empty(), "more may wait in the ring");
    bench.uncross(300);
    bench.pass(0);
    assert!(bench.port.resyncs.is_empty() && bench.stage.book(KEY).is_some());
}

#[test]
fn the_wait_is_one_of_session_time() {
    let mut bench = Bench::ready(Action::BuyYes);
    let config = DecideConfig { max_markets: 8, clock: SessionClock::new(0, 0, 20_000) };
    bench.stage = DecideStage::new(Prepared::new(ActionTerms::standard(), Action::Hold), &config).unwrap();
    bench.list(KEY);
    bench.snapshot(0, &[(46, 10)], &[(55, 10)]);
    bench.stage.on_drained(&mut bench.port);
    assert_eq!(bench.stage.deadline_ns(), 250 * MS / 20);
}

#[test]
fn a_trade_ahead_of_the_book_moves_no_instant_on() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.cross(300);
    bench.send(&BookEvent { exchange_ms: NO_TIME_MS, ..bench.event(BookEventKind::Trade, 320) });
    // `feed` never lets a market's time decrease, so the delta of 300 ms has the time of the trade.
    let removal = BookEvent {
        side: Outcome::No,
        price: Price::from_cents(55),
        change: Count::from_contracts(-10),
        exchange_ms: 300,
        ..bench.event(BookEventKind::Delta, 320)
    };
    bench.send(&removal);
    assert!(bench.port.resyncs.is_empty());
    assert_eq!(bench.decision_times(), [320]);
}

#[test]
fn frames_without_a_time_belong_to_the_last_instant_and_do_not_prolong_it() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.cross(300);
    for _ in 0..3 {
        bench.pass(100 * MS);
        bench.level(Outcome::Yes, 10, 1, NO_TIME_MS);
    }
    bench.pass(0);
    assert_eq!(bench.port.resyncs, [ResyncReason::Crossed]);
}

#[test]
fn a_crossed_snapshot_is_excused_for_its_instant_too() {
    let mut bench = Bench::ready(Action::BuyYes);
    bench.snapshot(300, &[(46, 2)], &[(55, 10), (50, 10)]);
    assert!(bench.port.decided.is_empty() && bench.stage.book(KEY).is_some());
    bench.uncross(300);
    assert_eq!((bench.decision_times(), bench.crossed()), (vec![300], (1, 1)));
    bench.snapshot(600, &[(46, 2)], &[(55, 10)]);
    bench.snapshot(700, &[(40, 2)], &[(55, 10)]);
    assert!(bench.port.resyncs.is_empty(), "a snapshot replaces the book, whatever it was");
    bench.snapshot(800, &[(46, 2)], &[(55, 10)]);
    bench.level(Outcome::Yes, 10, 1, 801);
    assert_eq!(bench.port.resyncs, [ResyncReason::Crossed]);
}

#[test]
fn a_decision_that_was_put_off_waits_until_the_book_is_not_crossed() {
    let mut bench = Bench::ready(Action::Hold);
    bench.now.mono_ns = 251 * MS;
    bench.send(&BookEvent { read_ns: 0, ..bench.event(BookEventKind::Delta, 250) });
    bench.cross(260);
    bench.stage.on_drained(&mut bench.port);
    assert!(bench.port.decided.is_empty() && bench.port.skipped.is_empty());
    bench.uncross(260);
    bench.stage.on_drained(&mut bench.port);
    assert_eq!(bench.decision_times(), [260]);
}

#[test]
fn a_checkpoint_in_the_middle_of_an_instant_goes_on_from_there() {
    for is_over in [false, true] {
        let mut bench = Bench::ready(Action::BuyYes);
        bench.cross(300);
        bench.stage.on_drained(&mut bench.port);
        let bytes = postcard::to_allocvec(&bench.stage.state).unwrap();
        bench.stage.state = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(bench.stage.deadline_ns(), 250 * MS);
        bench.uncross(300 + i64::from(is_over));
        assert_eq!((bench.port.resyncs.len(), bench.port.decided.len()), if is_over { (1, 0) } else { (0, 1) });
    }
}
