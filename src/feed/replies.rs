//! Handles answers to commands: subscriptions acknowledged, ended and refused.

use super::channels::{Channel, Purpose, Subscription};
use super::frames::excerpt;
use super::stage::FeedStage;
use crate::clock::Now;
use crate::ports::FeedPort;
use crate::wire::frame::Envelope;

/// The exchange's error codes that end a subscription, and those that ask to slow down.
const CHANNEL_ERROR: i64 = 10;
const BUFFER_OVERFLOW: i64 = 25;
const MARKET_LIMIT: i64 = 26;
const TOO_MANY_REQUESTS: i64 = 27;

impl FeedStage {
    pub(super) fn on_subscribed(&mut self, envelope: &Envelope, sid: u64) {
        let Some(pending) = self.channels.answered(envelope.id) else { return };
        let Purpose::Subscribe(channel) = pending.purpose else { return };
        self.channels.set(channel, Subscription::Open { sid, next_seq: Some(1) });
        self.confirm_on_book(pending.id);
    }

    /// A command was carried out. A `subscribe` gets this answer when the channel was already open; the envelope then
    /// has its sid, and its sequence continues.
    pub(super) fn on_ok(&mut self, envelope: &Envelope) {
        let Some(pending) = self.channels.answered(envelope.id) else { return };
        match pending.purpose {
            Purpose::Subscribe(channel) => {
                let Some(sid) = envelope.sid else { return self.channels.unanswered(pending) };
                let next_seq = envelope.seq.map(|seq| seq.wrapping_add(1));
                self.channels.set(channel, Subscription::Open { sid, next_seq });
                self.confirm_on_book(pending.id);
            }
            Purpose::AddBooks => self.confirm_on_book(pending.id),
            Purpose::DeleteBooks => self.left_book(pending.id),
            Purpose::Unsubscribe(_) | Purpose::AddTrades | Purpose::Snapshots | Purpose::DeleteTrades => {}
        }
    }

    /// The markets of a command are now on the book subscription.
    fn confirm_on_book(&mut self, command: u64) {
        for position in 0..self.markets.capacity() {
            if self.asked_by(position, command)
                && let Some(market) = self.markets.get_mut(position)
            {
                market.on_book = true;
            }
        }
    }

    pub(super) fn on_unsubscribed(&mut self, envelope: &Envelope) {
        let purpose = self.channels.answered(envelope.id).map(|pending| pending.purpose);
        let channel = match purpose {
            Some(Purpose::Unsubscribe(channel)) => Some(channel),
            _ => envelope.sid.and_then(|sid| self.channels.closing(sid)),
        };
        if let Some(channel) = channel {
            self.channels.set(channel, Subscription::Closed);
        }
    }

    pub(super) fn on_error(
        &mut self,
        envelope: &Envelope,
        channel: Option<Channel>,
        code: i64,
        text: &str,
        now: Now,
        port: &mut impl FeedPort,
    ) {
        self.counters.errors += 1;
        let pending = self.channels.answered(envelope.id);
        let reason = format!("public connection: the exchange answered error {code}: {}", excerpt(text));
        match (code, pending.map(|pending| (pending.id, pending.purpose))) {
            (CHANNEL_ERROR | BUFFER_OVERFLOW, command) => {
                let channel = channel.or(match command {
                    Some((_, Purpose::Subscribe(channel) | Purpose::Unsubscribe(channel))) => Some(channel),
                    Some((_, Purpose::AddTrades | Purpose::DeleteTrades)) => Some(Channel::Trade),
                    Some((_, Purpose::AddBooks | Purpose::Snapshots | Purpose::DeleteBooks)) => Some(Channel::Book),
                    None => None,
                });
                match channel {
                    Some(channel) => self.on_terminated(channel, now, port),
                    None => return self.reconnect(reason, now, port),
                }
            }
            (MARKET_LIMIT | TOO_MANY_REQUESTS, Some((id, purpose))) if !matches!(purpose, Purpose::Unsubscribe(_)) => {
                self.on_refused(id, purpose, now);
            }
            (MARKET_LIMIT | TOO_MANY_REQUESTS, Some(_)) | (_, Some((_, Purpose::Subscribe(_)))) => {
                return self.reconnect(reason, now, port);
            }
            (_, Some((_, Purpose::Unsubscribe(channel)))) => self.channels.set(channel, Subscription::Closed),
            (_, Some((id, Purpose::AddBooks | Purpose::Snapshots))) => {
                let asked: Vec<_> =
                    (0..self.markets.capacity()).filter(|&position| self.asked_by(position, id)).collect();
                let strength = asked.into_iter().map(|position| self.miss(position, now)).max();
                self.remedy(strength.unwrap_or(0), now, port);
            }
            (_, Some((id, Purpose::DeleteBooks))) => self.left_book(id),
            (_, Some((_, Purpose::AddTrades | Purpose::DeleteTrades)) | None) => {}
        }
        self.problem(reason);
    }

    /// The exchange ended a subscription. Its markets are subscribed again after a pause.
    fn on_terminated(&mut self, channel: Channel, now: Now, port: &mut impl FeedPort) {
        self.pause_commands(now);
        match channel {
            Channel::Book => {
                self.counters.resubscriptions += 1;
                self.forget_book_subscription();
            }
            Channel::Trade => {
                self.channels.set(channel, Subscription::Closed);
                self.add_trades_again();
            }
            Channel::Lifecycle => self.subscribe_lifecycle(now, port),
        }
    }

    /// The exchange refused a command for its rate or size. It is repeated after a pause.
    fn on_refused(&mut self, id: u64, purpose: Purpose, now: Now) {
        self.pause_commands(now);
        match purpose {
            Purpose::Subscribe(channel) => {
                self.channels.set(channel, Subscription::Closed);
                self.give_back(id);
            }
            Purpose::AddBooks | Purpose::Snapshots => self.give_back(id),
            Purpose::DeleteBooks => self.left_book(id),
            Purpose::AddTrades => self.add_trades_again(),
            Purpose::Unsubscribe(_) | Purpose::DeleteTrades => {}
        }
    }

    /// Adds all markets to the trade subscription again, since it is unknown which are on it. Adding one twice does no
    /// harm.
    fn add_trades_again(&mut self) {
        for position in 0..self.markets.capacity() {
            if let Some(market) = self.markets.get_mut(position)
                && std::mem::take(&mut market.on_trade)
            {
                self.wanted_trades.insert(position);
            }
        }
    }

    fn pause_commands(&mut self, now: Now) {
        self.commands_after_ns = now.mono_ns.saturating_add(self.command_backoff.next_ns());
        self.scan_ns = self.scan_ns.min(self.commands_after_ns);
    }
}
