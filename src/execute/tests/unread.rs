//! Readings in which something of ours is there and cannot be read.

use super::harness::{Bench, START_MS, contracts, market, resting};
use crate::execute::{Difference, ExecuteConfig, OrderState};
use crate::market::{Count, MarketKey, Money};
use crate::messages::{AccountEvent, QueryKind, Unread};

const M: u16 = 0;

/// Answers the account-wide reading that is due, of either kind, with what the ledger has but for one market: there
/// something was not read, and its position only where one is given.
fn answer_with(bench: &mut Bench, unread: Option<(MarketKey, Unread)>, position: Option<i64>) {
    for _ in 0..40 {
        let compare = bench.take_query(QueryKind::Compare);
        let Some(query) = compare.or_else(|| bench.take_query(QueryKind::Rebuild)) else {
            bench.pass_ms(500);
            continue;
        };
        bench.begin(query);
        for exchange_index in 0..2 {
            bench.account(AccountEvent::Balance { exchange_index, cash: Money::from_dollars(1_000) });
        }
        if let Some(position) = position {
            bench.position(market(M), position, 1);
        }
        if let Some((market, what)) = unread {
            bench.account(AccountEvent::Unusable { market, what });
        }
        bench.end(query, true, bench.now.session_ms);
        return bench.pass_ms(1_000);
    }
    panic!("no account-wide reading was asked for");
}

fn blocked(bench: &Bench, index: u16) -> bool {
    bench.last(market(index)).blocked
}

#[test]
fn a_market_with_something_unread_takes_no_order_until_a_reading_without_it_agrees() {
    for what in [Unread::Fill, Unread::Position, Unread::Order] {
        let mut bench = Bench::ready();
        answer_with(&mut bench, Some((market(M), what)), None);
        assert!(blocked(&bench, M), "{what:?}");
        assert_eq!(bench.stage.counters().markets_withheld, 1);
        answer_with(&mut bench, Some((market(M), what)), None);
        assert!(blocked(&bench, M), "{what:?}: still so");
        answer_with(&mut bench, None, None);
        assert!(!blocked(&bench, M), "{what:?}");
        assert_eq!((bench.stage.tripped(), bench.stage.counters().markets_withheld), (None, 1));
    }
}

#[test]
fn an_order_that_may_be_the_unread_one_is_not_missed_but_withdrawn() {
    let mut bench = resting();
    bench.pass_ms(3_000);
    answer_with(&mut bench, Some((market(M), Unread::Order)), None);
    let states: Vec<_> = bench.stage.orders().map(|order| order.state).collect();
    assert!(matches!(states[..], [OrderState::Canceling]), "{states:?}");
}

#[test]
fn a_position_that_could_not_be_read_at_the_start_is_adopted_when_it_can() {
    let mut bench = Bench::new(ExecuteConfig::default());
    for index in 0..2 {
        bench.account(AccountEvent::Listing(super::harness::listing(market(index))));
        bench.status(market(index), crate::messages::Phase::Open, true, None);
    }
    bench.account(AccountEvent::Stream { up: true });
    let held = |bench: &Bench| bench.stage.positions().next().map(|view| view.contracts).unwrap();
    for _ in 0..2 {
        answer_with(&mut bench, Some((market(M), Unread::Position)), None);
    }
    assert!(bench.stage.is_synced() && blocked(&bench, M), "the other market is traded");
    assert!(!blocked(&bench, 1));
    assert_eq!(held(&bench), Count::ZERO);
    answer_with(&mut bench, None, Some(7));
    assert_eq!((held(&bench), bench.stage.tripped()), (contracts(7), None));
    assert!(!blocked(&bench, M));
    answer_with(&mut bench, None, Some(7));
    assert_eq!(bench.stage.tripped(), None);
    bench.stage.audit().unwrap();
}

#[test]
fn what_is_still_unread_at_the_end_fails_the_comparison_by_name() {
    let mut bench = Bench::ready();
    bench.stage.stop(bench.now, &mut bench.port);
    for _ in 0..ExecuteConfig::default().final_attempts {
        assert_eq!(bench.stage.agreement(), None);
        answer_with(&mut bench, Some((market(M), Unread::Position)), None);
    }
    let agreement = bench.stage.agreement().unwrap();
    assert!(!agreement.agrees());
    let [Difference::Unusable { ticker }] = agreement.differences[..] else { panic!("{agreement:?}") };
    assert_eq!(ticker.as_str(), "KX-0");
    assert!(bench.now.session_ms > START_MS);
}

#[test]
fn a_fill_that_cannot_be_read_does_not_fail_a_comparison_in_which_all_agrees() {
    let mut bench = Bench::ready();
    bench.stage.stop(bench.now, &mut bench.port);
    answer_with(&mut bench, Some((market(M), Unread::Fill)), None);
    assert!(bench.stage.agreement().unwrap().agrees());
}

#[test]
fn a_stop_says_what_it_waits_for_and_until_when() {
    let mut bench = resting();
    assert_eq!(bench.stage.waiting(bench.now), None);
    bench.stage.stop(bench.now, &mut bench.port);
    let waiting = bench.stage.waiting(bench.now).unwrap();
    assert_eq!((waiting.resting, waiting.unknown, waiting.unanswered, waiting.comparing), (1, 0, 1, false));
    // The cancel is never answered.
    bench.pass_ms(4_000);
    let waiting = bench.stage.waiting(bench.now).unwrap();
    assert_eq!((waiting.resting, waiting.unknown), (0, 1), "{waiting:?}");
    let ExecuteConfig { signature_validity_ms, read_lag_ms, .. } = ExecuteConfig::default();
    let within_ms = i64::try_from(waiting.certain_within.as_millis()).unwrap();
    assert_eq!(within_ms, signature_validity_ms + read_lag_ms - 4_000);
}
