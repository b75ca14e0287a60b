//! What is asked and what differs, without a stage around it.

use super::market::{AskAbout, Resolve};
use super::*;

const SECOND: u64 = 1_000_000_000;
const WAIT: std::ops::RangeInclusive<u64> = SECOND..=4 * SECOND;

fn now(seconds: u64) -> Now {
    Now { mono_ns: seconds * SECOND, session_ms: 1_000 * i64::try_from(seconds).unwrap() }
}

#[test]
fn an_open_end_is_asked_about_until_it_is_settled_with_growing_pauses() {
    let mut resolve = Resolve::new();
    assert_eq!(resolve.next(true, 0), AskAbout::At(NEVER_NS), "nothing was scheduled");
    assert_eq!(resolve.later_ns(SECOND, 0), Some(SECOND));
    resolve.by(SECOND);
    assert_eq!(resolve.later_ns(SECOND, 0), None);
    assert_eq!((resolve.next(true, 0), resolve.next(true, SECOND)), (AskAbout::At(SECOND), AskAbout::Now));
    assert_eq!(resolve.ask(7, now(1)), 31 * SECOND);
    assert_eq!((resolve.asked_ms(7), resolve.asked_ms(8)), (Some(1_000), None));
    for wait in [1, 2, 4, 4] {
        assert_eq!(resolve.answered(true, WAIT, 5 * SECOND), Some((5 + wait) * SECOND));
    }
    assert_eq!(resolve.answered(false, WAIT, 5 * SECOND), None);
    assert_eq!(resolve.later_ns(SECOND, 5 * SECOND), Some(6 * SECOND), "the pauses begin anew");
}

#[test]
fn an_overdue_answer_is_given_up_and_the_next_waited_for_twice_as_long() {
    let mut resolve = Resolve::new();
    resolve.ask(1, now(0));
    assert_eq!(resolve.next(true, 29 * SECOND), AskAbout::At(30 * SECOND));
    assert_eq!(resolve.next(true, 30 * SECOND), AskAbout::Now);
    assert_eq!(resolve.ask(2, now(30)), 90 * SECOND);

    let mut readings = Readings::new();
    readings.await_answer(1, QueryKind::Rebuild, now(0));
    assert!(!readings.give_up_overdue(29 * SECOND));
    assert!(readings.give_up_overdue(30 * SECOND) && !readings.give_up_overdue(31 * SECOND));
    readings.await_answer(2, QueryKind::Rebuild, now(30));
    assert_eq!(readings.due_ns(), 90 * SECOND);
}

#[test]
fn a_position_differs_unless_it_was_held_or_could_not_be_read() {
    let (ticker, holding) = (Ticker::new("KX-1").unwrap(), Holding::new(0));
    let mut readings = Readings::new();
    readings.compared = 5;
    let mut market = MarketReading::new();
    let differs = |readings: &Readings, market: &MarketReading| {
        readings.position_difference(ticker, &holding, market, 0).is_some()
    };
    assert!(!differs(&readings, &market), "a market that is not shown has no position");
    market.show(5, Count::from_contracts(2), Money::from_dollars(1));
    assert!(differs(&readings, &market));
    readings.compared = 6;
    assert!(!differs(&readings, &market), "an older reading showed it");
    assert!(market.miss(6, true) && !market.miss(6, false), "withheld once");
    assert!(market.lacks(6) && market.misses(6) && readings.is_unread(&market));
    market.show(6, Count::from_contracts(2), Money::from_dollars(1));
    assert!(differs(&readings, &market), "what could not be read was not the position");
    market.unadopted = true;
    assert!(!differs(&readings, &market));
}
