//! Markets of a series close and settle in mid-session, and the session follows the series to the next ones.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::common::{Trading, config};

#[test]
fn a_market_of_the_series_settles_and_the_next_one_is_traded() {
    let mut config = config(3);
    config.markets.series = "KXSIM15S".to_owned();
    config.risk.stop_before_close_ms = 2_000;
    let mut trading = Trading::start(401, config);
    trading.wait_for_more(1, 1);
    let (client, mut asked) = (trading.client(), Instant::now());
    trading.wait_for("a settlement", |_| {
        // Reads cost tokens, which the session needs too.
        if asked.elapsed() < Duration::from_secs(1) {
            return false;
        }
        asked = Instant::now();
        let page = client.get("/trade-api/v2/portfolio/settlements").unwrap();
        let page: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
        !page["settlements"].as_array().unwrap().is_empty()
    });
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
