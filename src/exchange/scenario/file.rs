//! The keys of a scenario file. Unknown keys are rejected; [`File::check`] checks what only the file as a whole can tell.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::values::{
    Amount, Changes, Delay, Dollars, Drift, Levels, MakerMultiplier, MarketCount, Moment, Positive, Probability,
    Seconds, SeriesName, Shard, Share, Structure, TakerMultiplier, Times,
};
use crate::exchange::faults::Fault;
use crate::exchange::gateway::Tier;
use crate::exchange::participants::MAKERS_MAX;
use crate::market::FeeSchedule;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) description: String,
    #[serde(default)]
    pub(super) exchange: ExchangeKeys,
    #[serde(default)]
    pub(super) populations: BTreeMap<String, Population>,
    #[serde(default)]
    pub(super) markets: Vec<Markets>,
    #[serde(default)]
    pub(super) series: Vec<Series>,
    #[serde(default)]
    pub(super) faults: Vec<Spanned<PlannedKeys>>,
    #[serde(default)]
    pub(super) fee_changes: Vec<Spanned<FeeChangeKeys>>,
}

/// How the exchange behaves. Absent keys leave the configured settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExchangeKeys {
    pub(super) order_latency_ms: Option<Delay>,
    pub(super) read_lag_ms: Option<Delay>,
    pub(super) tier: Option<Tier>,
    pub(super) direct_members: bool,
    pub(super) remainder_first: Option<bool>,
}

impl Default for ExchangeKeys {
    fn default() -> Self {
        Self { order_latency_ms: None, read_lag_ms: None, tier: None, direct_members: true, remainder_first: None }
    }
}

/// The participants of a market.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Population {
    #[serde(default)]
    pub(super) makers: Makers,
    pub(super) noise_per_s: Amount,
    #[serde(default = "one")]
    pub(super) noise_size: Positive,
    pub(super) informed_per_s: Amount,
    #[serde(default = "one")]
    pub(super) informed_size: Positive,
    #[serde(default = "none")]
    pub(super) bursts_per_min: Amount,
    #[serde(default = "none")]
    pub(super) cancel_bursts_per_min: Amount,
    #[serde(default = "never")]
    pub(super) reaction: Share,
    pub(super) quiet: Option<Spanned<Quiet>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Vec<MakerKeys>")]
pub(super) struct Makers(pub(super) Vec<MakerKeys>);

impl TryFrom<Vec<MakerKeys>> for Makers {
    type Error = String;

    fn try_from(makers: Vec<MakerKeys>) -> Result<Self, String> {
        if makers.len() <= MAKERS_MAX {
            Ok(Self(makers))
        } else {
            Err(format!("{} makers: expected at most {MAKERS_MAX}", makers.len()))
        }
    }
}

const fn one() -> Positive {
    Positive(1.0)
}

const fn none() -> Amount {
    Amount(0.0)
}

const fn all() -> Changes {
    Changes(u32::MAX)
}

const fn never() -> Share {
    Share(0.0)
}

/// A maker's style; distances are in dollars.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MakerKeys {
    pub(super) half_width: Dollars,
    pub(super) spacing: Dollars,
    pub(super) levels: Levels,
    pub(super) size: Positive,
    pub(super) requote_s: Seconds,
    pub(super) noise: Dollars,
    pub(super) patience: Dollars,
    #[serde(default = "never")]
    pub(super) pulls: Share,
    #[serde(default = "never")]
    pub(super) renewals: Share,
    /// The share of its quotes that may cross: they trade, and the remainder rests.
    #[serde(default = "never")]
    pub(super) crosses: Share,
    /// The most quotes that it places or cancels at a time.
    #[serde(default = "all")]
    pub(super) changes: Changes,
}

/// Periods of low activity.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quiet {
    pub(super) every_s: Seconds,
    pub(super) lasts_s: Seconds,
    pub(super) activity: Share,
}

/// How a fair probability moves.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum MotionKeys {
    /// A random walk without an end.
    Lasting {
        /// The standard deviation of the log-odds after one second.
        volatility: Amount,
        /// The change of the log-odds per second.
        #[serde(default = "still")]
        drift: Drift,
        /// Jumps per minute.
        #[serde(default = "none")]
        jumps_per_min: Amount,
        /// The standard deviation of a jump, in log-odds.
        #[serde(default = "none")]
        jump: Amount,
    },
    /// To 0 or 1 at the determination.
    Converging {
        /// News per minute.
        #[serde(default = "none")]
        news_per_min: Amount,
        /// The share of the uncertainty that each resolves.
        #[serde(default = "never")]
        share: Share,
    },
}

const fn still() -> Drift {
    Drift(0.0)
}

/// How a market is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SettlementKeys {
    /// YES pays a dollar or nothing.
    #[default]
    Binary,
    /// YES pays the fair probability at that time.
    Scalar,
}

/// Markets of a kind that are listed at the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Markets {
    pub(super) series: SeriesName,
    #[serde(default = "one_market")]
    pub(super) count: MarketCount,
    pub(super) structure: Structure,
    pub(super) exchange_index: Shard,
    pub(super) population: Spanned<String>,
    /// The initial fair probabilities, used in turn.
    pub(super) probabilities: Spanned<Vec<Probability>>,
    pub(super) motion: MotionKeys,
    pub(super) closes_after_s: Seconds,
    /// The time from close to determination.
    #[serde(default = "a_second")]
    pub(super) determination_s: Seconds,
    #[serde(default = "a_minute")]
    pub(super) settlement_timer_s: Seconds,
    #[serde(default)]
    pub(super) settlement: SettlementKeys,
    #[serde(default)]
    pub(super) fees: FeeKeys,
}

/// Fees.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeeKeys {
    #[serde(default)]
    pub(super) taker_multiplier: TakerMultiplier,
    #[serde(default)]
    pub(super) maker_multiplier: MakerMultiplier,
    /// How long after its opening, or after the start if it is open then, a market charges no fees.
    pub(super) waived_s: Option<Moment>,
}

impl Default for TakerMultiplier {
    fn default() -> Self {
        Self(FeeSchedule::QUADRATIC.taker_multiplier_e4)
    }
}

impl Default for MakerMultiplier {
    fn default() -> Self {
        Self(FeeSchedule::QUADRATIC.maker_multiplier_e4)
    }
}

/// A change of the fees of a series or an event, known from the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeeChangeKeys {
    pub(super) series: Option<SeriesName>,
    pub(super) event: Option<String>,
    pub(super) at_s: Moment,
    pub(super) taker_multiplier: Option<TakerMultiplier>,
    pub(super) maker_multiplier: Option<MakerMultiplier>,
    /// Whether the event's override ends.
    #[serde(default)]
    pub(super) ends: bool,
}

const fn one_market() -> MarketCount {
    MarketCount(1)
}

const fn a_second() -> Seconds {
    Seconds(1_000)
}

const fn a_minute() -> Seconds {
    Seconds(60_000)
}

/// A series that opens its next market as one closes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Series {
    #[serde(rename = "series")]
    pub(super) name: SeriesName,
    pub(super) structure: Structure,
    pub(super) exchange_index: Shard,
    pub(super) population: Spanned<String>,
    /// The time from one close to the next.
    pub(super) life_s: Seconds,
    /// How long before a close the next market opens.
    pub(super) overlap_s: Spanned<Seconds>,
    /// The lowest and the highest initial fair probability.
    pub(super) probabilities: Spanned<(Probability, Probability)>,
    #[serde(default = "none")]
    pub(super) news_per_min: Amount,
    #[serde(default = "never")]
    pub(super) share: Share,
    #[serde(default = "a_second")]
    pub(super) determination_s: Seconds,
    #[serde(default = "a_second")]
    pub(super) settlement_timer_s: Seconds,
    #[serde(default)]
    pub(super) settlement: SettlementKeys,
    #[serde(default)]
    pub(super) fees: FeeKeys,
}

/// A fault, with its time or its rate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlannedKeys {
    pub(super) fault: Fault,
    pub(super) at_s: Option<Moment>,
    pub(super) rate_per_min: Option<Positive>,
    #[serde(default = "once")]
    pub(super) times: Times,
}

const fn once() -> Times {
    Times(1)
}

impl File {
    /// Checks what no value by itself can tell. An error has the byte offset of its place in the file.
    pub(super) fn check(&self) -> Result<(), (usize, String)> {
        if self.markets.is_empty() && self.series.is_empty() {
            return Err((0, "no markets: expected at least one [[markets]] or [[series]]".to_owned()));
        }
        let series = self.series.iter().map(|series| (&series.name, &series.population));
        let mut names: Vec<&str> = Vec::new();
        for (name, population) in self.markets.iter().map(|kind| (&kind.series, &kind.population)).chain(series) {
            if !self.populations.contains_key(population.get_ref()) {
                let known: Vec<&str> = self.populations.keys().map(String::as_str).collect();
                let (wanted, known) = (population.get_ref(), known.join(", "));
                let reason = format!("population `{wanted}` is not in the file: expected one of [{known}]");
                return Err((population.span().start, reason));
            }
            if names.contains(&name.0.as_str()) {
                let reason = format!("series `{}` occurs twice: expected different names", name.0);
                return Err((population.span().start, reason));
            }
            names.push(&name.0);
        }
        for markets in &self.markets {
            if markets.probabilities.get_ref().is_empty() {
                let reason = "probabilities = []: expected at least one".to_owned();
                return Err((markets.probabilities.span().start, reason));
            }
        }
        self.series.iter().try_for_each(check_series)?;
        self.populations.values().try_for_each(check_population)?;
        self.faults.iter().try_for_each(check_fault)?;
        self.check_fee_changes()
    }

    /// Each must be for a series or event of the file and set fees, and there must not be more than a market can keep.
    fn check_fee_changes(&self) -> Result<(), (usize, String)> {
        for (position, planned) in self.fee_changes.iter().enumerate() {
            let (keys, at) = (planned.get_ref(), planned.span().start);
            let wrong = |reason: &str| Err((at, format!("fee_changes: {reason}")));
            let named = self.markets.iter().map(|markets| &markets.series);
            let mut named = named.chain(self.series.iter().map(|series| &series.name));
            let known = match (&keys.series, &keys.event) {
                (Some(series), None) => named.any(|name| name == series),
                (None, Some(event)) => {
                    named.any(|name| event.strip_prefix(name.0.as_str()).is_some_and(|rest| rest.starts_with('-')))
                }
                _ => return wrong("expected either series or event"),
            };
            if !known {
                return wrong("expected a series of the file, or an event of one, such as KXMINE-0001");
            }
            let says = keys.taker_multiplier.is_some() || keys.maker_multiplier.is_some();
            if says == keys.ends {
                return wrong("expected a multiplier, or for an event ends = true");
            }
            if keys.ends && keys.event.is_none() {
                return wrong("ends = true: expected an event, whose override ends; a series always charges something");
            }
            let of_same = |other: &&Spanned<FeeChangeKeys>| {
                (&other.get_ref().series, &other.get_ref().event) == (&keys.series, &keys.event)
            };
            if self.fee_changes[..position].iter().filter(of_same).count() == FEE_CHANGES_MAX {
                return wrong("expected at most 4 changes of one series or event");
            }
        }
        Ok(())
    }
}

/// The most changes of a series or event, which is how many a market keeps.
const FEE_CHANGES_MAX: usize = 4;

fn check_series(series: &Series) -> Result<(), (usize, String)> {
    if series.overlap_s.get_ref().0 >= series.life_s.0 {
        let reason = "overlap_s: expected less than life_s".to_owned();
        return Err((series.overlap_s.span().start, reason));
    }
    let (lowest, highest) = series.probabilities.get_ref();
    if lowest.0 > highest.0 {
        let reason = "probabilities: expected the lowest before the highest".to_owned();
        return Err((series.probabilities.span().start, reason));
    }
    Ok(())
}

fn check_population(population: &Population) -> Result<(), (usize, String)> {
    match &population.quiet {
        Some(quiet) if quiet.get_ref().lasts_s.0 >= quiet.get_ref().every_s.0 => {
            Err((quiet.span().start, "quiet.lasts_s: expected less than every_s".to_owned()))
        }
        Some(quiet) if quiet.get_ref().activity.0 <= 0.0 => {
            Err((quiet.span().start, "quiet.activity = 0: expected a number above 0, at most 1".to_owned()))
        }
        _ => Ok(()),
    }
}

fn check_fault(planned: &Spanned<PlannedKeys>) -> Result<(), (usize, String)> {
    let keys = planned.get_ref();
    let at = planned.span().start;
    if keys.at_s.is_some() == keys.rate_per_min.is_some() {
        return Err((at, format!("{}: expected either at_s or rate_per_min", keys.fault.name())));
    }
    keys.fault.check().map_err(|reason| (at, reason))
}
