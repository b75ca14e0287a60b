//! A book with sixty levels per side, and changes to it as in a busy market.

use kalshi_actor::book::Book;
use kalshi_actor::market::{BookLevels, Count, Grid, Outcome, Price};

pub type Change = (Outcome, Price, Count);

/// Sixty levels per side around the middle of a grid.
pub fn levels(grid: &Grid) -> BookLevels {
    let middle = grid.slots() / 2;
    let size = |slot: usize| Count::from_units(1_000 + i64::try_from(slot * 7_919 % 50_021).unwrap());
    let mut levels = BookLevels::default();
    for depth in 1..middle.min(61) {
        levels.yes.push((grid.price(middle - depth), size(depth)));
        levels.no.push((grid.price(middle + depth).complement(), size(depth + 100)));
    }
    levels
}

/// Changes that mostly change sizes near the top, and now and then remove the best level and restore it.
pub fn changes(book: &Book) -> Vec<Change> {
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
