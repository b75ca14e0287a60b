//! The configuration file: its keys, their defaults, and the checks that run before anything starts. Unknown keys and
//! impossible values are errors that name the key and what was expected.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::decide::policy::PolicySpec;
use crate::exchange::gateway::Tier;
use crate::files;
use crate::market::{Count, Money, Price, Ticker, TickerPattern, multiplier_e4};

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("configuration {path}: {source}")]
    Unreadable {
        /// The file named.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file is not valid TOML, or has an unknown key or a value of the wrong type.
    #[error("configuration {path}: {reason}")]
    Malformed {
        /// The file named.
        path: PathBuf,
        /// What is wrong, and in which line.
        reason: String,
    },
    /// A value is out of range, or contradicts another one.
    #[error("configuration{}: {key} = {found}: expected {expected}", named(path.as_deref()))]
    Impossible {
        /// The file, if the value comes from one.
        path: Option<PathBuf>,
        /// The key with its section, such as `risk.max_event_loss`.
        key: &'static str,
        /// The value as configured.
        found: String,
        /// Which values are accepted.
        expected: String,
    },
}

/// The file as it appears in an error text.
fn named(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!(" {}", path.display()))
}

fn impossible<T>(key: &'static str, found: &dyn Display, expected: impl Display) -> Result<T, ConfigError> {
    Err(ConfigError::Impossible { path: None, key, found: found.to_string(), expected: expected.to_string() })
}

/// The largest configuration file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
const HOUR_MS: u64 = 3_600_000;
const MONTH_MS: u64 = 31 * 24 * HOUR_MS;
/// The largest amount of money: sums of many such amounts still fit.
const MONEY_MAX: Money = Money::from_dollars(1_000_000_000);
const CONTRACTS_MAX: Count = Count::from_contracts(10_000_000);
/// The smallest order.
const CONTRACTS_MIN: Count = Count::from_units(1);
const A_TICKER: &str = "1 to 63 of the characters A-Z a-z 0-9 . _ -";
/// Bounded because a reader of the journal keeps a whole segment in memory.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// One pebibyte, more than any disk has.
const JOURNAL_BYTES_MAX: u64 = 1 << 50;

/// Declares a section of the configuration: the struct, its defaults, and the comments that `kalshi-actor config` prints.
macro_rules! section {
    ($(#[doc = $section_doc:literal])+ $name:ident { $( $(#[doc = $doc:literal])+ $field:ident : $type:ty = $default:expr ; )+ }) => {
        $(#[doc = $section_doc])+
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $( $(#[doc = $doc])+ pub $field: $type, )+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )+ }
            }
        }

        impl $name {
            fn write_toml(&self, section: &str, out: &mut String) {
                for line in [$($section_doc),+] {
                    let _ = writeln!(out, "#{line}");
                }
                let _ = writeln!(out, "[{section}]");
                $(
                    for line in [$($doc),+] {
                        let _ = writeln!(out, "#{line}");
                    }
                    let value = toml::Value::try_from(&self.$field).expect("every configuration value has a TOML form");
                    let _ = writeln!(out, "{} = {value}", stringify!($field));
                )+
                out.push('\n');
            }
        }
    };
}

/// Where orders go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VenueName {
    /// The embedded exchange.
    Sim,
    /// Kalshi's demo environment.
    Demo,
    /// Kalshi's production environment, with real money.
    Prod,
}

impl VenueName {
    /// The name used in files and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Demo => "demo",
            Self::Prod => "prod",
        }
    }
}

/// How a hot thread waits when it has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdleName {
    /// `spin` if there is a core for each pinned thread, otherwise `yield`.
    Auto,
    /// The thread never gives up its core.
    Spin,
    /// The thread yields its core whenever it has nothing to do.
    Yield,
    /// The thread sleeps for up to a millisecond.
    Park,
}

section! {
    /// Where the actor trades.
    VenueConfig {
        /// "sim" (the embedded exchange), "demo" or "prod".
        name: VenueName = VenueName::Sim;
        /// Base URL of the REST API, such as `https://external-api.demo.kalshi.co`; empty for the venue's default.
        rest_url: String = String::new();
        /// Base URL of the WebSocket, such as `wss://external-api-ws.demo.kalshi.co`; empty for the venue's default.
        ws_url: String = String::new();
        /// The API key's id; the environment variable `KALSHI_API_KEY_ID` takes precedence.
        key_id: String = String::new();
        /// The PEM file with the API key's private key, readable by its owner alone. `KALSHI_PRIVATE_KEY_PATH`, or the
        /// key itself in `KALSHI_PRIVATE_KEY`, takes precedence. The key itself never belongs in this file.
        private_key_path: String = String::new();
        /// Send orders to demo or prod; without it they are matched on paper against the live feed.
        live: bool = false;
        /// How far this machine's clock may differ from the venue's when a live session starts, and may drift from the
        /// monotonic clock while it trades, in milliseconds. Beyond that the session does not start, or stops until
        /// `resume`.
        max_clock_error_ms: u64 = 1_000;
    }
}

section! {
    /// Which markets are traded.
    MarketsConfig {
        /// Market tickers; empty for `series` or the first `count` open markets.
        tickers: Vec<String> = Vec::new();
        /// A series to follow from one market to the next; empty for none.
        series: String = String::new();
        /// How many open markets to trade when neither tickers nor a series are named.
        count: usize = 8;
        /// The most markets that one process keeps, including ended ones until their slot is reused.
        max_markets: usize = 1024;
        /// Maker fee multipliers by series, for series that charge makers. The exchange's fee types imply the
        /// multipliers 0, 1 and 2; any other must be given here, such as { KXMLBGAME = 0.25 }.
        maker_multipliers: BTreeMap<String, f64> = BTreeMap::new();
    }
}

section! {
    /// The strategy.
    PolicyConfig {
        /// "onnx", "maker", "hold" or "script:FILE".
        kind: String = "onnx".to_owned();
        /// The ONNX file; empty for the built-in model.
        model: String = String::new();
        /// Settings of a strategy of your own, checked by the strategy; the policies named above have none.
        settings: toml::Table = toml::Table::new();
    }
}

section! {
    /// The risk gate. Every limit has its own refusal reason and counter.
    RiskConfig {
        /// The largest order, in contracts.
        max_order_contracts: Count = Count::from_contracts(10);
        /// The largest position in one market, long or short, with open orders counted as filled, in contracts.
        max_position_contracts: Count = Count::from_contracts(30);
        /// The most cash at risk, in dollars: the cost of all positions plus the cash reserved by all orders.
        max_cash_at_risk: Money = Money::from_dollars(100);
        /// The most open orders over all markets.
        max_open_orders: usize = 64;
        /// How far from the mid an order's limit price may be, in dollars.
        price_collar: Price = Price::from_cents(10);
        /// No opening orders this close to the close of a market, in session milliseconds.
        stop_before_close_ms: u64 = 60_000;
        /// The loss in one UTC day after which no position is opened any more, in dollars; survives a restart.
        daily_loss_stop: Money = Money::from_dollars(50);
        /// The largest possible loss in one event, in dollars: all its markets together, with open orders and orders of
        /// unknown outcome counted at their worst.
        max_event_loss: Money = Money::from_dollars(60);
        /// How far the realised result, open losses included, may fall below its peak over all sessions since the last
        /// `resume`, in dollars; beyond that everything stops until `resume`. 0.00 for no limit.
        max_drawdown: Money = Money::from_dollars(75);
        /// The most creates, amends and cancelled orders in a second of session time; 0 for no limit. Cancels count but
        /// are never held back.
        max_messages_per_s: u32 = 100;
        /// The same in a minute; 0 for no limit.
        max_messages_per_min: u32 = 2_000;
        /// How long an identical order (market, side, price, count) is not placed again, in session milliseconds; 0 to
        /// allow it.
        duplicate_window_ms: u64 = 500;
        /// The most orders executed in one market within `executions_window_ms`; one more stops everything until
        /// `resume`. 0 for no limit.
        max_executions: u32 = 120;
        /// The window of `max_executions`, in session milliseconds.
        executions_window_ms: u64 = 60_000;
        /// Markets in which only cancels are sent: tickers, or prefixes of tickers followed by `*`.
        restricted: Vec<TickerPattern> = Vec::new();
        /// Consecutive rejections after which a market's circuit breaker opens.
        breaker_rejects: u32 = 5;
        /// How long the breaker stays open, in session milliseconds.
        breaker_ms: u64 = 300_000;
    }
}

section! {
    /// Orders and the ledger.
    OrdersConfig {
        /// How long to wait for the answer to a request before its outcome counts as unknown, in milliseconds.
        answer_timeout_ms: u64 = 3_000;
        /// How long the exchange may still accept a request after its signature was made, in milliseconds.
        signature_valid_ms: u64 = 30_000;
        /// Warm connections for orders, besides the one reserved for cancels.
        connections: usize = 3;
        /// How often the ledger is compared with the exchange, in milliseconds.
        compare_every_ms: u64 = 5_000;
        /// How far the exchange's REST reads may lag its matching engine, in session milliseconds.
        read_lag_ms: u64 = 1_000;
        /// The share of the write tokens that renewing leases may use, in percent. The length of a lease and the number
        /// of orders that may be open follow from it and the account's tier.
        lease_share_percent: u32 = 25;
        /// The longest lease: how long an order may rest when nothing renews it, in session milliseconds.
        lease_longest_ms: u64 = 60_000;
        /// Whether orders belong to an order group of their shard, which the exchange cancels as a whole when too many
        /// contracts trade within 15 seconds.
        order_groups: bool = true;
        /// Contracts that may trade on a shard within 15 seconds; 0 derives the limit from one order of full size in
        /// every market, every second.
        group_limit_contracts: Count = Count::ZERO;
        /// How long a triggered group stays triggered before it is reset, in session milliseconds; 0 leaves that to the
        /// next start.
        group_reset_ms: u64 = 60_000;
        /// The longest that a stop waits for open orders and reads to settle, in milliseconds. It must exceed
        /// `signature_valid_ms`, since the outcome of an unanswered request may not be certain before then.
        stop_timeout_ms: u64 = 60_000;
    }
}

section! {
    /// The public feed.
    FeedConfig {
        /// Buffers for snapshots, which is also how many snapshots are requested at a time.
        snapshot_buffers: usize = 64;
        /// Silence (no frame, no ping) after which a connection is closed and reopened, in milliseconds; the exchange
        /// pings every 10 s.
        silence_timeout_ms: u64 = 25_000;
        /// How long to wait for a snapshot before the next remedy, in milliseconds.
        snapshot_timeout_ms: u64 = 3_000;
        /// The pause before the first reconnect, in milliseconds; it doubles up to the longest.
        reconnect_first_ms: u64 = 250;
        /// The longest pause before a reconnect, in milliseconds.
        reconnect_longest_ms: u64 = 30_000;
    }
}

section! {
    /// Threads and rings.
    PipelineConfig {
        /// How the pinned threads wait: "spin", "yield", "park", or "auto" (spin if there is a core for each, otherwise
        /// yield).
        idle: IdleName = IdleName::Auto;
        /// The cores of feed, decide, execute and reconcile; empty spreads the threads over the available cores.
        cores: Vec<usize> = Vec::new();
        /// The capacity of each ring, in messages.
        ring_capacity: usize = 1024;
    }
}

section! {
    /// The embedded exchange of the sim venue, of paper trading and of `kalshi-actor exchange`.
    ExchangeConfig {
        /// How long an order takes to reach the matching engine, in session milliseconds; its answer takes as long again.
        order_latency_ms: u64 = 50;
        /// How far REST reads of orders and fills lag the matching engine, in session milliseconds.
        read_lag_ms: u64 = 300;
        /// The rate limits of the account: a documented tier, or "unlimited".
        tier: String = "premier".to_owned();
        /// The initial balance on each shard, in dollars.
        cash: Money = Money::from_dollars(1_000);
    }
}

section! {
    /// What is written to disk.
    RecordConfig {
        /// Whether the session is journaled.
        journal: bool = true;
        /// The most bytes of journal that a session keeps; the oldest segments are deleted first.
        journal_bytes: u64 = 4 << 30;
        /// The size of a journal segment, in bytes.
        segment_bytes: u64 = 64 << 20;
        /// The free space that the disk of the session's folder must have, in bytes: with less a session does not
        /// start, and a running one cancels and ends. 0 for no limit.
        free_bytes_min: u64 = 64 << 20;
        /// The folder of sessions, each in a folder of its own.
        sessions_dir: String = "sessions".to_owned();
        /// The folder in which `kalshi-actor sessions backup` keeps verified copies.
        backups_dir: String = "session-backups".to_owned();
        /// Where the trip marker and the daily loss are kept, with a folder for each venue; empty for the session's own
        /// folder on sim and for $XDG_STATE_HOME/kalshi-actor otherwise.
        state_dir: String = String::new();
    }
}

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The exchange to trade on, and the credentials for it.
    pub venue: VenueConfig,
    /// Which markets are traded.
    pub markets: MarketsConfig,
    /// The strategy and its settings.
    pub policy: PolicyConfig,
    /// The limits of the risk gate.
    pub risk: RiskConfig,
    /// Order handling, leases and the comparison with the exchange.
    pub orders: OrdersConfig,
    /// Time limits and buffers of the public feed.
    pub feed: FeedConfig,
    /// Threads and rings.
    pub pipeline: PipelineConfig,
    /// The embedded exchange.
    pub exchange: ExchangeConfig,
    /// What is written to disk, and where.
    pub record: RecordConfig,
}

impl Config {
    /// Reads a file and checks it.
    ///
    /// # Errors
    /// When the file can't be read or is not valid TOML, or has an unknown key, a value of the wrong type or an
    /// impossible value.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = files::read_text(path, FILE_BYTES_MAX)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let config: Self = toml::from_str(&text).map_err(|error| ConfigError::Malformed {
            path: path.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        config.check().map_err(|error| match error {
            ConfigError::Impossible { key, found, expected, .. } => {
                ConfigError::Impossible { path: Some(path.to_owned()), key, found, expected }
            }
            error => error,
        })?;
        Ok(config)
    }

    /// Checks what the types can't: ranges, and values that exclude each other.
    ///
    /// # Errors
    /// [`ConfigError::Impossible`] with the key, its value and what was expected.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_names()?;
        self.check_numbers()?;
        self.check_amounts()?;
        self.check_together()
    }

    /// Checks addresses, markets, policy, tier and folders.
    fn check_names(&self) -> Result<(), ConfigError> {
        for (key, url, schemes) in [
            ("venue.rest_url", &self.venue.rest_url, ["https://", "http://127.0.0.1:"]),
            ("venue.ws_url", &self.venue.ws_url, ["wss://", "ws://127.0.0.1:"]),
        ] {
            if !url.is_empty() && !schemes.iter().any(|scheme| url.starts_with(scheme)) {
                return impossible(key, url, "a TLS address, or a plain one on 127.0.0.1");
            }
        }
        let markets = &self.markets;
        for (position, ticker) in markets.tickers.iter().enumerate() {
            if Ticker::new(ticker).is_err() {
                return impossible("markets.tickers", &format!("{ticker:?}"), A_TICKER);
            }
            if markets.tickers[..position].contains(ticker) {
                return impossible("markets.tickers", ticker, "each ticker once");
            }
        }
        if !markets.series.is_empty() && Ticker::new(&markets.series).is_err() {
            return impossible("markets.series", &format!("{:?}", markets.series), A_TICKER);
        }
        for (series, multiplier) in &markets.maker_multipliers {
            let key = "markets.maker_multipliers";
            if Ticker::new(series).is_err() {
                return impossible(key, &format!("{series:?}"), A_TICKER);
            }
            if multiplier_e4(*multiplier).is_none() {
                let expected = format!("for {series} a number from 0 to 100 with at most four decimals");
                return impossible(key, multiplier, expected);
            }
        }
        if self.policy.kind.parse::<PolicySpec>().is_err() {
            return impossible("policy.kind", &format!("{:?}", self.policy.kind), PolicySpec::EXPECTED);
        }
        if Tier::from_name(&self.exchange.tier).is_none() {
            let names = Tier::ALL.map(Tier::as_str).join(", ");
            return impossible("exchange.tier", &format!("{:?}", self.exchange.tier), format!("one of {names}"));
        }
        let record = &self.record;
        for (key, folder) in
            [("record.sessions_dir", &record.sessions_dir), ("record.backups_dir", &record.backups_dir)]
        {
            if folder.is_empty() {
                return impossible(key, folder, "a folder");
            }
        }
        if record.sessions_dir == record.backups_dir {
            return impossible("record.backups_dir", &record.backups_dir, "another folder than record.sessions_dir");
        }
        Ok(())
    }

    /// Checks the range of every integer.
    fn check_numbers(&self) -> Result<(), ConfigError> {
        let Self { venue, markets, risk, orders, feed, pipeline, exchange, record, .. } = self;
        for (key, value, least, most) in [
            ("venue.max_clock_error_ms", venue.max_clock_error_ms, 1, HOUR_MS),
            ("markets.max_markets", markets.max_markets as u64, 1, 65_534),
            ("markets.count", markets.count as u64, 1, 65_534),
            ("risk.max_open_orders", risk.max_open_orders as u64, 1, 2_048),
            ("risk.stop_before_close_ms", risk.stop_before_close_ms, 0, MONTH_MS),
            ("risk.max_messages_per_s", risk.max_messages_per_s.into(), 0, 1_000_000),
            ("risk.max_messages_per_min", risk.max_messages_per_min.into(), 0, 60_000_000),
            ("risk.duplicate_window_ms", risk.duplicate_window_ms, 0, HOUR_MS),
            ("risk.max_executions", risk.max_executions.into(), 0, 1_000_000),
            ("risk.executions_window_ms", risk.executions_window_ms, 1, MONTH_MS),
            ("risk.breaker_rejects", risk.breaker_rejects.into(), 1, 1_000_000),
            ("risk.breaker_ms", risk.breaker_ms, 0, MONTH_MS),
            ("orders.answer_timeout_ms", orders.answer_timeout_ms, 1, HOUR_MS),
            ("orders.signature_valid_ms", orders.signature_valid_ms, 0, HOUR_MS),
            ("orders.connections", orders.connections as u64, 1, 64),
            ("orders.compare_every_ms", orders.compare_every_ms, 1, HOUR_MS),
            ("orders.read_lag_ms", orders.read_lag_ms, 0, HOUR_MS),
            ("orders.lease_share_percent", orders.lease_share_percent.into(), 1, 100),
            ("orders.lease_longest_ms", orders.lease_longest_ms, 11_000, HOUR_MS),
            ("orders.group_reset_ms", orders.group_reset_ms, 0, MONTH_MS),
            ("orders.stop_timeout_ms", orders.stop_timeout_ms, 1, HOUR_MS),
            ("feed.snapshot_buffers", feed.snapshot_buffers as u64, 1, 4_096),
            ("feed.silence_timeout_ms", feed.silence_timeout_ms, 1, HOUR_MS),
            ("feed.snapshot_timeout_ms", feed.snapshot_timeout_ms, 1, HOUR_MS),
            ("feed.reconnect_first_ms", feed.reconnect_first_ms, 1, HOUR_MS),
            ("feed.reconnect_longest_ms", feed.reconnect_longest_ms, 1, HOUR_MS),
            ("pipeline.ring_capacity", pipeline.ring_capacity as u64, 64, 1 << 20),
            ("exchange.order_latency_ms", exchange.order_latency_ms, 0, HOUR_MS),
            ("exchange.read_lag_ms", exchange.read_lag_ms, 0, HOUR_MS),
            ("record.segment_bytes", record.segment_bytes, 1 << 20, SEGMENT_BYTES_MAX),
            ("record.journal_bytes", record.journal_bytes, 2 << 20, JOURNAL_BYTES_MAX),
        ] {
            if !(least..=most).contains(&value) {
                return impossible(key, &value, format!("{least} to {most}"));
            }
        }
        if !matches!(pipeline.cores.len(), 0 | 4) {
            return impossible("pipeline.cores", &pipeline.cores.len(), "no core, or one for each of four threads");
        }
        Ok(())
    }

    /// Checks the range of every number of contracts and amount of money.
    fn check_amounts(&self) -> Result<(), ConfigError> {
        let Self { risk, orders, exchange, .. } = self;
        for (key, count, least) in [
            ("risk.max_order_contracts", risk.max_order_contracts, CONTRACTS_MIN),
            ("risk.max_position_contracts", risk.max_position_contracts, CONTRACTS_MIN),
            ("orders.group_limit_contracts", orders.group_limit_contracts, Count::ZERO),
        ] {
            if !(least..=CONTRACTS_MAX).contains(&count) {
                return impossible(key, &count, format!("{least} to {CONTRACTS_MAX} contracts"));
            }
        }
        let some = Money::from_micros(1);
        for (key, money, least) in [
            ("risk.max_cash_at_risk", risk.max_cash_at_risk, some),
            ("risk.daily_loss_stop", risk.daily_loss_stop, some),
            ("risk.max_event_loss", risk.max_event_loss, some),
            ("risk.max_drawdown", risk.max_drawdown, Money::ZERO),
            ("exchange.cash", exchange.cash, some),
        ] {
            if !(least..=MONEY_MAX).contains(&money) {
                return impossible(key, &money, format!("{least} to {MONEY_MAX} dollars"));
            }
        }
        Ok(())
    }

    /// Checks values that limit each other.
    fn check_together(&self) -> Result<(), ConfigError> {
        let Self { markets, risk, orders, feed, exchange, record, .. } = self;
        if !markets.tickers.is_empty() && !markets.series.is_empty() {
            return impossible("markets.series", &markets.series, "either a series or markets.tickers, not both");
        }
        if markets.count > markets.max_markets {
            return impossible(
                "markets.count",
                &markets.count,
                "at most markets.max_markets, which is 1024 unless configured",
            );
        }
        if markets.tickers.len() > markets.max_markets {
            return impossible("markets.tickers", &markets.tickers.len(), "at most markets.max_markets tickers");
        }
        let (per_s, per_min) = (risk.max_messages_per_s, risk.max_messages_per_min);
        if per_min > 0 && per_s > per_min {
            return impossible(
                "risk.max_messages_per_min",
                &per_min,
                "at least risk.max_messages_per_s, or 0 for no limit",
            );
        }
        if orders.stop_timeout_ms <= orders.signature_valid_ms {
            return impossible(
                "orders.stop_timeout_ms",
                &orders.stop_timeout_ms,
                "more than orders.signature_valid_ms",
            );
        }
        // A stop waits once for fills in flight, and once for a read that is certain to include them.
        if orders.stop_timeout_ms <= orders.read_lag_ms.saturating_mul(2) {
            return impossible("orders.stop_timeout_ms", &orders.stop_timeout_ms, "more than twice orders.read_lag_ms");
        }
        if exchange.read_lag_ms > orders.read_lag_ms {
            return impossible(
                "exchange.read_lag_ms",
                &exchange.read_lag_ms,
                "at most orders.read_lag_ms, the lag that the trader allows for",
            );
        }
        if feed.reconnect_longest_ms < feed.reconnect_first_ms {
            return impossible(
                "feed.reconnect_longest_ms",
                &feed.reconnect_longest_ms,
                "at least feed.reconnect_first_ms",
            );
        }
        if record.journal_bytes < 2 * record.segment_bytes {
            return impossible("record.journal_bytes", &record.journal_bytes, "room for two segments");
        }
        Ok(())
    }

    /// The configuration as TOML with a comment for every key; [`Config::load`] reads it back.
    pub fn to_commented_toml(&self) -> String {
        let mut out = String::new();
        self.venue.write_toml("venue", &mut out);
        self.markets.write_toml("markets", &mut out);
        self.policy.write_toml("policy", &mut out);
        self.risk.write_toml("risk", &mut out);
        self.orders.write_toml("orders", &mut out);
        self.feed.write_toml("feed", &mut out);
        self.pipeline.write_toml("pipeline", &mut out);
        self.exchange.write_toml("exchange", &mut out);
        self.record.write_toml("record", &mut out);
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("actor.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path)
    }

    #[test]
    fn the_printed_configuration_reads_back_as_itself() {
        let mut config = Config::default();
        config.risk.max_cash_at_risk = Money::from_cents(12_345);
        config.risk.restricted = vec!["KXC-*".parse().unwrap()];
        config.markets.tickers = vec!["KXA-1".to_owned(), "KXA-2".to_owned()];
        config.markets.maker_multipliers = [("KXA".to_owned(), 0.25), ("KXB".to_owned(), 3.0)].into();
        assert_eq!(load(&config.to_commented_toml()).unwrap(), config);
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(load("").unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = load("[risk]\nmax_order_contract = \"5.00\"\n").unwrap_err().to_string();
        assert!(error.contains("max_order_contract") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn impossible_values_are_named_with_what_was_expected() {
        for (text, key) in [
            ("[markets]\ncount = 0", "markets.count"),
            ("[risk]\ndaily_loss_stop = \"-1.00\"", "risk.daily_loss_stop"),
            ("[risk]\nmax_event_loss = \"0.00\"", "risk.max_event_loss"),
            ("[risk]\nmax_drawdown = \"-1.00\"", "risk.max_drawdown"),
            ("[risk]\nmax_messages_per_min = 50", "risk.max_messages_per_min"),
            ("[risk]\nexecutions_window_ms = 0", "risk.executions_window_ms"),
            ("[orders]\nconnections = 0", "orders.connections"),
            ("[orders]\nstop_timeout_ms = 30000", "orders.stop_timeout_ms"),
            ("[record]\nsessions_dir = \"\"", "record.sessions_dir"),
            ("[record]\nbackups_dir = \"sessions\"", "record.backups_dir"),
            ("[pipeline]\ncores = [1, 2]", "pipeline.cores"),
            ("[venue]\nmax_clock_error_ms = 0", "venue.max_clock_error_ms"),
            ("[venue]\nrest_url = \"http://example.com\"", "venue.rest_url"),
            ("[record]\nsegment_bytes = 1048576\njournal_bytes = 1048576", "record.journal_bytes"),
            ("[policy]\nkind = \"ppo\"", "policy.kind"),
            ("[policy]\nkind = \"script:\"", "policy.kind"),
            ("[exchange]\ntier = \"gold\"", "exchange.tier"),
            ("[exchange]\ncash = \"9223372036854.775807\"", "exchange.cash"),
            ("[risk]\nmax_cash_at_risk = \"1000000000.000001\"", "risk.max_cash_at_risk"),
            ("[risk]\nmax_order_contracts = \"10000000.01\"", "risk.max_order_contracts"),
            ("[orders]\ncompare_every_ms = 9223372036854775807", "orders.compare_every_ms"),
            ("[orders]\nread_lag_ms = 9223372036854775807", "orders.read_lag_ms"),
            ("[orders]\nread_lag_ms = 30000", "orders.stop_timeout_ms"),
            ("[exchange]\nread_lag_ms = 1001", "exchange.read_lag_ms"),
            ("[record]\njournal_bytes = 18446744073709551615", "record.journal_bytes"),
            ("[markets]\ntickers = [\"\"]", "markets.tickers"),
            ("[markets]\ntickers = [\"KXA-1\", \"KXA-1\"]", "markets.tickers"),
            ("[markets]\ntickers = [\"KXA-1\"]\nseries = \"KXA\"", "markets.series"),
            ("[markets]\nseries = \"KX A\"", "markets.series"),
            ("[markets]\nmaker_multipliers = { \"KX A\" = 1.0 }", "markets.maker_multipliers"),
            ("[markets]\nmaker_multipliers = { KXA = 0.00001 }", "markets.maker_multipliers"),
            ("[record]\nsegment_bytes = 9223372036854775807", "record.segment_bytes"),
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains("/actor.toml: ") && error.contains(key) && error.contains("expected"), "{error}");
        }
    }

    #[test]
    fn restricted_tickers_are_read_and_a_pattern_that_is_none_names_its_line() {
        let config = load("[risk]\nrestricted = [\"KXA-1\", \"KXB-*\"]").unwrap();
        assert!(config.risk.restricted[1].matches("KXB-7") && !config.risk.restricted[0].matches("KXA-10"));
        let error = load("[risk]\nrestricted = [\"*\"]\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("ticker"), "{error}");
    }

    #[test]
    fn a_wrong_type_is_an_error_that_names_the_line() {
        for text in ["[orders]\nconnections = \"three\"\n", "[risk]\nmax_event_loss = 60\n"] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{error}");
        }
    }
}
