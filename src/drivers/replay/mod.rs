//! The replay driver runs a recorded session again: each stage is created from its checkpoint and gets its recorded
//! inputs at their recorded times, through the code that the live driver calls ([`tape`](crate::tape)). Its outputs
//! meet the recorded outcome.
//!
//! Stages share nothing but messages, and every message is recorded both where it was sent and where it arrived, so
//! each stage is replayed by itself, on a thread of its own. For verification, everything that a stage sends is
//! compared byte by byte with the recording, and so is its complete state at each checkpoint. A stage stops at its
//! first difference, and the earliest of all stages is reported. Only what [`NOT_COMPARED`](crate::tape::NOT_COMPARED)
//! names is not compared.

mod difference;
mod port;
mod stages;
mod stream;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use difference::{Difference, Sides};

use crate::decide::DecideCounters;
use crate::decide::policy::{Policy, PolicyRecord};
use crate::execute::ExecuteStage;
use crate::record::journal::{JournalError, JournalNote, JournalReader, Kind, StageId, journal_of};
use port::ReplayPort;
use stages::ReplayedStage;
use stream::{Stream, StreamEnd};

/// Why a session cannot be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The journal cannot be opened, or is damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A stage has no checkpoint to start from.
    #[error(
        "journal {path}: the {stage} stage's records do not begin with a checkpoint, so there is no state to begin with"
    )]
    NoCheckpoint {
        /// The path of the journal.
        path: PathBuf,
        /// The name of the stage.
        stage: &'static str,
    },
    /// This program cannot read a checkpoint, or the policy is not the recorded one.
    #[error("{stage} stage, record {number}: {reason}")]
    Checkpoint {
        /// The name of the stage.
        stage: &'static str,
        /// The number of the record among those of the stage.
        number: u64,
        /// What is wrong.
        reason: String,
    },
    /// No stage of the journal has records.
    #[error("journal {0}: no stage has a record")]
    Empty(PathBuf),
}

/// The result of one stage's replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageReplay {
    /// The stage that was replayed.
    pub stage: StageId,
    /// The number of inputs.
    pub inputs: u64,
    /// The number of outputs by kind, which are compared when verifying.
    pub outputs: BTreeMap<Kind, u64>,
    /// The number of checkpoints after the first, with which the stage's state is compared when verifying.
    pub checkpoints: u64,
    /// Whether its records have an end; otherwise they stop where the session crashed.
    pub ended: bool,
    /// The first difference, if any.
    pub difference: Option<Difference>,
}

/// The result of a replay.
#[derive(Debug)]
pub struct Replay {
    /// The session's description of itself.
    pub note: JournalNote,
    /// The numbers of the first and of the last segment.
    pub segments: (u32, u32),
    /// The stages that have records, in their order.
    pub stages: Vec<StageReplay>,
    /// The decide stage's counters at the end.
    pub decide: Option<DecideCounters>,
    /// The execute stage at the end.
    pub execute: Option<ExecuteStage>,
    /// Where a file ends within a record.
    pub torn: Option<JournalError>,
}

impl Replay {
    /// The earliest difference, if there is one.
    #[must_use]
    pub fn difference(&self) -> Option<&Difference> {
        let differences = self.stages.iter().filter_map(|stage| stage.difference.as_ref());
        differences.min_by_key(|difference| difference.now.mono_ns)
    }

    /// The number of outputs of all stages.
    #[must_use]
    pub fn outputs(&self) -> u64 {
        self.stages.iter().flat_map(|stage| stage.outputs.values()).sum()
    }
}

/// Replays the journal of a session's folder, a journal's folder, or a single segment. `make` builds the policy of a
/// checkpoint as it was when its session began; it is called once per checkpoint. With `verify` everything is compared.
///
/// # Errors
/// When the journal or its checkpoints cannot be read, or the policy is not the recorded one. A difference is not an error.
pub fn replay<P: Policy + Send>(
    path: &Path,
    verify: bool,
    make: impl Fn(&PolicyRecord) -> Result<P, String> + Sync,
) -> Result<Replay, ReplayError> {
    let path = journal_of(path);
    let reader = JournalReader::open(&path)?;
    let (note, segments) = (JournalNote::from_bytes(reader.description()), reader.segments());
    drop(reader);
    let path = path.as_path();
    let (feed, decide, execute, reconcile) = std::thread::scope(|scope| {
        let feed = scope.spawn(|| run::<crate::feed::FeedStage>(path, verify, stages::decoded));
        let restore = |checkpoint: &[u8]| stages::decide_stage(checkpoint, &make);
        let decide = scope.spawn(move || run::<crate::decide::DecideStage<P>>(path, verify, restore));
        let execute = scope.spawn(|| run::<ExecuteStage>(path, verify, stages::decoded));
        let reconcile = run::<crate::reconcile::ReconcileStage>(path, verify, stages::decoded);
        let never = "a panic of a stage is caught where it happens";
        (feed.join().expect(never), decide.join().expect(never), execute.join().expect(never), reconcile)
    });
    let (feed, decide, execute, reconcile) = (feed?, decide?, execute?, reconcile?);
    let mut torn = None;
    let mut stages = Vec::new();
    let mut note_stage = |replayed: Option<StageReplay>, end: Option<JournalError>| {
        stages.extend(replayed);
        torn = torn.take().or(end);
    };
    let Ran { report, torn: end, .. } = feed;
    note_stage(report, end);
    let Ran { report, torn: end, stage: decide } = decide;
    note_stage(report, end);
    let Ran { report, torn: end, stage: execute } = execute;
    note_stage(report, end);
    let Ran { report, torn: end, .. } = reconcile;
    note_stage(report, end);
    if stages.is_empty() {
        return Err(ReplayError::Empty(path.to_owned()));
    }
    Ok(Replay { note, segments, stages, decide: decide.map(|stage| *stage.counters()), execute, torn })
}

/// One stage's replay.
struct Ran<S> {
    /// `None` for a stage without records.
    report: Option<StageReplay>,
    stage: Option<S>,
    torn: Option<JournalError>,
}

/// Replays one stage from its first record to its last or to the first difference.
fn run<S: ReplayedStage>(
    path: &Path,
    verify: bool,
    restore: impl Fn(&[u8]) -> Result<S, String>,
) -> Result<Ran<S>, ReplayError> {
    let mut stream = Stream::open(path, S::ID)?;
    let mut port = ReplayPort::new(&mut stream, verify);
    let mut stage: Option<S> = None;
    let mut report = StageReplay {
        stage: S::ID,
        inputs: 0,
        outputs: BTreeMap::new(),
        checkpoints: 0,
        ended: false,
        difference: None,
    };
    while let Some(record) = port.next_record()? {
        if port.is_over() {
            break;
        }
        let unreadable =
            |reason: String| ReplayError::Checkpoint { stage: S::ID.as_str(), number: record.number, reason };
        match (record.kind, &mut stage) {
            (Kind::Checkpoint, replayed) => {
                let restored = restore(&record.payload);
                if let Some(replayed) = replayed {
                    report.checkpoints += 1;
                    if verify && replayed.checkpoint() != record.payload {
                        let sides = match restored {
                            Ok(restored) => Sides::of_states(&format!("{restored:#?}"), &format!("{replayed:#?}")),
                            Err(reason) => Sides::new(reason, "a state that can be read"),
                        };
                        port.differ(Difference::state(S::ID, &record, sides));
                        break;
                    }
                }
                // Continue from the recorded state, so that no unrecorded state can help.
                stage = Some(restored.map_err(unreadable)?);
                port.begin_checkpoint();
            }
            (_, None) => return Err(ReplayError::NoCheckpoint { path: path.to_owned(), stage: S::ID.as_str() }),
            (Kind::End, Some(_)) => report.ended = true,
            (_, Some(replayed)) => {
                port.begin_input(&record);
                stages::drive(replayed, &record, &mut port);
                report.inputs += 1;
            }
        }
        if port.is_over() {
            break;
        }
    }
    let (difference, outputs) = port.finish()?;
    (report.difference, report.outputs) = (difference, outputs);
    let torn = match stream.end() {
        StreamEnd::Torn(torn) => Some(torn),
        StreamEnd::Whole => None,
    };
    Ok(Ran { report: stage.is_some().then_some(report), stage, torn })
}
