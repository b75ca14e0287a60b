//! The common interface of the four stages for a replay: restoring from a checkpoint, handling an input, and writing a
//! checkpoint.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

use super::difference::{Difference, Sides};
use super::port::ReplayPort;
use super::stream::StageRecord;
use super::words::describe;
use crate::decide::policy::{Policy, PolicyRecord};
use crate::decide::{DecideStage, recorded_policy};
use crate::execute::ExecuteStage;
use crate::feed::FeedStage;
use crate::reconcile::ReconcileStage;
use crate::record::journal::{Flags, Kind, StageId};
use crate::tape::{DecideInput, ExecuteInput, FeedInput, InputError, ReconcileInput};

/// A stage that can be replayed.
pub(super) trait ReplayedStage: Sized + Serialize + std::fmt::Debug + Send {
    const ID: StageId;

    /// Handles a recorded input.
    fn input(&mut self, record: &StageRecord, port: &mut ReplayPort<'_>) -> Result<(), InputError>;

    /// The state of the stage as a checkpoint.
    fn checkpoint(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("what was read from a checkpoint can be written as one")
    }
}

/// The stage of a checkpoint.
pub(super) fn decoded<T: serde::de::DeserializeOwned>(checkpoint: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(checkpoint) {
        Ok((stage, [])) => Ok(stage),
        Ok((_, rest)) => Err(format!("the checkpoint has {} bytes too many for this program", rest.len())),
        Err(error) => Err(format!("the checkpoint is not one that this program can read: {error}")),
    }
}

/// Restores the decide stage of a checkpoint with its policy.
pub(super) fn decide_stage<P: Policy>(
    checkpoint: &[u8],
    make: &impl Fn(&PolicyRecord) -> Result<P, String>,
) -> Result<DecideStage<P>, String> {
    let record = recorded_policy(checkpoint)
        .map_err(|error| format!("the checkpoint is not one that this program can read: {error}"))?;
    let policy = make(&record).map_err(|error| format!("{record}: {error}"))?;
    let stage: DecideStage<PolicyRecord> = decoded(checkpoint)?;
    stage.with_policy(policy).map_err(|error| error.to_string())
}

impl ReplayedStage for FeedStage {
    const ID: StageId = StageId::Feed;

    fn input(&mut self, record: &StageRecord, port: &mut ReplayPort<'_>) -> Result<(), InputError> {
        FeedInput::read(record.kind, &record.payload)?.apply(self, record.now, port);
        Ok(())
    }
}

impl<P: Policy + Send> ReplayedStage for DecideStage<P> {
    const ID: StageId = StageId::Decide;

    fn input(&mut self, record: &StageRecord, port: &mut ReplayPort<'_>) -> Result<(), InputError> {
        let input = DecideInput::read(record.kind, &record.payload)?;
        let market = input.market();
        input.apply(self, record.now, port);
        if let Some(market) = market {
            port.tops.note(self, market);
        }
        if record.kind == Kind::Drained
            && let Some(tops) = port.tops.take()
        {
            port.sent(Kind::Tops, &tops);
        }
        Ok(())
    }
}

impl ReplayedStage for ExecuteStage {
    const ID: StageId = StageId::Execute;

    fn input(&mut self, record: &StageRecord, port: &mut ReplayPort<'_>) -> Result<(), InputError> {
        ExecuteInput::read(record.kind, &record.payload)?.apply(self, record.now, port);
        if let Some(sums) = port.ledger.changed(self) {
            port.sent(Kind::Ledger, &sums);
        }
        Ok(())
    }
}

impl ReplayedStage for ReconcileStage {
    const ID: StageId = StageId::Reconcile;

    fn input(&mut self, record: &StageRecord, port: &mut ReplayPort<'_>) -> Result<(), InputError> {
        ReconcileInput::read(record.kind, &record.payload)?.apply(self, record.now, port);
        Ok(())
    }
}

/// Gives a stage the next input.
pub(super) fn drive<S: ReplayedStage>(stage: &mut S, record: &StageRecord, port: &mut ReplayPort<'_>) {
    if record.flags != Flags::Input {
        let what = format!("the recorded stage sent a {:?}, the replayed one did not", record.kind);
        return port.differ(Difference::new(S::ID, record, what, Sides::new(describe(S::ID, record), "nothing")));
    }
    // A panic is caught, since a journal may be damaged in ways that no checksum detects, and this panic may be the one
    // that ended the session.
    let done = catch_unwind(AssertUnwindSafe(|| stage.input(record, port)));
    let problem = match done {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            format!("the stage panicked: {}", text.unwrap_or_else(|| "no message".to_owned()))
        }
    };
    let sides = Sides::new(describe(S::ID, record), problem);
    port.differ(Difference::new(S::ID, record, "an input that cannot be replayed", sides));
}
