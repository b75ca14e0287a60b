//! The one configuration file: its keys, their defaults, and what is checked before anything starts. Unknown keys and
//! impossible values are errors that name the key and what was expected.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::market::{Count, Money, Price, TickerPattern};

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("configuration {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML, has an unknown key, or a value of the wrong type.
    #[error("configuration {path}: {reason}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with the line.
        reason: String,
    },
    /// A value is impossible.
    #[error("configuration: {key} = {found}: expected {expected}")]
    Impossible {
        /// The key with its section.
        key: &'static str,
        /// The value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
}

/// Declares a section: its struct, defaults, and the comments that `kalshi-actor config` prints, from one text.
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
    /// Kalshi.
    Prod,
}

impl VenueName {
    /// The word used in files and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Demo => "demo",
            Self::Prod => "prod",
        }
    }
}

/// How a hot thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdleName {
    /// `spin` when there is a core for each pinned thread, else `yield`.
    Auto,
    /// Never gives up its core.
    Spin,
    /// Offers its core to others at every miss.
    Yield,
    /// Sleeps up to a millisecond.
    Park,
}

section! {
    /// Where the actor trades.
    VenueConfig {
        /// "sim" (the embedded exchange), "demo" or "prod".
        name: VenueName = VenueName::Sim;
        /// Base of REST paths, such as `https://external-api.demo.kalshi.co`; empty for the venue's own.
        rest_url: String = String::new();
        /// Base of the WebSocket, such as `wss://external-api-ws.demo.kalshi.co`; empty for the venue's own.
        ws_url: String = String::new();
        /// The API key's id; `KALSHI_API_KEY_ID` in the environment goes first.
        key_id: String = String::new();
        /// The file with the API key's private half, as PEM, which nobody else may be able to read; the environment goes
        /// first: `KALSHI_PRIVATE_KEY_PATH`, or the key itself in `KALSHI_PRIVATE_KEY`. It never stands here.
        private_key_path: String = String::new();
        /// Send orders to demo or prod; without it they are matched on paper against the live feed.
        live: bool = false;
        /// How far this machine's clock may be from the venue's when a live session starts, and may move against the monotonic
        /// clock while it trades, in milliseconds; beyond that it does not start, or stops until `resume`.
        max_clock_error_ms: u64 = 1_000;
    }
}

section! {
    /// Which markets are traded.
    MarketsConfig {
        /// Market tickers; empty for `series` or the first `count` open markets.
        tickers: Vec<String> = Vec::new();
        /// A series to follow from market to market; empty for none.
        series: String = String::new();
        /// How many open markets to trade when no ticker and no series is named.
        count: usize = 8;
        /// The most markets that one process keeps, ended ones included until their index is reused.
        max_markets: usize = 1024;
    }
}

section! {
    /// What decides.
    PolicyConfig {
        /// "onnx", "maker", "hold" or "script:FILE".
        kind: String = "onnx".to_owned();
        /// The ONNX file; empty for the model that is built in.
        model: String = String::new();
    }
}

section! {
    /// The risk gate. Every limit has its own reason, counter and test.
    RiskConfig {
        /// The most contracts of one order.
        max_order_contracts: Count = Count::from_contracts(10);
        /// The most contracts held either way in one market, open orders counted as filled.
        max_position_contracts: Count = Count::from_contracts(30);
        /// The most cash at risk: cost of all positions plus cash reserved by all orders, in dollars.
        max_cash_at_risk: Money = Money::from_dollars(100);
        /// The most open orders.
        max_open_orders: usize = 64;
        /// How far from the mid a limit may be, in dollars.
        price_collar: Price = Price::from_cents(10);
        /// No opening order this close to a market's close, in session milliseconds.
        stop_before_close_ms: u64 = 60_000;
        /// The loss of one UTC day after which nothing is opened any more, in dollars; survives a restart.
        daily_loss_stop: Money = Money::from_dollars(50);
        /// The most that one event may lose at worst, all its markets together, open and unknown orders at their worst, in
        /// dollars.
        max_event_loss: Money = Money::from_dollars(60);
        /// How far the realised result, open losses included, may fall below its best over all sessions since the last
        /// `resume`, in dollars; then everything stops until `resume`. 0.00 for any.
        max_drawdown: Money = Money::from_dollars(75);
        /// The most creates, amends and cancelled orders in a second of session time; 0 for any. Cancels count and are never
        /// held back.
        max_messages_per_s: u32 = 100;
        /// The same in a minute.
        max_messages_per_min: u32 = 2_000;
        /// For how long the same order (market, side, price, count) is not placed again, in session milliseconds; 0 for none.
        duplicate_window_ms: u64 = 500;
        /// The most orders executed in one market within `executions_window_ms`; with one more, everything stops until
        /// `resume`. 0 for any.
        max_executions: u32 = 120;
        /// That window, in session milliseconds.
        executions_window_ms: u64 = 60_000;
        /// Markets in which nothing is written but cancels: tickers, or beginnings of tickers with a `*` behind them.
        restricted: Vec<TickerPattern> = Vec::new();
        /// Rejects in a row after which a market is left alone.
        breaker_rejects: u32 = 5;
        /// For how long, in session milliseconds.
        breaker_ms: u64 = 300_000;
    }
}

section! {
    /// Orders and the ledger.
    OrdersConfig {
        /// After which time an unanswered request counts as unknown, in milliseconds.
        answer_timeout_ms: u64 = 3_000;
        /// How long the exchange may still accept a request after its signature was made, in milliseconds.
        signature_valid_ms: u64 = 30_000;
        /// Warm connections for orders, besides the one kept for cancels.
        connections: usize = 3;
        /// How often ledger and exchange are compared, in milliseconds.
        compare_every_ms: u64 = 5_000;
        /// How far the exchange's REST reads may lag its matching engine, in session milliseconds.
        read_lag_ms: u64 = 1_000;
        /// The share of the write tokens that renewing orders may use, in percent. What an order is renewed for, and how
        /// many may be open, follows from it and the account's tier.
        lease_share_percent: u32 = 25;
        /// The longest that an order may rest when nothing renews it, in session milliseconds.
        lease_longest_ms: u64 = 60_000;
        /// Whether orders belong to an order group of their shard, which the exchange cancels as a whole when too much
        /// trades within 15 seconds.
        order_groups: bool = true;
        /// Contracts that may trade on a shard within 15 seconds; zero derives it: an order of full size in every market,
        /// once a second.
        group_limit_contracts: Count = Count::ZERO;
        /// How long a triggered group stays so before it is reset, in session milliseconds; zero leaves that to the next start.
        group_reset_ms: u64 = 60_000;
        /// How long a stop waits, at most, for open orders and reads to settle, in milliseconds: above `signature_valid_ms`, for
        /// what became of a request without an answer may be certain only then.
        stop_timeout_ms: u64 = 60_000;
    }
}

section! {
    /// The public feed.
    FeedConfig {
        /// Buffers for snapshots: as many are asked for at a time.
        snapshot_buffers: usize = 64;
        /// Silence (no frame, no ping) after which a connection is given up, in milliseconds; the exchange pings every 10 s.
        silence_timeout_ms: u64 = 25_000;
        /// How long a snapshot may take before the next remedy, in milliseconds.
        snapshot_timeout_ms: u64 = 3_000;
        /// First pause before a reconnect, in milliseconds; doubles up to the longest.
        reconnect_first_ms: u64 = 250;
        /// Longest pause before a reconnect, in milliseconds.
        reconnect_longest_ms: u64 = 30_000;
    }
}

section! {
    /// Threads and rings.
    PipelineConfig {
        /// How the pinned threads wait: "spin", "yield", "park", or "auto" (spin with a core for each of them, else yield).
        idle: IdleName = IdleName::Auto;
        /// The cores of feed, decide, execute and reconcile; empty spreads them over the cores there are.
        cores: Vec<usize> = Vec::new();
        /// Messages in each ring.
        ring_capacity: usize = 1024;
    }
}

section! {
    /// The embedded exchange of the sim venue, of paper trading and of `kalshi-actor exchange`.
    ExchangeConfig {
        /// Milliseconds of session time until an order reaches the matching engine; its answer takes as long again.
        order_latency_ms: u64 = 50;
        /// Milliseconds that REST reads of orders and fills lag the matching engine.
        read_lag_ms: u64 = 300;
        /// The rate limits of the account: a documented tier, or "unlimited".
        tier: String = "premier".to_owned();
        /// Dollars on each shard at the start.
        cash: Money = Money::from_dollars(1_000);
    }
}

section! {
    /// What is written to disk.
    RecordConfig {
        /// Whether the session is journaled.
        journal: bool = true;
        /// The most bytes of journal a session keeps; the oldest segments go first.
        journal_bytes: u64 = 4 << 30;
        /// Bytes of one segment.
        segment_bytes: u64 = 64 << 20;
        /// The room in bytes that the disk of the session's folder must have: with less a session does not start, and one that
        /// trades cancels and ends. 0 for any.
        free_bytes_min: u64 = 64 << 20;
        /// Where sessions live, each in a folder of its own.
        sessions_dir: String = "sessions".to_owned();
        /// Where `kalshi-actor sessions backup` keeps verified copies of them.
        backups_dir: String = "session-backups".to_owned();
        /// Where the trip marker and the daily loss live, a folder a venue; empty for the session's own folder on sim
        /// and for $XDG_STATE_HOME/kalshi-actor otherwise.
        state_dir: String = String::new();
    }
}

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the actor trades.
    pub venue: VenueConfig,
    /// Which markets.
    pub markets: MarketsConfig,
    /// What decides.
    pub policy: PolicyConfig,
    /// The risk gate.
    pub risk: RiskConfig,
    /// Orders and the ledger.
    pub orders: OrdersConfig,
    /// The public feed.
    pub feed: FeedConfig,
    /// Threads and rings.
    pub pipeline: PipelineConfig,
    /// The embedded exchange.
    pub exchange: ExchangeConfig,
    /// What is written.
    pub record: RecordConfig,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it can't be read, is no TOML, has an unknown key, or a value is of the wrong type or impossible.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let config: Self = toml::from_str(&text).map_err(|error| ConfigError::Malformed {
            path: path.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        config.check()?;
        Ok(config)
    }

    /// Checks what types can't: ranges, and values that exclude each other.
    ///
    /// # Errors
    /// [`ConfigError::Impossible`] with the key, its value and what was expected.
    pub fn check(&self) -> Result<(), ConfigError> {
        let impossible = |key, found: &dyn std::fmt::Display, expected| {
            Err(ConfigError::Impossible { key, found: found.to_string(), expected })
        };
        let positive = |key, value: u64| {
            if value == 0 { impossible(key, &value, "a number above zero") } else { Ok(()) }
        };
        for (key, url, schemes) in [
            ("venue.rest_url", &self.venue.rest_url, ["https://", "http://127.0.0.1:"]),
            ("venue.ws_url", &self.venue.ws_url, ["wss://", "ws://127.0.0.1:"]),
        ] {
            if !url.is_empty() && !schemes.iter().any(|scheme| url.starts_with(scheme)) {
                return impossible(key, url, "a TLS address, or a plain one on 127.0.0.1");
            }
        }
        if !(1..=65_535).contains(&self.markets.max_markets) {
            return impossible("markets.max_markets", &self.markets.max_markets, "1 to 65535");
        }
        if self.markets.count == 0 || self.markets.count > self.markets.max_markets {
            return impossible(
                "markets.count",
                &self.markets.count,
                "1 to markets.max_markets, which is 1024 unless configured",
            );
        }
        if self.markets.tickers.len() > self.markets.max_markets {
            return impossible("markets.tickers", &self.markets.tickers.len(), "at most markets.max_markets tickers");
        }
        for (key, count) in [
            ("risk.max_order_contracts", self.risk.max_order_contracts),
            ("risk.max_position_contracts", self.risk.max_position_contracts),
        ] {
            if count <= Count::ZERO {
                return impossible(key, &count, "more than zero contracts");
            }
        }
        for (key, money) in [
            ("risk.max_cash_at_risk", self.risk.max_cash_at_risk),
            ("risk.daily_loss_stop", self.risk.daily_loss_stop),
            ("risk.max_event_loss", self.risk.max_event_loss),
            ("exchange.cash", self.exchange.cash),
        ] {
            if money <= Money::ZERO {
                return impossible(key, &money, "more than zero dollars");
            }
        }
        if self.risk.max_drawdown < Money::ZERO {
            return impossible("risk.max_drawdown", &self.risk.max_drawdown, "more than zero dollars, or 0.00 for any");
        }
        let (per_s, per_min) = (self.risk.max_messages_per_s, self.risk.max_messages_per_min);
        if per_min > 0 && per_s > per_min {
            return impossible("risk.max_messages_per_min", &per_min, "at least risk.max_messages_per_s, or 0 for any");
        }
        for (key, value) in [
            ("exchange.order_latency_ms", self.exchange.order_latency_ms),
            ("exchange.read_lag_ms", self.exchange.read_lag_ms),
        ] {
            if value > 3_600_000 {
                return impossible(key, &value, "0 to 3600000");
            }
        }
        positive("venue.max_clock_error_ms", self.venue.max_clock_error_ms)?;
        positive("risk.executions_window_ms", self.risk.executions_window_ms)?;
        positive("risk.max_open_orders", self.risk.max_open_orders as u64)?;
        positive("risk.breaker_rejects", u64::from(self.risk.breaker_rejects))?;
        positive("orders.answer_timeout_ms", self.orders.answer_timeout_ms)?;
        positive("orders.compare_every_ms", self.orders.compare_every_ms)?;
        if self.orders.stop_timeout_ms <= self.orders.signature_valid_ms {
            return impossible(
                "orders.stop_timeout_ms",
                &self.orders.stop_timeout_ms,
                "more than orders.signature_valid_ms",
            );
        }
        if self.orders.group_limit_contracts < Count::ZERO {
            return impossible("orders.group_limit_contracts", &self.orders.group_limit_contracts, "zero or more");
        }
        if !(1..=100).contains(&self.orders.lease_share_percent) {
            return impossible("orders.lease_share_percent", &self.orders.lease_share_percent, "1 to 100");
        }
        if !(11_000..=3_600_000).contains(&self.orders.lease_longest_ms) {
            return impossible("orders.lease_longest_ms", &self.orders.lease_longest_ms, "11000 to 3600000");
        }
        if !(1..=64).contains(&self.orders.connections) {
            return impossible("orders.connections", &self.orders.connections, "1 to 64");
        }
        if !(1..=4096).contains(&self.feed.snapshot_buffers) {
            return impossible("feed.snapshot_buffers", &self.feed.snapshot_buffers, "1 to 4096");
        }
        positive("feed.silence_timeout_ms", self.feed.silence_timeout_ms)?;
        positive("feed.snapshot_timeout_ms", self.feed.snapshot_timeout_ms)?;
        positive("feed.reconnect_first_ms", self.feed.reconnect_first_ms)?;
        if self.feed.reconnect_longest_ms < self.feed.reconnect_first_ms {
            return impossible(
                "feed.reconnect_longest_ms",
                &self.feed.reconnect_longest_ms,
                "at least feed.reconnect_first_ms",
            );
        }
        if !matches!(self.pipeline.cores.len(), 0 | 4) {
            return impossible(
                "pipeline.cores",
                &self.pipeline.cores.len(),
                "no core, or one for each of four threads",
            );
        }
        if !(64..=1 << 20).contains(&self.pipeline.ring_capacity) {
            return impossible("pipeline.ring_capacity", &self.pipeline.ring_capacity, "64 to 1048576");
        }
        for (key, folder) in
            [("record.sessions_dir", &self.record.sessions_dir), ("record.backups_dir", &self.record.backups_dir)]
        {
            if folder.is_empty() {
                return impossible(key, folder, "a folder");
            }
        }
        if self.record.sessions_dir == self.record.backups_dir {
            return impossible(
                "record.backups_dir",
                &self.record.backups_dir,
                "another folder than record.sessions_dir",
            );
        }
        if self.record.segment_bytes < 1 << 20 {
            return impossible("record.segment_bytes", &self.record.segment_bytes, "at least 1048576");
        }
        if self.record.journal_bytes < 2 * self.record.segment_bytes {
            return impossible("record.journal_bytes", &self.record.journal_bytes, "room for two segments");
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
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains(key) && error.contains("expected"), "{error}");
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
        let error = load("[orders]\nconnections = \"three\"\n").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
