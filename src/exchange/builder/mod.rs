//! Assembles an exchange: its markets, its accounts, its time, and whether it runs on a thread with sockets or is stepped by
//! hand. Every exchange of this crate is built here.

mod accounts;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use thiserror::Error;

use accounts::KeyIssue;
pub use accounts::{Account, AccountPlan};

use super::engine::{AccountSpec, ListError};
use super::gateway::GatewaySettings;
use super::keys::IssuedKey;
use super::participants::World;
use super::recordings::{Recording, breaks_of, start_ms};
use super::scenario::Scenario;
use super::server::{RunningExchange, ServerConfig, ServerError, Timeouts, serve};
use super::venue::Exchange;
use crate::clock::SessionClock;
use crate::market::Money;
use crate::wire::sign::SignError;

/// The shards on which accounts have cash by default.
const SHARDS: [u8; 2] = [0, 2];
/// An account's default cash on each of its shards.
const CASH: Money = Money::from_dollars(1_000);
/// The lead between the start of an exchange and the first frame of its recordings, in wall-clock seconds, for clients to
/// connect.
const START_LEAD_S: i64 = 2;

/// Why an exchange could not be built or started.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A key could not be generated.
    #[error("the exchange's keys: {0}")]
    Key(#[from] SignError),
    /// A key could not be written to its file.
    #[error("the exchange's key file {path}: {source}")]
    KeyFile {
        /// The key's file, or its folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A market could not be listed.
    #[error("the exchange's markets: {0}")]
    List(#[from] ListError),
    /// The socket or the thread could not be set up.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// The source of an exchange's own markets.
#[derive(Debug)]
enum Markets {
    World(World),
    Scenario { scenario: Box<Scenario>, count: Option<usize> },
}

/// Settings for an exchange to be built: see [`Exchange::builder`].
#[derive(Debug)]
pub struct Builder {
    seed: u64,
    settings: GatewaySettings,
    markets: Markets,
    recordings: Vec<Recording>,
    quiet: bool,
    accounts: Vec<AccountPlan>,
    cash: Money,
    shards: Option<Vec<u8>>,
    direct_members: Option<bool>,
    keys: KeyIssue,
    start_ms: Option<i64>,
    speed_milli: u32,
    server: ServerConfig,
}

impl Exchange {
    /// Begins to build an exchange. By default it has no markets, one account with $1,000 on each of the shards 0 and 2 and an
    /// Ed25519 key in memory, and session time that follows the wall clock. [`Builder::start`] runs it on a thread behind a
    /// socket on loopback:
    ///
    /// ```
    /// use kalshi_actor::exchange::Exchange;
    /// use kalshi_actor::exchange::scenario::Scenario;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let exchange = Exchange::builder().scenario(Scenario::find("calm")?).seed(7).start()?;
    /// println!("REST at {}, WebSocket at {}", exchange.rest_url, exchange.ws_url);
    /// let credentials = exchange.accounts[0].credentials()?; // signs a client's requests
    /// # assert!(credentials.headers(0, "GET", "/trade-api/v2/portfolio/balance").is_ok());
    /// let ended = exchange.stop()?; // its last state, for assertions
    /// assert!(ended.engine().market_count() > 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Builder::build`] returns it to be stepped by hand, in one thread and at any time:
    ///
    /// ```
    /// use kalshi_actor::exchange::Exchange;
    /// use kalshi_actor::exchange::gateway::{ExchangeNow, HttpRequest, Output};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let now = ExchangeNow { session_ms: 1_790_000_000_000, wall_ms: 1_790_000_000_000 };
    /// let (mut exchange, accounts) = Exchange::builder().start_ms(now.session_ms).build()?;
    /// let path = "/trade-api/v2/portfolio/balance";
    /// let [(_, key_id), (_, timestamp), (_, signature)] =
    ///     accounts[0].credentials()?.headers(now.wall_ms, "GET", path)?;
    /// let request = HttpRequest {
    ///     method: "GET",
    ///     target: path,
    ///     key_id: Some(&key_id),
    ///     timestamp: Some(&timestamp),
    ///     signature: Some(&signature),
    ///     body: b"",
    /// };
    /// exchange.http(1, &request, now);
    /// let Some(Output::Response { ticket: 1, response }) = exchange.poll() else { panic!("no answer") };
    /// assert_eq!(response.status, 200);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            seed: 1,
            settings: GatewaySettings::default(),
            markets: Markets::World(World::default()),
            recordings: Vec::new(),
            quiet: false,
            accounts: vec![AccountPlan::default()],
            cash: CASH,
            shards: None,
            direct_members: None,
            keys: KeyIssue::default(),
            start_ms: None,
            speed_milli: 1_000,
            server: ServerConfig::local(),
        }
    }
}

impl Builder {
    /// Sets the seed for everything random: identifiers, and the actions of a scenario's participants. By default 1.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how the exchange behaves where the scenario does not say.
    #[must_use]
    pub fn settings(mut self, settings: GatewaySettings) -> Self {
        self.settings = settings;
        self
    }

    /// Uses a scenario, with its markets, participants, faults and settings.
    #[must_use]
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.markets = Markets::Scenario { scenario: Box::new(scenario), count: None };
        self
    }

    /// Uses a scenario, with this number of markets open at any time instead of its own.
    #[must_use]
    pub fn scenario_of(mut self, scenario: Scenario, markets: usize) -> Self {
        self.markets = Markets::Scenario { scenario: Box::new(scenario), count: Some(markets) };
        self
    }

    /// Uses markets, participants and faults that were put together by hand. They must suit the start time.
    #[must_use]
    pub fn world(mut self, world: World) -> Self {
        self.markets = Markets::World(world);
        self
    }

    /// If true, only clients trade in the markets of the scenario or world; the markets still open, close and settle.
    #[must_use]
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// Adds recorded markets, played at their own times on the session clock, which begins shortly before their first frame.
    #[must_use]
    pub fn recordings(mut self, recordings: Vec<Recording>) -> Self {
        self.recordings = recordings;
        self
    }

    /// Sets the number of accounts, each with the same cash and new keys. By default one.
    #[must_use]
    pub fn accounts(mut self, count: u8) -> Self {
        self.accounts = vec![AccountPlan::default(); usize::from(count)];
        self
    }

    /// Sets the accounts individually, each with its own cash and keys.
    #[must_use]
    pub fn account_plans(mut self, accounts: Vec<AccountPlan>) -> Self {
        self.accounts = accounts;
        self
    }

    /// Sets the cash of each account on each shard that has markets, or on each of [`Builder::shards`]. By default $1,000.
    #[must_use]
    pub fn cash(mut self, cash: Money) -> Self {
        self.cash = cash;
        self
    }

    /// Sets the shards on which accounts have cash. By default those of the scenario's markets, or without a scenario 0, 2 and
    /// the shards of the recordings.
    #[must_use]
    pub fn shards(mut self, shards: impl IntoIterator<Item = u8>) -> Self {
        self.shards = Some(shards.into_iter().collect());
        self
    }

    /// Sets whether accounts are direct members, whose balances move in steps of $0.0001 instead of cents. By default as the
    /// scenario says, or true without a scenario.
    #[must_use]
    pub fn direct_members(mut self, direct: bool) -> Self {
        self.direct_members = Some(direct);
        self
    }

    /// Also issues an RSA key to every account without keys of its own. Each takes some tenths of a second to generate.
    #[must_use]
    pub fn rsa_keys(mut self) -> Self {
        self.keys.rsa = true;
        self
    }

    /// Also writes the private keys that are issued to files in this folder, for clients in other processes. Only their owner
    /// can read the files; existing files are replaced.
    #[must_use]
    pub fn keys_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.keys.folder = Some(folder.into());
        self
    }

    /// Sets the session time at the start, in milliseconds since the Unix epoch. By default two seconds of wall time before the
    /// first recorded frame, or without recordings the present time.
    #[must_use]
    pub fn start_ms(mut self, session_ms: i64) -> Self {
        self.start_ms = Some(session_ms);
        self
    }

    /// The speed of session time, in thousandths of wall-clock speed.
    #[must_use]
    pub fn speed(&self) -> u32 {
        self.speed_milli
    }

    /// Sets the speed of session time for an exchange behind sockets, in thousandths of wall-clock speed. By default 1000.
    #[must_use]
    pub fn speed_milli(mut self, speed_milli: u32) -> Self {
        self.speed_milli = speed_milli;
        self
    }

    /// Sets the instant from which [`RunningExchange::clock`] counts nanoseconds; by default the creation of this builder. For
    /// a client in the same process whose monotonic clock is to share the session's time.
    #[must_use]
    pub fn origin(mut self, origin: Instant) -> Self {
        self.server.origin = origin;
        self
    }

    /// Sets the address to listen on; by default a free port on loopback.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.server.listen = address;
        self
    }

    /// Sets whether web pages served by this machine may read responses (CORS).
    #[must_use]
    pub fn cors(mut self, cors: bool) -> Self {
        self.server.cors = cors;
        self
    }

    /// Sets whether the thread yields its core between turns instead of sleeping until a socket is ready. That occupies a core,
    /// but spares clients on the same machine the time to wake the thread: for measuring latency.
    #[must_use]
    pub fn yields(mut self, yields: bool) -> Self {
        self.server.yields = yields;
        self
    }

    /// Sets the timeouts for clients.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.server.timeouts = timeouts;
        self
    }

    /// Sets how many unsent bytes a client may have; by default 8 MiB. A WebSocket above that gets error 25: its
    /// subscriptions end, and no command is read until it is below again. The reply to a command that was read below the
    /// limit does not count, however long it is. An HTTP connection above the limit has no further requests read.
    #[must_use]
    pub fn buffer_max(mut self, bytes: usize) -> Self {
        self.server.buffer_max = bytes;
        self
    }

    /// Builds the exchange, to be stepped by hand, and the clients' accounts.
    ///
    /// # Errors
    /// If a key can't be generated or written, or a market can't be listed.
    pub fn build(mut self) -> Result<(Exchange, Vec<Account>), BuildError> {
        let keys = self.issue_keys()?;
        let session_ms = self.session_start_ms();
        self.assemble(keys, session_ms)
    }

    /// Starts the exchange on a thread of its own behind a socket.
    ///
    /// # Errors
    /// If a key can't be generated or written, a market can't be listed, the address can't be listened on, or the system can't
    /// start a thread.
    pub fn start(mut self) -> Result<RunningExchange, BuildError> {
        let keys = self.issue_keys()?;
        let session_ms = self.session_start_ms();
        let breaks: Vec<_> =
            breaks_of(&self.recordings).into_iter().filter(|passed| passed.from_ms >= session_ms).collect();
        let mut server = self.server.clone();
        server.clock = SessionClock::new(server.mono_ns(), session_ms, self.speed_milli).with_breaks(&breaks);
        let (exchange, accounts) = self.assemble(keys, session_ms)?;
        Ok(serve(exchange, accounts, server)?)
    }

    /// Issues the keys of every account. Called before the clock is read, because generating keys takes time.
    fn issue_keys(&mut self) -> Result<Vec<Vec<IssuedKey>>, BuildError> {
        let numbered = self.accounts.iter_mut().zip(1..);
        numbered
            .map(|(account, number)| match std::mem::take(&mut account.keys) {
                keys if keys.is_empty() => self.keys.issue(number),
                keys => Ok(keys),
            })
            .collect()
    }

    fn session_start_ms(&self) -> i64 {
        let before_recordings = || {
            // The lead for clients to connect is wall time: the faster the session, the longer it is in session time.
            Some(start_ms(&self.recordings)? - i64::from(self.speed_milli) * START_LEAD_S)
        };
        let wall_ms = || jiff::Timestamp::now().as_millisecond();
        self.start_ms.or_else(before_recordings).unwrap_or_else(wall_ms)
    }

    fn assemble(self, keys: Vec<Vec<IssuedKey>>, session_ms: i64) -> Result<(Exchange, Vec<Account>), BuildError> {
        let shards = self.cash_shards();
        let mut settings = self.settings;
        let (mut world, direct_members) = match self.markets {
            Markets::World(world) => (world, true),
            Markets::Scenario { scenario, count } => {
                scenario.adjust(&mut settings);
                let count = count.unwrap_or_else(|| scenario.market_count());
                (scenario.world(self.seed, count, session_ms), scenario.has_direct_members())
            }
        };
        world.quiet |= self.quiet;
        let direct_member = self.direct_members.unwrap_or(direct_members);
        let clients: Vec<_> = std::iter::zip(self.accounts, keys)
            .map(|(account, keys)| {
                let cash = account.cash.unwrap_or_else(|| shards.iter().map(|shard| (*shard, self.cash)).collect());
                (AccountSpec { cash, direct_member, unlimited: false }, keys)
            })
            .collect();
        let exchange = Exchange::new(self.seed, settings, &clients, world, self.recordings, session_ms)?;
        let accounts = exchange.clients().iter().zip(clients).map(|(id, (_, keys))| Account { id: *id, keys });
        let accounts = accounts.collect();
        Ok((exchange, accounts))
    }

    /// The shards on which accounts have cash, lowest first.
    fn cash_shards(&self) -> Vec<u8> {
        let mut shards = match (&self.shards, &self.markets) {
            (Some(shards), _) => shards.clone(),
            (None, Markets::Scenario { scenario, .. }) => scenario.shards(),
            (None, Markets::World(_)) => {
                let recorded = self.recordings.iter().map(|market| market.terms.spec.exchange_index);
                SHARDS.into_iter().chain(recorded).collect()
            }
        };
        shards.sort_unstable();
        shards.dedup();
        shards
    }
}

#[cfg(test)]
mod tests;
