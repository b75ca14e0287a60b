//! What can go wrong between the engine and its clients: the faults, their names and descriptions (`catalog`), and their
//! schedule (`plan`). They are carried out elsewhere: by the gateway for requests and frames, by the venue for the exchange
//! as a whole, and by the server for sockets.

mod catalog;
mod plan;

use serde::{Deserialize, Serialize};

pub use catalog::{CATALOG, CatalogEntry};
pub use plan::{FaultPlan, PlannedFault, When};

use crate::exchange::gateway::Channel;

/// A fault. Unless stated otherwise it acts once, on the next thing that it applies to. Times are session milliseconds.
///
/// In TOML and JSON a fault is written as its name, or as its name with settings: `"swallow_answer"`,
/// `{"delay_answer":{"by_ms":1200}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Ends every WebSocket session at once.
    CutSessions,
    /// Holds back everything sent to WebSocket sessions, pings included, and then sends it in order.
    StallSessions {
        /// How long it lasts from now.
        for_ms: i64,
    },
    /// Answers every WebSocket handshake with 503.
    RefuseSessions {
        /// How long it lasts from now.
        for_ms: i64,
    },
    /// Loses a frame. Its content is lost; its seq, if it has one, is used up.
    DropFrame {
        /// The channel of the frame.
        channel: Channel,
    },
    /// Sends a frame twice, with the same seq.
    DoubleFrame {
        /// The channel of the frame.
        channel: Channel,
    },
    /// Sends a frame after the frames that follow it.
    DelayFrame {
        /// The channel of the frame.
        channel: Channel,
        /// The delay.
        by_ms: i64,
    },
    /// Sends the first half of a frame as if it were whole.
    TruncateFrame {
        /// The channel of the frame.
        channel: Channel,
    },
    /// Sends a frame with letters in its numbers.
    MalformFrame {
        /// The channel of the frame.
        channel: Channel,
    },
    /// Skips a seq number without losing a frame.
    SkipSeq {
        /// The channel, which must be one with seq numbers.
        channel: Channel,
    },
    /// Sends all frames of a channel later than those of other channels, in order.
    DelayChannel {
        /// The channel that is delayed.
        channel: Channel,
        /// The delay.
        by_ms: i64,
        /// How long it lasts from now.
        for_ms: i64,
    },
    /// Sends a fill with a wrong price.
    AlterFill,
    /// Never tells of a fill: neither sends nor lists it. What it did to order, position and balance is told.
    HideFill,
    /// Sends a fill once more, as that of a trade that there never was.
    ForgeFill,
    /// Sends a fill after the report that its order ended.
    CancelBeforeFill {
        /// The longest time to wait for that report.
        within_ms: i64,
    },
    /// Loses an order write on its way to the exchange, so it is never answered.
    LoseRequest,
    /// Lets an order write reach the engine later. Its response is delayed by as much.
    DelayRequest {
        /// The delay.
        by_ms: i64,
    },
    /// Lets an order write reach the engine twice, and responds with the second result.
    DoubleRequest,
    /// Answers an order write with an error status without carrying it out.
    RefuseRequest {
        /// The status: 429, 500 or 503.
        status: RefusalStatus,
    },
    /// Carries out an order write and never answers it.
    SwallowAnswer,
    /// Carries out an order write and cuts its connection instead of answering.
    CutAnswer,
    /// Answers an order write later than its effects are published.
    DelayAnswer {
        /// The delay.
        by_ms: i64,
    },
    /// Carries out an order write, and answers it with an error status.
    FailAnswer {
        /// The status: 429, 500 or 503.
        status: RefusalStatus,
    },
    /// Carries out an order write, and sends only the first half of the response's body.
    TruncateAnswer,
    /// Cuts every connection that has carried an order write.
    CutOrderConnections,
    /// Answers a read with an error status.
    RefuseRead {
        /// The status: 429, 500 or 503.
        status: RefusalStatus,
    },
    /// Answers a read later, with what was right when it was received.
    DelayRead {
        /// The delay.
        by_ms: i64,
    },
    /// Never answers a read.
    SwallowRead,
    /// Answers reads with lists as a later version of the exchange might print them: optional fields are `null`, missing or
    /// new, and some elements are unreadable.
    StrangeElements {
        /// How long it lasts from now.
        for_ms: i64,
    },
    /// Answers a read of a list with a cursor that leads back to the same page.
    RepeatCursor,
    /// Pauses trading on every shard: creates and amends are rejected, cancels work.
    PauseTrading {
        /// How long it lasts from now.
        for_ms: i64,
    },
    /// Pauses the exchange: all order writes are rejected.
    PauseExchange {
        /// How long it lasts from now.
        for_ms: i64,
    },
    /// Checks signatures against a wrong clock.
    OffsetClock {
        /// How far the clock is ahead.
        by_ms: i64,
        /// How long it lasts from now.
        for_ms: i64,
    },
    /// Rejects every key: signed requests and handshakes fail, open sessions continue.
    RevokeKeys {
        /// How long it lasts from now.
        for_ms: i64,
    },
    /// Sends every frame to WebSocket sessions twice in a row, as if the connection were doubled.
    DoubleSessions {
        /// How long it lasts from now.
        for_ms: i64,
    },
}

/// The error statuses that a fault can answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum RefusalStatus {
    /// 429: too many requests.
    TooManyRequests,
    /// 500: internal server error.
    Internal,
    /// 503: service unavailable.
    Unavailable,
}

impl TryFrom<u16> for RefusalStatus {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, String> {
        match status {
            429 => Ok(Self::TooManyRequests),
            500 => Ok(Self::Internal),
            503 => Ok(Self::Unavailable),
            other => Err(format!("status {other}: expected 429, 500 or 503")),
        }
    }
}

impl From<RefusalStatus> for u16 {
    fn from(status: RefusalStatus) -> Self {
        match status {
            RefusalStatus::TooManyRequests => 429,
            RefusalStatus::Internal => 500,
            RefusalStatus::Unavailable => 503,
        }
    }
}

impl Fault {
    /// The name in scenarios, on the control endpoint and in counts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CutSessions => "cut_sessions",
            Self::StallSessions { .. } => "stall_sessions",
            Self::DoubleSessions { .. } => "double_sessions",
            Self::RefuseSessions { .. } => "refuse_sessions",
            Self::DropFrame { .. } => "drop_frame",
            Self::DoubleFrame { .. } => "double_frame",
            Self::DelayFrame { .. } => "delay_frame",
            Self::TruncateFrame { .. } => "truncate_frame",
            Self::MalformFrame { .. } => "malform_frame",
            Self::SkipSeq { .. } => "skip_seq",
            Self::DelayChannel { .. } => "delay_channel",
            Self::AlterFill => "alter_fill",
            Self::HideFill => "hide_fill",
            Self::ForgeFill => "forge_fill",
            Self::CancelBeforeFill { .. } => "cancel_before_fill",
            Self::LoseRequest => "lose_request",
            Self::DelayRequest { .. } => "delay_request",
            Self::DoubleRequest => "double_request",
            Self::RefuseRequest { .. } => "refuse_request",
            Self::SwallowAnswer => "swallow_answer",
            Self::CutAnswer => "cut_answer",
            Self::DelayAnswer { .. } => "delay_answer",
            Self::FailAnswer { .. } => "fail_answer",
            Self::TruncateAnswer => "truncate_answer",
            Self::CutOrderConnections => "cut_order_connections",
            Self::RefuseRead { .. } => "refuse_read",
            Self::DelayRead { .. } => "delay_read",
            Self::SwallowRead => "swallow_read",
            Self::StrangeElements { .. } => "strange_elements",
            Self::RepeatCursor => "repeat_cursor",
            Self::PauseTrading { .. } => "pause_trading",
            Self::PauseExchange { .. } => "pause_exchange",
            Self::OffsetClock { .. } => "offset_clock",
            Self::RevokeKeys { .. } => "revoke_keys",
        }
    }

    /// Checks what types can't: the ranges of times, and that a channel has seq numbers.
    ///
    /// # Errors
    /// A message that says what is wrong and what was expected.
    pub fn check(self) -> Result<(), String> {
        const HOUR_MS: i64 = 3_600_000;
        let time = |name: &str, ms: i64| {
            let name = format!("{}.{name}", self.name());
            (0..=HOUR_MS).contains(&ms).then_some(()).ok_or(format!("{name} = {ms}: expected 0 to {HOUR_MS}"))
        };
        match self {
            Self::StallSessions { for_ms }
            | Self::DoubleSessions { for_ms }
            | Self::RefuseSessions { for_ms }
            | Self::StrangeElements { for_ms }
            | Self::PauseTrading { for_ms }
            | Self::RevokeKeys { for_ms }
            | Self::PauseExchange { for_ms } => time("for_ms", for_ms),
            Self::DelayFrame { by_ms, .. }
            | Self::DelayRequest { by_ms }
            | Self::DelayAnswer { by_ms }
            | Self::DelayRead { by_ms } => time("by_ms", by_ms),
            Self::CancelBeforeFill { within_ms } => time("within_ms", within_ms),
            Self::DelayChannel { by_ms, for_ms, .. } => time("by_ms", by_ms).and(time("for_ms", for_ms)),
            Self::OffsetClock { by_ms, for_ms } => time("by_ms", by_ms.saturating_abs()).and(time("for_ms", for_ms)),
            Self::SkipSeq { channel } if !channel.has_seq() => {
                Err(format!("skip_seq.channel = {channel}: expected a channel whose frames carry seq"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_its_name_or_its_name_with_settings() {
        let read = |text: &str| serde_json::from_str::<Fault>(text);
        assert_eq!(read(r#""cut_sessions""#).unwrap(), Fault::CutSessions);
        assert_eq!(read(r#"{"delay_answer":{"by_ms":7}}"#).unwrap(), Fault::DelayAnswer { by_ms: 7 });
        let dropped = Fault::DropFrame { channel: Channel::Fill };
        assert_eq!(read(r#"{"drop_frame":{"channel":"fill"}}"#).unwrap(), dropped);
        for (bad, expectation) in [
            (r#""cut""#, "expected one of"),
            (r#"{"delay_answer":{"by_ms":7,"for":1}}"#, "unknown field `for`, expected `by_ms`"),
            (r#"{"drop_frame":{"channel":"fills"}}"#, "expected one of orderbook_delta"),
            (r#"{"refuse_read":{"status":404}}"#, "expected 429, 500 or 503"),
        ] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains(expectation), "{bad}: {error}");
        }
    }

    #[test]
    fn impossible_settings_are_named_with_what_was_expected() {
        let error = Fault::DelayAnswer { by_ms: -1 }.check().unwrap_err();
        assert_eq!(error, "delay_answer.by_ms = -1: expected 0 to 3600000");
        let error = Fault::SkipSeq { channel: Channel::Fill }.check().unwrap_err();
        assert_eq!(error, "skip_seq.channel = fill: expected a channel whose frames carry seq");
        assert_eq!(Fault::OffsetClock { by_ms: -60_000, for_ms: 5 }.check(), Ok(()));
    }
}
