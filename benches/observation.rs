//! One observation of a market with a full history, in an account with positions in many markets; and what keeping its
//! state costs at each change.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kalshi_actor::book::Book;
use kalshi_actor::decide::observation::obs52::{LENGTH, POINTS, observe};
use kalshi_actor::decide::observation::{ExchangeZone, Holding, ObservationInput, OpenOrders, PointHistory, Portfolio};
use kalshi_actor::market::{Count, Grid, GridBands, Money, Outcome, Price};

fn bench(criterion: &mut Criterion) {
    let mut book = Book::new(Grid::new(GridBands::cents()));
    for cents in 1..45 {
        let size = Count::from_units(1_000 + i64::from(cents) * 7_919 % 5_003);
        book.apply_delta(Outcome::Yes, Price::from_cents(cents), size).unwrap();
        book.apply_delta(Outcome::No, Price::from_cents(cents + 5), size).unwrap();
    }
    let mut points = PointHistory::new(1_000, POINTS);
    let mut time_ms = 1_786_401_938_000;
    for step in 0..14i64 {
        time_ms += 1_000;
        let price = Price::from_cents(if step % 3 == 0 { 46 } else { 45 });
        book.apply_delta(Outcome::Yes, price, Count::from_units(100 * step + 1)).unwrap();
        points.record(&book, time_ms);
    }
    let mut portfolio = Portfolio::new(1_024);
    portfolio.set_cash(Money::from_dollars(1_000), Money::from_dollars(20));
    for market in 0..500 {
        let position = Count::from_contracts(if market % 2 == 0 { 10 } else { -20 });
        portfolio.set(market, Holding { position, cost: Money::from_dollars(4), mid2: Some(9_000) });
    }
    let orders = OpenOrders { bid: Some(Price::from_cents(40)), ask: None, newest_acked_ms: Some(time_ms - 700) };
    let mut zone = ExchangeZone::new();
    let mut features = [0.0f32; LENGTH];

    criterion.bench_function("observation/observe", |bencher| {
        bencher.iter(|| {
            let time_ms = black_box(time_ms);
            let input = ObservationInput {
                time_ms,
                hour: zone.hour(time_ms),
                book: black_box(&book),
                points: black_box(&points),
                portfolio: black_box(&portfolio),
                position: Count::ZERO,
                orders,
                close_time_ms: None,
            };
            observe(&input, &mut features);
            black_box(features[0])
        });
    });
    for (name, point_ms) in [("same_bucket", 1_000_000_000_000), ("new_bucket", 1)] {
        let mut points = PointHistory::new(point_ms, POINTS);
        let mut time_ms = 0;
        criterion.bench_function(&format!("observation/record_point/{name}"), |bencher| {
            bencher.iter(|| {
                time_ms += 1;
                points.record(black_box(&book), time_ms);
            });
        });
    }
    let mut mid2 = 9_000;
    criterion.bench_function("observation/mid_of_a_held_market", |bencher| {
        bencher.iter(|| {
            mid2 = 18_000 - mid2 + 100;
            portfolio.set_mid(black_box(77), Some(mid2.clamp(200, 19_800)));
        });
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
