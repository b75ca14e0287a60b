//! What a session leaves behind: the stages' counters and ledger, merged histograms, and what went wrong.

use std::io;
use std::thread::JoinHandle;

use super::common::CheckpointCost;
use super::decide::DecideOutcome;
use super::execute::ExecuteOutcome;
use super::feed::FeedOutcome;
use super::panic_text;
use super::reconcile::ReconcileOutcome;
use crate::decide::DecideCounters;
use crate::execute::{DayState, ExecuteStage};
use crate::feed::FeedCounters;
use crate::pipeline::http::HttpCounters;
use crate::pipeline::signing::SigningCounters;
use crate::reconcile::ReconcileCounters;
use crate::record::Latencies;
use crate::record::journal::JournalReport;

/// A thread that ended by a panic or an error of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadFailure {
    /// Which.
    pub thread: &'static str,
    /// Why.
    pub reason: String,
}

impl std::fmt::Display for ThreadFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the {} thread failed: {}", self.thread, self.reason)
    }
}

/// What a session leaves behind. Parts are missing where their thread failed.
pub struct LiveOutcome {
    /// The feed's counters.
    pub feed: Option<FeedCounters>,
    /// The decide stage's counters.
    pub decide: Option<DecideCounters>,
    /// The execute stage itself: ledger, positions, counters, agreement.
    pub execute: Option<ExecuteStage>,
    /// The reconcile stage's counters.
    pub reconcile: Option<ReconcileCounters>,
    /// The order connections' counters.
    pub http: HttpCounters,
    /// How often signatures were ready.
    pub signing: SigningCounters,
    /// The most events that ever waited for `decide`.
    pub ring_high_water: usize,
    /// All histograms.
    pub latencies: Latencies,
    /// What checkpoints cost the threads, in the order of the stages.
    pub checkpoints: [CheckpointCost; 4],
    /// What the journal came to.
    pub journal: Option<JournalReport>,
    /// The last state of the daily loss that was not taken yet.
    pub day: Option<DayState>,
    /// Markets refused, the last trouble of the feed.
    pub problems: Vec<String>,
    /// Threads that failed.
    pub failures: Vec<ThreadFailure>,
}

/// Waits for a thread.
pub(super) fn join<T>(
    thread: &'static str,
    handle: JoinHandle<io::Result<T>>,
    failures: &mut Vec<ThreadFailure>,
) -> Option<T> {
    let reason = match handle.join() {
        Ok(Ok(outcome)) => return Some(outcome),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("it panicked: {}", panic_text(&*panic)),
    };
    failures.push(ThreadFailure { thread, reason });
    None
}

/// Puts the threads' parts together.
pub(super) fn collect(
    feed: Option<FeedOutcome>,
    decide: Option<DecideOutcome>,
    execute: Option<ExecuteOutcome>,
    reconcile: Option<ReconcileOutcome>,
    journal: Option<JournalReport>,
    day: Option<DayState>,
    failures: Vec<ThreadFailure>,
) -> LiveOutcome {
    let mut latencies = Latencies::new();
    let parts = [
        feed.as_ref().map(|part| &part.latencies),
        decide.as_ref().map(|part| &part.latencies),
        execute.as_ref().map(|part| &part.latencies),
        reconcile.as_ref().map(|part| &part.latencies),
    ];
    parts.into_iter().flatten().for_each(|part| latencies.merge(part));
    let checkpoints = [
        feed.as_ref().map(|part| part.checkpoints),
        decide.as_ref().map(|part| part.checkpoints),
        execute.as_ref().map(|part| part.checkpoints),
        reconcile.as_ref().map(|part| part.checkpoints),
    ]
    .map(Option::unwrap_or_default);
    let mut problems = reconcile.as_ref().map(|part| part.problems.clone()).unwrap_or_default();
    problems.extend(feed.as_ref().and_then(|part| part.last_problem.clone()));
    LiveOutcome {
        ring_high_water: decide.as_ref().map_or(0, |part| part.ring_high_water),
        http: execute.as_ref().map(|part| part.http).unwrap_or_default(),
        signing: execute.as_ref().map(|part| part.signing).unwrap_or_default(),
        feed: feed.map(|part| part.counters),
        decide: decide.map(|part| part.counters),
        execute: execute.map(|part| part.stage),
        reconcile: reconcile.map(|part| part.counters),
        latencies,
        checkpoints,
        journal,
        day,
        problems,
        failures,
    }
}
