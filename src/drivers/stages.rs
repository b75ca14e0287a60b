//! Builds the four stages from the configuration: the only place that converts its keys to the stages' settings. Used
//! by the live driver and the simulation.

use crate::backoff::BackoffConfig;
use crate::clock::SessionClock;
use crate::config::Config;
use crate::decide::policy::Policy;
use crate::decide::policy::UnusableTerms;
use crate::decide::{DecideConfig, DecideStage};
use crate::execute::{ExecuteConfig, ExecuteStage, GroupConfig, LeaseConfig, RiskLimits};
use crate::feed::{FeedConfig, FeedStage};
use crate::link::LinkConfig;
use crate::market::multiplier_e4;
use crate::messages::DayState;
use crate::reconcile::{DirectoryConfig, ReconcileConfig, ReconcileStage};

/// The four stages of a trader.
pub struct Stages<P: Policy> {
    /// The public feed.
    pub feed: FeedStage,
    /// Books, observations and the policy.
    pub decide: DecideStage<P>,
    /// Orders and the ledger.
    pub execute: ExecuteStage,
    /// The private stream and REST reads.
    pub reconcile: ReconcileStage,
}

/// The parameters of a start that are not in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The session clock.
    pub clock: SessionClock,
    /// The nonce in this start's client order ids, drawn at random.
    pub nonce: u64,
    /// Seeds the jitter of back-offs.
    pub seed: u64,
    /// The state of the daily loss stop, as the last run left it.
    pub day: DayState,
}

const NS_PER_MS: u64 = 1_000_000;

fn link(config: &Config) -> LinkConfig {
    LinkConfig {
        silence_ns: config.feed.silence_timeout_ms * NS_PER_MS,
        backoff: BackoffConfig {
            first_ns: config.feed.reconnect_first_ms * NS_PER_MS,
            cap_ns: config.feed.reconnect_longest_ms * NS_PER_MS,
        },
        ..LinkConfig::default()
    }
}

/// Milliseconds as signed session time. The check of the configuration keeps them far below the limit.
fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn execute_config(config: &Config, clock: &SessionClock, order_ttl_ms: u64) -> ExecuteConfig {
    let session_ms = |wall_ms: u64| signed(wall_ms.saturating_mul(u64::from(clock.speed_milli())).div_ceil(1_000));
    ExecuteConfig {
        limits: RiskLimits {
            order_size_max: config.risk.max_order_contracts,
            position_max: config.risk.max_position_contracts,
            cash_at_risk_max: config.risk.max_cash_at_risk,
            open_orders_max: config.risk.max_open_orders,
            collar: config.risk.price_collar,
            daily_loss_max: config.risk.daily_loss_stop,
            event_loss_max: config.risk.max_event_loss,
            drawdown_max: config.risk.max_drawdown,
            messages_per_second_max: config.risk.max_messages_per_s,
            messages_per_minute_max: config.risk.max_messages_per_min,
            duplicate_window_ms: signed(config.risk.duplicate_window_ms),
            executions_max: config.risk.max_executions,
            executions_window_ms: signed(config.risk.executions_window_ms),
            stop_before_close_ms: signed(config.risk.stop_before_close_ms),
            breaker_rejects: config.risk.breaker_rejects,
            breaker_open_ms: signed(config.risk.breaker_ms),
        },
        groups: GroupConfig {
            enabled: config.orders.order_groups,
            limit: config.orders.group_limit_contracts,
            reset_after_ms: Some(signed(config.orders.group_reset_ms)).filter(|after_ms| *after_ms > 0),
        },
        restricted: config.risk.restricted.clone(),
        markets_max: config.markets.max_markets,
        order_ttl_ms: signed(order_ttl_ms),
        leases: LeaseConfig {
            share_percent: config.orders.lease_share_percent,
            longest_ms: signed(config.orders.lease_longest_ms),
        },
        answer_timeout_ns: config.orders.answer_timeout_ms * NS_PER_MS,
        signature_validity_ms: session_ms(config.orders.signature_valid_ms),
        read_lag_ms: signed(config.orders.read_lag_ms),
        compare_every_ns: config.orders.compare_every_ms * NS_PER_MS,
        ..ExecuteConfig::default()
    }
}

/// The markets that the configuration names. Tickers take precedence over a series, and a series over a count.
pub(crate) fn directory(config: &Config) -> DirectoryConfig {
    let markets = &config.markets;
    let series = Some(markets.series.clone()).filter(|series| !series.is_empty());
    let count = (markets.tickers.is_empty() && series.is_none()).then_some(markets.count);
    let makers = markets.maker_multipliers.iter();
    let makers = makers.filter_map(|(series, &multiplier)| Some((series.clone(), multiplier_e4(multiplier)?)));
    DirectoryConfig {
        tickers: markets.tickers.clone(),
        series,
        count,
        max_markets: markets.max_markets,
        maker_multipliers_e4: makers.collect(),
    }
}

/// Builds the stages.
///
/// # Errors
/// When the policy cannot run on its terms.
pub fn build_stages<P: Policy>(config: &Config, policy: P, start: Start) -> Result<Stages<P>, UnusableTerms> {
    let order_ttl_ms = policy.terms().order_ttl_ms;
    let feed = FeedConfig {
        max_markets: config.markets.max_markets,
        snapshots_in_flight: config.feed.snapshot_buffers,
        link: link(config),
        snapshot_timeout_ns: config.feed.snapshot_timeout_ms * NS_PER_MS,
        ..FeedConfig::default()
    };
    let reconcile = ReconcileConfig {
        link: link(config),
        order_groups: config.orders.order_groups,
        watch_every_ns: config.orders.compare_every_ms * NS_PER_MS,
        read_lag_ms: signed(config.orders.read_lag_ms),
        ..ReconcileConfig::new(directory(config))
    };
    let decide = DecideConfig { max_markets: config.markets.max_markets, clock: start.clock };
    Ok(Stages {
        feed: FeedStage::new(feed, start.clock, start.seed),
        decide: DecideStage::new(policy, &decide)?,
        execute: ExecuteStage::new(
            execute_config(config, &start.clock, order_ttl_ms),
            start.clock,
            start.nonce,
            start.day,
        ),
        reconcile: ReconcileStage::new(reconcile, start.clock, start.seed),
    })
}
