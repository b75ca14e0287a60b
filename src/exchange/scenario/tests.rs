//! Scenario files: the built-in ones, the worlds they describe, and the errors for invalid ones.

use super::*;
use crate::exchange::engine::{FeeChange, FeeScope};
use crate::exchange::faults::{Fault, When};
use crate::exchange::gateway::Tier;
use crate::exchange::participants::Settlement;
use crate::market::FeeSchedule;

const NOW_MS: i64 = 1_790_000_000_000;

/// The smallest file, with another line at its end.
fn with(line: &str) -> String {
    format!(
        r#"description = "a test"
[populations.two]
noise_per_s = 1
informed_per_s = 0.5
[[markets]]
series = "KXA"
count = 3
structure = "linear_cent"
exchange_index = 0
population = "two"
probabilities = [0.2, 0.6]
motion.lasting.volatility = 0.01
closes_after_s = 60
{line}
"#
    )
}

#[test]
fn every_built_in_scenario_parses_and_makes_a_world_of_its_own_size() {
    for name in Scenario::names() {
        let scenario = Scenario::find(name).unwrap();
        assert_eq!(scenario.name(), name);
        assert!(!scenario.description().is_empty() && scenario.text().contains(scenario.description()));
        let world = scenario.world(1, scenario.market_count(), NOW_MS);
        assert_eq!(world.markets.len() + world.series.len(), scenario.market_count(), "{name}");
        assert!(scenario.shards().iter().all(|shard| *shard <= 3), "{name}");
    }
    assert_eq!(Scenario::default().name(), "busy");
    assert_eq!(Scenario::default().market_count(), 8);
}

#[test]
fn kinds_come_in_turn_and_more_markets_are_more_of_them() {
    let tickers = |markets: usize| -> Vec<String> {
        let world = Scenario::default().world(1, markets, NOW_MS);
        let series = world.series.iter().map(|series| series.series_ticker.clone());
        world.markets.iter().map(|market| market.spec.ticker.clone()).chain(series).collect()
    };
    assert_eq!(tickers(2), ["KXSIMCENT-0001-A", "KXSIMTAPER-0001-A"]);
    assert_eq!(tickers(3), ["KXSIMCENT-0001-A", "KXSIMTAPER-0001-A", "KXSIM15S"]);
    let ten = tickers(10);
    assert_eq!(ten[7..], ["KXSIMCENT-0003-A", "KXSIMTAPER-0003-A", "KXSIM15S"]);
    let many = tickers(1_000);
    assert_eq!((many.len(), many[998].as_str()), (1_000, "KXSIMHALF-0249-A"));
    assert!(many.contains(&"KXSIMHALF-0002-A".to_owned()), "numbers have no holes");
    let unique: std::collections::BTreeSet<_> = many.iter().collect();
    assert_eq!(unique.len(), many.len());
}

#[test]
fn a_file_becomes_the_world_it_describes() {
    let text = with(
        r#"determination_s = 2.5
settlement = "scalar"
[exchange]
order_latency_ms = 7
tier = "basic"
direct_members = false
[[faults]]
fault.delay_answer.by_ms = 100
at_s = 1.5
times = 3
[[faults]]
fault = "cut_sessions"
rate_per_min = 2"#,
    );
    let scenario = Scenario::parse("mine.toml", &text).unwrap();
    let mut settings = GatewaySettings { read_lag_ms: 11, ..GatewaySettings::default() };
    scenario.adjust(&mut settings);
    assert_eq!((settings.order_latency_ms, settings.read_lag_ms, settings.tier), (7, 11, Tier::Basic));
    assert!(!scenario.has_direct_members());
    assert_eq!((scenario.market_count(), scenario.shards()), (3, vec![0]));
    let world = scenario.world(5, 3, NOW_MS);
    assert_eq!(world.seed, 5);
    let market = &world.markets[2];
    assert_eq!((market.spec.ticker.as_str(), market.spec.close_ms), ("KXA-0003-A", NOW_MS + 60_000));
    assert!((market.probability - 0.2).abs() < 1e-9, "probabilities come in turn");
    assert_eq!((market.determination_ms, market.settlement), (Some(2_500), Settlement::Scalar));
    assert_eq!(world.faults[0].fault, Fault::DelayAnswer { by_ms: 100 });
    assert_eq!((world.faults[0].when, world.faults[0].times), (When::At(1_500), 3));
    assert_eq!((world.faults[1].fault, world.faults[1].when), (Fault::CutSessions, When::Rate(2.0)));
}

#[test]
fn an_invalid_file_is_rejected_with_the_line_and_what_was_expected() {
    for (line, number, expectation) in [
        ("closes_after = 60", 14, "unknown field `closes_after`, expected one of"),
        ("determination_s = 0", 14, "0: expected seconds from 0.001"),
        ("determination_s = \"soon\"", 14, "expected f64"),
        ("settlement = \"maybe\"", 14, "unknown variant `maybe`, expected `binary` or `scalar`"),
        ("[exchange]\ntier = \"best\"", 15, "expected one of `basic`"),
        ("[exchange]\nlatency_ms = 5", 15, "unknown field `latency_ms`, expected one of `order_latency_ms`"),
        ("[[faults]]\nfault = \"none\"\nat_s = 1", 15, "unknown variant `none`, expected one of `cut_sessions`"),
        ("[[faults]]\nfault = \"cut_sessions\"", 14, "cut_sessions: expected either at_s or rate_per_min"),
        ("[[faults]]\nfault.delay_answer.by_ms = -1\nat_s = 1", 14, "expected 0 to 3600000"),
        ("[[markets]]\nseries = \"KXA\"", 14, "missing field `structure`"),
        ("[[series]]\nseries = \"kxb\"", 15, "expected 1 to 20 capital letters and digits"),
        ("[populations.none]\nnoise_per_s = -1", 15, "-1: expected a number from 0"),
        ("= 1", 14, "key"),
    ] {
        let error = Scenario::parse("mine.toml", &with(line)).unwrap_err().to_string();
        let place = format!("scenario mine.toml, line {number}: ");
        assert!(error.starts_with(&place), "{line}: {error}");
        assert!(error.contains(expectation), "{line}: {error}");
    }
    let text = with("").replace("population = \"two\"", "population = \"three\"");
    let error = Scenario::parse("mine.toml", &text).unwrap_err().to_string();
    let expected = "scenario mine.toml, line 10: population `three` is not in the file: expected one of [two]";
    assert_eq!(error, expected);
    let text = with("").replace("linear_cent", "banded_centi_cent");
    let error = Scenario::parse("mine.toml", &text).unwrap_err().to_string();
    assert!(error.contains("line 8") && error.contains("expected one whose bands are published"), "{error}");
}

#[test]
fn an_unknown_scenario_is_rejected_with_the_known_names() {
    let error = Scenario::find("cal").unwrap_err().to_string();
    assert!(error.starts_with("scenario cal: "), "{error}");
    assert!(error.ends_with("expected a TOML file, or one of calm, busy, news, thin, settling, gold"), "{error}");
}

#[test]
fn fees_and_their_changes_are_the_scenarios_own() {
    let text = with(
        "fees = { taker_multiplier = 0.5, maker_multiplier = 1, waived_s = 30 }\n\
         [[fee_changes]]\nseries = \"KXA\"\nat_s = 40\nmaker_multiplier = 0.25\n\
         [[fee_changes]]\nevent = \"KXA-0001\"\nat_s = 10\ntaker_multiplier = 0\n\
         [[fee_changes]]\nevent = \"KXA-0001\"\nat_s = 20\nends = true",
    );
    let world = Scenario::parse("mine", &text).unwrap().world(1, 3, NOW_MS);
    let fees = world.markets[0].spec.fees;
    let half = FeeSchedule { taker_multiplier_e4: 5_000, maker_multiplier_e4: 10_000 };
    assert_eq!((fees.at(NOW_MS + 29_999), fees.at(NOW_MS + 30_000)), (FeeSchedule::FREE, half));
    let scope = |change: &FeeChange| match &change.scope {
        FeeScope::Series(name) | FeeScope::Event(name) => name.clone(),
    };
    let changes: Vec<_> =
        world.fee_changes.iter().map(|change| (scope(change), change.from_ms - NOW_MS, change.schedule)).collect();
    let quarter = FeeSchedule { taker_multiplier_e4: 10_000, maker_multiplier_e4: 2_500 };
    assert_eq!(
        changes,
        [
            ("KXA".to_owned(), 40_000, Some(quarter)),
            ("KXA-0001".to_owned(), 10_000, Some(FeeSchedule::FREE)),
            ("KXA-0001".to_owned(), 20_000, None),
        ]
    );
    let plain = Scenario::parse("mine", &with("")).unwrap().world(1, 3, NOW_MS);
    assert_eq!(plain.markets[0].spec.fees, FeeSchedule::QUADRATIC.into());
}

#[test]
fn invalid_fees_are_rejected_with_their_line() {
    for (line, expectation) in [
        ("fees = { taker_multiplier = -1 }", "a multiplier from 0 to 100"),
        ("fees = { taker_multiplier = 0.00001 }", "at most four decimals"),
        ("fees = { maker_multiplier = 100.5 }", "a multiplier from 0 to 100"),
        ("fees = { multiplier = 1 }", "unknown field `multiplier`"),
        ("[[fee_changes]]\nseries = \"KXB\"\nat_s = 1\ntaker_multiplier = 1", "a series of the file"),
        ("[[fee_changes]]\nevent = \"KXAB-1\"\nat_s = 1\ntaker_multiplier = 1", "a series of the file"),
        ("[[fee_changes]]\nseries = \"KXA\"\nevent = \"KXA-1\"\nat_s = 1\nends = true", "either series or event"),
        ("[[fee_changes]]\nseries = \"KXA\"\nat_s = 1\nends = true", "expected an event"),
        ("[[fee_changes]]\nseries = \"KXA\"\nat_s = 1", "expected a multiplier"),
    ] {
        let error = Scenario::parse("mine", &with(line)).unwrap_err().to_string();
        assert!(error.contains(expectation) && error.contains("line "), "{line}: {error}");
    }
    let many = "[[fee_changes]]\nseries = \"KXA\"\nat_s = 1\ntaker_multiplier = 1\n".repeat(5);
    let error = Scenario::parse("mine", &with(&many)).unwrap_err().to_string();
    assert!(error.contains("at most 4 changes"), "{error}");
}
