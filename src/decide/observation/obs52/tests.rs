//! Tests of the schema against golden vectors of an independent implementation, of its bounds, and of each of its rules.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::book::Book;
use crate::decide::observation::{CivilHour, ExchangeZone, Holding, OpenOrders, PointHistory, Portfolio};
use crate::market::{BookLevels, Count, Grid, GridBands, Money, Outcome, Price};

/// One market with its account, which is observed after each state of the book.
struct Fixture {
    book: Book,
    points: PointHistory,
    portfolio: Portfolio,
    orders: OpenOrders,
    zone: ExchangeZone,
    time_ms: i64,
}

impl Fixture {
    fn new(point_ms: u64) -> Self {
        let mut portfolio = Portfolio::new(16);
        portfolio.set_cash(Money::from_dollars(1_000), Money::ZERO);
        Self {
            book: Book::new(Grid::new(GridBands::uniform(Price::from_units(1).unwrap()).unwrap())),
            points: PointHistory::new(point_ms, POINTS),
            portfolio,
            orders: OpenOrders::default(),
            zone: ExchangeZone::new(),
            time_ms: 0,
        }
    }

    fn show(&mut self, time_ms: i64, levels: &BookLevels) {
        self.book.apply_snapshot(levels).unwrap();
        self.time_ms = time_ms;
        self.points.record(&self.book, time_ms);
    }

    /// Levels as (cents, contracts).
    fn show_cents(&mut self, time_ms: i64, yes: &[(u16, i64)], no: &[(u16, i64)]) {
        let levels = |levels: &[(u16, i64)]| {
            levels.iter().map(|&(at, size)| (Price::from_cents(at), Count::from_contracts(size))).collect()
        };
        self.show(time_ms, &BookLevels { yes: levels(yes), no: levels(no) });
    }

    fn observe(&mut self) -> [f32; LENGTH] {
        let input = ObservationInput {
            time_ms: self.time_ms,
            hour: self.zone.hour(self.time_ms),
            book: &self.book,
            points: &self.points,
            portfolio: &self.portfolio,
            position: Count::ZERO,
            orders: self.orders,
            close_time_ms: None,
        };
        let mut features = [f32::NAN; LENGTH];
        observe(&input, &mut features);
        features
    }
}

#[derive(Deserialize)]
struct GoldenPosition {
    contracts: Count,
    cost_basis_micros: i64,
    yes_mid_dollars: Option<String>,
}

#[derive(Deserialize)]
struct GoldenState {
    sequence: u64,
    point_ms: u64,
    ts_ms: i64,
    yes: Vec<(Price, Count)>,
    no: Vec<(Price, Count)>,
    cash_available_micros: i64,
    cash_reserved_micros: i64,
    positions: Vec<GoldenPosition>,
    open_bid_dollars: Option<Price>,
    open_ask_dollars: Option<Price>,
    newest_order_age_s: Option<f64>,
    observation: Vec<f32>,
}

impl GoldenState {
    /// The mid in units of $0.00005, from a number with five decimals.
    #[expect(clippy::cast_possible_truncation, reason = "a mid has five decimals")]
    fn holding(position: &GoldenPosition) -> Holding {
        let mid2 =
            position.yes_mid_dollars.as_ref().map(|text| (text.parse::<f64>().unwrap() * 20_000.0).round() as i64);
        Holding { position: position.contracts, cost: Money::from_micros(position.cost_basis_micros), mid2 }
    }

    #[expect(clippy::cast_possible_truncation, reason = "an age has three decimals")]
    fn apply(&self, fixture: &mut Fixture) {
        fixture.show(self.ts_ms, &BookLevels { yes: self.yes.clone(), no: self.no.clone() });
        for market in 0..16 {
            let holding = self.positions.get(market).map_or_else(Holding::default, Self::holding);
            fixture.portfolio.set(market, holding);
        }
        let money = Money::from_micros;
        fixture.portfolio.set_cash(money(self.cash_available_micros), money(self.cash_reserved_micros));
        fixture.orders = OpenOrders {
            bid: self.open_bid_dollars,
            ask: self.open_ask_dollars,
            newest_acked_ms: self.newest_order_age_s.map(|age_s| self.ts_ms - (age_s * 1000.0).round() as i64),
        };
    }
}

#[test]
fn golden_vectors_of_an_independent_implementation_are_reproduced() {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/golden/obs52.jsonl");
    let path = std::env::var_os("OBS52_GOLDEN").map_or(default, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no golden vectors at {}", path.display());
        return;
    };
    let mut fixture = Fixture::new(1);
    let mut sequence = None;
    let mut failures = Vec::new();
    let mut states = 0;
    for (line, text) in text.lines().enumerate() {
        let state: GoldenState = serde_json::from_str(text).unwrap();
        if sequence != Some(state.sequence) {
            fixture = Fixture::new(state.point_ms);
            sequence = Some(state.sequence);
        }
        state.apply(&mut fixture);
        let found = fixture.observe();
        assert_eq!(state.observation.len(), LENGTH);
        for (index, (&expected, found)) in state.observation.iter().zip(found).enumerate() {
            if (f64::from(expected) - f64::from(found)).abs() > 1e-5 {
                failures.push(format!("line {}: {} is {found}, expected {expected}", line + 1, NAMES[index]));
            }
        }
        states += 1;
    }
    assert!(
        failures.is_empty(),
        "{} features differ, the first: {:#?}",
        failures.len(),
        &failures[..failures.len().min(20)]
    );
    println!("{states} golden vectors reproduced");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_feature_is_finite_and_within_bounds(
        states in prop::collection::vec(
            (
                0i64..4_000,
                prop::option::of((1u16..5_000, 1i64..1_000_000_000_000)),
                prop::option::of((1u16..5_000, 1i64..1_000_000_000_000)),
            ),
            1..30,
        ),
        cash in (-5_000_000i64..5_000_000, 0i64..5_000_000),
        held in prop::collection::vec((-1_000_000i64..1_000_000, any::<i32>(), prop::option::of(1i64..20_000)), 0..6),
    ) {
        let mut fixture = Fixture::new(250);
        fixture.portfolio.set_cash(Money::from_micros(cash.0), Money::from_micros(cash.1));
        for (market, (units, cost, mid2)) in held.into_iter().enumerate() {
            let cost = Money::from_micros(cost.into());
            fixture.portfolio.set(market, Holding { position: Count::from_units(units), cost, mid2 });
        }
        let mut time_ms = 1_786_401_938_000;
        for (pause_ms, yes, no) in states {
            time_ms += pause_ms;
            let level = |level: Option<(u16, i64)>| {
                level.into_iter().map(|(at, size)| (Price::from_units(at).unwrap(), Count::from_units(size))).collect()
            };
            // Below half a dollar on each side nothing can cross, except both at the top.
            fixture.show(time_ms, &BookLevels { yes: level(yes), no: level(no) });
            for (index, value) in fixture.observe().into_iter().enumerate() {
                prop_assert!(value.is_finite() && value.abs() <= 2.0, "{} is {value}", NAMES[index]);
            }
        }
    }
}

fn assert_close(found: f32, expected: f64) {
    assert!((f64::from(found) - expected).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn the_names_are_distinct_and_as_many_as_the_features() {
    let distinct: std::collections::BTreeSet<_> = NAMES.into_iter().collect();
    assert_eq!(distinct.len(), LENGTH);
}

#[test]
fn an_empty_book_has_the_values_of_missing_prices() {
    let mut fixture = Fixture::new(1);
    fixture.show_cents(0, &[], &[]);
    let found = fixture.observe();
    let expected =
        [0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0];
    for (found, expected) in found.into_iter().zip(expected) {
        assert_close(found, expected);
    }
}

#[test]
fn a_two_sided_book_mirrors_its_asks() {
    let mut fixture = Fixture::new(1);
    fixture.show_cents(0, &[(42, 10), (41, 30), (40, 5)], &[(56, 15)]);
    let found = fixture.observe();
    for (index, expected) in
        [(0, 0.42), (1, 0.44), (2, 0.56), (3, 0.58), (4, 0.02), (6, 0.43), (7, 0.57), (12, 0.5), (13, -0.5), (14, 0.2)]
    {
        assert_close(found[index], expected);
    }
    assert_close(found[16], 55.0 / 60.0);
    assert_close(found[8], 61f64.ln() / 10_001f64.ln());
    assert_close(found[10], 121f64.ln() / 10_001f64.ln());
}

#[test]
fn time_features_follow_the_history_of_points() {
    let mut fixture = Fixture::new(1_000);
    for second in 0..6 {
        fixture.show_cents(second * 1_000, &[(40 + u16::try_from(second).unwrap() % 3, 10)], &[(50, 10)]);
    }
    let found = fixture.observe();
    assert_close(found[21], 1.0 / 300.0);
    // 1970-01-01 00:00 UTC was Wednesday evening in New York.
    assert_close(found[22], 0.0);
    assert_close(found[23], 2.0 / 6.0);
    assert_close(found[26], 0.5);
    assert_eq!((found[27], found[28], found[29]), (0.0, 0.0, 0.0));
    // Mids in cents, from oldest: 45, 45.5, 46, 45, 45.5, 46.
    assert_close(found[30], 0.0);
    assert_close(found[31], 0.2 / 5.0);
    assert_close(found[32], 1.0);
    assert_close(found[33], 1.0 - (0.5 + 1.0 + 0.5) / 3.0 / 5.0);
    assert_close(found[34], 0.6);
}

#[test]
fn temporal_features_have_their_defaults_without_history() {
    let mut fixture = Fixture::new(1);
    fixture.show_cents(0, &[(40, 10)], &[(50, 10)]);
    let found = fixture.observe();
    for (index, expected) in
        [(21, 0.0), (25, 0.0), (26, 0.1), (29, 0.0), (30, 0.0), (31, 0.1), (32, 0.5), (33, 0.5), (34, 0.0)]
    {
        assert_close(found[index], expected);
    }
}

#[test]
fn a_leap_in_volume_is_a_burst_and_a_drop_is_quiet() {
    for (last, flags) in [(100_000, (1.0, 0.0)), (1, (0.0, 1.0)), (100, (0.0, 0.0))] {
        let mut fixture = Fixture::new(1);
        for (time_ms, size) in [100, 100, 100, 100, last].into_iter().enumerate() {
            fixture.show_cents(i64::try_from(time_ms).unwrap(), &[(40, size)], &[(50, 10)]);
        }
        let found = fixture.observe();
        assert_eq!((found[27], found[28]), flags, "{last}");
    }
}

#[test]
fn momentum_compares_the_last_two_changes_of_known_mids() {
    let mut fixture = Fixture::new(1);
    fixture.show_cents(0, &[(40, 1)], &[(50, 1)]);
    fixture.show_cents(1, &[(42, 1)], &[(50, 1)]);
    fixture.show_cents(2, &[], &[(50, 1)]);
    fixture.show_cents(3, &[(45, 1)], &[(50, 1)]);
    assert_close(fixture.observe()[30], 0.5f64.tanh());
}

#[test]
fn the_hour_counts_from_nine_to_sixteen_in_new_york() {
    let mut fixture = Fixture::new(1);
    for (hour, expected) in [(8, 0.0), (9, 0.0), (12, 3.0 / 7.0), (16, 1.0), (17, 0.0)] {
        let civil = CivilHour { hour, weekday: 6 };
        fixture.show_cents(0, &[], &[]);
        let input = ObservationInput {
            time_ms: 0,
            hour: civil,
            book: &fixture.book,
            points: &fixture.points,
            portfolio: &fixture.portfolio,
            position: Count::ZERO,
            orders: fixture.orders,
            close_time_ms: None,
        };
        let mut features = [0.0; LENGTH];
        observe(&input, &mut features);
        assert_close(features[22], expected);
        assert_close(features[23], 1.0);
    }
}

#[test]
fn a_flat_account_is_all_cash_and_an_empty_one_too() {
    let mut fixture = Fixture::new(1);
    fixture.show_cents(0, &[], &[]);
    for dollars in [1_000, 0] {
        fixture.portfolio.set_cash(Money::from_dollars(dollars), Money::ZERO);
        let found = fixture.observe();
        assert_close(found[35], 1.0);
        assert!(found[36..47].iter().all(|&value| value == 0.0));
    }
}

#[test]
fn portfolio_features_describe_all_positions() {
    let mut fixture = Fixture::new(1);
    fixture.show_cents(0, &[], &[]);
    fixture.portfolio.set_cash(Money::from_dollars(80), Money::from_dollars(10));
    let holding = |contracts, cents, mid2| Holding {
        position: Count::from_contracts(contracts),
        cost: Money::from_cents(cents),
        mid2: Some(mid2),
    };
    fixture.portfolio.set(3, holding(30, 1_000, 8_000));
    fixture.portfolio.set(5, holding(-10, 300, 4_000));
    // Worth: 30 x 0.40 = 12, 10 x 0.80 = 8; value 110.
    let found = fixture.observe();
    let expected = [
        80.0 / 110.0,
        30.0 / 110.0,
        0.2,
        0.02,
        0.5,
        0.5,
        0.5f64.tanh(),
        12.0 / 110.0,
        0.03,
        (7.0f64 / 110.0).tanh(),
        1.0 - (0.625 - 0.5) / 0.5,
        20.0 / 110.0 / 2.0,
    ];
    for (found, expected) in found[35..47].iter().zip(expected) {
        assert_close(*found, expected);
    }
}

#[test]
fn open_orders_show_their_distance_from_the_mid_and_their_age() {
    let mut fixture = Fixture::new(1);
    fixture.show_cents(100_000, &[(40, 10)], &[(50, 10)]);
    fixture.orders = OpenOrders { bid: Some(Price::from_cents(30)), ask: None, newest_acked_ms: Some(40_000) };
    let found = fixture.observe();
    for (found, expected) in found[47..].iter().zip([1.0, 0.0, 0.15, 0.0, 0.2]) {
        assert_close(*found, expected);
    }
    fixture.orders = OpenOrders { bid: None, ask: Some(Price::from_cents(99)), newest_acked_ms: Some(100_001) };
    let found = fixture.observe();
    for (found, expected) in found[47..].iter().zip([0.0, 1.0, 0.0, 0.54, 0.0]) {
        assert_close(*found, expected);
    }
}

#[test]
fn what_is_no_number_becomes_one() {
    for (value, expected) in
        [(f64::NAN, 0.0), (f64::INFINITY, 1.0), (f64::NEG_INFINITY, -1.0), (2.5, 2.0), (-2.5, -2.0), (0.25, 0.25)]
    {
        assert_close(bounded(value), expected);
    }
}

#[test]
fn a_book_of_ten_thousand_contracts_fills_the_volume_feature() {
    let mut fixture = Fixture::new(1);
    fixture.show_cents(0, &[(40, 10_000)], &[]);
    let found = fixture.observe();
    assert_close(found[8], 1.0);
    assert_eq!(fixture.book.volume(Outcome::Yes), Count::from_contracts(10_000));
}
