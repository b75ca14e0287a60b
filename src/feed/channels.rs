//! The three subscriptions of the public connection, and the commands that await an answer.

use serde::{Deserialize, Serialize};

use crate::wire::command::{Command, CommandParams};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Channel {
    /// Order book snapshots and deltas.
    Book = 0,
    Trade = 1,
    /// Life-cycle events of all markets.
    Lifecycle = 2,
}

impl Channel {
    const ALL: [Self; 3] = [Self::Book, Self::Trade, Self::Lifecycle];

    /// The channel's name on the wire.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Book => "orderbook_delta",
            Self::Trade => "trade",
            Self::Lifecycle => "market_lifecycle_v2",
        }
    }
}

/// The state of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Subscription {
    /// Not subscribed.
    Closed,
    /// The subscribe command has been sent.
    Opening,
    /// The exchange has acknowledged the subscription.
    Open {
        sid: u64,
        /// The seq expected of the next frame; `None`, after a frame that could not be read, accepts any.
        next_seq: Option<u64>,
    },
    /// The unsubscribe command has been sent. Frames are no longer applied.
    Closing { sid: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    Subscribe(Channel),
    Unsubscribe(Channel),
    /// Add markets to the book subscription.
    AddBooks,
    /// Add markets to the trade subscription.
    AddTrades,
    /// Request snapshots of subscribed markets. The answer is the snapshots, without an acknowledgement.
    Snapshots,
    /// Remove markets from the book subscription.
    DeleteBooks,
    /// Remove markets from the trade subscription.
    DeleteTrades,
}

/// A command that has not been answered yet.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seq {
    /// The number expected.
    Next,
    /// Frames are missing or repeated.
    Gap,
}

impl Channels {
    /// The most commands that are kept: beyond that the oldest is forgotten, which at worst leaves its error unexplained.
    const PENDING_MAX: usize = 256;

    pub(super) fn new() -> Self {
        Self { subscriptions: [Subscription::Closed; 3], pending: Vec::with_capacity(Self::PENDING_MAX), next_id: 1 }
    }

    /// Forgets the subscriptions and commands of a lost connection. Command ids continue, so that an id is unique
    /// within a run.
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

    /// The channel with this sid that is being unsubscribed.
    pub(super) fn closing(&self, sid: u64) -> Option<Channel> {
        Channel::ALL.into_iter().find(|&channel| self.state(channel) == Subscription::Closing { sid })
    }

    /// Checks a frame's seq against its subscription, and expects its successor next.
    pub(super) fn check_seq(&mut self, channel: Channel, seq: u64) -> Seq {
        let Subscription::Open { next_seq, .. } = &mut self.subscriptions[channel as usize] else { return Seq::Next };
        let as_expected = next_seq
            .is_none_or(|expected| expected == seq || (planted!(SeqOffByOne) && expected.wrapping_add(1) == seq));
        *next_seq = Some(seq.wrapping_add(1));
        if as_expected { Seq::Next } else { Seq::Gap }
    }

    /// Lets every subscription accept any seq next: a frame could not be read, so its subscription is unknown.
    pub(super) fn accept_any_seq(&mut self) {
        for subscription in &mut self.subscriptions {
            if let Subscription::Open { next_seq, .. } = subscription {
                *next_seq = None;
            }
        }
    }

    /// Assigns an id to a command and returns the id and the frame's text.
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

    /// Removes and returns the command with this id.
    pub(super) fn answered(&mut self, id: Option<u64>) -> Option<Pending> {
        let index = self.pending.iter().position(|pending| Some(pending.id) == id)?;
        Some(self.pending.remove(index))
    }

    /// Puts back a command whose answer was unusable, so that it will time out.
    pub(super) fn unanswered(&mut self, pending: Pending) {
        self.pending.push(pending);
    }

    /// When the oldest command that is still to be acknowledged was sent, in monotonic nanoseconds.
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
