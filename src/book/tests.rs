//! The book against a naive model of it, and its rules one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::market::GridBands;

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn count(text: &str) -> Count {
    Count::parse(text).unwrap()
}

fn cents() -> Arc<Grid> {
    Grid::new(GridBands::cents())
}

fn levels(yes: &[(&str, &str)], no: &[(&str, &str)]) -> BookLevels {
    let parse = |levels: &[(&str, &str)]| levels.iter().map(|&(at, size)| (price(at), count(size))).collect();
    BookLevels { yes: parse(yes), no: parse(no) }
}

fn book(yes: &[(&str, &str)], no: &[(&str, &str)]) -> Book {
    let mut book = Book::new(cents());
    book.apply_snapshot(&levels(yes, no)).unwrap();
    book
}

/// A book written as simply as possible.
#[derive(Clone, Default)]
struct Naive {
    yes: BTreeMap<Price, i64>,
    no: BTreeMap<Price, i64>,
}

impl Naive {
    fn side(&self, side: Outcome) -> &BTreeMap<Price, i64> {
        if side == Outcome::Yes { &self.yes } else { &self.no }
    }

    fn crossed(&self) -> bool {
        match (self.yes.last_key_value(), self.no.last_key_value()) {
            (Some((yes, _)), Some((no, _))) => yes.units() + no.units() >= 10_000,
            _ => false,
        }
    }

    fn delta(&mut self, side: Outcome, at: Price, change: i64) -> bool {
        let mut after = self.clone();
        let levels = if side == Outcome::Yes { &mut after.yes } else { &mut after.no };
        let size = levels.get(&at).copied().unwrap_or(0) + change;
        if size == 0 {
            levels.remove(&at);
        } else {
            levels.insert(at, size);
        }
        let valid = size >= 0;
        if valid {
            *self = after;
        }
        valid
    }

    fn largest_three(&self) -> i64 {
        let mut sizes: Vec<i64> = self.yes.values().chain(self.no.values()).copied().collect();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        sizes.iter().take(3).sum()
    }

    fn assert_equals(&self, book: &Book) {
        for side in [Outcome::Yes, Outcome::No] {
            let expected: Vec<_> =
                self.side(side).iter().rev().map(|(&at, &size)| (at, Count::from_units(size))).collect();
            assert_eq!(book.levels(side).collect::<Vec<_>>(), expected);
            assert_eq!(book.level_count(side) as usize, expected.len());
            assert_eq!(book.volume(side), expected.iter().map(|level| level.1).sum());
            assert_eq!(book.best(side), expected.first().map(|level| level.0));
        }
        assert_eq!(book.largest_three().units(), self.largest_three());
        assert_eq!(book.is_crossed(), self.crossed());
        assert_eq!(
            book.mid2(),
            book.best_bid().zip(book.best(Outcome::No)).map(|(yes, no)| 10_000 + yes.units() - no.units())
        );
    }
}

fn grids() -> impl Strategy<Value = Arc<Grid>> {
    prop::sample::select(vec![
        "linear_cent",
        "deci_cent",
        "tapered_deci_cent",
        "center_half_edge_deci_cent",
        "center_centi_edge_centi_cent",
        "center_deci_edge_centi_cent",
    ])
    .prop_map(|name| Grid::new(GridBands::named(name).unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_sequence_of_changes_leaves_the_book_a_naive_one_would_have(
        grid in grids(),
        start in prop::collection::btree_map((any::<bool>(), 0usize..600), 1i64..2_000, 0..40),
        changes in prop::collection::vec((any::<bool>(), 0usize..700, -1_500i64..1_500, any::<bool>()), 0..200),
    ) {
        let mut book = Book::new(Arc::clone(&grid));
        let mut naive = Naive::default();
        let at = |per_mille: usize| grid.price(per_mille * grid.slots() / 1_000);
        let mut listed = BookLevels::default();
        let side_of = |yes| if yes { Outcome::Yes } else { Outcome::No };
        let mut before = BTreeMap::new();
        for ((yes, per_mille), size) in start {
            before.insert((yes, at(per_mille)), size);
        }
        for ((yes, level), size) in before {
            let valid = level > Price::ZERO && naive.delta(side_of(yes), level, size);
            if valid {
                if yes { &mut listed.yes } else { &mut listed.no }.push((level, Count::from_units(size)));
            }
        }
        book.apply_snapshot(&listed).unwrap();
        naive.assert_equals(&book);
        for (yes, per_mille, change, empty) in changes {
            let (side, level) = (side_of(yes), at(per_mille));
            let size = book.size(side, level).units();
            // Half of the time an existing level is emptied; otherwise random changes would only ever add levels.
            let change = if empty && size > 0 { -size } else { change };
            let valid = level > Price::ZERO && naive.delta(side, level, change);
            prop_assert_eq!(book.apply_delta(side, level, Count::from_units(change)).is_ok(), valid);
            naive.assert_equals(&book);
        }
        book.regrid(Grid::new(GridBands::named("center_centi_edge_centi_cent").unwrap())).unwrap();
        naive.assert_equals(&book);
        book.clear();
        Naive::default().assert_equals(&book);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_largest_are_known_of_a_book_that_thinned_out_and_came_back_smaller(
        rounds in prop::collection::vec(
            (1i64..2_000, prop::collection::vec((1i64..40, 1i64..4), 1..30), prop::collection::vec(any::<bool>(), 40)),
            1..6,
        ),
    ) {
        let mut book = Book::new(cents());
        let mut naive = Naive::default();
        let mut change = |cents: i64, change: i64| {
            let level = price(&format!("0.{cents:02}"));
            assert!(naive.delta(Outcome::Yes, level, change));
            book.apply_delta(Outcome::Yes, level, Count::from_units(change)).unwrap();
            naive.assert_equals(&book);
            naive.yes.clone()
        };
        for (scale, added, kept) in rounds {
            let mut levels = BTreeMap::new();
            for (cents, size) in added {
                levels = change(cents, size * scale);
            }
            for (place, (level, size)) in levels.into_iter().enumerate() {
                if !kept[place % kept.len()] || place > 3 {
                    change(level.units() / 100, -size);
                }
            }
        }
    }
}

#[test]
fn a_level_smaller_than_any_before_it_is_the_largest_of_a_book_that_was_emptied() {
    let mut book = Book::new(cents());
    let nine = ["0.01", "0.02", "0.03", "0.04", "0.05", "0.06", "0.07", "0.08", "0.09"];
    let mut change = |at, change| book.apply_delta(Outcome::Yes, price(at), count(change)).unwrap();
    for at in nine {
        change(at, "50.00");
    }
    for at in nine.into_iter().rev() {
        change(at, "-50.00");
    }
    change("0.10", "1.00");
    assert_eq!(book.largest_three(), count("1.00"));
}

#[test]
fn asks_are_the_other_outcomes_bids() {
    let book = book(&[("0.4200", "10.00"), ("0.4000", "3.50")], &[("0.5600", "7.25")]);
    assert_eq!(book.best_bid(), Some(price("0.4200")));
    assert_eq!(book.best_ask(), Some(price("0.4400")));
    assert_eq!(book.mid2(), Some(8_600));
    assert_eq!(book.size(Outcome::Yes, price("0.4000")), count("3.50"));
}

#[test]
fn locked_and_crossed_books_are_recognised_and_still_updated() {
    let mut book = book(&[("0.4200", "10.00")], &[("0.5600", "7.25")]);
    assert!(!book.is_crossed());
    for at in ["0.4400", "0.4500"] {
        book.apply_delta(Outcome::Yes, price(at), count("1")).unwrap();
        assert!(book.is_crossed(), "{at}");
        assert_eq!(book.best_bid(), Some(price(at)));
    }
    book.apply_delta(Outcome::No, price("0.5600"), count("-7.25")).unwrap();
    assert!(!book.is_crossed(), "a side is empty");
    book.apply_delta(Outcome::No, price("0.5500"), count("1")).unwrap();
    assert!(book.is_crossed(), "locked");
    book.apply_delta(Outcome::Yes, price("0.4500"), count("-1")).unwrap();
    assert!(!book.is_crossed());
    assert_eq!((book.mid2(), book.volume(Outcome::Yes)), (Some(8_900), count("11.00")));
}

#[test]
fn a_crossed_book_survives_a_checkpoint_and_a_snapshot_and_a_finer_grid() {
    let mut crossed = book(&[("0.4500", "1.00"), ("0.4200", "10.00")], &[("0.5600", "7.25")]);
    assert!(crossed.is_crossed(), "the snapshot was crossed");
    let bytes = postcard::to_allocvec(&crossed).unwrap();
    let mut read: Book = postcard::from_bytes(&bytes).unwrap();
    crossed.regrid(Grid::new(GridBands::named("deci_cent").unwrap())).unwrap();
    for book in [&mut read, &mut crossed] {
        assert!(book.is_crossed());
        assert_eq!((book.best_bid(), book.best_ask()), (Some(price("0.4500")), Some(price("0.4400"))));
        book.apply_delta(Outcome::No, price("0.5600"), count("-7.25")).unwrap();
        assert!(!book.is_crossed());
        assert_eq!(book.largest_three(), count("11.00"));
    }
}

#[test]
fn a_change_below_zero_is_rejected_and_the_error_names_the_size() {
    let mut book = book(&[("0.4200", "10.00")], &[]);
    let error = book.apply_delta(Outcome::Yes, price("0.4200"), count("-10.01")).unwrap_err();
    assert_eq!(error.reason(), ResyncReason::NegativeSize);
    assert_eq!(error.to_string(), "Yes bid at 0.4200: a change of -10.01 would make the size of 10.00 negative");
    assert_eq!(book.volume(Outcome::Yes), count("10.00"));
}

#[test]
fn prices_off_the_grid_and_at_its_ends_are_refused() {
    let mut book = book(&[], &[]);
    for at in ["0.4250", "0.0000", "1.0000"] {
        let error = book.apply_delta(Outcome::No, price(at), count("1")).unwrap_err();
        assert_eq!(error, BookError::OffGrid { side: Outcome::No, price: price(at) });
    }
}

#[test]
fn a_snapshot_with_a_bad_level_is_refused_and_leaves_an_empty_book() {
    let good = levels(&[("0.4200", "10.00")], &[("0.5600", "7.25")]);
    let bad = [
        (levels(&[("0.4200", "10.00"), ("0.4200", "1.00")], &[]), ResyncReason::BadLevel),
        (levels(&[("0.4200", "0.00")], &[]), ResyncReason::BadLevel),
        (levels(&[("0.4200", "-1.00")], &[]), ResyncReason::BadLevel),
        (levels(&[("0.4250", "1.00")], &[]), ResyncReason::OffGrid),
    ];
    for (levels, reason) in bad {
        let mut book = Book::new(cents());
        book.apply_snapshot(&good).unwrap();
        assert_eq!(book.apply_snapshot(&levels).unwrap_err().reason(), reason);
        Naive::default().assert_equals(&book);
        book.apply_snapshot(&good).unwrap();
        assert_eq!(book.mid2(), Some(8_600));
    }
}

#[test]
fn a_level_that_grows_beyond_the_limit_is_rejected() {
    let mut book = book(&[("0.4200", "10000000000.00")], &[]);
    let error = book.apply_delta(Outcome::Yes, price("0.4200"), count("0.01")).unwrap_err();
    assert_eq!(error.reason(), ResyncReason::BadLevel);
    let error = book.apply_delta(Outcome::Yes, price("0.4100"), Count::from_units(i64::MAX)).unwrap_err();
    assert_eq!(error.reason(), ResyncReason::BadLevel);
}

#[test]
fn a_level_with_only_an_own_order_is_not_the_best() {
    let book = book(&[("0.4200", "10.00"), ("0.4000", "3.00")], &[("0.5600", "7.00"), ("0.5500", "1.00")]);
    assert_eq!(book.best_bid_without(price("0.4200"), count("10.00")), Some(price("0.4000")));
    assert_eq!(book.best_bid_without(price("0.4200"), count("9.99")), Some(price("0.4200")));
    assert_eq!(book.best_bid_without(price("0.4000"), count("10.00")), Some(price("0.4200")));
    assert_eq!(book.best_ask_without(price("0.4400"), count("7.00")), Some(price("0.4500")));
    let alone = self::book(&[("0.4200", "10.00")], &[]);
    assert_eq!(alone.best_bid_without(price("0.4200"), count("10.00")), None);
}

#[test]
fn levels_of_a_coarse_grid_survive_the_change_to_a_finer_one_but_not_back() {
    let mut book = book(&[("0.4200", "10.00")], &[("0.5600", "7.25")]);
    book.regrid(Grid::new(GridBands::named("deci_cent").unwrap())).unwrap();
    book.apply_delta(Outcome::Yes, price("0.4210"), count("1")).unwrap();
    assert_eq!(book.mid2(), Some(8_610));
    assert_eq!(book.regrid(cents()).unwrap_err().reason(), ResyncReason::OffGrid);
    Naive::default().assert_equals(&book);
}
