//! Turns the engine's events into frames and into what reads will see. Public frames go to every subscription that covers
//! their market, each with its own sid and seq; private frames go to the sessions of their account.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::directory::{Name, user_id};
use super::faults::FillFate;
use super::frames::{self, Level, TickerState, result_of, written};
use super::session::{Channel, Session};
use super::visible::Change;
use super::{ExchangeNow, Gateway, Output, SessionId};
use crate::exchange::engine::{AccountId, Engine, Event, FillRecord, GroupChange, LevelCause, MarketIndex};
use crate::market::{BookSide, Count, OrderGroupId, OrderStatus, Outcome, Price, TradeId};
use crate::wire::frame::Envelope;
use crate::wire::frame_write::{self, CreatedEvent, CreatedMarket, LifecycleOut, TradeOut};
use crate::wire::markets::PriceRange;

impl Gateway {
    /// Publishes what happened in the engine since the last call.
    pub fn publish(&mut self, engine: &mut Engine, now: ExchangeNow) {
        // Before anything new, so that a delayed channel keeps its order.
        self.release_held(now);
        let mut events = std::mem::take(&mut self.events);
        events.extend(engine.drain_events());
        if self.settings.remainder_first {
            remainders_first(&mut events);
        }
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
                self.publish_level(market, Level { side, price, change, clock, time_ms }, cause.as_ref(), now);
            }
            Event::Trade { market, trade, price, count, taker, time_ms } => {
                self.dirty_tickers.insert(market);
                let out = TradeOut {
                    trade,
                    ticker: &self.directory.name(market).ticker.clone(),
                    yes_price: price,
                    count,
                    taker: taker.outcome(),
                    is_block_trade: false,
                    ts_ms: time_ms,
                };
                self.broadcast(Channel::Trade, Some(market), now, |b, e| frame_write::write_trade(b, e, &out));
            }
            Event::Fill(fill) => {
                moved.insert(fill.account);
                if self.publish_fill(&fill, now) {
                    self.visible.push(Change::Fill(fill), now.session_ms);
                }
            }
            Event::Order(order) => {
                let user_id = user_id(order.account);
                let group_id = order.group.map(|group| group.to_string());
                let owner_cancel = self.settings.owner_cancel_reason;
                let frames =
                    self.private_frames(Channel::UserOrders, order.account, order.market, now, |b, e, name| {
                        let out = frames::user_order(name, &user_id, group_id.as_deref(), owner_cancel, &order);
                        frame_write::write_user_order(b, e, &out);
                    });
                self.send_frames(Channel::UserOrders, frames, now);
                if order.status != OrderStatus::Resting {
                    self.faults.held.order_ended(order.order, &mut self.outputs);
                }
                self.visible.push(Change::Order(order), now.session_ms);
            }
            Event::Position { account, subaccount, market, position } => {
                moved.insert(account);
                let user_id = user_id(account);
                let frames = self.private_frames(Channel::MarketPositions, account, market, now, |b, e, name| {
                    let out = frames::market_position(name, &user_id, subaccount, &position);
                    frame_write::write_market_position(b, e, &out);
                });
                self.send_frames(Channel::MarketPositions, frames, now);
                self.visible.push(Change::Position(account, subaccount, market, position), now.session_ms);
            }
            Event::Settlement(settlement) => {
                moved.insert(settlement.account);
                self.visible.push(Change::Settlement(settlement), now.session_ms);
            }
            Event::Cash { account } => {
                moved.insert(account);
            }
            Event::Group { account, group, change, time_ms } => {
                self.publish_group(account, group, change, time_ms, now);
            }
            Event::Created { market } => self.publish_created(engine, market, now),
            Event::Activity { market, active, time_ms } => {
                self.directory.note_change(market, time_ms);
                let event = if active { LifecycleOut::Activated } else { LifecycleOut::Deactivated };
                self.publish_lifecycle(market, &event, now);
            }
            Event::CloseMoved { market, close_ms } => {
                self.directory.note_change(market, now.session_ms);
                let close_ts = close_ms.div_euclid(1_000);
                self.publish_lifecycle(market, &LifecycleOut::CloseDateUpdated { close_ts }, now);
            }
            Event::Determined { market, value, time_ms } => {
                self.directory.note_change(market, time_ms);
                let determination_ts = time_ms.div_euclid(1_000);
                let (result, settlement_value) = (result_of(value), value);
                let event = LifecycleOut::Determined { determination_ts, result, settlement_value };
                self.publish_lifecycle(market, &event, now);
            }
            Event::FeesOverridden { event_ticker, schedule } => {
                self.broadcast(Channel::MarketLifecycle, None, now, |b, e| {
                    frame_write::write_event_fee_update(b, e, &event_ticker, schedule);
                });
            }
            Event::Settled { market, time_ms } => {
                self.directory.note_settlement(market, time_ms);
                let settled_ts = time_ms.div_euclid(1_000);
                self.publish_lifecycle(market, &LifecycleOut::Settled { settled_ts }, now);
            }
        }
    }

    fn publish_level(&mut self, market: MarketIndex, level: Level, cause: Option<&LevelCause>, now: ExchangeNow) {
        let name = self.directory.name(market);
        for (id, session) in &mut self.sessions {
            let account = session.account;
            let Some(open) = session.on(Channel::OrderbookDelta).filter(|open| open.covers(market)) else { continue };
            let own = cause.filter(|cause| cause.account == account);
            if self.faults.skips_seq(Channel::OrderbookDelta) {
                open.next_seq();
            }
            let envelope = data_envelope(open.sid, Some(open.next_seq()), now);
            let out = level.out(name, open.use_yes_price, own);
            let text = written(&mut self.buffer, |b| frame_write::write_delta(b, &envelope, &out));
            self.faults.frame(&mut self.outputs, Channel::OrderbookDelta, *id, text, now.session_ms);
        }
    }

    /// Sends a frame to every subscription of a sequenced public channel.
    fn broadcast(
        &mut self,
        channel: Channel,
        market: Option<MarketIndex>,
        now: ExchangeNow,
        write: impl Fn(&mut Vec<u8>, &Envelope),
    ) {
        for (id, session) in &mut self.sessions {
            let Some(open) = session.on(channel) else { continue };
            if market.is_some_and(|market| !open.covers(market)) {
                continue;
            }
            if self.faults.skips_seq(channel) {
                open.next_seq();
            }
            let envelope = data_envelope(open.sid, Some(open.next_seq()), now);
            let text = written(&mut self.buffer, |b| write(b, &envelope));
            self.faults.frame(&mut self.outputs, channel, *id, text, now.session_ms);
        }
    }

    /// Builds the frames of a private event for the sessions of its account. Private channels carry no seq.
    fn private_frames(
        &mut self,
        channel: Channel,
        account: AccountId,
        market: MarketIndex,
        now: ExchangeNow,
        write: impl Fn(&mut Vec<u8>, &Envelope, &Name),
    ) -> Vec<(SessionId, Arc<[u8]>)> {
        let (buffer, name) = (&mut self.buffer, self.directory.name(market));
        let concerned = self.sessions.iter_mut().filter(|(_, session)| session.account == account);
        concerned
            .filter_map(|(id, session)| {
                let open = session.on(channel).filter(|open| open.covers(market))?;
                let envelope = data_envelope(open.sid, None, now);
                Some((*id, written(buffer, |b| write(b, &envelope, name))))
            })
            .collect()
    }

    /// Sends private frames.
    fn send_frames(&mut self, channel: Channel, frames: Vec<(SessionId, Arc<[u8]>)>, now: ExchangeNow) {
        for (session, text) in frames {
            self.faults.frame(&mut self.outputs, channel, session, text, now.session_ms);
        }
    }

    fn fill_frames(&mut self, fill: &FillRecord, now: ExchangeNow) -> Vec<(SessionId, Arc<[u8]>)> {
        self.private_frames(Channel::Fill, fill.account, fill.market, now, |b, e, name| {
            frame_write::write_fill(b, e, &frames::fill(name, fill));
        })
    }

    /// Returns whether the fill will be listed.
    fn publish_fill(&mut self, fill: &FillRecord, now: ExchangeNow) -> bool {
        let frames = self.fill_frames(fill, now);
        if frames.is_empty() {
            return true;
        }
        match self.faults.fill() {
            FillFate::Hidden => return false,
            FillFate::Forged => {
                self.send_frames(Channel::Fill, frames, now);
                let trade = TradeId::from_bits(!fill.trade.bits());
                let forged = self.fill_frames(&FillRecord { trade, ..fill.clone() }, now);
                self.send_frames(Channel::Fill, forged, now);
            }
            FillFate::Sent => self.send_frames(Channel::Fill, frames, now),
            FillFate::Altered => {
                let half = Price::from_cents(50);
                let price = if fill.price == half { Price::from_cents(51) } else { fill.price.complement() };
                let altered = self.fill_frames(&FillRecord { price, ..fill.clone() }, now);
                self.send_frames(Channel::Fill, altered, now);
            }
            FillFate::AfterEnd(within_ms) => {
                for (session, text) in frames {
                    let output = Output::Frame { session, text };
                    self.faults.held.hold(now.session_ms.saturating_add(within_ms), output, Some(fill.order));
                }
            }
        }
        true
    }

    fn publish_created(&mut self, engine: &Engine, market: MarketIndex, now: ExchangeNow) {
        let spec = engine.market(market).spec();
        if self.directory.events.find(&spec.event_ticker).is_none() {
            let event = CreatedEvent {
                event_ticker: &spec.event_ticker,
                exchange_index: spec.exchange_index,
                title: &spec.title,
                series_ticker: &spec.series_ticker,
            };
            let write = |b: &mut Vec<u8>, e: &Envelope| frame_write::write_event_lifecycle(b, e, &event);
            self.broadcast(Channel::MarketLifecycle, None, now, write);
        }
        self.directory.add(market, spec, now.session_ms);
        for session in self.sessions.values_mut() {
            session.on_listed(&spec.ticker, market);
        }
        let ranges: Vec<PriceRange> = spec.bands.bands().iter().map(|band| PriceRange::from(*band)).collect();
        let event = LifecycleOut::Created(CreatedMarket {
            exchange_index: spec.exchange_index,
            open_ts: spec.open_ms.div_euclid(1_000),
            close_ts: spec.close_ms.div_euclid(1_000),
            event_ticker: &spec.event_ticker,
            title: &spec.title,
            price_level_structure: &spec.structure,
            price_ranges: &ranges,
        });
        self.publish_lifecycle(market, &event, now);
    }

    fn publish_lifecycle(&mut self, market: MarketIndex, event: &LifecycleOut<'_>, now: ExchangeNow) {
        let ticker = self.directory.name(market).ticker.clone();
        self.broadcast(Channel::MarketLifecycle, None, now, |b, e| frame_write::write_lifecycle(b, e, &ticker, event));
    }

    /// Sends a change of an order group to the sessions of its account. Unlike other private channels, this one has sequence
    /// numbers.
    fn publish_group(
        &mut self,
        account: AccountId,
        group: OrderGroupId,
        change: GroupChange,
        time_ms: i64,
        now: ExchangeNow,
    ) {
        let out = frames::group_update(group, change, time_ms);
        for (id, session) in self.sessions.iter_mut().filter(|(_, session)| session.account == account) {
            let Some(open) = session.on(Channel::OrderGroupUpdates) else { continue };
            if self.faults.skips_seq(Channel::OrderGroupUpdates) {
                open.next_seq();
            }
            let envelope = data_envelope(open.sid, Some(open.next_seq()), now);
            let text = written(&mut self.buffer, |b| frame_write::write_order_group_update(b, &envelope, &out));
            self.faults.frame(&mut self.outputs, Channel::OrderGroupUpdates, *id, text, now.session_ms);
        }
    }

    /// Sends the tickers of the markets that changed, at most one per market and call.
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

    /// Sends a market's ticker to a session, if the session has subscribed to it.
    pub(super) fn send_ticker(&mut self, engine: &Engine, session: SessionId, market: MarketIndex, now: ExchangeNow) {
        let Some(open) = self.sessions.get_mut(&session).and_then(|session| session.on(Channel::Ticker)) else {
            return;
        };
        if !open.covers(market) {
            return;
        }
        let out = ticker_state(engine, market).out(self.directory.name(market), now.session_ms);
        let envelope = data_envelope(open.sid, None, now);
        let text = written(&mut self.buffer, |b| frame_write::write_ticker(b, &envelope, &out));
        self.faults.frame(&mut self.outputs, Channel::Ticker, session, text, now.session_ms);
    }

    /// Records the cash of accounts whose money moved.
    fn note_cash(&mut self, engine: &Engine, moved: &BTreeSet<AccountId>, now: ExchangeNow) {
        for account in moved {
            for (subaccount, shard, cash) in engine.cash_of(*account) {
                self.visible.push(Change::Cash(*account, subaccount, shard, cash), now.session_ms);
            }
        }
    }
}

/// Moves the remainder of an order that traded before the orders that it traded with. All have the clock of the same command.
fn remainders_first(events: &mut [Event]) {
    for at in 0..events.len() {
        let Some((market, clock, side, price)) = remainder(&events[at]) else { continue };
        let is_older = |event: &Event| matches!(event, Event::Level { market: other, clock: of, .. } if *other == market && *of != clock);
        let meets = |event: &Event| match event {
            Event::Level { market: other, side: opposite, price: resting, change, .. } => {
                *other == market
                    && *opposite != side
                    && *change < Count::ZERO
                    && price.units() + resting.units() >= Price::ONE.units()
            }
            _ => false,
        };
        let of_command = events[..at].iter().rposition(is_older).map_or(0, |older| older + 1);
        if let Some(first) = events[of_command..at].iter().position(meets) {
            events[of_command + first..=at].rotate_right(1);
        }
    }
}

/// The level at which an event puts an order into the book.
fn remainder(event: &Event) -> Option<(MarketIndex, u64, Outcome, Price)> {
    match event {
        Event::Level { market, clock, side, price, change, cause: Some(_), .. } if *change > Count::ZERO => {
            Some((*market, *clock, *side, *price))
        }
        _ => None,
    }
}

/// The envelope of a data frame.
fn data_envelope(sid: u64, seq: Option<u64>, now: ExchangeNow) -> Envelope {
    Envelope { id: None, sid: Some(sid), seq, sending_ts_ms: Some(now.session_ms) }
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
