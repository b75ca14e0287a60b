//! Observing made-up lines, and the real recordings where they are at hand.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::*;

const SNAPSHOT: &str = r#"{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"KXA-1","yes_dollars_fp":[["0.4200","10.00"]],"no_dollars_fp":[["0.5600","5.00"]]}}"#;
const STRICT: ObserveOptions = ObserveOptions { point_ms: 1, ignore_seq: false };

fn delta(seq: u64, price: &str, change: &str, ts_ms: i64) -> String {
    format!(
        r#"{{"type":"orderbook_delta","sid":1,"seq":{seq},"msg":{{"market_ticker":"KXA-1","price_dollars":"{price}","delta_fp":"{change}","side":"yes","ts_ms":{ts_ms}}}}}"#
    )
}

fn run(lines: &[&str], options: ObserveOptions) -> Result<(ObserveSummary, Vec<serde_json::Value>), ObserveError> {
    let mut output = Vec::new();
    let summary = observe_lines(lines.iter().map(|line| Ok(line.as_bytes())), options, &mut output)?;
    let states = output.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    Ok((summary, states))
}

#[test]
fn each_book_state_gives_a_line_with_prices_and_features() {
    let (summary, states) = run(&[SNAPSHOT, "", &delta(2, "0.4300", "1.00", 5_000)], STRICT).unwrap();
    assert_eq!((summary.frames, summary.states, summary.markets), (2, 2, 1));
    assert_eq!((&states[0]["yes_bid"], &states[0]["yes_ask"]), (&"0.4200".into(), &"0.4400".into()));
    assert_eq!(states[1]["yes_bid"], "0.4300");
    assert_eq!((&states[1]["ts_ms"], &states[1]["market"]), (&5_000.into(), &"KXA-1".into()));
    assert_eq!(states[1]["observation"].as_array().unwrap().len(), LENGTH);
    assert_eq!(states[1]["observation"][35], 1.0);
}

#[test]
fn a_missing_side_has_no_price() {
    let emptied = delta(2, "0.4200", "-10.00", 5_000);
    let (_, states) = run(&[SNAPSHOT, &emptied], STRICT).unwrap();
    assert_eq!((&states[1]["yes_bid"], &states[1]["yes_ask"]), (&serde_json::Value::Null, &"0.4400".into()));
}

#[test]
fn a_first_frame_without_time_takes_the_receive_time_or_the_next_frames() {
    let wrapped = format!(r#"{{"recv_ms":4000,"event":{SNAPSHOT}}}"#);
    let change = delta(2, "0.4300", "1.00", 5_000);
    let (_, states) = run(&[&wrapped, &change], STRICT).unwrap();
    assert_eq!(states[0]["ts_ms"], 4_000);
    let (_, states) = run(&[SNAPSHOT, &change], STRICT).unwrap();
    assert_eq!(states[0]["ts_ms"], 5_000);
    let error = run(&[SNAPSHOT], STRICT).unwrap_err();
    assert!(matches!(&error, ObserveError::NoTime { line: 1, market } if market == "KXA-1"), "{error}");
}

#[test]
fn time_never_runs_backwards_within_a_market() {
    let lines = [SNAPSHOT, &delta(2, "0.4300", "1.00", 5_000), &delta(3, "0.4300", "1.00", 4_000)];
    let (_, states) = run(&lines, STRICT).unwrap();
    assert_eq!(states[2]["ts_ms"], 5_000);
}

#[test]
fn a_hole_in_the_numbers_names_the_line_and_what_was_due() {
    let lines = [SNAPSHOT, &delta(2, "0.4300", "1.00", 5_000), &delta(4, "0.4300", "1.00", 5_000)];
    let error = run(&lines, STRICT).unwrap_err();
    assert!(matches!(error, ObserveError::Seq { line: 3, sid: 1, expected: 3, found: 4 }), "{error}");
    assert_eq!(run(&lines, ObserveOptions { ignore_seq: true, ..STRICT }).unwrap().0.states, 3);
}

#[test]
fn answers_to_commands_take_numbers_too() {
    let ok = r#"{"type":"ok","id":6,"sid":1,"seq":2,"msg":{"market_tickers":["KXA-1"]}}"#;
    let lines = [SNAPSHOT, ok, &delta(3, "0.4300", "1.00", 5_000)];
    assert_eq!(run(&lines, STRICT).unwrap().0.states, 2);
}

#[test]
fn a_malformed_line_is_named() {
    for bad in ["{", "[1]", "nonsense", r#"{"recv_ms":1,"event":{"type":"orderbook_delta"}}"#, r#"{"event":"#] {
        let error = run(&[SNAPSHOT, "", bad], STRICT).unwrap_err();
        assert!(matches!(error, ObserveError::Frame { line: 3, .. }), "{bad}: {error}");
    }
}

#[test]
fn after_a_refused_change_a_market_is_silent_until_its_next_snapshot() {
    let lines = [
        SNAPSHOT,
        &delta(2, "0.4200", "-99.00", 5_000),
        &delta(3, "0.4300", "1.00", 5_000),
        &SNAPSHOT.replace("\"seq\":1", "\"seq\":4"),
    ];
    let (summary, states) = run(&lines, STRICT).unwrap();
    assert_eq!((summary.book_errors, summary.unusable_deltas, states.len()), (1, 1, 2));
}

/// The folder of real recordings; none, with a printed reason, where it is absent.
fn recordings() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/real");
    let folder = std::env::var_os("KALSHI_REAL_DATA").map_or(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no recordings at {}", folder.display());
    None
}

/// Observes a compressed recording and checks each state: an uncrossed book, every feature a number within bounds.
fn observe_file(path: &Path, options: ObserveOptions) -> ObserveSummary {
    #[derive(Deserialize)]
    struct State {
        yes_bid: Option<Price>,
        yes_ask: Option<Price>,
        observation: Vec<Option<f32>>,
    }
    let file = std::fs::File::open(path).unwrap();
    let lines = BufReader::new(zstd::Decoder::new(file).unwrap()).split(b'\n');
    let mut output = Vec::new();
    let summary = observe_lines(lines, options, &mut output).unwrap();
    for line in output.lines() {
        let state: State = sonic_rs::from_str(&line.unwrap()).unwrap();
        assert!(state.yes_bid.zip(state.yes_ask).is_none_or(|(bid, ask)| bid < ask));
        assert_eq!(state.observation.len(), LENGTH);
        assert!(state.observation.iter().all(|value| value.is_some_and(|value| value.abs() <= 2.0)));
    }
    summary
}

#[test]
fn real_recordings_of_gold_windows_have_no_negative_level_and_no_crossed_book() {
    let Some(folder) = recordings() else { return };
    let options = ObserveOptions { point_ms: 1_000, ignore_seq: true };
    for name in [
        "frames/KXGOLD15M-26AUG101900-00.2026-08-10.jsonl.zst",
        "original/KXGOLD15M-26AUG102030-30.2026-08-11.ndjson.zst",
    ] {
        let summary = observe_file(&folder.join("ws_prod_gold15m").join(name), options);
        assert_eq!((summary.book_errors, summary.unusable_deltas, summary.markets), (0, 0, 1), "{name}");
        assert!(summary.states > 1_000, "{name}: {summary:?}");
    }
}

#[test]
fn a_real_session_of_the_demo_exchange_has_every_number() {
    let Some(folder) = recordings() else { return };
    let options = ObserveOptions { point_ms: 1_000, ignore_seq: false };
    let summary = observe_file(&folder.join("ws_demo_session/frames/session.jsonl.zst"), options);
    assert_eq!((summary.frames, summary.states), (2_898, 2_890));
    assert_eq!((summary.book_errors, summary.markets), (0, 5));
}
