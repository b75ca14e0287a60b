//! What there is to trade, who trades in it, and what goes wrong: the plain form into which a scenario is turned for a
//! start at a certain time.

use super::fair::Motion;
use super::maker::Style;
use crate::exchange::engine::{FeeChange, MarketSpec};
use crate::exchange::faults::PlannedFault;
use crate::exchange::scenario::Scenario;
use crate::market::{FeeSchedule, GridBands};

/// How a market is decided after its close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// YES pays a dollar or nothing, drawn with the fair probability at the time.
    Binary,
    /// YES pays the fair probability at the time, to the nearest $0.0001.
    Scalar,
}

/// Hours in which little happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuietHours {
    /// From the beginning of one to the beginning of the next, in milliseconds.
    pub every_ms: i64,
    /// How long one lasts, in milliseconds.
    pub lasts_ms: i64,
    /// The share of the usual activity that is left, above 0.
    pub activity: f64,
}

impl QuietHours {
    /// The activity that many milliseconds after the market opened: the quiet comes at the end of each period.
    #[must_use]
    pub fn activity(&self, since_open_ms: i64) -> f64 {
        let quiet = since_open_ms.rem_euclid(self.every_ms.max(1)) >= self.every_ms - self.lasts_ms;
        if quiet { self.activity } else { 1.0 }
    }
}

/// Who trades in a market.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crowd {
    /// Who quotes.
    pub makers: Vec<Style>,
    /// Noise takes a second.
    pub noise_per_s: f64,
    /// How large they are, as a multiple of the usual sizes.
    pub noise_size: f64,
    /// Looks of the informed a second.
    pub informed_per_s: f64,
    /// How large their takes are, as a multiple of the usual sizes.
    pub informed_size: f64,
    /// Bursts of noise takes a second.
    pub bursts_per_s: f64,
    /// Moments a second in which every maker pulls its quotes.
    pub cancel_bursts_per_s: f64,
    /// The chance that every maker pulls its quotes, and the informed come running, when the fair probability jumps.
    pub reaction: f64,
    /// When little happens.
    pub quiet_hours: Option<QuietHours>,
}

/// A market.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketPlan {
    /// Its terms.
    pub spec: MarketSpec,
    /// Where its fair probability begins.
    pub probability: f64,
    /// How it moves.
    pub motion: Motion,
    /// Who trades in it.
    pub crowd: Crowd,
    /// From close to determination; none when it is never determined.
    pub determination_ms: Option<i64>,
    /// How it is decided then.
    pub settlement: Settlement,
}

/// A series that opens its next market as one closes.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesPlan {
    /// The series' name; its markets are `<name>-0001-UP` and so on.
    pub series_ticker: String,
    /// Its shard.
    pub exchange_index: u8,
    /// Its tick structure.
    pub structure: String,
    /// Its tick bands.
    pub bands: GridBands,
    /// From one close to the next.
    pub life_ms: i64,
    /// How long before a close the next market is listed and open.
    pub overlap_ms: i64,
    /// When the first market closes.
    pub first_close_ms: i64,
    /// From close to determination.
    pub determination_ms: i64,
    /// From determination to payment.
    pub settlement_timer_ms: i64,
    /// How its markets are decided.
    pub settlement: Settlement,
    /// Expected news a second, and the share of the remaining uncertainty that each resolves.
    pub news: (f64, f64),
    /// Between which probabilities its markets begin.
    pub probabilities: (f64, f64),
    /// Who trades in its markets.
    pub crowd: Crowd,
    /// What its markets are charged by.
    pub fees: FeeSchedule,
    /// How long after its opening a market charges nothing.
    pub waived_ms: Option<i64>,
}

/// Everything that happens without the clients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// Decides every random choice.
    pub seed: u64,
    /// The markets that are there from the beginning.
    pub markets: Vec<MarketPlan>,
    /// The series.
    pub series: Vec<SeriesPlan>,
    /// Nobody trades: markets open, close and settle all the same, and their books are the clients' own.
    pub quiet: bool,
    /// What goes wrong by itself.
    pub faults: Vec<PlannedFault>,
    /// How fees change, settled from the beginning.
    pub fee_changes: Vec<FeeChange>,
}

/// The lively world of a first run, which is the scenario `busy` with `markets` tradable markets at any time.
#[must_use]
pub fn default_world(seed: u64, markets: usize, now_ms: i64) -> World {
    Scenario::default().world(seed, markets, now_ms)
}
