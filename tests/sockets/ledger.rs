//! A ledger that is given wrong facts: it trips by itself and names the difference, and the session fails. A duplicate
//! is booked once.

use kalshi_actor::exchange::faults::Fault;
use kalshi_actor::exchange::gateway::Channel;
use kalshi_actor::session::state_dir;

use crate::common::{Ended, PATIENCE, config, run_until};

/// How many fills are reported truly before the exchange lies about one, so that the ledger already has a position.
const TRUE_FILLS: u64 = 2;

/// Trades until the exchange lies about a fill, and on until the session ends by itself.
fn lie(seed: u64, fault: Fault) -> Ended {
    let mut armed = false;
    let ended = run_until(seed, config(2), |figures, faults| {
        if !armed && figures.fills >= TRUE_FILLS {
            faults.arm(fault);
            armed = true;
        }
        false
    });
    assert_eq!(ended.truth.exchange.gateway().fault_effects()[fault.name()], 1);
    ended
}

/// Asserts that the session ended by itself with a trip that describes the difference.
fn assert_gives_up(ended: &Ended, names: &[&str]) {
    let report = &ended.report;
    let text = report.report().to_string();
    assert!(!report.is_success(), "{text}");
    assert!(report.summary.duration_s < PATIENCE.as_secs_f64(), "the session did not notice:\n{text}");
    assert!(!report.summary.ledger.agrees);
    let trip = report.failures.iter().find(|failure| failure.contains("the ledger differs from the exchange"));
    let trip = trip.unwrap_or_else(|| panic!("no trip among {:?}\n{text}", report.failures));
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("LEDGER DIFFERS FROM THE EXCHANGE: "), "{last}");
    for name in names {
        assert!(trip.contains(name), "the trip does not name {name}: {trip}");
        assert!(last.contains(name), "the last line does not name {name}: {last}");
    }
    let marker = state_dir(&config(2), Some(ended.folder.path())).unwrap().tripped().unwrap();
    assert!(marker.is_some(), "a trip is remembered for a person to look at");
    ended.truth.assert_nothing_rests();
}

#[test]
fn a_fill_with_another_price_ends_in_a_named_difference_of_cash() {
    assert_gives_up(&lie(201, Fault::AlterFill), &["cash"]);
}

#[test]
fn a_lost_fill_ends_in_a_named_difference_of_cash_and_position() {
    assert_gives_up(&lie(202, Fault::HideFill), &["cash", "KXSIM"]);
}

#[test]
fn a_fill_booked_twice_ends_in_a_named_difference_of_cash_and_position() {
    // A copy with the same ids would be recognised as a duplicate, so this is another trade of the same order.
    assert_gives_up(&lie(203, Fault::ForgeFill), &["cash", "KXSIM"]);
}

#[test]
fn every_fill_told_twice_is_booked_once() {
    let mut armed = false;
    let ended = run_until(204, config(2), |figures, faults| {
        if !armed {
            (0..1_000).for_each(|_| faults.arm(Fault::DoubleFrame { channel: Channel::Fill }));
            armed = true;
        }
        figures.fills >= 6
    });
    assert!(ended.report.is_success(), "{}", ended.report.report());
    assert!(ended.truth.exchange.gateway().fault_effects()["double_frame"] >= 6);
    assert_eq!(ended.report.summary.fills, ended.truth.fills() as u64);
}
