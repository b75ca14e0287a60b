//! One change of a book, and what is asked of it afterwards.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kalshi_actor::book::Book;
use kalshi_actor::market::{BookLevels, Count, Grid, GridBands, Outcome, Price};

/// A change of a book.
type Change = (Outcome, Price, Count);

/// A book of sixty levels a side around the middle of a grid.
fn levels(grid: &Grid) -> BookLevels {
    let middle = grid.slots() / 2;
    let size = |slot: usize| Count::from_units(1_000 + i64::try_from(slot * 7_919 % 50_021).unwrap());
    let mut levels = BookLevels::default();
    for depth in 1..middle.min(61) {
        levels.yes.push((grid.price(middle - depth), size(depth)));
        levels.no.push((grid.price(middle + depth).complement(), size(depth + 100)));
    }
    levels
}

/// Changes that mostly move sizes near the top, and now and then remove the best level and bring it back.
fn changes(book: &Book) -> Vec<Change> {
    let mut book = book.clone();
    let mut state = 1u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut changes = Vec::new();
    while changes.len() < 4_096 {
        let side = if random(2) == 0 { Outcome::Yes } else { Outcome::No };
        let depth = usize::try_from(random(8) * random(3)).unwrap();
        let (price, size) = book.levels(side).nth(depth).unwrap();
        if random(8) == 0 {
            changes.push((side, price, -size));
            changes.push((side, price, size));
        } else {
            let change = Count::from_units(i64::try_from(random(2_000)).unwrap() - size.units().min(1_000) + 1);
            book.apply_delta(side, price, change).unwrap();
            changes.push((side, price, change));
        }
    }
    changes
}

fn bench(criterion: &mut Criterion) {
    for structure in ["linear_cent", "center_centi_edge_centi_cent"] {
        let grid = Grid::new(GridBands::named(structure).unwrap());
        let levels = levels(&grid);
        let mut start = Book::new(grid);
        start.apply_snapshot(&levels).unwrap();
        let changes = changes(&start);
        let mut book = start.clone();
        let mut next = 0;
        criterion.bench_function(&format!("book/delta/{structure}"), |bencher| {
            bencher.iter(|| {
                if next == changes.len() {
                    book.apply_snapshot(&levels).unwrap();
                    next = 0;
                }
                let (side, price, change) = changes[next];
                next += 1;
                book.apply_delta(side, price, change).unwrap();
                black_box(book.mid2())
            });
        });
        let mut book = start.clone();
        criterion.bench_function(&format!("book/snapshot_60_levels/{structure}"), |bencher| {
            bencher.iter(|| black_box(book.apply_snapshot(black_box(&levels))));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
