//! What there is to trade out of the box: lasting markets on two shards and several grids, and a series whose markets
//! live for seconds.

use super::fair::Motion;
use super::maker::Style;
use crate::exchange::engine::MarketSpec;
use crate::market::{FeeSchedule, GridBands};

/// A lasting market.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketPlan {
    /// Its terms.
    pub spec: MarketSpec,
    /// Where its fair probability begins.
    pub probability: f64,
    /// How it moves.
    pub motion: Motion,
    /// Who quotes.
    pub makers: Vec<Style>,
    /// Noise takes a second.
    pub noise_per_s: f64,
    /// Looks of the informed a second.
    pub informed_per_s: f64,
    /// Bursts of takes a second.
    pub bursts_per_s: f64,
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
    /// From one close to the next.
    pub life_ms: i64,
    /// How long before a close the next market is listed and open.
    pub overlap_ms: i64,
    /// From close to determination.
    pub determination_ms: i64,
    /// From determination to payment.
    pub settlement_timer_ms: i64,
    /// When the first market closes.
    pub first_close_ms: i64,
}

/// Everything that participants do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// Decides every random choice.
    pub seed: u64,
    /// The lasting markets.
    pub markets: Vec<MarketPlan>,
    /// The series.
    pub series: Vec<SeriesPlan>,
    /// Nobody trades: markets open, close and settle all the same, and their books are the clients' own.
    pub quiet: bool,
}

/// The structures and shards that lasting markets take in turn.
const KINDS: [(&str, &str, u8); 4] = [
    ("KXSIMCENT", "linear_cent", 0),
    ("KXSIMTAPER", "tapered_deci_cent", 2),
    ("KXSIMDECI", "deci_cent", 0),
    ("KXSIMHALF", "center_half_edge_deci_cent", 2),
];
const DAY_MS: i64 = 86_400_000;

/// A structure that the protocol page lists.
pub(super) fn bands(structure: &str) -> GridBands {
    GridBands::named(structure).expect("the worlds use published structures only")
}

/// The tick in the middle of a grid, in dollars.
pub(super) fn tick(bands: &GridBands) -> f64 {
    let middle = crate::market::Price::from_cents(50);
    let band = bands.bands().iter().find(|band| band.end >= middle).expect("bands run to a dollar");
    band.step.dollars()
}

/// Four makers: two that fight for the touch, one behind them, one far and deep.
pub(super) fn crowd(tick: f64) -> Vec<Style> {
    let style = |half_width, spacing: f64, levels, size, requote_ms| Style {
        half_width,
        spacing: spacing.max(tick),
        levels,
        size,
        requote_ms,
        noise: 0.004,
        pulls: 0.01,
        patience: 0.004,
        renewals: 0.1,
    };
    vec![
        style(0.003, 0.002, 3, 7.0, 350.0),
        style(0.006, 0.003, 4, 10.0, 450.0),
        style(0.011, 0.005, 5, 20.0, 800.0),
        style(0.022, 0.012, 6, 60.0, 1_500.0),
    ]
}

/// The lively world of a first run: `markets` tradable markets at any time, one of them of a series whose markets live
/// for 15 seconds (from three markets on). Its first market closes 15 seconds after `now_ms`.
#[must_use]
pub fn default_world(seed: u64, markets: usize, now_ms: i64) -> World {
    let has_series = markets >= 3;
    let lasting = markets - usize::from(has_series);
    let probabilities = [0.46, 0.62, 0.31, 0.55, 0.38, 0.71, 0.5];
    let plans = (0..lasting).map(|position| {
        let (series, structure, exchange_index) = KINDS[position % KINDS.len()];
        let number = position / KINDS.len() + 1;
        let bands = bands(structure);
        MarketPlan {
            spec: MarketSpec {
                ticker: format!("{series}-{number:04}-A"),
                event_ticker: format!("{series}-{number:04}"),
                series_ticker: series.to_owned(),
                title: format!("Will simulated event {number} on a {structure} grid happen?"),
                exchange_index,
                structure: structure.to_owned(),
                bands,
                fees: FeeSchedule::QUADRATIC,
                open_ms: now_ms - DAY_MS,
                close_ms: now_ms + 3 * DAY_MS,
                settlement_timer_ms: 60_000,
                recorded: false,
            },
            probability: probabilities[position % probabilities.len()],
            motion: Motion::Lasting { volatility: 0.016, jumps: 0.06, jump: 0.09 },
            makers: crowd(tick(&bands)),
            noise_per_s: 4.0,
            informed_per_s: 1.6,
            bursts_per_s: 0.08,
        }
    });
    let series = has_series.then(|| SeriesPlan {
        series_ticker: "KXSIM15S".to_owned(),
        exchange_index: 2,
        structure: "tapered_deci_cent".to_owned(),
        life_ms: 15_000,
        overlap_ms: 2_000,
        determination_ms: 1_000,
        settlement_timer_ms: 1_000,
        first_close_ms: now_ms + 15_000,
    });
    World { seed, markets: plans.collect(), series: series.into_iter().collect(), quiet: false }
}
