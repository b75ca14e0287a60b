//! Tests with a market small enough to compute by hand, and with a scenario.

use super::*;
use crate::exchange::scenario::Scenario;

const START_MS: i64 = 1_790_000_000_000;

fn delta(seq: u64, side: &str, price: &str, change: &str, at_ms: i64) -> String {
    let ts_ms = START_MS + at_ms;
    format!(
        r#"{{"type":"orderbook_delta","sid":1,"seq":{seq},"msg":{{"market_ticker":"KXA","price_dollars":"{price}","delta_fp":"{change}","side":"{side}","ts_ms":{ts_ms}}}}}"#
    )
}

fn trade(count: &str, at_ms: i64) -> String {
    let ts_ms = START_MS + at_ms;
    format!(
        r#"{{"type":"trade","sid":2,"seq":1,"msg":{{"trade_id":"ba2632f9-7d17-66f5-2f82-7b085e54db40","market_ticker":"KXA","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"{count}","taker_side":"no","taker_outcome_side":"no","taker_book_side":"ask","ts_ms":{ts_ms}}}}}"#
    )
}

fn snapshot() -> String {
    format!(
        r#"{{"type":"orderbook_snapshot","sid":1,"seq":1,"sending_ts_ms":{START_MS},"msg":{{"market_ticker":"KXA","yes_dollars_fp":[["0.3000","8.00"],["0.4000","5.00"]],"no_dollars_fp":[["0.5600","3.00"]]}}}}"#
    )
}

fn of_lines(lines: &[String], holes: Holes) -> Result<(Vec<Figures>, Findings), FramesError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.jsonl");
    std::fs::write(&path, lines.join("\n")).unwrap();
    of_file(&path, holes, 0.0)
}

fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-9, "{what}: {found}, expected {expected}");
}

#[test]
fn figures_are_those_worked_out_by_hand() {
    let lines = [
        snapshot(),
        // 40 / 44 for two seconds, then 42 / 44 for two, in a millisecond of two deltas.
        delta(2, "yes", "0.4200", "2.00", 2_000),
        delta(3, "yes", "0.3000", "-1.00", 2_000),
        trade("1.50", 3_000),
        // 42 / 46 for a second.
        delta(4, "no", "0.5600", "-3.00", 4_000),
        delta(5, "no", "0.5400", "4.00", 4_000),
        delta(6, "yes", "0.1000", "1.00", 5_000),
    ];
    let (figures, _) = of_lines(&lines, Holes::Told).unwrap();
    let [figures] = figures.as_slice() else { panic!("one market") };
    near(figures.seconds, 5.0, "seconds");
    near(figures.deltas_per_s, 1.0, "deltas a second");
    near(figures.trades_per_s, 0.2, "trades a second");
    near(figures.moments_per_s, 0.6, "moments a second");
    near(figures.shared_ms, 0.8, "shared milliseconds");
    // A sample every quarter of a second: nine of the first book, since its change at 2,000 ms is seen after the
    // sample, then eight, then three.
    near(figures.spread, (9.0 * 4.0 + 8.0 * 2.0 + 3.0 * 4.0) / 20.0, "spread");
    near(figures.trade_size, 1.5, "trade size");
    near(figures.delta_size, 2.0, "delta size");
    near(figures.mid_wait, 2.0, "time between mid changes");
    near(figures.move_1s, 2.0 * 4.0 / 16.0, "moves after a second");
    assert!(figures.move_15s.is_nan(), "it did not last that long");
}

#[test]
fn a_frame_that_stands_twice_changes_no_figure_and_a_missing_one_hides_the_book_behind_it() {
    let lines = [
        snapshot(),
        delta(2, "yes", "0.4200", "2.00", 2_000),
        delta(3, "no", "0.5700", "2.00", 3_000),
        delta(4, "no", "0.5700", "-2.00", 5_000),
        delta(5, "yes", "0.1000", "1.00", 9_000),
    ];
    let (whole, findings) = of_lines(&lines, Holes::Told).unwrap();
    assert_eq!(findings, Findings { frames: 5, ..Findings::default() });
    let doubled: Vec<String> = lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
    let (figures, findings) = of_lines(&doubled, Holes::Told).unwrap();
    assert_eq!((format!("{figures:?}"), findings.repeats), (format!("{whole:?}"), 5));

    let mut short = lines.to_vec();
    short.remove(3);
    let (figures, findings) = of_lines(&short, Holes::Told).unwrap();
    assert_eq!((findings.holes, findings.missing, findings.unusable), (1, 1, 1));
    assert!(findings.places[0].contains("line 4: sid 1 continues with seq 5, expected 4"), "{findings:?}");
    near(figures[0].spread, (8.0 * 4.0 + 4.0 * 2.0) / 12.0, "the spread as long as the book is known");
    let (believed, _) = of_lines(&short, Holes::Ignored).unwrap();
    near(believed[0].spread, (8.0 * 4.0 + 4.0 * 2.0 + 24.0 * 1.0) / 36.0, "the spread if the book is believed");
}

#[test]
fn times_far_apart_or_running_backwards_end_in_figures_and_impossible_ones_in_an_error() {
    let at = |at_ms| delta(2, "yes", "0.4200", "2.00", at_ms);
    let (figures, _) = of_lines(&[snapshot(), at(200_000_000_000_000)], Holes::Told).unwrap();
    near(figures[0].seconds, 200_000_000_000.0, "seconds");
    let (figures, findings) = of_lines(&[snapshot(), at(2_000), at(-500_000)], Holes::Told).unwrap();
    near(figures[0].seconds, 2.0, "seconds");
    assert_eq!(findings.out_of_order, 1);
    for before_ms in [START_MS, START_MS + 5, START_MS * 2] {
        let error = of_lines(&[snapshot(), at(-before_ms)], Holes::Told).unwrap_err().to_string();
        assert!(error.contains("line 2: `ts_ms` is ") && error.contains("expected milliseconds"), "{error}");
    }
}

#[test]
fn a_scenario_has_figures_that_repeat_themselves() {
    let figures = || {
        let world = Scenario::default().world(3, 4, START_MS);
        let plan =
            GeneratedPlan { world, start_ms: START_MS, duration_ms: 20_000, prefix: "KXSIM".into(), shortest_s: 12.0 };
        generated(plan).unwrap()
    };
    let first = figures();
    assert_eq!(first.len(), 4, "three lasting markets and the first of a series; its second is too young");
    assert!(first.iter().all(|market| market.deltas_per_s > 5.0 && market.trades_per_s > 0.5), "{first:?}");
    let mut table = Table::default();
    table.add("generated", first.clone());
    let text = table.to_string();
    assert!(text.starts_with("| median over markets (lowest to highest) | generated, 4 markets |\n|---|---:|\n"));
    assert_eq!(text.lines().count(), 19);
    let mut again = Table::default();
    again.add("generated", figures());
    assert_eq!(again.to_string(), text);
}
