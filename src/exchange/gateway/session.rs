//! One WebSocket session: its subscriptions, at most one per channel, each with its sid and sequence numbers.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::limits::CommandBudget;
use crate::exchange::engine::{AccountId, MarketIndex};

/// A WebSocket channel of this exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[repr(u8)]
pub enum Channel {
    /// `orderbook_delta`: the books of markets.
    OrderbookDelta = 0,
    /// `ticker`: the best prices and sums of markets.
    Ticker,
    /// `trade`: public trades.
    Trade,
    /// `fill`: the account's fills.
    Fill,
    /// `user_orders`: the account's orders.
    UserOrders,
    /// `market_positions`: the account's positions.
    MarketPositions,
    /// `market_lifecycle_v2`: changes in the life cycle of markets and events.
    MarketLifecycle,
    /// `order_group_updates`: the account's order groups.
    OrderGroupUpdates,
    /// `multivariate_market_lifecycle`: nothing is ever sent on it, since this exchange has no combos.
    MultivariateLifecycle,
}

const CHANNELS: [(Channel, &str); 9] = [
    (Channel::OrderbookDelta, "orderbook_delta"),
    (Channel::Ticker, "ticker"),
    (Channel::Trade, "trade"),
    (Channel::Fill, "fill"),
    (Channel::UserOrders, "user_orders"),
    (Channel::MarketPositions, "market_positions"),
    (Channel::MarketLifecycle, "market_lifecycle_v2"),
    (Channel::OrderGroupUpdates, "order_group_updates"),
    (Channel::MultivariateLifecycle, "multivariate_market_lifecycle"),
];

impl Channel {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        CHANNELS.iter().find(|(_, known)| *known == name).map(|(channel, _)| *channel)
    }

    pub(super) fn name(self) -> &'static str {
        CHANNELS[self as usize].1
    }

    /// Whether its frames carry sequence numbers.
    #[must_use]
    pub const fn has_seq(self) -> bool {
        !matches!(self, Self::Ticker | Self::Fill | Self::UserOrders | Self::MarketPositions)
    }

    /// Whether the channel supports market filters.
    pub(super) const fn is_filtered(self) -> bool {
        !matches!(self, Self::MarketLifecycle | Self::OrderGroupUpdates | Self::MultivariateLifecycle)
    }
}

impl TryFrom<String> for Channel {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let names = || CHANNELS.map(|(_, name)| name).join(", ");
        Self::from_name(&name).ok_or_else(|| format!("unknown channel `{name}`, expected one of {}", names()))
    }
}

impl From<Channel> for &'static str {
    fn from(channel: Channel) -> Self {
        channel.name()
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The markets of a subscription that names them, with lookups in constant time even for thousands of names.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// In the order of subscription. May include tickers that are not listed (yet).
    pub(super) tickers: Vec<String>,
    listed: Vec<bool>,
    /// The tickers that are not listed yet.
    unlisted: HashSet<String>,
}

impl Named {
    /// Adds a market. Returns whether it is new.
    pub(super) fn add(&mut self, ticker: &str, market: Option<MarketIndex>) -> bool {
        let is_known = match market {
            Some(market) => self.has(market),
            None => !self.unlisted.insert(ticker.to_owned()),
        };
        if !is_known {
            self.tickers.push(ticker.to_owned());
            self.mark(market, true);
        }
        !is_known
    }

    /// Removes markets.
    pub(super) fn remove(&mut self, markets: &[(&str, Option<MarketIndex>)]) {
        let gone: HashSet<&str> = markets.iter().map(|(ticker, _)| *ticker).collect();
        self.tickers.retain(|known| !gone.contains(known.as_str()));
        for (ticker, market) in markets {
            self.unlisted.remove(*ticker);
            self.mark(*market, false);
        }
    }

    /// Whether a listed market is among them.
    pub(super) fn has(&self, market: MarketIndex) -> bool {
        self.listed.get(market as usize).copied().unwrap_or(false)
    }

    /// To be called when a market is listed, since it may have been named before.
    pub(super) fn on_listed(&mut self, ticker: &str, market: MarketIndex) {
        if self.unlisted.remove(ticker) {
            self.mark(Some(market), true);
        }
    }

    fn mark(&mut self, market: Option<MarketIndex>, present: bool) {
        let Some(market) = market else { return };
        let position = market as usize;
        if self.listed.len() <= position {
            self.listed.resize(position + 1, false);
        }
        self.listed[position] = present;
    }
}

/// An open subscription.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) sid: u64,
    seq: u64,
    /// The markets it covers; `None` means all.
    pub(super) named: Option<Named>,
    pub(super) use_yes_price: bool,
    pub(super) skip_ticker_ack: bool,
}

impl Subscription {
    pub(super) fn new(sid: u64) -> Self {
        Self { sid, seq: 0, named: None, use_yes_price: false, skip_ticker_ack: false }
    }

    /// The next sequence number.
    pub(super) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    pub(super) fn covers(&self, market: MarketIndex) -> bool {
        self.named.as_ref().is_none_or(|named| named.has(market))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) account: AccountId,
    pub(super) next_ping_wall_ms: i64,
    pub(super) commands: CommandBudget,
    sids: u64,
    subscriptions: [Option<Subscription>; CHANNELS.len()],
}

impl Session {
    pub(super) fn new(account: AccountId, next_ping_wall_ms: i64, commands: CommandBudget) -> Self {
        Self { account, next_ping_wall_ms, commands, sids: 0, subscriptions: Default::default() }
    }

    /// Opens a channel that is not open. Sids increase and are never reused.
    pub(super) fn subscribe(&mut self, channel: Channel) -> &mut Subscription {
        self.sids += 1;
        self.subscriptions[channel as usize].insert(Subscription::new(self.sids))
    }

    pub(super) fn on(&mut self, channel: Channel) -> Option<&mut Subscription> {
        self.subscriptions[channel as usize].as_mut()
    }

    pub(super) fn channel_of(&self, sid: u64) -> Option<Channel> {
        self.open().find(|(_, subscription)| subscription.sid == sid).map(|(channel, _)| channel)
    }

    pub(super) fn unsubscribe(&mut self, channel: Channel) -> Option<Subscription> {
        self.subscriptions[channel as usize].take()
    }

    /// The open subscriptions, by channel.
    pub(super) fn open(&self) -> impl Iterator<Item = (Channel, &Subscription)> {
        CHANNELS
            .iter()
            .zip(&self.subscriptions)
            .filter_map(|((channel, _), subscription)| Some((*channel, subscription.as_ref()?)))
    }

    /// To be called when a market is listed.
    pub(super) fn on_listed(&mut self, ticker: &str, market: MarketIndex) {
        for named in self.subscriptions.iter_mut().flatten().filter_map(|open| open.named.as_mut()) {
            named.on_listed(ticker, market);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sids_count_up_and_are_never_used_again() {
        let mut session = Session::new(1, 0, CommandBudget::new(1, 0));
        assert_eq!(session.subscribe(Channel::Ticker).sid, 1);
        assert_eq!(session.subscribe(Channel::Trade).sid, 2);
        session.unsubscribe(Channel::Ticker);
        assert_eq!(session.subscribe(Channel::Ticker).sid, 3);
        assert_eq!(session.channel_of(2), Some(Channel::Trade));
        assert_eq!(session.channel_of(1), None);
    }

    #[test]
    fn a_name_that_is_listed_later_is_covered_from_then_on() {
        let mut named = Named::default();
        assert!(named.add("KXA", None));
        assert!(!named.add("KXA", None));
        assert!(!named.has(4));
        named.on_listed("KXA", 4);
        assert!(named.has(4) && !named.add("KXA", Some(4)));
        named.remove(&[("KXA", Some(4))]);
        assert!(!named.has(4) && named.tickers.is_empty());
        assert!(named.add("KXB", None));
        named.remove(&[("KXB", None)]);
        named.on_listed("KXB", 5);
        assert!(!named.has(5), "a name that was taken away before it was listed");
    }

    #[test]
    fn every_channel_is_found_by_its_name() {
        for (channel, name) in CHANNELS {
            assert_eq!(Channel::from_name(name), Some(channel));
            assert_eq!(channel.name(), name);
        }
    }
}
