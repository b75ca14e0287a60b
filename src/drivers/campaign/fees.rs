//! Fees that differ between markets and change while a seed trades: waivers that end, series whose fees change at some
//! time, and events that override their series for a while. Every even seed has them; the odd ones, which test other
//! limits, pay the usual fees.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::instruments::Tried;
use super::invariants::{Checked, hold};
use crate::decide::policy::Policy;
use crate::exchange::engine::{FeeChange, FeeScope};
use crate::exchange::participants::World;
use crate::market::{FeeSchedule, FeeTerms, multiplier_e4};

/// Makes these draws independent of the other choices of a seed.
const FEES: u64 = 0x6665_6573;

/// The takers' multipliers, in ten-thousandths: zero, that of baseball, the usual one, and twice that.
const TAKERS: [u32; 4] = [0, 5_000, 10_000, 20_000];
/// The makers' multipliers that a fee type implies, in ten-thousandths.
const MAKERS: [u32; 3] = [0, 10_000, 20_000];
/// Makers' multipliers that no fee type implies, so that the trader must be configured with them.
const UNTOLD: [f64; 3] = [0.25, 0.5, 1.25];

/// The fees that the markets of a series may have.
#[derive(Clone, Copy)]
struct Range {
    makers_e4: [u32; 3],
    at_first: FeeSchedule,
}

impl Range {
    /// Draws the range of a series, and records a multiplier that no fee type implies.
    fn draw(series: &str, untold: &mut BTreeMap<String, f64>, rng: &mut Xoshiro256PlusPlus) -> Self {
        let mut makers_e4 = MAKERS;
        if rng.random_bool(0.3) {
            let multiplier = UNTOLD[rng.random_range(0..UNTOLD.len())];
            let e4 = multiplier_e4(multiplier).expect("a multiplier of few decimals");
            makers_e4 = [0, e4, e4];
            untold.insert(series.to_owned(), multiplier);
        }
        let range = Self { makers_e4, at_first: FeeSchedule::FREE };
        Self { at_first: range.schedule(rng), ..range }
    }

    fn schedule(&self, rng: &mut Xoshiro256PlusPlus) -> FeeSchedule {
        FeeSchedule {
            taker_multiplier_e4: TAKERS[rng.random_range(0..TAKERS.len())],
            maker_multiplier_e4: self.makers_e4[rng.random_range(0..self.makers_e4.len())],
        }
    }
}

/// Adds fees and fee changes to a world that begins at `start_ms` and trades for `duration_ms`. Returns the makers'
/// multipliers that no fee type implies, by series.
pub(super) fn plan(seed: u64, world: &mut World, start_ms: i64, duration_ms: i64) -> BTreeMap<String, f64> {
    let mut untold = BTreeMap::new();
    if seed % 2 == 1 {
        return untold;
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ FEES);
    let mut of_series: BTreeMap<String, Range> = BTreeMap::new();
    let mut events: Vec<(String, Range)> = Vec::new();
    for market in &mut world.markets {
        let series = &market.spec.series_ticker;
        let range = *of_series.entry(series.clone()).or_insert_with(|| Range::draw(series, &mut untold, &mut rng));
        let waived_ms = rng.random_bool(0.5).then(|| start_ms + rng.random_range(0..duration_ms));
        market.spec.fees = FeeTerms::constant(range.at_first).waived_until(waived_ms);
        events.push((market.spec.event_ticker.clone(), range));
    }
    for series in &mut world.series {
        let range = Range::draw(&series.series_ticker, &mut untold, &mut rng);
        series.fees = range.at_first;
        series.waived_ms = rng.random_bool(0.5).then(|| rng.random_range(0..series.life_ms));
        of_series.insert(series.series_ticker.clone(), range);
        events.push((format!("{}-0001", series.series_ticker), range));
    }
    let at_ms = |rng: &mut Xoshiro256PlusPlus| start_ms + rng.random_range(1_000..duration_ms.max(2_000));
    for (series, range) in of_series {
        for _ in 0..rng.random_range(0..=2) {
            let (schedule, from_ms) = (Some(range.schedule(&mut rng)), at_ms(&mut rng));
            world.fee_changes.push(FeeChange { scope: FeeScope::Series(series.clone()), schedule, from_ms });
        }
    }
    for (event, range) in events {
        if rng.random_bool(0.5) {
            let (one_ms, other_ms) = (at_ms(&mut rng), at_ms(&mut rng));
            let (scope, schedule) = (FeeScope::Event(event), Some(range.schedule(&mut rng)));
            let begins = FeeChange { scope: scope.clone(), schedule, from_ms: one_ms.min(other_ms) };
            let ends = FeeChange { scope, schedule: None, from_ms: one_ms.max(other_ms) + 1 };
            world.fee_changes.extend([begins, ends]);
        }
    }
    untold
}

/// `fees_are_known`: the trader uses the fees that the exchange charges now, and the highest that it will charge, and
/// no fill was charged anything else.
pub(super) fn are_known<P: Policy>(simulation: &Tried<P>) -> Checked {
    let (engine, now_ms) = (simulation.exchange().engine(), simulation.session_ms());
    let execute = &simulation.stages().execute;
    let errors = execute.counters().fee_errors;
    hold("fees_are_known", errors == 0, || format!("{errors} fills were charged by something else than was read"))?;
    for view in execute.positions() {
        let Some(market) = engine.market_by_ticker(view.ticker.as_str()) else { continue };
        let theirs = engine.market(market).spec().fees;
        let theirs = (theirs.at(now_ms), theirs.dearest_from(now_ms));
        hold("fees_are_known", execute.fees(view.market, now_ms) == Some(theirs), || {
            let ours = execute.fees(view.market, now_ms);
            format!("{}: the exchange charges {theirs:?} now and at most, the trader has {ours:?}", view.ticker)
        })?;
    }
    Ok(())
}
