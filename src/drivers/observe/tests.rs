//! Observations of invented lines, and of the real recordings where they are available.

use std::io::BufRead;

use super::*;

const SNAPSHOT: &str = r#"{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"KXA-1","yes_dollars_fp":[["0.4200","10.00"]],"no_dollars_fp":[["0.5600","5.00"]]}}"#;
const STRICT: ObserveOptions = ObserveOptions { point_ms: 1, ignore_seq: false };

fn delta(seq: u64, price: &str, change: &str, ts_ms: i64) -> String {
    format!(
        r#"{{"type":"orderbook_delta","sid":1,"seq":{seq},"msg":{{"market_ticker":"KXA-1","price_dollars":"{price}","delta_fp":"{change}","side":"yes","ts_ms":{ts_ms}}}}}"#
    )
}

fn run(lines: &[&str], options: ObserveOptions) -> Result<(ObserveSummary, Vec<serde_json::Value>), ObserveError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.jsonl");
    std::fs::write(&path, lines.join("\n")).unwrap();
    let mut output = Vec::new();
    let summary = observe_file(&path, options, &mut output)?;
    let states = output.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    Ok((summary, states))
}

#[test]
fn each_book_state_gives_a_line_with_prices_and_features() {
    let (summary, states) = run(&[SNAPSHOT, "", &delta(2, "0.4300", "1.00", 5_000)], STRICT).unwrap();
    assert_eq!((summary.findings.frames, summary.states, summary.markets), (2, 2, 1));
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
    assert!(matches!(&error, ObserveError::NoTime { line: 1, market, .. } if market == "KXA-1"), "{error}");
}

#[test]
fn time_never_runs_backwards_within_a_market() {
    let lines = [SNAPSHOT, &delta(2, "0.4300", "1.00", 5_000), &delta(3, "0.4300", "1.00", 4_000)];
    let (summary, states) = run(&lines, STRICT).unwrap();
    assert_eq!((states[2]["ts_ms"].as_i64(), summary.findings.earlier), (Some(5_000), 1));
    assert!(summary.findings.places[0].contains("lines.jsonl, line 3: KXA-1: 1000 ms earlier"));
}

#[test]
fn a_hole_in_the_numbers_names_the_line_and_what_was_due() {
    let lines = [SNAPSHOT, &delta(2, "0.4300", "1.00", 5_000), &delta(4, "0.4300", "1.00", 5_000)];
    let error = run(&lines, STRICT).unwrap_err();
    assert!(
        matches!(error, ObserveError::Frames(FramesError::Sequence { line: 3, sid: 1, expected: 3, found: 4, .. })),
        "{error}"
    );
    assert!(error.to_string().contains("lines.jsonl, line 3: sid 1 continues with seq 4, expected 3"), "{error}");
    assert_eq!(run(&lines, ObserveOptions { ignore_seq: true, ..STRICT }).unwrap().0.states, 3);
}

#[test]
fn a_frame_that_stands_twice_gives_one_line_and_is_told() {
    let (second, third) = (delta(2, "0.4300", "1.00", 5_000), delta(3, "0.4200", "-10.00", 5_001));
    let (_, expected) = run(&[SNAPSHOT, &second, &third], STRICT).unwrap();
    for lines in [
        vec![SNAPSHOT, &second, &second, &third],
        vec![SNAPSHOT, SNAPSHOT, &second, &third],
        vec![SNAPSHOT, &second, &third, SNAPSHOT, &second, &third],
    ] {
        for options in [STRICT, ObserveOptions { ignore_seq: true, ..STRICT }] {
            let (summary, states) = run(&lines, options).unwrap();
            assert_eq!((&states, summary.findings.repeats), (&expected, lines.len() as u64 - 3));
            assert!(summary.findings.places[0].contains("is repeated"), "{:?}", summary.findings);
        }
    }
}

#[test]
fn a_subscription_to_a_quiet_market_that_begins_again_is_no_repeat() {
    let lines = [
        SNAPSHOT,
        &delta(2, "0.4300", "1.00", 5_000),
        &delta(3, "0.4300", "-1.00", 5_001),
        SNAPSHOT,
        &delta(2, "0.4300", "7.00", 9_000),
        &delta(3, "0.4350", "7.00", 9_000),
    ];
    let (summary, states) = run(&lines, STRICT).unwrap();
    assert_eq!((summary.findings.repeats, states.len()), (0, 6));
    assert_eq!(states[5]["yes_bid"], "0.4350");
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
        assert!(matches!(error, ObserveError::Frames(FramesError::Frame { line: 3, .. })), "{bad}: {error}");
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
    assert_eq!((summary.findings.refused, summary.findings.unusable, states.len()), (1, 1, 2));
    assert!(summary.findings.places[0].contains("line 2: KXA-1: Yes bid at 0.4200"), "{:?}", summary.findings);
}

#[test]
fn times_and_names_that_nothing_has_are_refused_with_their_line() {
    for (bad, expected) in [
        (delta(3, "0.4300", "1.00", 0), "line 3: `ts_ms` is 0: expected milliseconds since 1970"),
        (delta(3, "0.4300", "1.00", -5), "line 3: `ts_ms` is -5"),
        (delta(3, "0.4300", "1.00", i64::MAX), "line 3: `ts_ms` is 9223372036854775807"),
        (format!(r#"{{"recv_ms":-1,"event":{SNAPSHOT}}}"#), "line 3: `recv_ms` is -1"),
        (SNAPSHOT.replace("KXA-1", ""), "line 3: `market_ticker`: a ticker is empty"),
        (SNAPSHOT.replace("KXA-1", &"K".repeat(70_000)), "is longer than 63 bytes"),
        (SNAPSHOT.replace("KXA-1", "KX/../A"), "has a character outside"),
    ] {
        let error = run(&[SNAPSHOT, &delta(2, "0.4300", "1.00", 5_000), &bad], STRICT).unwrap_err().to_string();
        assert!(error.contains(expected) && error.len() < 400, "{expected}: {error}");
    }
}

#[test]
fn frames_from_before_ts_ms_have_the_time_of_their_date() {
    let dated = |seq, ts: &str| delta(seq, "0.4300", "1.00", 1).replace(r#""ts_ms":1"#, &format!(r#""ts":"{ts}""#));
    let lines = [SNAPSHOT, &dated(2, "2026-04-18T05:34:49.816683Z"), &dated(3, "2026-04-18T05:34:50Z")];
    let (_, states) = run(&lines, STRICT).unwrap();
    let times: Vec<_> = states.iter().map(|state| state["ts_ms"].as_i64().unwrap()).collect();
    assert_eq!(times, [1_776_490_489_816, 1_776_490_489_816, 1_776_490_490_000]);
    let error = run(&[SNAPSHOT, &dated(2, "soon")], STRICT).unwrap_err().to_string();
    assert!(error.contains("line 2: frame: `ts`: expected a date"), "{error}");
}

fn no_delta(seq: u64, price: &str, change: &str, ts_ms: i64) -> String {
    delta(seq, price, change, ts_ms).replace(r#""side":"yes""#, r#""side":"no""#)
}

#[test]
fn a_book_that_is_crossed_within_its_instant_gives_no_line_and_no_point() {
    let lines = [
        SNAPSHOT,
        &delta(2, "0.4100", "1.00", 4_000),
        // The rest of an order that takes the 5 contracts asked at 44 cents, and then those.
        &delta(3, "0.4500", "2.00", 5_000),
        &delta(4, "0.4100", "1.00", 5_000),
        &no_delta(5, "0.5600", "-5.00", 5_000),
        &no_delta(6, "0.5400", "7.00", 6_000),
    ];
    let (summary, states) = run(&lines, STRICT).unwrap();
    assert_eq!((summary.states, summary.findings.refused, summary.findings.unusable), (4, 0, 0));
    assert_eq!((summary.crossed_states, summary.crossed_steps), (2, 1));
    assert_eq!(states.iter().map(|state| &state["ts_ms"]).collect::<Vec<_>>(), [4_000, 4_000, 5_000, 6_000]);
    assert_eq!((&states[2]["yes_bid"], &states[2]["yes_ask"]), (&"0.4500".into(), &serde_json::Value::Null));
}

#[test]
fn a_book_that_stays_crossed_is_an_error_when_the_exchanges_time_has_moved_on() {
    let lines = [
        SNAPSHOT,
        &delta(2, "0.4500", "2.00", 5_000),
        &no_delta(3, "0.5600", "-5.00", 5_001),
        &delta(4, "0.4100", "1.00", 5_002),
        &SNAPSHOT.replace("\"seq\":1", "\"seq\":5"),
    ];
    let (summary, states) = run(&lines, STRICT).unwrap();
    assert_eq!((summary.findings.refused, summary.findings.unusable, states.len()), (1, 1, 2));
}

#[test]
fn where_frames_have_no_time_of_their_own_a_crossed_book_is_waited_for_by_their_receipt() {
    let timeless = |recv_ms: i64, frame: &str| {
        let frame = frame.replace(r#","ts_ms":0"#, "");
        format!(r#"{{"recv_ms":{recv_ms},"event":{frame}}}"#)
    };
    for (after_ms, errors) in [(249, 0), (250, 1)] {
        let lines = [
            timeless(4_000, SNAPSHOT),
            timeless(5_000, &delta(2, "0.4500", "2.00", 0)),
            timeless(5_000 + after_ms, &no_delta(3, "0.5600", "-5.00", 0)),
        ];
        let (summary, states) = run(&lines.each_ref().map(String::as_str), STRICT).unwrap();
        assert_eq!((summary.findings.refused, states.len()), (errors, if errors == 0 { 2 } else { 1 }), "{after_ms}");
    }
}

#[test]
fn the_older_date_of_a_frame_is_its_time_where_there_is_no_other() {
    let dated = |frame: String, date: &str| frame.replace(r#""ts_ms":0"#, &format!(r#""ts":"{date}""#));
    let lines = [
        SNAPSHOT,
        &dated(delta(2, "0.4500", "2.00", 0), "1970-01-01T00:00:05.0001Z"),
        &dated(no_delta(3, "0.5600", "-5.00", 0), "1970-01-01T00:00:05.0009Z"),
    ];
    let (summary, states) = run(&lines, STRICT).unwrap();
    assert_eq!((summary.findings.refused, summary.crossed_states), (0, 1));
    assert_eq!(states.iter().map(|state| &state["ts_ms"]).collect::<Vec<_>>(), [5_000, 5_000]);
}

#[test]
fn a_late_frame_of_a_replaced_subscription_is_not_applied_and_moves_no_time() {
    let again = SNAPSHOT.replace(r#""sid":1"#, r#""sid":2"#);
    let late = delta(2, "0.4300", "1.00", 9_000);
    let new = delta(2, "0.4100", "1.00", 5_000).replace(r#""sid":1"#, r#""sid":2"#);
    let (summary, states) = run(&[&timed(4_000, SNAPSHOT), &timed(4_500, &again), &late, &new], STRICT).unwrap();
    assert_eq!((summary.states, summary.findings.unusable), (3, 1));
    assert_eq!((&states[2]["ts_ms"], &states[2]["yes_bid"]), (&5_000.into(), &"0.4200".into()));
}

#[test]
fn a_market_whose_book_is_wrong_leaves_the_others_alone() {
    let other = |frame: &str| frame.replace("KXA-1", "KXB-1");
    let lines = [
        &timed(4_000, SNAPSHOT),
        &timed(4_000, &other(&SNAPSHOT.replace(r#""seq":1"#, r#""seq":2"#))),
        &delta(3, "0.4200", "-99.00", 5_000),
        &other(&delta(4, "0.4300", "1.00", 5_000)),
    ];
    let (summary, states) = run(&lines.map(String::as_str), STRICT).unwrap();
    assert_eq!((summary.findings.refused, summary.findings.unusable, states.len()), (1, 0, 3));
    assert_eq!((&states[2]["market"], &states[2]["yes_bid"]), (&"KXB-1".into(), &"0.4300".into()));
}

fn timed(recv_ms: i64, frame: &str) -> String {
    format!(r#"{{"recv_ms":{recv_ms},"event":{frame}}}"#)
}

/// The folder of real recordings, or `None` with the reason printed.
fn recordings() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/real");
    let folder = std::env::var_os("KALSHI_REAL_DATA").map_or(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no recordings at {}", folder.display());
    None
}

/// Observes a recording and checks that in each state the book is not crossed and every feature is within bounds.
fn observe_real(path: &Path, options: ObserveOptions) -> ObserveSummary {
    #[derive(Deserialize)]
    struct State {
        yes_bid: Option<Price>,
        yes_ask: Option<Price>,
        observation: Vec<Option<f32>>,
    }
    let mut output = Vec::new();
    let summary = observe_file(path, options, &mut output).unwrap();
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
    let options = ObserveOptions { point_ms: 1_000, ignore_seq: false };
    for name in [
        "frames/KXGOLD15M-26AUG101900-00.2026-08-10.jsonl.zst",
        "original/KXGOLD15M-26AUG102030-30.2026-08-11.ndjson.zst",
    ] {
        let summary = observe_real(&folder.join("ws_prod_gold15m").join(name), options);
        let Findings { repeats, holes, out_of_order, earlier, refused, unusable, .. } = summary.findings;
        assert_eq!((repeats, holes, out_of_order, earlier, refused, unusable), (0, 0, 0, 0, 0, 0), "{name}");
        assert_eq!((summary.markets, summary.findings.scattered.len()), (1, 2), "{name}");
        assert!(summary.states > 1_000, "{name}: {summary:?}");
    }
}

#[test]
fn a_real_session_of_the_demo_exchange_has_every_number() {
    let Some(folder) = recordings() else { return };
    let options = ObserveOptions { point_ms: 1_000, ignore_seq: false };
    let summary = observe_real(&folder.join("ws_demo_session/frames/session.jsonl.zst"), options);
    assert_eq!((summary.states, summary.markets), (2_890, 5));
    assert_eq!(summary.findings, Findings { frames: 2_898, ..Findings::default() });
}

#[test]
fn a_frame_taken_out_of_a_real_session_or_doubled_in_it_is_found_at_its_line() {
    let Some(folder) = recordings() else { return };
    let options = ObserveOptions { point_ms: 1_000, ignore_seq: false };
    let packed = std::fs::File::open(folder.join("ws_demo_session/frames/session.jsonl.zst")).unwrap();
    let text = String::from_utf8(zstd::decode_all(packed).unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let whole = run(&lines, options).unwrap();
    let numbered = |index: &usize| lines[*index].contains(r#""seq":"#);
    for index in [40, 1_000, 2_500].map(|from| (from..lines.len()).find(numbered).unwrap()) {
        let mut doubled = lines.clone();
        doubled.insert(index, lines[index]);
        let (summary, states) = run(&doubled, options).unwrap();
        assert_eq!((summary.findings.repeats, &states), (1, &whole.1));
        assert!(summary.findings.places[0].contains(&format!(", line {}: ", index + 2)), "{:?}", summary.findings);
        let mut short = lines.clone();
        short.remove(index);
        let following = (index + 1..lines.len()).find(numbered).unwrap();
        let error = run(&short, options).unwrap_err();
        let ObserveError::Frames(FramesError::Sequence { line, .. }) = error else { panic!("{error}") };
        assert_eq!(line, following as u64);
    }
}
