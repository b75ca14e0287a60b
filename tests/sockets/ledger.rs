//! A ledger that is given wrong facts: it trips by itself and names the difference, and the session fails. A duplicate
//! is booked once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kalshi_actor::drivers::live::Tamper;
use kalshi_actor::market::{Price, TradeId};
use kalshi_actor::messages::{AccountEvent, Fill};
use kalshi_actor::session::state_dir;

use crate::common::{Ended, PATIENCE, config, run_until};

/// Which fill is altered. Not the first, so that the ledger already has a position.
const CHOSEN: u64 = 3;

/// Alters one fill, and every further copy of it, on the way to the ledger.
fn tamper(change: impl Fn(Fill) -> Vec<Fill> + Send + 'static) -> Tamper {
    let mut seen = 0;
    let mut chosen = None;
    Box::new(move |event| {
        let AccountEvent::Fill(fill) = event else { return vec![event] };
        seen += 1;
        if seen == CHOSEN {
            chosen = Some((fill.trade, fill.order));
        }
        if chosen == Some((fill.trade, fill.order)) {
            change(fill).into_iter().map(AccountEvent::Fill).collect()
        } else {
            vec![event]
        }
    })
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
    let altered = tamper(|fill| {
        let units = u16::try_from(fill.price.units() - 10).unwrap();
        vec![Fill { price: Price::from_units(units).unwrap(), ..fill }]
    });
    assert_gives_up(&run_until(201, config(2), Some(altered), |_| false), &["cash"]);
}

#[test]
fn a_lost_fill_ends_in_a_named_difference_of_cash_and_position() {
    let ended = run_until(202, config(2), Some(tamper(|_| Vec::new())), |_| false);
    assert_gives_up(&ended, &["cash", "KXSIM"]);
}

#[test]
fn a_fill_booked_twice_ends_in_a_named_difference_of_cash_and_position() {
    // A copy with the same ids would be recognised as a duplicate, so this is another trade of the same order.
    let doubled = tamper(|fill| vec![fill, Fill { trade: TradeId::from_bits(!fill.trade.bits()), ..fill }]);
    assert_gives_up(&run_until(203, config(2), Some(doubled), |_| false), &["cash", "KXSIM"]);
}

#[test]
fn every_fill_told_twice_is_booked_once() {
    let told = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&told);
    let twice: Tamper = Box::new(move |event| {
        let AccountEvent::Fill(_) = event else { return vec![event] };
        count.fetch_add(1, Ordering::Relaxed);
        vec![event, event]
    });
    let ended = run_until(204, config(2), Some(twice), |figures| figures.fills >= 6);
    assert!(ended.report.is_success(), "{}", ended.report.report());
    assert!(told.load(Ordering::Relaxed) >= 6);
    assert_eq!(ended.report.summary.fills, ended.truth.fills() as u64);
}
