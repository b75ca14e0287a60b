//! The exchange's REST and WebSocket interface on top of the engine, without sockets and without a clock. It owns keys, token
//! buckets, sessions with their subscriptions, order writes in flight, and what reads can see so far; books, orders and money
//! belong to the engine.
//!
//! Its inputs are requests, messages and times; outputs are taken with [`Gateway::poll`]. After a change of the engine,
//! [`Gateway::publish`] must be called before the next input, so that a snapshot agrees with the deltas around it.
//!
//! | file | concept |
//! |---|---|
//! | `route`, `decode`, `refusal` | paths and queries, bodies, errors |
//! | `auth`, `limits` | authentication and rate limits |
//! | `market_reads`, `trade_reads`, `event_reads` | public reads: what is listed and traded |
//! | `account_reads`, `position_reads`, `visible` | an account's reads, and their lag |
//! | `writes` | writes in flight to the engine |
//! | `order_writes`, `order_groups`, `subaccounts` | the kinds of writes |
//! | `session`, `commands`, `publish`, `frames` | WebSocket |
//! | `faults`, `held`, `settings` | faults on demand, what they hold back, and settings |

mod account_reads;
mod auth;
mod commands;
mod decode;
mod directory;
mod event_reads;
mod faults;
mod frames;
mod held;
mod history;
mod limits;
mod market_reads;
mod order_groups;
mod order_writes;
mod position_reads;
mod publish;
mod refusal;
mod route;
mod session;
mod settings;
mod strange;
mod subaccounts;
mod trade_reads;
mod types;
mod visible;
mod writes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use auth::ApiKey;
pub use limits::Tier;
pub use refusal::Refusal;
pub use route::{decoded, methods};
pub use session::Channel;
pub use settings::GatewaySettings;
pub use types::{ExchangeNow, HttpRequest, HttpResponse, Output, SessionId, Ticket};

use crate::exchange::engine::{AccountId, Engine, Event, MarketIndex};
use crate::exchange::faults::Fault;
use crate::market::BookLevels;
use crate::wire::WS_PATH;
use auth::{Keys, denied};
use directory::Directory;
use faults::{Faults, ReadAsked};
use frames::TickerState;
use limits::{CHEAP_COST, CommandBudget, DEFAULT_COST, Limits};
use market_reads::{Answer, Listed, json, unknown_page};
use route::{Route, path_of, route};
use session::Session;
use subaccounts::Transfers;
use visible::{Change, Visible};
use writes::DelayedWrite;

/// The payload of the exchange's pings.
const HEARTBEAT: &[u8] = b"heartbeat";

/// The exchange's interface to its clients; see the module.
#[derive(Debug)]
pub struct Gateway {
    settings: GatewaySettings,
    keys: Keys,
    limits: Limits,
    directory: Directory,
    sessions: BTreeMap<SessionId, Session>,
    visible: Visible,
    delayed: VecDeque<DelayedWrite>,
    transfers: Transfers,
    faults: Faults,
    cancels_throttled: u64,
    outputs: VecDeque<Output>,
    last_tickers: BTreeMap<MarketIndex, TickerState>,
    dirty_tickers: BTreeSet<MarketIndex>,
    // Reused buffers.
    events: Vec<Event>,
    buffer: Vec<u8>,
    levels: BookLevels,
}

impl Gateway {
    /// The number of whole write tokens left in an account's unscoped bucket, which pays for cancels.
    #[must_use]
    pub fn write_tokens(&self, account: AccountId, session_ms: i64) -> u64 {
        self.limits.write_tokens(account, session_ms)
    }

    /// A gateway without keys and sessions, for an engine whose events it will see from the first one on.
    #[must_use]
    pub fn new(settings: GatewaySettings) -> Self {
        Self {
            keys: Keys::default(),
            limits: Limits::new(settings.tier),
            directory: Directory::default(),
            sessions: BTreeMap::new(),
            visible: Visible::new(settings.read_lag_ms),
            delayed: VecDeque::new(),
            transfers: Transfers::default(),
            faults: Faults::default(),
            cancels_throttled: 0,
            outputs: VecDeque::new(),
            last_tickers: BTreeMap::new(),
            dirty_tickers: BTreeSet::new(),
            events: Vec::new(),
            buffer: Vec::new(),
            levels: BookLevels::default(),
            settings,
        }
    }

    /// The settings it was created with.
    #[must_use]
    pub fn settings(&self) -> &GatewaySettings {
        &self.settings
    }

    /// The number of requests to cancel orders that were rejected because the write bucket was empty.
    #[must_use]
    pub fn cancels_throttled(&self) -> u64 {
        self.cancels_throttled
    }

    /// Adds a key. The cash of its account is visible at once.
    pub fn add_key(&mut self, engine: &Engine, key: ApiKey) {
        let account = key.account;
        self.keys.add(key);
        for (subaccount, shard, cash) in engine.cash_of(account) {
            self.visible.reveal(Change::Cash(account, subaccount, shard, cash));
        }
    }

    /// Handles a REST request. Its response comes from [`Gateway::poll`], at once or after the order latency.
    pub fn http(&mut self, engine: &Engine, ticket: Ticket, request: &HttpRequest<'_>, now: ExchangeNow) {
        self.visible.advance(now.session_ms);
        let answer = match self.answer(engine, ticket, request, now) {
            Ok(None) => return,
            Ok(Some(response)) => response,
            Err(refusal) => refusal.response(),
        };
        if is_read(request) {
            let says_status = route("GET", &decoded(path_of(request.target))) == Some(Route::ExchangeStatus);
            let asked = ReadAsked { target: request.target, says_status };
            self.faults.read(&mut self.outputs, ticket, answer, asked, now.session_ms);
        } else {
            self.outputs.push_back(Output::Response { ticket, response: answer });
        }
    }

    /// The response, or `None` if it comes later.
    fn answer(
        &mut self,
        engine: &Engine,
        ticket: Ticket,
        request: &HttpRequest<'_>,
        now: ExchangeNow,
    ) -> Result<Option<HttpResponse>, Refusal> {
        // The signature covers the path as sent, with its percent-escapes; routing uses the decoded path.
        let path = path_of(request.target);
        let decoded = decoded(path);
        let method = if is_read(request) { "GET" } else { request.method };
        let Some(route) = route(method, &decoded) else { return Ok(Some(unknown_page())) };
        if route == Route::Tombstone {
            return Err(Refusal::first_version());
        }
        let account = if route.is_public() && request.key_id.is_none() {
            None
        } else {
            Some(self.authenticate(request, path, now)?)
        };
        let Some(account) = account else {
            return self.read_public(engine, route, request.target, now).map(Some);
        };
        if route.is_write() {
            if let Some(refusal) = self.faults.refuses_write() {
                return Err(refusal);
            }
            return self.write(engine, ticket, account, route, request, now).map(|()| None);
        }
        let paid = match route {
            Route::Balance => self.limits.read_balance(account, now.session_ms),
            Route::Order(_) => self.limits.read(account, CHEAP_COST, now.session_ms),
            _ => self.limits.read(account, DEFAULT_COST, now.session_ms),
        };
        if !paid {
            return Err(Refusal::too_many_requests());
        }
        self.read(engine, account, route, request.target, now).map(Some)
    }

    fn read(
        &mut self,
        engine: &Engine,
        account: AccountId,
        route: Route<'_>,
        target: &str,
        now: ExchangeNow,
    ) -> Answer {
        match route {
            Route::AccountLimits => Ok(json(200, &self.limits.tier().limits())),
            Route::Balance => self.balance(engine, account, target, now.session_ms),
            Route::Positions => self.positions(engine, account, target, now.session_ms),
            Route::QueuePositions => self.queue_positions(engine, account, target),
            Route::RestingOrderValue => self.resting_order_value(engine, account),
            Route::Orders => self.orders(engine, account, target),
            Route::Order(id) => self.order(engine, account, id),
            Route::QueuePosition(id) => Self::queue_position(engine, account, id),
            Route::Fills => self.fills(engine, account, target),
            Route::Settlements => self.settlements(engine, account, target),
            Route::Netting => Ok(Self::netting(engine, account)),
            Route::OrderGroups => Self::order_groups(engine, account, target),
            Route::OrderGroup(id) => Self::order_group(engine, account, id, target),
            Route::SubaccountBalances => Ok(self.subaccount_balances(account, now.session_ms)),
            Route::Transfers => self.subaccount_transfers(account, target),
            public => self.read_public(engine, public, target, now),
        }
    }

    fn read_public(&mut self, engine: &Engine, route: Route<'_>, target: &str, now: ExchangeNow) -> Answer {
        let listed = Listed { engine, directory: &self.directory, now_ms: now.session_ms };
        match route {
            Route::ExchangeStatus => Ok(market_reads::exchange_status(engine)),
            Route::ExchangeSchedule => Ok(market_reads::exchange_schedule()),
            Route::UserDataTimestamp => Ok(self.user_data_timestamp(now.session_ms)),
            Route::Markets => listed.markets(target),
            Route::Market(ticker) => listed.market(ticker),
            Route::OrderBook(ticker) => listed.order_book(target, ticker),
            Route::OrderBooks => listed.order_books(target),
            Route::Trades => listed.trades(target),
            Route::Events => listed.events(target),
            Route::ComboEvents => listed.combo_events(target),
            Route::Event(ticker) => listed.event(target, ticker),
            Route::EventMetadata(ticker) => listed.event_metadata(ticker),
            Route::EventFeeChanges => listed.event_fee_changes(target),
            Route::SeriesList => listed.series_list(target),
            Route::Series(ticker) => listed.series(target, ticker),
            Route::SeriesFeeChanges => listed.series_fee_changes(target),
            Route::EndpointCosts => Ok(json(200, &limits::endpoint_costs())),
            // All other routes belong to an account and are handled there.
            _ => Err(Refusal::not_found()),
        }
    }

    /// Opens a WebSocket session if its handshake is signed.
    ///
    /// # Errors
    /// The response that rejects the handshake.
    pub fn open(
        &mut self,
        session: SessionId,
        request: &HttpRequest<'_>,
        now: ExchangeNow,
    ) -> Result<(), HttpResponse> {
        let path = path_of(request.target);
        if decoded(path) != WS_PATH {
            return Err(Refusal::not_found().response());
        }
        if let Some(refusal) = self.faults.refuses_session(now.session_ms) {
            return Err(refusal.response());
        }
        let account = self.authenticate(request, path, now).map_err(|refusal| refusal.response())?;
        let first_ping = now.wall_ms.saturating_add(self.settings.ping_interval_ms);
        let commands = CommandBudget::new(self.settings.commands_per_s, now.session_ms);
        self.sessions.insert(session, Session::new(account, first_ping, commands));
        Ok(())
    }

    /// Removes a session.
    pub fn closed(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// The exchange's wall time, as changed by faults.
    #[must_use]
    pub fn date_ms(&self, now: ExchangeNow) -> i64 {
        self.faults.signature_clock(now).wall_ms
    }

    /// The account that signed the request, checked at the time as changed by faults.
    fn authenticate(&mut self, request: &HttpRequest<'_>, path: &str, now: ExchangeNow) -> Result<AccountId, Refusal> {
        let clock = self.faults.signature_clock(now);
        let account = self.keys.authenticate(request, path, self.settings.clock_skew_ms, clock);
        if account.is_err() && clock != now {
            self.faults.took_effect("offset_clock");
        }
        if account.is_ok() && self.faults.revokes_keys(now.session_ms) {
            return Err(denied("NOT_FOUND"));
        }
        account
    }

    /// Arms a fault, or lets it act at once. Pauses are only announced here; the owner of the engine carries them out.
    pub fn arm(&mut self, fault: Fault, now_ms: i64) {
        match fault {
            Fault::CutSessions => {
                for (session, _) in std::mem::take(&mut self.sessions) {
                    self.faults.held.forget(session);
                    self.outputs.push_back(Output::Close { session, reason: "cut by a fault" });
                }
                self.faults.took_effect(fault.name());
            }
            Fault::CutOrderConnections => {
                self.outputs.push_back(Output::CutOrderConnections);
                self.faults.took_effect(fault.name());
            }
            Fault::PauseTrading { .. } | Fault::PauseExchange { .. } => self.faults.took_effect(fault.name()),
            other => self.faults.arm(other, now_ms),
        }
    }

    /// Disarms every fault and ends those in progress.
    pub fn disarm(&mut self) {
        self.faults.disarm();
    }

    /// The armed faults that have not acted yet.
    #[must_use]
    pub fn armed_faults(&self) -> &[Fault] {
        self.faults.armed()
    }

    /// How often each fault took effect, by name.
    #[must_use]
    pub fn fault_effects(&self) -> &BTreeMap<&'static str, u64> {
        self.faults.effects()
    }

    /// Carries out everything that is due: order writes that reach the engine, held outputs, pings.
    pub fn advance(&mut self, engine: &mut Engine, now: ExchangeNow) {
        while self.execute_next(engine, now) {
            self.publish(engine, now);
        }
        self.release_held(now);
        self.visible.advance(now.session_ms);
        for (id, session) in &mut self.sessions {
            if session.next_ping_wall_ms <= now.wall_ms {
                session.next_ping_wall_ms = now.wall_ms.saturating_add(self.settings.ping_interval_ms);
                self.outputs.push_back(Output::Ping { session: *id, payload: HEARTBEAT });
            }
        }
    }

    /// Sends held outputs that are due.
    fn release_held(&mut self, now: ExchangeNow) {
        self.faults.end_doubling(now.session_ms);
        self.faults.held.end_stall(now.session_ms, &mut self.outputs);
        while let Some(output) = self.faults.held.release(now.session_ms) {
            self.outputs.push_back(output);
        }
    }

    /// The session time at which [`Gateway::advance`] has something to do.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<i64> {
        let write = self.delayed.front().map(|delayed| delayed.due_ms);
        write.into_iter().chain(self.faults.held.next_deadline_ms()).min()
    }

    /// The wall time at which the next ping is due.
    #[must_use]
    pub fn next_ping_wall_ms(&self) -> Option<i64> {
        self.sessions.values().map(|session| session.next_ping_wall_ms).min()
    }

    /// The next output, in the order of creation.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(twin) = self.faults.twin() {
            return Some(twin);
        }
        while let Some(output) = self.outputs.pop_front() {
            if let Some(output) = self.faults.held.pass(output) {
                self.faults.double(&output);
                return Some(output);
            }
        }
        None
    }
}

/// Whether a request is a read. HEAD is answered like GET; the server omits the content.
fn is_read(request: &HttpRequest<'_>) -> bool {
    matches!(request.method, "GET" | "HEAD")
}

#[cfg(test)]
mod tests;
