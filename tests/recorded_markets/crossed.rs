//! Recordings in which books cross for an instant, compared with a fold of their deltas that shares no code with the
//! program: a small recording made here, and the bitcoin windows where they are available.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use kalshi_actor::drivers::observe::{ObserveOptions, ObserveSummary, observe_file};
use kalshi_actor::drivers::statistics::of_file;
use kalshi_actor::exchange::engine::{Engine, MarketSpec};
use kalshi_actor::exchange::recorded::{Holes, Playback, read_frames};
use kalshi_actor::market::{FeeSchedule, GridBands};
use serde_json::Value;

use crate::{assert_publishes_the_recording, real_data, windows};

/// The sampling interval of `statistics`.
const LOOK_MS: i64 = 250;

fn made_up() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/crossed.jsonl")
}

/// Parses a decimal such as "0.4200" to units of 1/`scale`.
fn units(text: &str, scale: i64) -> i64 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part =
        part.chars().zip(1..).map(|(digit, place)| i64::from(digit.to_digit(10).unwrap()) * scale / 10i64.pow(place));
    sign * (whole.parse::<i64>().unwrap() * scale + part.sum::<i64>())
}

/// The bids of both outcomes: size in hundredths of contracts by price in $0.0001.
#[derive(Default)]
struct Fold {
    yes: BTreeMap<i64, i64>,
    no: BTreeMap<i64, i64>,
}

impl Fold {
    /// Applies a frame. Returns whether it was a book frame.
    fn take(&mut self, frame: &Value) -> bool {
        let msg = &frame["msg"];
        match frame["type"].as_str().unwrap() {
            "orderbook_snapshot" => {
                let side = |key: &str| {
                    let levels = msg[key].as_array().into_iter().flatten();
                    let text = |level: &Value, at: usize| level[at].as_str().unwrap().to_owned();
                    levels.map(|level| (units(&text(level, 0), 10_000), units(&text(level, 1), 100))).collect()
                };
                (self.yes, self.no) = (side("yes_dollars_fp"), side("no_dollars_fp"));
                true
            }
            "orderbook_delta" => {
                let side = if msg["side"] == "no" { &mut self.no } else { &mut self.yes };
                let price = units(msg["price_dollars"].as_str().unwrap(), 10_000);
                let size = side.entry(price).or_default();
                *size += units(msg["delta_fp"].as_str().unwrap(), 100);
                assert!(*size >= 0, "{frame}");
                if *size == 0 {
                    side.remove(&price);
                }
                true
            }
            _ => false,
        }
    }

    fn bid(&self) -> Option<i64> {
        self.yes.last_key_value().map(|(price, _)| *price)
    }

    fn ask(&self) -> Option<i64> {
        self.no.last_key_value().map(|(price, _)| 10_000 - *price)
    }

    fn is_crossed(&self) -> bool {
        self.bid().zip(self.ask()).is_some_and(|(bid, ask)| bid >= ask)
    }

    /// Features 0, 1, 8 and 14 of the schema.
    fn features(&self) -> [(usize, f64); 4] {
        let price = |units: Option<i64>| units.map_or(0.5, |units| units as f64 / 10_000.0);
        let contracts = self.yes.values().chain(self.no.values()).sum::<i64>() as f64 / 100.0;
        let levels = (self.yes.len() + self.no.len()) as f64;
        let volume = ((1.0 + contracts).ln() / 10_001f64.ln()).min(1.0);
        [(0, price(self.bid())), (1, price(self.ask())), (8, volume), (14, (levels / 20.0).min(1.0))]
    }
}

fn frames(path: &Path) -> impl Iterator<Item = Value> {
    let file = File::open(path).unwrap();
    let is_packed = path.extension().is_some_and(|extension| extension == "zst");
    let reader: Box<dyn Read> = if is_packed { Box::new(zstd::Decoder::new(file).unwrap()) } else { Box::new(file) };
    BufReader::new(reader).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

fn own_ms(frame: &Value) -> Option<i64> {
    frame["msg"]["ts_ms"].as_i64().filter(|_| frame["type"] == "orderbook_delta")
}

/// Observes a file from its first frame to its last, and compares every line with the fold.
fn assert_observes_the_fold(path: &Path) -> ObserveSummary {
    let mut output = Vec::new();
    let options = ObserveOptions { point_ms: 1_000, ignore_seq: false };
    let summary = observe_file(path, options, &mut output).unwrap();
    let mut lines = output.lines().map(Result::unwrap);
    let mut fold = Fold::default();
    let mut time_ms = frames(path).find_map(|frame| own_ms(&frame)).unwrap();
    let price = |units: Option<i64>| {
        units.map_or("null".to_owned(), |units| format!("\"{}.{:04}\"", units / 10_000, units % 10_000))
    };
    let (mut read, mut states, mut crossed) = (0, 0, 0);
    for frame in frames(path) {
        read += 1;
        if !fold.take(&frame) {
            continue;
        }
        time_ms = time_ms.max(own_ms(&frame).unwrap_or(time_ms));
        if fold.is_crossed() {
            crossed += 1;
            continue;
        }
        let line = lines.next().unwrap_or_else(|| panic!("{}: no line for {frame}", path.display()));
        let market = frame["msg"]["market_ticker"].as_str().unwrap();
        let (bid, ask) = (price(fold.bid()), price(fold.ask()));
        let expected =
            format!(r#"{{"ts_ms":{time_ms},"market":"{market}","yes_bid":{bid},"yes_ask":{ask},"observation":["#);
        assert!(line.starts_with(&expected), "{}: {expected} expected, found {line}", path.display());
        if states % 97 == 0 {
            let line: Value = serde_json::from_str(&line).unwrap();
            for (feature, value) in fold.features() {
                let found = line["observation"][feature].as_f64().unwrap();
                assert!((found - value).abs() < 1e-5, "feature {feature}: {found}, expected {value}: {frame}");
            }
        }
        states += 1;
    }
    assert!(lines.next().is_none(), "{}: more lines than states", path.display());
    assert_eq!(
        (summary.findings.frames, summary.states, summary.crossed_states),
        (read, states, crossed),
        "{}",
        path.display()
    );
    assert_eq!((summary.findings.refused, summary.findings.unusable), (0, 0), "{}", path.display());
    summary
}

/// The mean spread of a file's only market in cents, sampled as `statistics` does.
fn mean_spread(path: &Path) -> f64 {
    let mut fold = Fold::default();
    let (mut next_look_ms, mut sum, mut looks) = (None, 0, 0);
    for frame in frames(path) {
        if let Some(time_ms) = own_ms(&frame) {
            let next_look_ms = next_look_ms.get_or_insert(time_ms);
            while *next_look_ms < time_ms {
                if let Some((bid, ask)) = fold.bid().zip(fold.ask()) {
                    assert!(bid < ask, "crossed at the end of an instant");
                    (sum, looks) = (sum + ask - bid, looks + 1);
                }
                *next_look_ms += LOOK_MS;
            }
        }
        fold.take(&frame);
    }
    sum as f64 / f64::from(looks) / 100.0
}

fn assert_measures_the_fold(path: &Path) {
    let (figures, findings) = of_file(path, Holes::Refused, 0.0).unwrap();
    assert_eq!((findings.refused, findings.unusable), (0, 0), "{}", path.display());
    // A book that never has a price on both sides has no spread and no figures.
    let (found, expected) = (figures.first().map_or(f64::NAN, |figures| figures.spread), mean_spread(path));
    let agree = (found - expected).abs() < 1e-9 || (found.is_nan() && expected.is_nan());
    assert!(agree && figures.len() <= 1, "{}: {found}, expected {expected}", path.display());
}

/// Plays a market's files step by step and compares what is published with them.
fn assert_steps_are_the_recording(ticker: &str, files: &[PathBuf]) {
    let (recording, _) = read_frames(files, Holes::Refused).unwrap();
    assert_eq!(recording.len(), 1, "{ticker}");
    let close_ms = recording[0].last_ms().unwrap() + 60_000;
    let playback = Playback::new(recording);
    let spec = MarketSpec {
        ticker: ticker.to_owned(),
        event_ticker: ticker.to_owned(),
        series_ticker: "KXBTC15M".to_owned(),
        title: String::new(),
        exchange_index: 0,
        structure: "tapered_deci_cent".to_owned(),
        bands: GridBands::named("tapered_deci_cent").unwrap(),
        fees: FeeSchedule::QUADRATIC.into(),
        open_ms: playback.start_ms(),
        close_ms,
        settlement_timer_ms: 1_000,
        exclusive: false,
        recorded: true,
    };
    let mut engine = Engine::new(1);
    let market = engine.list_market(spec, playback.start_ms()).unwrap();
    assert_publishes_the_recording(ticker, playback, &mut engine, market);
}

#[test]
fn a_small_recording_that_crosses_for_an_instant_is_read_by_all_as_it_is() {
    let summary = assert_observes_the_fold(&made_up());
    assert_eq!((summary.findings.frames, summary.states), (32, 17));
    assert_eq!((summary.crossed_states, summary.crossed_steps), (9, 5), "locked, crossed, and twice in a millisecond");
    assert!(mean_spread(&made_up()) > 0.0);
    assert_measures_the_fold(&made_up());
    assert_steps_are_the_recording("KXMADEUP15M-26NOV300115-15", &[made_up()]);
}

/// The 32 connections of 24 windows, with tapered grids, reconnects, and up to 815 frames per second.
#[test]
fn bitcoin_windows_are_observed_from_their_first_frame_to_their_last() {
    let Some(folder) = real_data() else { return };
    let (mut files, mut sums) = (0, [0; 4]);
    for path in windows(&folder.join("ws_prod_btc15m_2026-05/frames")).into_values().flatten() {
        let summary = assert_observes_the_fold(&path);
        files += 1;
        let found = [summary.findings.frames, summary.states, summary.crossed_states, summary.crossed_steps];
        sums.iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
    }
    println!("{files} files: {sums:?} frames, states, crossed states and instants with some");
    assert_eq!((files, sums[0], sums[2]), (32, 1_281_098, 288));
}

#[test]
fn bitcoin_windows_are_measured_and_published_step_by_step_as_they_are() {
    let Some(folder) = real_data() else { return };
    let windows = windows(&folder.join("ws_prod_btc15m_2026-05/frames"));
    assert_eq!(windows.len(), 24);
    for (ticker, files) in windows {
        for path in &files {
            assert_measures_the_fold(path);
        }
        assert_steps_are_the_recording(&ticker, &files);
    }
}
