//! The frame parser compared with the usual libraries, on the most important frames. A leading space, which the
//! positional scan refuses at once, sends a frame to our general parser. The libraries are told the type in advance and
//! borrow their text, so they do less work: no dispatch, and no check of the envelope's other keys.

#[path = "inputs/frames.rs"]
mod inputs;

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use inputs::{DELTA, FILL, TRADE, snapshot};
use kalshi_actor::market::{BookLevels, BookSide, Count, Money, Outcome, Price};
use kalshi_actor::wire::frame;
use serde::Deserialize;

#[derive(Deserialize)]
#[expect(dead_code, reason = "what the libraries are asked to read; the bench only drops it")]
struct Typed<'a, M> {
    #[serde(rename = "type")]
    kind: &'a str,
    sid: Option<u64>,
    seq: Option<u64>,
    sending_ts_ms: Option<i64>,
    msg: M,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what the libraries are asked to read; the bench only drops it")]
struct DeltaMessage<'a> {
    market_ticker: &'a str,
    side: Outcome,
    price_dollars: Price,
    delta_fp: Count,
    ts_ms: Option<i64>,
    clock: Option<u64>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what the libraries are asked to read; the bench only drops it")]
struct TradeMessage<'a> {
    market_ticker: &'a str,
    trade_id: &'a str,
    yes_price_dollars: Price,
    count_fp: Count,
    taker_outcome_side: Outcome,
    ts_ms: Option<i64>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what the libraries are asked to read; the bench only drops it")]
struct FillMessage<'a> {
    trade_id: &'a str,
    order_id: &'a str,
    client_order_id: Option<&'a str>,
    market_ticker: &'a str,
    is_taker: bool,
    book_side: BookSide,
    yes_price_dollars: Price,
    count_fp: Count,
    fee_cost: Money,
    post_position_fp: Option<Count>,
    ts_ms: Option<i64>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what the libraries are asked to read; the bench only drops it")]
struct SnapshotMessage<'a> {
    market_ticker: &'a str,
    clock: Option<u64>,
    yes_dollars_fp: Vec<(Price, Count)>,
    no_dollars_fp: Vec<(Price, Count)>,
}

/// Parses one frame with both of our parsers, and with the libraries as `M`.
fn compare<'a, M: Deserialize<'a>>(group: &mut BenchmarkGroup<'_, WallTime>, text: &'a str) {
    let mut levels = BookLevels::with_capacity(256);
    let spaced = format!(" {text}");
    group.bench_function("positional", |b| {
        b.iter(|| black_box(frame::parse(black_box(text.as_bytes()), &mut levels)).is_ok());
    });
    group.bench_function("general", |b| {
        b.iter(|| black_box(frame::parse(black_box(spaced.as_bytes()), &mut levels)).is_ok());
    });
    group.bench_function("sonic-rs", |b| {
        b.iter(|| sonic_rs::from_slice::<Typed<'a, M>>(black_box(text.as_bytes())).expect("a documented frame"));
    });
    group.bench_function("serde_json", |b| {
        b.iter(|| serde_json::from_slice::<Typed<'a, M>>(black_box(text.as_bytes())).expect("a documented frame"));
    });
}

/// simd-json parses in place, so each round copies the frame first, and its time includes the copy.
macro_rules! simd {
    ($group:expr, $message:ident, $text:expr) => {
        let mut scratch = Vec::with_capacity($text.len());
        let mut buffers = simd_json::Buffers::new($text.len());
        $group.bench_function("simd-json", |b| {
            b.iter(|| {
                scratch.clear();
                scratch.extend_from_slice(black_box($text.as_bytes()));
                let typed: Typed<'_, $message<'_>> =
                    simd_json::serde::from_slice_with_buffers(&mut scratch, &mut buffers).expect("a documented frame");
                black_box(typed.sid)
            });
        });
    };
}

fn parse(criterion: &mut Criterion) {
    let snapshot = snapshot(60);
    let mut group = criterion.benchmark_group("parse/delta");
    compare::<DeltaMessage<'_>>(&mut group, DELTA);
    simd!(group, DeltaMessage, DELTA);
    group.finish();
    let mut group = criterion.benchmark_group("parse/trade");
    compare::<TradeMessage<'_>>(&mut group, TRADE);
    simd!(group, TradeMessage, TRADE);
    group.finish();
    let mut group = criterion.benchmark_group("parse/fill");
    compare::<FillMessage<'_>>(&mut group, FILL);
    simd!(group, FillMessage, FILL);
    group.finish();
    let mut group = criterion.benchmark_group("parse/snapshot60");
    compare::<SnapshotMessage<'_>>(&mut group, &snapshot);
    simd!(group, SnapshotMessage, snapshot);
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
