//! The whole exchange as one state machine: engine, gateway, participants and recorded markets under one clock, without
//! sockets. The socket server and the single-threaded simulation drive the same type.
//!
//! Inputs carry their time. [`Exchange::advance`] carries out everything that is due, at its own time and, within one
//! moment, in a fixed order: engine timers, recorded steps, participants, then order writes that arrive. The same inputs at
//! the same times give the same outputs.

use super::engine::{AccountId, AccountSpec, Engine, ListError, MarketSpec};
use super::faults::{Fault, FaultPlan};
use super::gateway::{
    ApiKey, ExchangeNow, Gateway, GatewaySettings, HttpRequest, HttpResponse, Output, SessionId, Ticket,
};
use super::keys::IssuedKey;
use super::live_feed::LiveFeed;
pub use super::live_feed::LiveFeedCounters;
use super::participants::{Participants, World};
use super::player::Player;
use super::recordings::Recording;

/// The number of shards.
const SHARDS: u8 = 4;

/// An exchange, driven by hand or by the socket server; see [`Exchange::builder`].
#[derive(Debug)]
pub struct Exchange {
    engine: Engine,
    gateway: Gateway,
    participants: Participants,
    recordings: Player,
    live: LiveFeed,
    plan: FaultPlan,
    /// When pauses caused by faults end: of trading, and of the exchange.
    trading_resumes_ms: Option<i64>,
    opens_again_ms: Option<i64>,
    clients: Vec<AccountId>,
    session_ms: i64,
}

impl Exchange {
    /// Opens the accounts, lists the markets, and starts at `session_ms`: the last step of [`Exchange::builder`]. The
    /// clients' accounts are numbered from 1, in their order.
    ///
    /// # Errors
    /// If a market can't be listed.
    pub(super) fn new(
        seed: u64,
        settings: GatewaySettings,
        clients: &[(AccountSpec, Vec<IssuedKey>)],
        mut world: World,
        recordings: Vec<Recording>,
        session_ms: i64,
    ) -> Result<Self, ListError> {
        let mut engine = Engine::new(seed);
        engine.set_collateral(settings.collateral);
        let mut gateway = Gateway::new(settings);
        let mut accounts = Vec::with_capacity(clients.len());
        for (spec, keys) in clients {
            let account = engine.open_account(spec);
            for IssuedKey { key_id, verifier, .. } in keys {
                gateway.add_key(&engine, ApiKey { key_id: key_id.clone(), account, verifier: verifier.clone() });
            }
            accounts.push(account);
        }
        let plan = FaultPlan::new(std::mem::take(&mut world.faults), world.seed, session_ms);
        let participants = Participants::new(&mut engine, world, session_ms)?;
        let recordings = Player::new(&mut engine, recordings, session_ms)?;
        let live = LiveFeed::default();
        let mut exchange = Self {
            engine,
            gateway,
            participants,
            recordings,
            live,
            plan,
            trading_resumes_ms: None,
            opens_again_ms: None,
            clients: accounts,
            session_ms,
        };
        exchange.gateway.publish(&mut exchange.engine, ExchangeNow { session_ms, wall_ms: session_ms });
        Ok(exchange)
    }

    /// The engine, for reading the true state.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The clients' accounts, in the builder's order.
    #[must_use]
    pub fn clients(&self) -> &[AccountId] {
        &self.clients
    }

    /// Acts on the engine directly (pauses, listings, deposits), and publishes the effects.
    pub fn command<T>(&mut self, now: ExchangeNow, act: impl FnOnce(&mut Engine, i64) -> T) -> T {
        self.advance(now);
        let now = self.clamp(now);
        let result = act(&mut self.engine, now.session_ms);
        self.gateway.publish(&mut self.engine, now);
        result
    }

    /// Lists a market while the exchange is running.
    ///
    /// # Errors
    /// If its ticker is taken, or it would close before it opens.
    pub fn list(&mut self, spec: MarketSpec, now: ExchangeNow) -> Result<(), ListError> {
        self.command(now, |engine, now_ms| engine.list_market(spec, now_ms)).map(|_| ())
    }

    /// Handles a frame of another venue's live feed, received at `received_ms`: recorded markets of the same tickers follow
    /// it. Frames of other markets, and invalid frames, change nothing.
    pub fn live_frame(&mut self, text: &[u8], received_ms: i64, now: ExchangeNow) {
        self.advance(now);
        let now = self.clamp(now);
        self.live.frame(&mut self.engine, text, received_ms, now.session_ms);
        self.gateway.publish(&mut self.engine, now);
    }

    /// Counts of the input from [`Exchange::live_frame`].
    #[must_use]
    pub fn live_feed(&self) -> LiveFeedCounters {
        self.live.counters()
    }

    /// Makes sure that session time never runs backwards, whatever the caller's clock does.
    fn clamp(&mut self, now: ExchangeNow) -> ExchangeNow {
        self.session_ms = self.session_ms.max(now.session_ms);
        ExchangeNow { session_ms: self.session_ms, ..now }
    }

    /// Carries out everything that is due by now.
    pub fn advance(&mut self, now: ExchangeNow) {
        while let Some(due_ms) = self.next_deadline_ms().filter(|due_ms| *due_ms < now.session_ms) {
            self.step(ExchangeNow { session_ms: due_ms, ..now });
        }
        self.step(now);
    }

    fn step(&mut self, now: ExchangeNow) {
        let now = self.clamp(now);
        self.engine.advance(now.session_ms);
        if self.trading_resumes_ms.take_if(|resume_ms| *resume_ms <= now.session_ms).is_some() {
            self.on_every_shard(|engine, shard, now_ms| engine.set_trading(shard, true, now_ms));
        }
        if self.opens_again_ms.take_if(|resume_ms| *resume_ms <= now.session_ms).is_some() {
            self.on_every_shard(|engine, shard, now_ms| engine.set_exchange(shard, true, now_ms));
        }
        while let Some(planned) = self.plan.pop_due(now.session_ms) {
            (0..planned.times).for_each(|_| self.arm(planned.fault));
        }
        self.recordings.advance(&mut self.engine, now.session_ms);
        self.live.advance(&mut self.engine, now.session_ms);
        self.participants.advance(&mut self.engine, now.session_ms);
        self.gateway.publish(&mut self.engine, now);
        self.gateway.advance(&mut self.engine, now);
    }

    /// The session time at which something happens next by itself.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<i64> {
        let due = [
            self.engine.next_deadline_ms(),
            self.recordings.next_ms(),
            self.live.next_ms(),
            self.participants.next_ms(),
            self.plan.next_ms(),
            self.trading_resumes_ms,
            self.opens_again_ms,
            self.gateway.next_deadline_ms(),
        ];
        due.into_iter().flatten().min()
    }

    /// The exchange's wall time, with which it dates its responses and checks signatures.
    #[must_use]
    pub fn date_ms(&self, now: ExchangeNow) -> i64 {
        self.gateway.date_ms(now)
    }

    /// The wall time at which the next ping is due.
    #[must_use]
    pub fn next_ping_wall_ms(&self) -> Option<i64> {
        self.gateway.next_ping_wall_ms()
    }

    /// Handles a REST request. Its response, if there is one, comes from [`Exchange::poll`] with the ticket.
    pub fn http(&mut self, ticket: Ticket, request: &HttpRequest<'_>, now: ExchangeNow) {
        self.advance(now);
        let now = self.clamp(now);
        self.gateway.http(&self.engine, ticket, request, now);
        // Without an order latency the write is due at once.
        self.gateway.advance(&mut self.engine, now);
    }

    /// Handles a WebSocket handshake, and opens a session.
    ///
    /// # Errors
    /// The response that rejects it.
    pub fn open(
        &mut self,
        session: SessionId,
        request: &HttpRequest<'_>,
        now: ExchangeNow,
    ) -> Result<(), HttpResponse> {
        self.gateway.open(session, request, now)
    }

    /// Handles a message from a session.
    pub fn text(&mut self, session: SessionId, text: &[u8], now: ExchangeNow) {
        self.advance(now);
        let now = self.clamp(now);
        self.gateway.text(&self.engine, session, text, now);
    }

    /// Removes a session that has ended.
    pub fn closed(&mut self, session: SessionId) {
        self.gateway.closed(session);
    }

    /// Handles a session that reads too slowly: its subscriptions end with error 25.
    pub fn overflowed(&mut self, session: SessionId, now: ExchangeNow) {
        let now = self.clamp(now);
        self.gateway.overflowed(session, now);
    }

    /// Arms a fault, or lets it act at once, at the time of the last input.
    pub fn arm(&mut self, fault: Fault) {
        let until_ms = |for_ms: i64| Some(self.session_ms.saturating_add(for_ms));
        match fault {
            Fault::PauseTrading { for_ms } => {
                self.trading_resumes_ms = self.trading_resumes_ms.max(until_ms(for_ms));
                self.on_every_shard(|engine, shard, now_ms| engine.set_trading(shard, false, now_ms));
            }
            Fault::PauseExchange { for_ms } => {
                self.opens_again_ms = self.opens_again_ms.max(until_ms(for_ms));
                self.on_every_shard(|engine, shard, now_ms| engine.set_exchange(shard, false, now_ms));
            }
            _ => {}
        }
        self.gateway.arm(fault, self.session_ms);
    }

    /// Disarms every armed and planned fault, and ends those in progress, pauses included.
    pub fn disarm(&mut self) {
        self.plan = FaultPlan::default();
        self.gateway.disarm();
        if self.trading_resumes_ms.take().is_some() {
            self.on_every_shard(|engine, shard, now_ms| engine.set_trading(shard, true, now_ms));
        }
        if self.opens_again_ms.take().is_some() {
            self.on_every_shard(|engine, shard, now_ms| engine.set_exchange(shard, true, now_ms));
        }
    }

    /// The gateway, for its reports about faults.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Pauses or resumes every shard, and publishes the effects.
    fn on_every_shard(&mut self, act: impl Fn(&mut Engine, u8, i64)) {
        let session_ms = self.session_ms;
        for exchange_index in 0..SHARDS {
            act(&mut self.engine, exchange_index, session_ms);
        }
        self.gateway.publish(&mut self.engine, ExchangeNow { session_ms, wall_ms: session_ms });
    }

    /// The next output to send.
    pub fn poll(&mut self) -> Option<Output> {
        self.gateway.poll()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::MarketState;
    use crate::exchange::participants::default_world;
    use crate::exchange::recorded::{Entry, RecordedMarket, SessionMarket, Step};
    use crate::market::{BookLevels, Count, FeeSchedule, Price};

    const START_MS: i64 = 1_790_000_000_000;

    fn at(session_ms: i64) -> ExchangeNow {
        ExchangeNow { session_ms, wall_ms: session_ms }
    }

    #[test]
    fn a_recorded_market_shows_its_book_and_ends_with_its_result() {
        let levels =
            BookLevels { yes: vec![(Price::from_cents(40), Count::from_contracts(5))], ..BookLevels::default() };
        let step =
            Step { ts_ms: START_MS + 10, complete_ms: START_MS + 15, entries: vec![Entry::Snapshot(Box::new(levels))] };
        let ticker = "KXREC-1-A".to_owned();
        let steps = RecordedMarket { ticker, steps: vec![step], ..RecordedMarket::default() };
        let mut terms = SessionMarket::inferred(&steps, FeeSchedule::QUADRATIC);
        terms.spec.close_ms = START_MS + 1_000;
        terms.result = Some(Price::ONE);
        let market = Recording { terms, steps };
        let (mut exchange, _) = Exchange::builder().recordings(vec![market]).start_ms(START_MS).build().unwrap();
        exchange.advance(at(START_MS + 14));
        assert_eq!(exchange.engine().best(0, crate::market::BookSide::Bid), None);
        exchange.advance(at(START_MS + 15));
        let best = exchange.engine().best(0, crate::market::BookSide::Bid);
        assert_eq!(best, Some((Price::from_cents(40), Count::from_contracts(5))));
        exchange.advance(at(START_MS + 2_000));
        assert_eq!(exchange.engine().market(0).state(), MarketState::Finalized(Price::ONE));
    }

    #[test]
    fn one_big_step_of_time_does_what_many_small_ones_do() {
        let run = |stride_ms: i64| {
            let world = default_world(4, 4, START_MS);
            let (mut exchange, _) = Exchange::builder().world(world).start_ms(START_MS).build().unwrap();
            let mut now_ms = START_MS;
            while now_ms < START_MS + 20_000 {
                now_ms += stride_ms;
                exchange.advance(at(now_ms));
            }
            let engine = exchange.engine();
            (0..engine.market_count())
                .map(|market| (engine.market(market).clock(), engine.market(market).volume()))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(20_000), run(7));
    }
}
