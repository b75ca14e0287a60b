//! Rendering the bodies of order writes into a reused buffer, and parsing the answer to a create.

#[path = "inputs/orders.rs"]
mod inputs;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use inputs::{cancel, create};
use kalshi_actor::wire::orders::answer::parse_created;
use kalshi_actor::wire::orders::body::{write_cancel_batch, write_create};

fn order_bytes(criterion: &mut Criterion) {
    let (create, cancel) = (create(), cancel());
    let answer = br#"{"order_id":"3b23c1c7-f4ef-4f0d-8b9a-9e53c61f1a0d","client_order_id":"kact-123456789abcdef0-0000004d","fill_count":"0.00","remaining_count":"10.00","ts_ms":1795233600007}"#;
    let mut buffer = Vec::with_capacity(512);
    let mut group = criterion.benchmark_group("order_bytes");
    group.bench_function("create", |b| {
        b.iter(|| {
            buffer.clear();
            write_create(&mut buffer, black_box(&create));
            black_box(buffer.len())
        });
    });
    group.bench_function("cancel", |b| {
        b.iter(|| {
            buffer.clear();
            write_cancel_batch(&mut buffer, [black_box(cancel)]);
            black_box(buffer.len())
        });
    });
    group.bench_function("created_answer", |b| b.iter(|| parse_created(black_box(answer))));
    group.finish();
}

criterion_group!(benches, order_bytes);
criterion_main!(benches);
