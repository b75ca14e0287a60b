//! The markets, their participants, and the faults: the plain form of a scenario for a start at a given time.

use super::fair::Motion;
use super::maker::Style;
use crate::exchange::engine::{FeeChange, MarketSpec};
use crate::exchange::faults::PlannedFault;
use crate::exchange::scenario::Scenario;
use crate::market::{FeeSchedule, GridBands};

/// How a market is decided after its close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// YES pays a dollar or nothing, drawn with the fair probability at that time.
    Binary,
    /// YES pays the fair probability at that time, to the nearest $0.0001.
    Scalar,
}

/// Periods of low activity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuietHours {
    /// The time from the start of one to the start of the next, in milliseconds.
    pub every_ms: i64,
    /// How long each lasts, in milliseconds.
    pub lasts_ms: i64,
    /// The activity during a quiet period, as a share of the usual one; above 0.
    pub activity: f64,
}

impl QuietHours {
    /// The activity at a number of milliseconds after the market opened. Each period ends with its quiet part.
    #[must_use]
    pub fn activity(&self, since_open_ms: i64) -> f64 {
        let quiet = since_open_ms.rem_euclid(self.every_ms.max(1)) >= self.every_ms - self.lasts_ms;
        if quiet { self.activity } else { 1.0 }
    }
}

/// The participants of a market.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crowd {
    /// The makers, one for each style.
    pub makers: Vec<Style>,
    /// Noise takes per second.
    pub noise_per_s: f64,
    /// The size of noise takes, as a multiple of the usual sizes.
    pub noise_size: f64,
    /// Looks of the informed takers per second.
    pub informed_per_s: f64,
    /// The size of their takes, as a multiple of the usual sizes.
    pub informed_size: f64,
    /// Bursts of noise takes per second.
    pub bursts_per_s: f64,
    /// Occasions per second on which every maker pulls its quotes.
    pub cancel_bursts_per_s: f64,
    /// The probability that, when the fair probability jumps, every maker pulls its quotes and the informed rush in.
    pub reaction: f64,
    /// Periods of low activity, if there are any.
    pub quiet_hours: Option<QuietHours>,
}

/// A market to list, and its participants.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketPlan {
    /// The market's terms.
    pub spec: MarketSpec,
    /// The initial fair probability.
    pub probability: f64,
    /// How the fair probability moves.
    pub motion: Motion,
    /// The participants.
    pub crowd: Crowd,
    /// The time from close to determination, in milliseconds; `None` if it is never determined.
    pub determination_ms: Option<i64>,
    /// How it is decided.
    pub settlement: Settlement,
}

/// A series that opens its next market as one closes.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesPlan {
    /// The ticker of the series; its markets are `<ticker>-0001-UP` and so on.
    pub series_ticker: String,
    /// The shard of its markets.
    pub exchange_index: u8,
    /// The name of their price structure.
    pub structure: String,
    /// Their tick grid.
    pub bands: GridBands,
    /// The time from one close to the next, in milliseconds.
    pub life_ms: i64,
    /// How long before a close the next market is listed and opens, in milliseconds.
    pub overlap_ms: i64,
    /// When the first market closes, in session milliseconds.
    pub first_close_ms: i64,
    /// The time from close to determination, in milliseconds.
    pub determination_ms: i64,
    /// The time from determination to payment, in milliseconds.
    pub settlement_timer_ms: i64,
    /// How its markets are decided.
    pub settlement: Settlement,
    /// The expected number of news per second, and the share of the remaining uncertainty that each resolves.
    pub news: (f64, f64),
    /// The range of the initial fair probabilities.
    pub probabilities: (f64, f64),
    /// The participants of its markets.
    pub crowd: Crowd,
    /// The fees of its markets.
    pub fees: FeeSchedule,
    /// How long after its opening a market charges no fees, in milliseconds.
    pub waived_ms: Option<i64>,
}

/// Everything that happens independently of the clients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// Seeds every random choice.
    pub seed: u64,
    /// The markets that are listed at the start.
    pub markets: Vec<MarketPlan>,
    /// The series, which list markets over time.
    pub series: Vec<SeriesPlan>,
    /// If true, no participants trade: markets still open, close and settle, and their books belong to the clients.
    pub quiet: bool,
    /// The faults that occur by themselves.
    pub faults: Vec<PlannedFault>,
    /// Changes of fees, known from the start.
    pub fee_changes: Vec<FeeChange>,
}

/// The active world of a first run: the scenario `busy` with `markets` tradable markets at any time.
#[must_use]
pub fn default_world(seed: u64, markets: usize, now_ms: i64) -> World {
    Scenario::default().world(seed, markets, now_ms)
}
