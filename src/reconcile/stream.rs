//! The private stream: its subscription and its frames.

use serde::{Deserialize, Serialize};

use super::convert;
use super::job::Purpose;
use super::stage::{ReconcileStage, tell_socket};
use crate::clock::{NEVER_NS, Now};
use crate::messages::{AccountEvent, Fill, QueryKind, Source};
use crate::ports::{ConnectionId, ReconcileEffect, ReconcilePort, SocketOutput};
use crate::wire::command::{Command, CommandParams};
use crate::wire::frame::{Envelope, Message, parse};

/// The private channels. The first three do not number their frames; a lost frame of the last is made up for by the
/// next read of the account, which every comparison is.
const CHANNELS: [&str; 4] = ["fill", "user_orders", "market_positions", "order_group_updates"];

/// The state of the subscription to the private channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Subscribing {
    /// Not subscribed.
    No,
    /// The command has been sent. Each channel is acknowledged separately.
    Asked { command: u64, since_ns: u64, missing: usize },
    /// All channels are subscribed.
    Done,
}

impl ReconcileStage {
    /// A text frame was read at `read_ns` (monotonic).
    pub fn on_frame(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        read_ns: u64,
        now: Now,
        port: &mut impl ReconcilePort,
    ) {
        if self.link.on_heard(connection, now) {
            self.counters.frames += 1;
            if let Err(problem) = self.on_message(bytes, read_ns, now, port) {
                self.counters.malformed += 1;
                self.problem(format!("private connection: {problem}"));
                self.begin(Purpose::CatchUp, now);
            }
        } else {
            self.counters.frames_of_old_connections += 1;
        }
        self.settle(now, port);
    }

    fn on_message(
        &mut self,
        bytes: &[u8],
        read_ns: u64,
        now: Now,
        port: &mut impl ReconcilePort,
    ) -> Result<(), String> {
        let frame = parse(bytes, &mut self.levels).map_err(|error| error.to_string())?;
        match frame.message {
            Message::Fill(fill) => {
                let fact = convert::stream_fill(&fill, now.session_ms, read_ns)?;
                self.disturb(now);
                self.deliver_fill(fact, fill.ticker, now);
            }
            Message::UserOrder(order) => {
                if order.status.is_none() {
                    self.counters.unusable += 1;
                    let (id, ticker): (String, String) = (excerpt(order.order_id), excerpt(order.ticker));
                    self.problem(format!("order {id} of {ticker} has an unknown status: left to the next read"));
                }
                if let Some(fact) = convert::stream_order(&order)? {
                    self.disturb(now);
                    self.counters.orders += 1;
                    self.deliver(AccountEvent::Order(fact), order.ticker, now);
                }
            }
            Message::OrderGroup(update) => {
                let fact = convert::stream_group(&update)?;
                self.outbox.extend(fact.map(AccountEvent::Group));
            }
            // A position changes with fills, which the stream brings, and settlements, which are read.
            Message::MarketPosition(_) => self.disturb(now),
            Message::Subscribed { .. } | Message::Ok => self.on_acknowledged(&frame.envelope, now),
            Message::Error { code, text } => {
                self.counters.errors += 1;
                let text: String = text.chars().take(80).collect();
                self.reconnect(format!("private connection: the exchange answered error {code}: {text}"), now, port);
            }
            Message::Unsubscribed => {
                self.reconnect("private connection: a channel was ended".to_owned(), now, port);
            }
            Message::Unusable(error) => return Err(error.to_string()),
            Message::Snapshot(_)
            | Message::Delta(_)
            | Message::Trade(_)
            | Message::Lifecycle(_)
            | Message::EventFees(_)
            | Message::Other(_) => {}
        }
        Ok(())
    }

    pub(super) fn subscribe(&mut self, now: Now, port: &mut impl ReconcilePort) {
        let wanted = if self.config.order_groups { CHANNELS.len() } else { CHANNELS.len() - 1 };
        let channels = Some(CHANNELS[..wanted].iter().map(|&channel| channel.to_owned()).collect());
        let params = Some(CommandParams { channels, ..CommandParams::default() });
        let command = Command { id: self.next_command, cmd: "subscribe".to_owned(), params };
        let text = serde_json::to_string(&command).expect("a command has only strings and numbers");
        port.tell(ReconcileEffect::Socket(SocketOutput::Send(self.link.connection(), &text)));
        self.subscribing = Subscribing::Asked { command: self.next_command, since_ns: now.mono_ns, missing: wanted };
        self.next_command += 1;
    }

    fn on_acknowledged(&mut self, envelope: &Envelope, now: Now) {
        let Subscribing::Asked { command, missing, .. } = &mut self.subscribing else { return };
        if envelope.id != Some(*command) {
            return;
        }
        *missing -= 1;
        if *missing == 0 {
            self.subscribing = Subscribing::Done;
            if self.was_up {
                self.begin(Purpose::CatchUp, now);
            } else {
                self.raise_stream();
            }
        }
    }

    pub(super) fn acknowledgement_deadline_ns(&self) -> u64 {
        match self.subscribing {
            Subscribing::Asked { since_ns, .. } => since_ns.saturating_add(self.config.ack_timeout_ns),
            Subscribing::No | Subscribing::Done => NEVER_NS,
        }
    }

    /// Reports the stream as up, once everything that it may have missed has been delivered.
    pub(super) fn raise_stream(&mut self) {
        if self.subscribing == Subscribing::Done && !self.stream_up {
            self.stream_up = true;
            self.was_up = true;
            self.outbox.push_back(AccountEvent::Stream { up: true });
        }
    }

    pub(super) fn reconnect(&mut self, reason: String, now: Now, port: &mut impl ReconcilePort) {
        self.problem(reason);
        let output = self.link.reconnect(now);
        tell_socket(output, port);
        self.stream_lost();
    }

    pub(super) fn stream_lost(&mut self) {
        self.counters.disconnections += 1;
        self.subscribing = Subscribing::No;
        if std::mem::take(&mut self.stream_up) {
            self.outbox.push_back(AccountEvent::Stream { up: false });
        }
    }

    /// The account changed, so a rebuild in progress is not a picture of one moment.
    fn disturb(&mut self, now: Now) {
        self.changed_ns = Some(now.mono_ns);
        for job in &mut self.jobs {
            job.disturbed |= job.purpose.is(QueryKind::Rebuild) && job.begun.is_some();
        }
    }

    /// Delivers a fill unless it is a duplicate. Returns whether it was new.
    pub(super) fn deliver_fill(&mut self, fill: Fill, ticker: &str, now: Now) -> bool {
        let again = planted!(FillDoubled) && fill.source == Source::Read;
        if !self.seen.insert(fill.trade, fill.order, fill.time_ms, fill.source) && !again {
            self.counters.duplicate_fills += 1;
            return false;
        }
        self.counters.fills += 1;
        self.newest_fill_ms = self.newest_fill_ms.max(fill.time_ms);
        self.deliver(AccountEvent::Fill(fill), ticker, now);
        true
    }

    /// Delivers a fact about a market, or holds it until the market is listed.
    fn deliver(&mut self, fact: AccountEvent, ticker: &str, now: Now) {
        if let Some(market) = self.directory.key(ticker) {
            self.outbox.push_back(convert::with_market(fact, market));
        } else {
            self.counters.held += 1;
            self.held.push_back((ticker.to_owned(), fact));
            if !self.jobs.iter().any(|job| job.purpose == Purpose::Unlisted) {
                self.begin(Purpose::Unlisted, now);
            }
        }
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}
