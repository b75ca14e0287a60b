//! One change of a book, and the queries that follow it.

#![allow(missing_docs, reason = "criterion's macros make public items")]

#[path = "inputs/book.rs"]
mod inputs;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use inputs::{changes, levels};
use kalshi_actor::book::Book;
use kalshi_actor::market::{Grid, GridBands};

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
