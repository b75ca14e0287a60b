//! The cost of a record to the hot thread that writes it, while the record thread drains the ring.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use kalshi_actor::clock::Now;
use kalshi_actor::market::{Count, MarketKey, Outcome, Price};
use kalshi_actor::messages::{BookEvent, BookEventKind, FeedToDecide};
use kalshi_actor::record::journal::{Flags, Kind, SegmentLimits, StageId, start_journal};

fn journal(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let limits = SegmentLimits { segment_bytes: 64 << 20, total_bytes: 256 << 20 };
    let ([mut writer], handle) = start_journal(folder.path(), limits, b"bench", 64 << 20, [StageId::Feed])
        .expect("a journal can be started in an empty folder");
    let now = Now { mono_ns: 1, session_ms: 2 };
    let frame = [b'x'; 260];
    let event = FeedToDecide::Event(BookEvent {
        market: MarketKey::default(),
        kind: BookEventKind::Delta,
        side: Outcome::Yes,
        price: Price::ZERO,
        change: Count::from_contracts(5),
        time_ms: 1_795_233_600_007,
        exchange_ms: 1_795_233_600_007,
        clock: 1_000_000,
        seq: 100_000,
        read_ns: 1_000_000_000,
        parsed_ns: 1_000_000_100,
    });
    let mut group = criterion.benchmark_group("journal");
    // Short runs with pauses, to measure a record that finds room rather than the speed of the disk.
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    group.bench_function("frame_of_260_bytes", |b| {
        b.iter(|| writer.bytes(Kind::Frame, Flags::Input, now, &[0; 12], &frame));
    });
    group.bench_function("book_event", |b| b.iter(|| writer.message(Kind::FeedToDecide, Flags::Input, now, &event)));
    group.bench_function("timer", |b| b.iter(|| writer.event(Kind::Timer, Flags::Input, now)));
    group.finish();
    println!("records lost while measuring: {}", writer.lost());
    drop(writer);
    let report = handle.finish();
    assert_eq!(report.error, None);
}

criterion_group!(benches, journal);
criterion_main!(benches);
