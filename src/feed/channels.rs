//! The three subscriptions of the public connection and the commands that await an answer.

use serde::{Deserialize, Serialize};

use crate::wire::command::{Command, CommandParams};

/// A public channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Channel {
    /// Snapshots and deltas.
    Book = 0,
    /// Trades.
    Trade = 1,
    /// Life cycle of all markets.
    Lifecycle = 2,
}

impl Channel {
    const ALL: [Self; 3] = [Self::Book, Self::Trade, Self::Lifecycle];

    /// The wire's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Book => "orderbook_delta",
            Self::Trade => "trade",
            Self::Lifecycle => "market_lifecycle_v2",
        }
    }
}

/// Where a subscription is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Subscription {
    /// Not subscribed.
    Closed,
    /// Asked for.
    Opening,
    /// Frames of this sid are its own.
    Open {
        /// Its id.
        sid: u64,
        /// The seq of its next frame; none accepts any, after a frame that could not be read.
        next_seq: Option<u64>,
    },
    /// Its end was asked for: its frames are no longer applied.
    Closing {
        /// Its id.
        sid: u64,
    },
}

/// What a command was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// Open a subscription.
    Subscribe(Channel),
    /// End a subscription.
    Unsubscribe(Channel),
    /// Put markets on the book subscription.
    AddBooks,
    /// Put markets on the trade subscription.
    AddTrades,
    /// Snapshots of markets that are on it. Answered by the snapshots, without an acknowledgement.
    Snapshots,
    /// Take markets off the book subscription.
    DeleteBooks,
    /// Take markets off the trade subscription.
    DeleteTrades,
}

/// A command without an answer yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) id: u64,
    pub(super) purpose: Purpose,
    pub(super) sent_ns: u64,
}

/// The subscriptions of the current connection.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Channels {
    subscriptions: [Subscription; 3],
    pending: Vec<Pending>,
    next_id: u64,
}

/// What a sequence number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seq {
    /// As expected.
    Next,
    /// Frames are missing or came twice.
    Gap,
}

impl Channels {
    /// More commands than this never wait: the oldest is forgotten, which at worst leaves its error unexplained.
    const PENDING_MAX: usize = 256;

    pub(super) fn new() -> Self {
        Self { subscriptions: [Subscription::Closed; 3], pending: Vec::with_capacity(Self::PENDING_MAX), next_id: 1 }
    }

    /// The connection is gone, and with it its subscriptions and commands. Command numbers go on, so that a number
    /// names one command of the run.
    pub(super) fn forget(&mut self) {
        self.subscriptions = [Subscription::Closed; 3];
        self.pending.clear();
    }

    pub(super) fn state(&self, channel: Channel) -> Subscription {
        self.subscriptions[channel as usize]
    }

    pub(super) fn set(&mut self, channel: Channel, subscription: Subscription) {
        self.subscriptions[channel as usize] = subscription;
    }

    /// The sid of an open subscription.
    pub(super) fn open_sid(&self, channel: Channel) -> Option<u64> {
        match self.state(channel) {
            Subscription::Open { sid, .. } => Some(sid),
            _ => None,
        }
    }

    /// The open channel with this sid.
    pub(super) fn by_sid(&self, sid: u64) -> Option<Channel> {
        Channel::ALL.into_iter().find(|&channel| self.open_sid(channel) == Some(sid))
    }

    /// The channel with this sid whose end was asked for.
    pub(super) fn closing(&self, sid: u64) -> Option<Channel> {
        Channel::ALL.into_iter().find(|&channel| self.state(channel) == Subscription::Closing { sid })
    }

    /// Checks a frame's seq against its subscription and expects the one after it.
    pub(super) fn check_seq(&mut self, channel: Channel, seq: u64) -> Seq {
        let Subscription::Open { next_seq, .. } = &mut self.subscriptions[channel as usize] else { return Seq::Next };
        let as_expected = next_seq
            .is_none_or(|expected| expected == seq || (planted!(SeqOffByOne) && expected.wrapping_add(1) == seq));
        *next_seq = Some(seq.wrapping_add(1));
        if as_expected { Seq::Next } else { Seq::Gap }
    }

    /// A frame could not be read, so it is not known whose seq it consumed: every subscription accepts any next one.
    pub(super) fn accept_any_seq(&mut self) {
        for subscription in &mut self.subscriptions {
            if let Subscription::Open { next_seq, .. } = subscription {
                *next_seq = None;
            }
        }
    }

    /// Numbers a command and writes its text.
    pub(super) fn command(&mut self, purpose: Purpose, params: CommandParams, now_ns: u64) -> (u64, String) {
        let cmd = match purpose {
            Purpose::Subscribe(_) => "subscribe",
            Purpose::Unsubscribe(_) => "unsubscribe",
            _ => "update_subscription",
        };
        let id = self.next_id;
        self.next_id += 1;
        if self.pending.len() == Self::PENDING_MAX {
            self.pending.remove(0);
        }
        self.pending.push(Pending { id, purpose, sent_ns: now_ns });
        let command = Command { id, cmd: cmd.to_owned(), params: Some(params) };
        (id, serde_json::to_string(&command).expect("a command has only strings, numbers and flags"))
    }

    /// Takes the command that an answer names.
    pub(super) fn answered(&mut self, id: Option<u64>) -> Option<Pending> {
        let index = self.pending.iter().position(|pending| Some(pending.id) == id)?;
        Some(self.pending.remove(index))
    }

    /// Puts a command back whose answer was of no use: it will be overdue.
    pub(super) fn unanswered(&mut self, pending: Pending) {
        self.pending.push(pending);
    }

    /// When the oldest command that must be acknowledged was sent.
    pub(super) fn oldest_unacknowledged_ns(&self) -> Option<u64> {
        self.pending.iter().filter(|p| p.purpose != Purpose::Snapshots).map(|p| p.sent_ns).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(next_seq: Option<u64>) -> Channels {
        let mut channels = Channels::new();
        channels.set(Channel::Book, Subscription::Open { sid: 2, next_seq });
        channels
    }

    #[test]
    fn a_dense_seq_passes_and_any_jump_is_a_gap_once() {
        let mut channels = open(Some(1));
        let verdicts: Vec<_> =
            [1, 2, 4, 5, 5, 6, 3, 4].map(|seq| channels.check_seq(Channel::Book, seq)).into_iter().collect();
        assert_eq!(
            verdicts,
            [Seq::Next, Seq::Next, Seq::Gap, Seq::Next, Seq::Gap, Seq::Next, Seq::Gap, Seq::Next],
            "after a gap the sequence goes on from the frame that was read"
        );
    }

    #[test]
    fn after_an_unreadable_frame_any_seq_is_accepted_once() {
        let mut channels = open(Some(5));
        channels.accept_any_seq();
        assert_eq!(channels.check_seq(Channel::Book, 90), Seq::Next);
        assert_eq!(channels.check_seq(Channel::Book, 92), Seq::Gap);
    }

    #[test]
    fn a_command_is_written_as_the_exchange_reads_it_and_answered_once() {
        let mut channels = Channels::new();
        let params = CommandParams {
            channels: Some(vec![Channel::Book.name().to_owned()]),
            market_tickers: Some(vec!["A".to_owned()]),
            use_yes_price: Some(false),
            ..CommandParams::default()
        };
        let (id, text) = channels.command(Purpose::Subscribe(Channel::Book), params, 0);
        assert_eq!(
            text,
            r#"{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["A"],"use_yes_price":false}}"#
        );
        assert!(channels.answered(Some(id)).is_some());
        assert!(channels.answered(Some(id)).is_none());
        assert!(channels.answered(None).is_none());
    }
}
