//! Records as text, to show both sides of a difference.

use serde::de::DeserializeOwned;

use super::stream::StageRecord;
use crate::market::MarketKey;
use crate::messages::{
    AccountEvent, AccountNote, DayState, DecideToExecute, DecideToFeed, DecisionRecord, ExecuteToReconcile,
    FeedToDecide, FeedToExecute, ReconcileToFeed, Skip,
};
use crate::record::journal::{Flags, Kind, StageId};
use crate::tape::{LedgerSums, RequestRecord, recorded_frame};

/// The most bytes that are shown of a payload that has no text form.
const BYTES_MAX: usize = 64;

pub(super) fn describe(stage: StageId, record: &StageRecord) -> String {
    describe_parts(stage, record.kind, record.flags, &record.payload)
}

/// A payload in Rust's pretty debug form, as text, or else as bytes.
pub(super) fn describe_parts(stage: StageId, kind: Kind, flags: Flags, payload: &[u8]) -> String {
    let refused = if flags == Flags::Refused { "refused " } else { "" };
    let words = words(stage, kind, flags, payload).unwrap_or_else(|| {
        let shown = &payload[..payload.len().min(BYTES_MAX)];
        format!("{} bytes {shown:02x?}", payload.len())
    });
    if payload.is_empty() { format!("{refused}{kind:?}") } else { format!("{refused}{kind:?} {words}") }
}

fn words(stage: StageId, kind: Kind, flags: Flags, payload: &[u8]) -> Option<String> {
    let input = flags == Flags::Input;
    match kind {
        Kind::Frame if input => Some(String::from_utf8_lossy(recorded_frame(payload).ok()?).into_owned()),
        Kind::Frame => long::<(u32, String)>(payload),
        Kind::Connect | Kind::Ping | Kind::Abandon => long::<u32>(payload),
        Kind::Closed if !input => long::<u32>(payload),
        Kind::Closed => long::<(u32, crate::ports::ConnectionLost)>(payload),
        Kind::Request | Kind::NoAnswer if stage == StageId::Reconcile => long::<(u32, String)>(payload),
        Kind::Request => long::<RequestRecord<'static>>(payload),
        Kind::Answer => Some(String::from_utf8_lossy(payload.get(14..)?).into_owned()),
        Kind::NoAnswer => long::<(u32, crate::ports::NoAnswer)>(payload),
        Kind::Presign => long::<(String, String)>(payload),
        Kind::Day => long::<DayState>(payload),
        Kind::FeedToDecide => long::<FeedToDecide>(payload),
        Kind::FeedToExecute => long::<FeedToExecute>(payload),
        Kind::DecideToFeed => long::<DecideToFeed>(payload),
        Kind::DecideToExecute => long::<DecideToExecute>(payload),
        Kind::AccountNote => long::<AccountNote>(payload),
        Kind::ExecuteToReconcile => long::<ExecuteToReconcile>(payload),
        Kind::AccountEvent => long::<AccountEvent>(payload),
        Kind::ReconcileToFeed => long::<ReconcileToFeed>(payload),
        Kind::OverflowEpoch => long::<u64>(payload),
        Kind::Decision => long::<DecisionRecord<'static>>(payload),
        Kind::Skipped => long::<(MarketKey, i64, Skip)>(payload),
        Kind::Tops => long::<(u64, u32)>(payload),
        Kind::Ledger => long::<LedgerSums>(payload),
        Kind::Stop => long::<String>(payload),
        Kind::Checkpoint | Kind::Start | Kind::End | Kind::Timer | Kind::Drained | Kind::Buffer | Kind::Closing => None,
    }
}

fn long<T: DeserializeOwned + std::fmt::Debug>(payload: &[u8]) -> Option<String> {
    postcard::from_bytes::<T>(payload).ok().map(|message| format!("{message:#?}"))
}
