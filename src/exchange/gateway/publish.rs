//! From the engine's events to frames and to what reads will see. A public message is written once and shared by all
//! subscriptions that want it in the same form; private ones go to the sessions of their account.

use std::collections::BTreeSet;

use super::faults::FillFate;
use super::frames::{self, Around, Level, Lifecycle, TickerState};
use super::session::{Channel, Session};
use super::visible::Change;
use super::{ExchangeNow, Gateway, Output, SessionId};
use crate::exchange::engine::{AccountId, Engine, Event, FillRecord, MarketIndex};
use crate::market::{BookSide, Count, Price};

/// A level change in one of the forms in which subscriptions want it.
#[derive(Debug, Default)]
pub(super) struct DeltaForms {
    /// By `use_yes_price`, and by whether the client order id is in it.
    forms: [Vec<u8>; 4],
}

impl DeltaForms {
    fn clear(&mut self) {
        self.forms.iter_mut().for_each(Vec::clear);
    }
}

impl Gateway {
    /// Publishes what happened in the engine since the last call.
    pub fn publish(&mut self, engine: &mut Engine, now: ExchangeNow) {
        let mut events = std::mem::take(&mut self.events);
        events.extend(engine.drain_events());
        let mut moved = BTreeSet::new();
        for event in events.drain(..) {
            self.publish_event(engine, event, &mut moved, now);
        }
        self.events = events;
        self.publish_tickers(engine, now);
        self.note_cash(engine, &moved, now);
    }

    fn publish_event(&mut self, engine: &Engine, event: Event, moved: &mut BTreeSet<AccountId>, now: ExchangeNow) {
        match event {
            Event::Level { market, side, price, change, clock, cause, time_ms } => {
                self.dirty_tickers.insert(market);
                let cause = cause.as_ref().map(|(account, id)| (*account, id.as_deref()));
                self.publish_level(market, Level { side, price, change, clock, time_ms }, cause, now);
            }
            Event::Trade { market, trade, price, count, taker, time_ms } => {
                self.dirty_tickers.insert(market);
                self.message.clear();
                let name = self.directory.name(market);
                frames::trade(&mut self.message, name, (trade, price, count, taker, time_ms));
                self.broadcast(Channel::Trade, "trade", Some(market), now);
            }
            Event::Fill(fill) => {
                moved.insert(fill.account);
                self.publish_fill(&fill, now);
                self.visible.push(Change::Fill(fill), now.session_ms);
            }
            Event::Order(order) => {
                self.message.clear();
                frames::user_order(&mut self.message, self.directory.name(order.market), &order);
                self.send_private(Channel::UserOrders, "user_order", order.account, order.market, now);
                self.visible.push(Change::Order(order), now.session_ms);
            }
            Event::Position { account, market, position } => {
                moved.insert(account);
                self.message.clear();
                let user = super::directory::user_id(account);
                frames::market_position(&mut self.message, self.directory.name(market), &user, &position);
                self.send_private(Channel::MarketPositions, "market_position", account, market, now);
                self.visible.push(Change::Position(account, market, position), now.session_ms);
            }
            Event::Created { market } => self.publish_created(engine, market, now),
            Event::Activity { market, active, .. } => {
                self.publish_lifecycle(market, Lifecycle::Activity { active }, now);
            }
            Event::CloseMoved { market, close_ms } => {
                self.publish_lifecycle(market, Lifecycle::CloseMoved { close_ms }, now);
            }
            Event::Determined { market, value, time_ms } => {
                self.publish_lifecycle(market, Lifecycle::Determined { value, time_ms }, now);
            }
            Event::Settled { market, time_ms } => {
                self.publish_lifecycle(market, Lifecycle::Settled { time_ms }, now);
                for account in self.keys.accounts() {
                    let paid = engine.settlements_of(account).find(|settlement| settlement.market == market);
                    if let Some(settlement) = paid {
                        moved.insert(account);
                        self.visible.push(Change::Settlement(*settlement), now.session_ms);
                    }
                }
            }
            Event::BookReset { market, .. } => self.publish_reset(engine, market, now),
        }
    }

    fn publish_level(
        &mut self,
        market: MarketIndex,
        level: Level,
        cause: Option<(AccountId, Option<&str>)>,
        now: ExchangeNow,
    ) {
        self.delta_forms.clear();
        for (id, session) in &mut self.sessions {
            let account = session.account;
            let Some(open) = session.on(Channel::OrderbookDelta) else { continue };
            if !open.covers(market) {
                continue;
            }
            let own = match cause {
                Some((owner, client_order_id)) if owner == account => client_order_id,
                _ => None,
            };
            let form = usize::from(open.use_yes_price) * 2 + usize::from(own.is_some());
            let message = &mut self.delta_forms.forms[form];
            if message.is_empty() {
                let name = self.directory.name(market);
                frames::delta(message, name, level, open.use_yes_price, own, self.time_text.at(level.time_ms));
            }
            let around =
                Around { kind: "orderbook_delta", id: None, sid: Some(open.sid), seq: Some(open.next_seq()) };
            if self.faults.loses_book_frame() {
                continue;
            }
            let text = frames::frame(around, message, now.session_ms);
            self.outputs.push_back(Output::Frame { session: *id, text });
        }
    }

    /// Sends the message to every subscription of a sequenced public channel.
    fn broadcast(&mut self, channel: Channel, kind: &'static str, market: Option<MarketIndex>, now: ExchangeNow) {
        for (id, session) in &mut self.sessions {
            let Some(open) = session.on(channel) else { continue };
            if market.is_some_and(|market| !open.covers(market)) {
                continue;
            }
            let around = Around { kind, id: None, sid: Some(open.sid), seq: Some(open.next_seq()) };
            let text = frames::frame(around, &self.message, now.session_ms);
            self.outputs.push_back(Output::Frame { session: *id, text });
        }
    }

    /// The frames of the message for the sessions of an account. Private channels carry no seq.
    fn private_frames(
        &mut self,
        channel: Channel,
        kind: &'static str,
        account: AccountId,
        market: MarketIndex,
        now: ExchangeNow,
    ) -> Vec<Output> {
        let message = &self.message;
        let concerned = self.sessions.iter_mut().filter(|(_, session)| session.account == account);
        concerned
            .filter_map(|(id, session)| {
                let open = session.on(channel).filter(|open| open.covers(market))?;
                let around = Around { kind, id: None, sid: Some(open.sid), seq: None };
                Some(Output::Frame { session: *id, text: frames::frame(around, message, now.session_ms) })
            })
            .collect()
    }

    fn send_private(
        &mut self,
        channel: Channel,
        kind: &'static str,
        account: AccountId,
        market: MarketIndex,
        now: ExchangeNow,
    ) {
        let frames = self.private_frames(channel, kind, account, market, now);
        self.outputs.extend(frames);
    }

    fn publish_fill(&mut self, fill: &FillRecord, now: ExchangeNow) {
        self.message.clear();
        frames::fill(&mut self.message, self.directory.name(fill.market), fill);
        let frames = self.private_frames(Channel::Fill, "fill", fill.account, fill.market, now);
        if frames.is_empty() {
            return;
        }
        match self.faults.fill() {
            FillFate::Sent => self.outputs.extend(frames),
            FillFate::Lost => {}
            FillFate::Doubled => {
                self.outputs.extend(frames.iter().cloned());
                self.outputs.extend(frames);
            }
            FillFate::Altered => {
                let price = if fill.price == Price::from_cents(50) { Price::from_cents(51) } else { fill.price.complement() };
                self.message.clear();
                frames::fill(&mut self.message, self.directory.name(fill.market), &FillRecord { price, ..fill.clone() });
                self.send_private(Channel::Fill, "fill", fill.account, fill.market, now);
            }
            FillFate::Delayed(by_ms) => {
                for output in frames {
                    self.faults.hold(now.session_ms.saturating_add(by_ms), output);
                }
            }
        }
    }

    fn publish_created(&mut self, engine: &Engine, market: MarketIndex, now: ExchangeNow) {
        let spec = engine.market(market).spec();
        self.directory.add(market, spec);
        for session in self.sessions.values_mut() {
            session.on_listed(&spec.ticker, market);
        }
        self.message.clear();
        frames::created(&mut self.message, spec);
        self.broadcast(Channel::MarketLifecycle, "market_lifecycle_v2", None, now);
    }

    fn publish_lifecycle(&mut self, market: MarketIndex, what: Lifecycle, now: ExchangeNow) {
        self.message.clear();
        frames::lifecycle(&mut self.message, self.directory.name(market), what);
        self.broadcast(Channel::MarketLifecycle, "market_lifecycle_v2", None, now);
    }

    /// A book was replaced as a whole: everyone who follows it gets a snapshot.
    fn publish_reset(&mut self, engine: &Engine, market: MarketIndex, now: ExchangeNow) {
        let follows = |session: &Session| {
            session.open().any(|(channel, open)| channel == Channel::OrderbookDelta && open.covers(market))
        };
        let following: Vec<SessionId> =
            self.sessions.iter().filter(|(_, session)| follows(session)).map(|(id, _)| *id).collect();
        let ticker = self.directory.name(market).ticker.clone();
        for session in following {
            self.send_snapshots(engine, session, None, &[(&ticker, Some(market))], now);
        }
    }

    /// Tickers of the markets that changed, at most one for each call.
    fn publish_tickers(&mut self, engine: &Engine, now: ExchangeNow) {
        let dirty = std::mem::take(&mut self.dirty_tickers);
        let follows = |session: &Session| session.open().any(|(channel, _)| channel == Channel::Ticker);
        let followers: Vec<SessionId> =
            self.sessions.iter().filter(|(_, session)| follows(session)).map(|(id, _)| *id).collect();
        if followers.is_empty() {
            return;
        }
        for market in dirty {
            let state = ticker_state(engine, market);
            if self.last_tickers.insert(market, state) != Some(state) {
                for session in &followers {
                    self.send_ticker(engine, *session, market, now);
                }
            }
        }
    }

    /// Sends a market's ticker to a session, if it follows it.
    pub(super) fn send_ticker(&mut self, engine: &Engine, session: SessionId, market: MarketIndex, now: ExchangeNow) {
        let Some(open) = self.sessions.get_mut(&session).and_then(|session| session.on(Channel::Ticker)) else { return };
        if !open.covers(market) {
            return;
        }
        let state = ticker_state(engine, market);
        self.message.clear();
        let time = self.time_text.at(now.session_ms);
        frames::ticker(&mut self.message, self.directory.name(market), &state, now.session_ms, time);
        let around = Around { kind: "ticker", id: None, sid: Some(open.sid), seq: None };
        let text = frames::frame(around, &self.message, now.session_ms);
        self.outputs.push_back(Output::Frame { session, text });
    }

    /// Notes the cash of accounts whose money moved.
    fn note_cash(&mut self, engine: &Engine, moved: &BTreeSet<AccountId>, now: ExchangeNow) {
        for account in moved {
            for shard in engine.shards_of(*account) {
                let cash = engine.balance(*account, shard);
                self.visible.push(Change::Cash(*account, shard, cash), now.session_ms);
            }
        }
    }
}

/// A market's best prices and sums. Empty sides are $0 and $1, as captured.
pub(super) fn ticker_state(engine: &Engine, market: MarketIndex) -> TickerState {
    let place = engine.market(market);
    let (bid, bid_size) = engine.best(market, BookSide::Bid).unwrap_or((Price::ZERO, Count::ZERO));
    let (ask, ask_size) = engine.best(market, BookSide::Ask).unwrap_or((Price::ONE, Count::ZERO));
    TickerState {
        last_price: place.last_price().unwrap_or(Price::ZERO),
        bid,
        bid_size,
        ask,
        ask_size,
        volume: place.volume(),
        open_interest: place.open_interest(),
        last_size: engine.trades_of(market).next().map_or(Count::ZERO, |trade| trade.count),
    }
}
