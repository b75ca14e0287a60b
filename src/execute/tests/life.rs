//! Races in the life of an order, and ends that nobody here asked for.

use super::harness::{Bench, cents, contracts, market};
use crate::market::{EndReason, OrderStatus};
use crate::messages::{AccountEvent, Action, OrderReport, Phase};
use crate::ports::NoAnswer;

/// An order of ten at 40 rests; its amend to 42 has no answer, and a cancel is on its way.
fn cancelling_after_a_lost_amend() -> (Bench, crate::ports::RequestId) {
    let mut bench = Bench::ready();
    bench.intend(market(0), Action::BuyYes, 40, 10);
    let create = bench.written().id;
    bench.accept(create, 9, 0, 10);
    bench.intend(market(0), Action::BuyYes, 42, 10);
    let amend = bench.written().id;
    bench.stage.on_no_answer(amend, NoAnswer::Cut, bench.now, &mut bench.port);
    bench.status(market(0), Phase::Open, false, None);
    let cancel = bench.written();
    assert_eq!(cancel.method, "DELETE");
    (bench, cancel.id)
}

#[test]
fn a_report_with_the_old_terms_does_not_make_a_lost_amend_forgotten_while_a_cancel_is_on_its_way() {
    let (mut bench, _) = cancelling_after_a_lost_amend();
    let held = bench.stage.ledger().reserved();
    bench.pass_ms(1);
    let report = bench.report(9, 1, OrderStatus::Resting, 0, 10);
    bench.account(AccountEvent::Order(report));
    // The amend may still be delivered: its price is the higher one.
    assert_eq!(bench.stage.ledger().reserved(), held);
    assert!(held > cents(42).times(contracts(10)));
}

#[test]
fn a_report_with_the_new_terms_settles_a_lost_amend_while_a_cancel_is_on_its_way() {
    let (mut bench, cancel) = cancelling_after_a_lost_amend();
    bench.pass_ms(1);
    let report = OrderReport { price: cents(42), ..bench.report(9, 1, OrderStatus::Resting, 0, 10) };
    bench.account(AccountEvent::Order(report));
    assert_eq!((bench.stage.counters().amended, bench.stage.counters().unknown_resolved), (1, 1));
    bench.accept_cancel(cancel, 9, 10);
    assert_eq!(bench.stage.ledger().reserved(), crate::market::Money::ZERO);
    assert_eq!(bench.stage.open_orders(), 0);
}

#[test]
fn an_end_that_nobody_here_asked_for_is_booked_and_counted_by_its_reason() {
    for reason in [EndReason::Owner, EndReason::SelfTrade, EndReason::Close, EndReason::Expired, EndReason::Other] {
        let mut bench = Bench::ready();
        bench.intend(market(0), Action::BuyYes, 40, 10);
        let create = bench.written().id;
        bench.accept(create, 9, 0, 10);
        let report = OrderReport { reason, ..bench.report(9, 1, OrderStatus::Canceled, 0, 0) };
        bench.account(AccountEvent::Order(report));
        assert_eq!(bench.stage.ledger().reserved(), crate::market::Money::ZERO, "{reason:?}");
        assert_eq!(bench.stage.open_orders(), 0, "{reason:?}");
        let counts = bench.stage.counters().ended_unasked;
        assert_eq!((counts[reason as usize], counts.iter().sum::<u64>()), (1, 1), "{reason:?}");
    }
}

#[test]
fn an_end_that_was_asked_for_is_not_counted_as_one_that_was_not() {
    let (mut bench, cancel) = cancelling_after_a_lost_amend();
    let report = OrderReport { reason: EndReason::Owner, ..bench.report(9, 1, OrderStatus::Canceled, 0, 0) };
    bench.account(AccountEvent::Order(report));
    bench.accept_cancel(cancel, 9, 10);
    assert_eq!(bench.stage.counters().ended_unasked, [0; EndReason::COUNT]);
    assert_eq!(bench.stage.open_orders(), 0);
}
