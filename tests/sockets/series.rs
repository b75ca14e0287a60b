//! Markets of a series close and settle in mid-session, and the session follows the series to the next ones.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kalshi_actor::drivers::live::Tamper;
use kalshi_actor::messages::AccountEvent;

use crate::common::{Trading, config};

#[test]
fn a_market_of_the_series_settles_and_the_next_one_is_traded() {
    let mut config = config(3);
    config.markets.series = "KXSIM15S".to_owned();
    config.risk.stop_before_close_ms = 2_000;
    let settled = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&settled);
    let watch: Tamper = Box::new(move |event| {
        count.fetch_add(u64::from(matches!(event, AccountEvent::Settlement { .. })), Ordering::Relaxed);
        vec![event]
    });
    let mut trading = Trading::start(401, config, Some(watch));
    trading.wait_for_more(1, 1);
    trading.wait_for("a settlement", |_| settled.load(Ordering::Relaxed) > 0);
    trading.wait_for_more(2, 2);
    let ended = trading.stop();
    ended.assert_agrees();

    let engine = ended.truth.exchange.engine();
    let settlements: Vec<_> = engine.settlements_of(ended.truth.account).collect();
    assert!(!settlements.is_empty());
    assert_eq!(ended.execute().counters().settlements, settlements.len() as u64, "each settlement counts once");
    let traded: BTreeSet<_> = engine.fills_of(ended.truth.account).map(|fill| fill.market).collect();
    assert!(traded.len() >= 2, "fills in {} markets of the series", traded.len());
    let reconcile = ended.live.reconcile.as_ref().unwrap();
    assert!(reconcile.listings >= 2, "{reconcile:?}");
}
