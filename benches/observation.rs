//! One observation of a market with a full history, in an account with positions in many markets; and the cost of
//! keeping its state up to date with each change.

#![allow(missing_docs, reason = "criterion's macros make public items")]

#[path = "inputs/observation.rs"]
mod inputs;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use inputs::Scene;
use kalshi_actor::decide::observation::obs52::{LENGTH, POINTS, observe};
use kalshi_actor::decide::observation::{ExchangeZone, PointHistory};

fn bench(criterion: &mut Criterion) {
    let mut scene = Scene::new();
    let mut zone = ExchangeZone::new();
    let mut features = [0.0f32; LENGTH];

    criterion.bench_function("observation/observe", |bencher| {
        bencher.iter(|| {
            let scene = black_box(&scene);
            observe(&scene.input(scene.time_ms, &mut zone), &mut features);
            black_box(features[0])
        });
    });
    for (name, point_ms) in [("same_bucket", 1_000_000_000_000), ("new_bucket", 1)] {
        let mut points = PointHistory::new(point_ms, POINTS);
        let mut time_ms = 0;
        criterion.bench_function(&format!("observation/record_point/{name}"), |bencher| {
            bencher.iter(|| {
                time_ms += 1;
                points.record(black_box(&scene.book), time_ms);
            });
        });
    }
    let mut mid2 = 9_000;
    criterion.bench_function("observation/mid_of_a_held_market", |bencher| {
        bencher.iter(|| {
            mid2 = 18_000 - mid2 + 100;
            scene.portfolio.set_mid(black_box(77), Some(mid2.clamp(200, 19_800)));
        });
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
