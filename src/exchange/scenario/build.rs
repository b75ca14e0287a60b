//! Turns a scenario file into a world: absolute times, grids, and the number of markets of each kind.

use super::file::{
    FeeChangeKeys, FeeKeys, File, MakerKeys, Markets, MotionKeys, PlannedKeys, Population, Series, SettlementKeys,
};
use crate::exchange::engine::{FeeChange, FeeScope, MarketSpec};
use crate::exchange::faults::{PlannedFault, When};
use crate::exchange::participants::{Crowd, MarketPlan, Motion, QuietHours, SeriesPlan, Settlement, Style, World};
use crate::market::{FeeSchedule, FeeTerms, GridBands, Price};

const DAY_MS: i64 = 86_400_000;

/// The world described by a file; see [`super::Scenario::world`].
pub(super) fn world(file: &File, seed: u64, markets: usize, now_ms: i64) -> World {
    let series = if file.markets.is_empty() { markets } else { markets.saturating_sub(2) }.min(file.series.len());
    let lasting = if file.markets.is_empty() { 0 } else { markets - series };
    let kinds = kinds(file, lasting);
    World {
        seed,
        markets: kinds.iter().map(|(kind, number)| market(file, kind, *number, now_ms)).collect(),
        series: file.series[..series].iter().map(|plan| one_series(file, plan, now_ms)).collect(),
        quiet: false,
        faults: file.faults.iter().map(|planned| planned_fault(planned.get_ref())).collect(),
        fee_changes: file.fee_changes.iter().map(|planned| fee_change(planned.get_ref(), now_ms)).collect(),
    }
}

/// The kinds of this many markets, each with a sequence number from zero: the file's kinds in turn, each as often as it
/// says, and then all of them again.
fn kinds(file: &File, wanted: usize) -> Vec<(&Markets, u32)> {
    let longest = file.markets.iter().map(|kind| kind.count.0).max().unwrap_or(0);
    let round = |number: u32| {
        let in_it = move |kind: &&Markets| number < kind.count.0 || number >= longest;
        file.markets.iter().filter(in_it).map(move |kind| (kind, number))
    };
    let mut taken: Vec<(&Markets, u32)> = (0..).flat_map(round).take(wanted).collect();
    // A kind that was skipped in a round has no gap in its numbers.
    let mut next = vec![0; file.markets.len()];
    for (kind, number) in &mut taken {
        let position = file.markets.iter().position(|other| std::ptr::eq(other, *kind));
        let next = &mut next[position.expect("the kinds come from the file")];
        *number = *next;
        *next += 1;
    }
    taken
}

fn market(file: &File, kind: &Markets, number: u32, now_ms: i64) -> MarketPlan {
    let (series, bands) = (&kind.series.0, kind.structure.bands);
    let (probabilities, close_ms) = (kind.probabilities.get_ref(), now_ms + kind.closes_after_s.0);
    let name = number + 1;
    MarketPlan {
        spec: MarketSpec {
            ticker: format!("{series}-{name:04}-A"),
            event_ticker: format!("{series}-{name:04}"),
            series_ticker: series.clone(),
            title: format!("Will simulated event {name} on a {} grid happen?", kind.structure.name),
            exchange_index: kind.exchange_index.0,
            structure: kind.structure.name.clone(),
            bands,
            fees: FeeTerms::constant(schedule(kind.fees))
                .waived_until(kind.fees.waived_s.map(|waived_s| now_ms + waived_s.0)),
            open_ms: now_ms - DAY_MS,
            close_ms,
            settlement_timer_ms: kind.settlement_timer_s.0,
            exclusive: false,
            recorded: false,
        },
        probability: probabilities[number as usize % probabilities.len()].0,
        motion: motion(kind.motion, close_ms + kind.determination_s.0),
        crowd: crowd(file, kind.population.get_ref(), &bands),
        determination_ms: Some(kind.determination_s.0),
        settlement: settlement(kind.settlement),
    }
}

fn one_series(file: &File, plan: &Series, now_ms: i64) -> SeriesPlan {
    let (lowest, highest) = plan.probabilities.get_ref();
    SeriesPlan {
        series_ticker: plan.name.0.clone(),
        exchange_index: plan.exchange_index.0,
        structure: plan.structure.name.clone(),
        bands: plan.structure.bands,
        life_ms: plan.life_s.0,
        overlap_ms: plan.overlap_s.get_ref().0,
        first_close_ms: now_ms + plan.life_s.0,
        determination_ms: plan.determination_s.0,
        settlement_timer_ms: plan.settlement_timer_s.0,
        settlement: settlement(plan.settlement),
        news: (plan.news_per_min.0 / 60.0, plan.share.0),
        probabilities: (lowest.0, highest.0),
        crowd: crowd(file, plan.population.get_ref(), &plan.structure.bands),
        fees: schedule(plan.fees),
        waived_ms: plan.fees.waived_s.map(|waived_s| waived_s.0),
    }
}

const fn schedule(keys: FeeKeys) -> FeeSchedule {
    FeeSchedule { taker_multiplier_e4: keys.taker_multiplier.0, maker_multiplier_e4: keys.maker_multiplier.0 }
}

fn fee_change(keys: &FeeChangeKeys, now_ms: i64) -> FeeChange {
    let scope = match (&keys.series, &keys.event) {
        (Some(series), _) => FeeScope::Series(series.0.clone()),
        (None, Some(event)) => FeeScope::Event(event.clone()),
        (None, None) => unreachable!("the file was checked: each change names a series or an event"),
    };
    let fees = FeeKeys {
        taker_multiplier: keys.taker_multiplier.unwrap_or_default(),
        maker_multiplier: keys.maker_multiplier.unwrap_or_default(),
        waived_s: None,
    };
    FeeChange { scope, schedule: (!keys.ends).then(|| schedule(fees)), from_ms: now_ms + keys.at_s.0 }
}

fn motion(keys: MotionKeys, end_ms: i64) -> Motion {
    match keys {
        MotionKeys::Lasting { volatility, drift, jumps_per_min, jump } => {
            Motion::Lasting { volatility: volatility.0, drift: drift.0, jumps: jumps_per_min.0 / 60.0, jump: jump.0 }
        }
        MotionKeys::Converging { news_per_min, share } => {
            Motion::Converging { end_ms, news: news_per_min.0 / 60.0, share: share.0 }
        }
    }
}

const fn settlement(keys: SettlementKeys) -> Settlement {
    match keys {
        SettlementKeys::Binary => Settlement::Binary,
        SettlementKeys::Scalar => Settlement::Scalar,
    }
}

fn crowd(file: &File, name: &str, bands: &GridBands) -> Crowd {
    let Population {
        makers,
        noise_per_s,
        noise_size,
        informed_per_s,
        informed_size,
        bursts_per_min,
        cancel_bursts_per_min,
        reaction,
        quiet,
    } = &file.populations[name];
    let tick = tick(bands);
    Crowd {
        makers: makers.0.iter().map(|keys| style(*keys, tick)).collect(),
        noise_per_s: noise_per_s.0,
        noise_size: noise_size.0,
        informed_per_s: informed_per_s.0,
        informed_size: informed_size.0,
        bursts_per_s: bursts_per_min.0 / 60.0,
        cancel_bursts_per_s: cancel_bursts_per_min.0 / 60.0,
        reaction: reaction.0,
        quiet_hours: quiet.as_ref().map(|quiet| {
            let quiet = quiet.get_ref();
            QuietHours { every_ms: quiet.every_s.0, lasts_ms: quiet.lasts_s.0, activity: quiet.activity.0 }
        }),
    }
}

fn style(keys: MakerKeys, tick: f64) -> Style {
    Style {
        half_width: keys.half_width.0,
        spacing: keys.spacing.0.max(tick),
        levels: keys.levels.0,
        size: keys.size.0,
        requote_ms: keys.requote_s.0 as f64,
        noise: keys.noise.0,
        pulls: keys.pulls.0,
        patience: keys.patience.0,
        renewals: keys.renewals.0,
        crosses: keys.crosses.0,
        changes: keys.changes.0,
    }
}

/// The tick size in the middle of a grid, in dollars.
fn tick(bands: &GridBands) -> f64 {
    let middle = Price::from_cents(50);
    let band = bands.bands().iter().find(|band| band.end >= middle).expect("bands reach up to a dollar");
    band.step.dollars()
}

fn planned_fault(keys: &PlannedKeys) -> PlannedFault {
    let when = match (keys.at_s, keys.rate_per_min) {
        (Some(at_s), _) => When::At(at_s.0),
        (None, Some(rate)) => When::Rate(rate.0),
        (None, None) => unreachable!("the file was checked: each fault has a time or a rate"),
    };
    PlannedFault { fault: keys.fault, when, times: keys.times.0 }
}
