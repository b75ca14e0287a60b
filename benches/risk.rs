//! The cost of each control of the risk gate: `cargo bench --bench risk`. The last group runs all rules of the gate;
//! each control that keeps state adds a check of its own to that.

#[path = "inputs/risk.rs"]
mod inputs;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use inputs::{START_MS, question};
use kalshi_actor::execute::stops::{EventLosses, MessageRate, OutcomeLosses, Placed, RecentOrders, Seat, Window};
use kalshi_actor::execute::{Question, RiskLimits, check};
use kalshi_actor::market::{BookSide, Count, EventKey, Money, Price, TickerPattern};
use kalshi_actor::messages::{Phase, Sticky};

fn losses(n: usize) -> OutcomeLosses {
    let cents = i64::try_from(n % 37).expect("a remainder is small");
    OutcomeLosses { no: Money::from_cents(10 * cents), yes: Money::from_cents(400 - 13 * cents) }
}

fn event(markets: usize, exclusive: bool) -> (EventLosses, Vec<Seat>) {
    let mut events = EventLosses::default();
    let seats: Vec<_> = (0..markets).map(|_| events.join(EventKey(1), exclusive)).collect();
    for (n, &seat) in seats.iter().enumerate() {
        events.update(seat, losses(n));
    }
    (events, seats)
}

fn event_loss(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event_loss");
    for exclusive in [false, true] {
        for markets in [1, 10, 100, 1_000] {
            let (mut events, seats) = event(markets, exclusive);
            let kind = if exclusive { "exclusive" } else { "independent" };
            let seat = seats[markets / 2];
            group.bench_function(BenchmarkId::new(format!("question_{kind}"), markets), |bencher| {
                bencher.iter(|| (events.worst(black_box(seat)), events.worst_with(seat, black_box(losses(5)))));
            });
            let mut n = 0;
            group.bench_function(BenchmarkId::new(format!("update_{kind}"), markets), |bencher| {
                bencher.iter(|| {
                    n += 1;
                    events.update(black_box(seat), losses(n));
                });
            });
        }
    }
    group.finish();
}

fn message_rate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("message_rate");
    let (mut rate, mut now_ms) = (MessageRate::new(100, 2_000), START_MS);
    group.bench_function("question", |bencher| {
        bencher.iter(|| {
            now_ms += 1;
            rate.allows(black_box(now_ms))
        });
    });
    group.bench_function("count", |bencher| {
        bencher.iter(|| {
            now_ms += 1;
            rate.sent(black_box(now_ms), 1);
        });
    });
    group.finish();
}

fn duplicates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("duplicate");
    let order =
        |cents| Placed { side: BookSide::Bid, price: Price::from_cents(cents), count: Count::from_contracts(10) };
    let mut recent = RecentOrders::default();
    for cents in 1..=8 {
        recent.push(order(cents), START_MS);
    }
    group.bench_function("question", |bencher| {
        bencher.iter(|| recent.has(black_box(order(40)), START_MS, 500));
    });
    group.bench_function("remember", |bencher| bencher.iter(|| recent.push(black_box(order(40)), START_MS)));
    group.finish();
}

fn stops(criterion: &mut Criterion) {
    let (mut executions, mut now_ms) = (Window::<13>::new(60_000), START_MS);
    criterion.bench_function("repeated/count", |bencher| {
        bencher.iter(|| {
            now_ms += 100;
            executions.add(black_box(now_ms), 1);
            executions.count(now_ms)
        });
    });
    let mut sticky = Sticky::default();
    criterion.bench_function("drawdown/mark", |bencher| {
        bencher.iter(|| sticky.mark(black_box(Money::ZERO), black_box(Money::from_cents(-7)), Money::from_dollars(75)));
    });
    let patterns: Vec<TickerPattern> = (0..20).map(|n| format!("KXSERIES{n}-*").parse().expect("a pattern")).collect();
    criterion.bench_function("restricted/at_listing_20_patterns", |bencher| {
        bencher.iter(|| patterns.iter().any(|pattern| pattern.matches(black_box("KXBTCD-26JUL0317-T60499.99"))));
    });
}

/// Changes a question so that a rule refuses it.
type Change = fn(&mut Question);

fn rules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    let limits = RiskLimits::default();
    let passes = question();
    group.bench_function("all_pass", |bencher| bencher.iter(|| check(&limits, black_box(&passes))));
    // The first rule that refuses ends the check, so each time is that of all rules up to it.
    let refusals: [(&str, Change); 7] = [
        ("drawdown", |question| question.drawn_down = true),
        ("repeated", |question| question.repeated = true),
        ("restricted", |question| question.restricted = true),
        ("market_state", |question| question.phase = Phase::Paused),
        ("event_loss", |question| question.event_loss = Money::from_dollars(61)),
        ("duplicate", |question| question.duplicate = true),
        ("message_rate", |question| question.messages = false),
    ];
    for (name, change) in refusals {
        let mut refused = question();
        change(&mut refused);
        group.bench_function(BenchmarkId::new("refused_by", name), |bencher| {
            bencher.iter(|| check(&limits, black_box(&refused)));
        });
    }
    group.finish();
}

criterion_group!(benches, event_loss, message_rate, duplicates, stops, rules);
criterion_main!(benches);
