//! WebSocket commands: subscribing, unsubscribing, and changing and listing subscriptions, with the exchange's error codes
//! and its rules for sids and sequence numbers (protocol page 2.2 and 2.3).

use serde::Deserialize;
use serde_json::Value;

use super::frames::written;
use super::session::{Channel, Named, Session};
use super::{ExchangeNow, Gateway, Output, SessionId};
use crate::exchange::engine::{Engine, MarketIndex};
use crate::wire::command::{Command, CommandParams};
use crate::wire::frame::Envelope;
use crate::wire::frame_write::{self, SnapshotOut};

/// A documented error code with its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CommandError(i64, &'static str);

const UNABLE_TO_PROCESS: CommandError = CommandError(1, "Unable to process message");
const PARAMS_REQUIRED: CommandError = CommandError(2, "Params required");
const CHANNELS_REQUIRED: CommandError = CommandError(3, "Channels required");
const SIDS_REQUIRED: CommandError = CommandError(4, "Subscription IDs required");
const UNKNOWN_COMMAND: CommandError = CommandError(5, "Unknown command");
const UNKNOWN_SID: CommandError = CommandError(7, "Unknown subscription ID");
const UNKNOWN_CHANNEL: CommandError = CommandError(8, "Unknown channel name");
const INVALID_PARAMETER: CommandError = CommandError(11, "Invalid parameter");
const ONE_SID_REQUIRED: CommandError = CommandError(12, "Exactly one subscription ID is required");
const UNSUPPORTED_ACTION: CommandError = CommandError(13, "Unsupported action");
const TICKER_REQUIRED: CommandError = CommandError(14, "Market Ticker required");
const ACTION_REQUIRED: CommandError = CommandError(15, "Action required");
const BUFFER_OVERFLOW: CommandError = CommandError(25, "Subscription buffer overflow");
const TOO_MANY_MARKETS: CommandError = CommandError(26, "Subscription market limit exceeded");
const TOO_MANY_REQUESTS: CommandError = CommandError(27, "Too many requests");

/// The command's number for replies: 0 means none.
const fn reply_id(id: u64) -> Option<u64> {
    if id == 0 { None } else { Some(id) }
}

/// The envelope of a reply.
fn answer(id: u64, sid: Option<u64>, seq: Option<u64>, now: ExchangeNow) -> Envelope {
    Envelope { id: reply_id(id), sid, seq, sending_ts_ms: Some(now.session_ms) }
}

/// The markets that a command names; `None` means no filter.
fn tickers_of(params: &CommandParams) -> Result<Option<Vec<&str>>, CommandError> {
    match (&params.market_ticker, &params.market_tickers) {
        (Some(_), Some(_)) => Err(INVALID_PARAMETER),
        (Some(one), None) => Ok(Some(vec![one])),
        (None, Some(many)) if many.is_empty() => Ok(None),
        (None, Some(many)) => Ok(Some(many.iter().map(String::as_str).collect())),
        (None, None) => Ok(None),
    }
}

impl Gateway {
    /// Handles a message from a session. Whatever it contains, the reply is a documented one.
    pub fn text(&mut self, engine: &Engine, session: SessionId, text: &[u8], now: ExchangeNow) {
        let value: Value = serde_json::from_slice(text).unwrap_or_default();
        let id = value.get("id").and_then(Value::as_u64).unwrap_or(0);
        if self.sessions.get_mut(&session).is_some_and(|session| !session.commands.pay(now.session_ms)) {
            return self.send_error(session, id, TOO_MANY_REQUESTS, None, now);
        }
        let Some(object) = value.as_object() else {
            return self.send_error(session, 0, UNABLE_TO_PROCESS, None, now);
        };
        let Ok(command) = Command::deserialize(&value) else {
            // Of a command that does not decode, only its number is used, and whether it is a command at all.
            let is_command = object.get("cmd").is_some_and(Value::is_string);
            let error = if is_command { INVALID_PARAMETER } else { UNABLE_TO_PROCESS };
            return self.send_error(session, id, error, None, now);
        };
        let params = command.params.as_ref();
        let result = match (command.cmd.as_str(), params) {
            ("list_subscriptions", _) => {
                self.list_subscriptions(session, command.id, now);
                Ok(())
            }
            ("subscribe" | "unsubscribe" | "update_subscription", None) => Err((PARAMS_REQUIRED, None)),
            ("subscribe", Some(params)) => {
                self.subscribe(engine, session, command.id, params, now).map_err(|e| (e, None))
            }
            ("unsubscribe", Some(params)) => self.unsubscribe(session, command.id, params, now).map_err(|e| (e, None)),
            ("update_subscription", Some(params)) => self.update(engine, session, command.id, params, now),
            _ => Err((UNKNOWN_COMMAND, None)),
        };
        if let Err((error, channel)) = result {
            self.send_error(session, command.id, error, channel, now);
        }
    }

    /// Ends every subscription of a session that reads too slowly, each with error 25, and drops the frames waiting for it.
    /// The session stays open.
    pub fn overflowed(&mut self, session: SessionId, now: ExchangeNow) {
        self.outputs.retain(|output| !matches!(output, Output::Frame { session: to, .. } if *to == session));
        self.faults.held.forget(session);
        let open: Vec<Channel> =
            self.sessions.get(&session).into_iter().flat_map(Session::open).map(|(c, _)| c).collect();
        for channel in open {
            self.send_error(session, 0, BUFFER_OVERFLOW, Some(channel), now);
            if let Some(session) = self.sessions.get_mut(&session) {
                session.unsubscribe(channel);
            }
        }
    }

    /// Sends an error. An error about a subscription carries its sid and uses up one of its sequence numbers.
    fn send_error(
        &mut self,
        session: SessionId,
        id: u64,
        error: CommandError,
        channel: Option<Channel>,
        now: ExchangeNow,
    ) {
        let subscription = channel.and_then(|channel| self.sessions.get_mut(&session)?.on(channel));
        let (sid, seq) = subscription.map(|open| (open.sid, open.next_seq())).unzip();
        let envelope = answer(id, sid, seq, now);
        let text = written(&mut self.buffer, |b| frame_write::write_error(b, &envelope, error.0, error.1, None));
        self.outputs.push_back(Output::Frame { session, text });
    }

    fn list_subscriptions(&mut self, session: SessionId, id: u64, now: ExchangeNow) {
        let envelope = answer(id, None, None, now);
        let open = self.sessions.get(&session).into_iter().flat_map(Session::open);
        let open = open.map(|(channel, open)| (channel.name(), open.sid));
        let text = written(&mut self.buffer, |b| frame_write::write_ok_list(b, &envelope, open));
        self.outputs.push_back(Output::Frame { session, text });
    }

    fn subscribe(
        &mut self,
        engine: &Engine,
        session: SessionId,
        id: u64,
        params: &CommandParams,
        now: ExchangeNow,
    ) -> Result<(), CommandError> {
        let names = params.channels.as_deref().filter(|names| !names.is_empty()).ok_or(CHANNELS_REQUIRED)?;
        let channels: Vec<Channel> =
            names.iter().map(|name| Channel::from_name(name)).collect::<Option<_>>().ok_or(UNKNOWN_CHANNEL)?;
        let tickers = tickers_of(params)?;
        if tickers.is_none() && channels.contains(&Channel::OrderbookDelta) {
            return Err(TICKER_REQUIRED);
        }
        if tickers.as_ref().is_some_and(|tickers| tickers.len() > self.settings.subscription_markets_max) {
            return Err(TOO_MANY_MARKETS);
        }
        // All acknowledgements come before the first data, as captured.
        let mut begun = Vec::with_capacity(channels.len());
        for channel in channels {
            let filter = if channel.is_filtered() { tickers.as_deref() } else { None };
            begun.push((channel, self.subscribe_channel(session, id, channel, filter, params, now)));
        }
        for (channel, added) in begun {
            match channel {
                Channel::OrderbookDelta => self.send_snapshots(engine, session, None, &added, now),
                Channel::Ticker if params.send_initial_snapshot == Some(true) => {
                    for market in added.iter().filter_map(|(_, market)| *market) {
                        self.send_ticker(engine, session, market, now);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Opens or extends a subscription and acknowledges it. Returns the markets that it did not have before.
    fn subscribe_channel<'t>(
        &mut self,
        session: SessionId,
        id: u64,
        channel: Channel,
        tickers: Option<&[&'t str]>,
        params: &CommandParams,
        now: ExchangeNow,
    ) -> Vec<(&'t str, Option<MarketIndex>)> {
        let mut added = Vec::new();
        let Some(state) = self.sessions.get_mut(&session) else { return added };
        let is_new = state.on(channel).is_none();
        if is_new {
            state.subscribe(channel).named = tickers.map(|_| Named::default());
        }
        let open = state.on(channel).expect("it was open, or was opened above");
        if let Some(use_yes_price) = params.use_yes_price {
            open.use_yes_price = use_yes_price;
        }
        if let Some(skip_ticker_ack) = params.skip_ticker_ack {
            open.skip_ticker_ack = skip_ticker_ack;
        }
        match (&mut open.named, tickers) {
            (Some(named), Some(tickers)) => {
                for ticker in tickers {
                    let market = self.directory.find(ticker);
                    if named.add(ticker, market) {
                        added.push((*ticker, market));
                    }
                }
            }
            // A subscription without a filter covers every market, whatever is added to it.
            (all, None) => *all = None,
            (None, Some(_)) => {}
        }
        if is_new {
            let sid = open.sid;
            let envelope = answer(id, None, None, now);
            let text = written(&mut self.buffer, |b| frame_write::write_subscribed(b, &envelope, channel.name(), sid));
            self.outputs.push_back(Output::Frame { session, text });
        } else {
            self.send_ok(session, id, channel, now);
        }
        added
    }

    /// Sends the `ok` for a subscription, with its markets.
    fn send_ok(&mut self, session: SessionId, id: u64, channel: Channel, now: ExchangeNow) {
        let Some(open) = self.sessions.get_mut(&session).and_then(|session| session.on(channel)) else { return };
        let envelope = answer(id, Some(open.sid), Some(open.next_seq()), now);
        let named = open.named.as_ref().filter(|_| !open.skip_ticker_ack);
        let tickers = named.map(|named| named.tickers.iter().map(String::as_str));
        let ids = named.map(|named| {
            let listed = named.tickers.iter().filter_map(|ticker| self.directory.find(ticker));
            listed.map(|market| self.directory.name(market).market_id.as_str())
        });
        let text = written(&mut self.buffer, |b| frame_write::write_ok(b, &envelope, tickers, ids));
        self.outputs.push_back(Output::Frame { session, text });
    }

    /// Sends a snapshot of each market, numbered within the subscription.
    fn send_snapshots(
        &mut self,
        engine: &Engine,
        session: SessionId,
        id: Option<u64>,
        markets: &[(&str, Option<MarketIndex>)],
        now: ExchangeNow,
    ) {
        let Some(open) = self.sessions.get_mut(&session).and_then(|s| s.on(Channel::OrderbookDelta)) else { return };
        for (ticker, market) in markets {
            self.levels.clear();
            let (mut market_id, mut clock) = ("", 0);
            if let Some(market) = market {
                engine.levels(*market, &mut self.levels);
                clock = engine.market(*market).clock();
                market_id = &self.directory.name(*market).market_id;
            }
            self.levels.yes.sort_unstable();
            self.levels.no.sort_unstable();
            if open.use_yes_price {
                for (price, _) in &mut self.levels.no {
                    *price = price.complement();
                }
            }
            let envelope =
                Envelope { id, sid: Some(open.sid), seq: Some(open.next_seq()), sending_ts_ms: Some(now.session_ms) };
            let snapshot = SnapshotOut { ticker, market_id, clock, levels: &self.levels };
            let text = written(&mut self.buffer, |b| frame_write::write_snapshot(b, &envelope, &snapshot));
            self.faults.frame(&mut self.outputs, Channel::OrderbookDelta, session, text, now.session_ms);
        }
    }

    fn unsubscribe(
        &mut self,
        session: SessionId,
        id: u64,
        params: &CommandParams,
        now: ExchangeNow,
    ) -> Result<(), CommandError> {
        let sids = params.sids.as_deref().filter(|sids| !sids.is_empty()).ok_or(SIDS_REQUIRED)?;
        let Some(state) = self.sessions.get_mut(&session) else { return Ok(()) };
        let channels: Vec<Channel> =
            sids.iter().map(|sid| state.channel_of(*sid)).collect::<Option<_>>().ok_or(UNKNOWN_SID)?;
        for mut ended in channels.into_iter().filter_map(|channel| state.unsubscribe(channel)) {
            let envelope = answer(id, Some(ended.sid), Some(ended.next_seq()), now);
            let text = written(&mut self.buffer, |b| frame_write::write_unsubscribed(b, &envelope));
            self.outputs.push_back(Output::Frame { session, text });
        }
        Ok(())
    }

    /// Changes a subscription. An error that concerns the subscription comes with its channel.
    fn update(
        &mut self,
        engine: &Engine,
        session: SessionId,
        id: u64,
        params: &CommandParams,
        now: ExchangeNow,
    ) -> Result<(), (CommandError, Option<Channel>)> {
        let action = params.action.as_deref().filter(|action| !action.is_empty()).ok_or((ACTION_REQUIRED, None))?;
        let sid = match (params.sid, params.sids.as_deref()) {
            (Some(sid), None) => sid,
            (None, Some([sid])) => *sid,
            _ => return Err((ONE_SID_REQUIRED, None)),
        };
        let Some(state) = self.sessions.get_mut(&session) else { return Ok(()) };
        let channel = state.channel_of(sid).ok_or((UNKNOWN_SID, None))?;
        let scoped = |error| (error, Some(channel));
        let open = state.on(channel).expect("an open sid belongs to an open channel");
        let tickers = tickers_of(params).map_err(scoped)?;
        match action {
            "add_markets" | "delete_markets" if !channel.is_filtered() => return Err(scoped(UNSUPPORTED_ACTION)),
            "add_markets" => {
                let tickers = tickers.ok_or(scoped(TICKER_REQUIRED))?;
                let mut added = Vec::new();
                if let Some(named) = &mut open.named {
                    if named.tickers.len() + tickers.len() > self.settings.subscription_markets_max {
                        return Err(scoped(TOO_MANY_MARKETS));
                    }
                    for ticker in tickers {
                        let market = self.directory.find(ticker);
                        if named.add(ticker, market) {
                            added.push((ticker, market));
                        }
                    }
                }
                self.send_ok(session, id, channel, now);
                if channel == Channel::OrderbookDelta {
                    self.send_snapshots(engine, session, None, &added, now);
                }
            }
            "delete_markets" => {
                let tickers = tickers.ok_or(scoped(TICKER_REQUIRED))?;
                if let Some(named) = &mut open.named {
                    let found = tickers.into_iter().map(|ticker| (ticker, self.directory.find(ticker)));
                    named.remove(&found.collect::<Vec<_>>());
                }
                self.send_ok(session, id, channel, now);
            }
            "get_snapshot" if channel == Channel::OrderbookDelta => {
                // Only the array counts here, as captured.
                let tickers = params.market_tickers.as_deref().filter(|tickers| !tickers.is_empty());
                let markets: Vec<(&str, Option<MarketIndex>)> = tickers
                    .ok_or(scoped(TICKER_REQUIRED))?
                    .iter()
                    .map(|ticker| (ticker.as_str(), self.directory.find(ticker)))
                    .collect();
                self.send_snapshots(engine, session, reply_id(id), &markets, now);
            }
            _ => return Err(scoped(UNSUPPORTED_ACTION)),
        }
        Ok(())
    }
}
