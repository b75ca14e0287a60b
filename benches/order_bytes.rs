//! Building the bodies of order writes in a buffer that is kept, and reading the answer to a create.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kalshi_actor::market::{BookSide, ClientOrderId, Count, OrderGroupId, OrderId, Price, TimeInForce};
use kalshi_actor::wire::orders::answer::parse_created;
use kalshi_actor::wire::orders::body::{Cancel, Create, write_cancel_batch, write_create};

fn order_bytes(criterion: &mut Criterion) {
    let create = Create {
        ticker: "KXGOLD15M-26AUG050000-00",
        client_order_id: ClientOrderId { nonce: 0x1234_5678_9abc_def0, counter: 77 },
        side: BookSide::Bid,
        count: Count::from_contracts(10),
        price: Price::from_cents(42),
        time_in_force: TimeInForce::GoodTillCanceled,
        post_only: true,
        reduce_only: false,
        expiration_s: Some(1_795_233_616),
        group: Some(OrderGroupId::from_bits(u128::MAX / 5)),
        exchange_index: 2,
    };
    let cancel = Cancel { order: OrderId::from_bits(u128::MAX / 3), ticker: create.ticker, exchange_index: 2 };
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
