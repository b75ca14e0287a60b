//! The results of a session's threads: the stages' counters and ledger, merged histograms, and failures.

use std::io;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::common::CheckpointCost;
use super::decide::DecideOutcome;
use super::execute::ExecuteOutcome;
use super::feed::FeedOutcome;
use super::panic_text;
use super::reconcile::ReconcileOutcome;
use crate::decide::DecideCounters;
use crate::execute::ExecuteStage;
use crate::feed::FeedCounters;
use crate::messages::DayState;
use crate::reconcile::ReconcileCounters;
use crate::record::Latencies;
use crate::record::journal::JournalReport;

/// A thread that ended by a panic or an error of the operating system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadFailure {
    pub thread: &'static str,
    pub reason: String,
}

impl std::fmt::Display for ThreadFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the {} thread failed: {}", self.thread, self.reason)
    }
}

/// The results of a session's threads. Parts are missing if their thread failed.
pub struct LiveOutcome {
    pub feed: Option<FeedCounters>,
    pub decide: Option<DecideCounters>,
    /// The execute stage itself, with ledger, positions, counters and the last comparison.
    pub execute: Option<ExecuteStage>,
    pub reconcile: Option<ReconcileCounters>,
    /// The merged histograms.
    pub latencies: Latencies,
    /// The cost of checkpoints, in the order of the stages.
    pub checkpoints: [CheckpointCost; 4],
    /// The journal's size and losses.
    pub journal: Option<JournalReport>,
    /// The last state of the daily loss, if the main thread has not taken it yet.
    pub day: Option<DayState>,
    /// Refused markets, and the last problem of the feed.
    pub problems: Vec<String>,
    /// The last problem in reading the account.
    pub unread: Option<String>,
    pub failures: Vec<ThreadFailure>,
}

/// How often to check whether a thread has ended.
const TURN: Duration = Duration::from_millis(1);

/// Helper threads that panicked, or ended while they were still needed.
#[derive(Debug, Default)]
pub(super) struct EndedEarly {
    pub(super) panicked: Vec<ThreadFailure>,
    /// Helpers that ended. They also do so when the thread that they help has ended.
    pub(super) ended: Vec<ThreadFailure>,
}

pub(super) fn ended_early<const N: usize>(helpers: [(&'static str, JoinHandle<()>); N]) -> EndedEarly {
    let mut early = EndedEarly::default();
    for (thread, handle) in helpers.into_iter().filter(|(_, handle)| handle.is_finished()) {
        match handle.join() {
            Ok(()) => early.ended.push(ThreadFailure { thread, reason: "it ended before the session".to_owned() }),
            Err(panic) => {
                let reason = format!("it panicked: {}", panic_text(&*panic));
                early.panicked.push(ThreadFailure { thread, reason });
            }
        }
    }
    early
}

/// Waits for a thread, and abandons it if it does not end in time, so that the report is not held up.
pub(super) fn join<T>(
    thread: &'static str,
    handle: JoinHandle<io::Result<T>>,
    until: Instant,
    failures: &mut Vec<ThreadFailure>,
) -> Option<T> {
    while !handle.is_finished() {
        if Instant::now() >= until {
            failures.push(ThreadFailure { thread, reason: "it does not end".to_owned() });
            return None;
        }
        std::thread::sleep(TURN);
    }
    let reason = match handle.join() {
        Ok(Ok(outcome)) => return Some(outcome),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("it panicked: {}", panic_text(&*panic)),
    };
    failures.push(ThreadFailure { thread, reason });
    None
}

/// Combines the results of the threads.
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
    let unread = problems.last().cloned();
    problems.extend(feed.as_ref().and_then(|part| part.last_problem.clone()));
    LiveOutcome {
        feed: feed.map(|part| part.counters),
        decide: decide.map(|part| part.counters),
        execute: execute.map(|part| part.stage),
        reconcile: reconcile.map(|part| part.counters),
        latencies,
        checkpoints,
        journal,
        day,
        problems,
        unread,
        failures,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_that_panicked_is_told_from_one_that_ended_and_one_that_goes_on() {
        let (release, waits) = std::sync::mpsc::channel::<()>();
        let helpers = [
            ("first", std::thread::spawn(|| panic!("a defect"))),
            ("second", std::thread::spawn(|| ())),
            ("third", std::thread::spawn(move || assert!(waits.recv().is_err()))),
        ];
        while !helpers[..2].iter().all(|(_, handle)| handle.is_finished()) {
            std::thread::sleep(TURN);
        }
        let early = ended_early(helpers);
        let texts = |failures: &[ThreadFailure]| failures.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&early.panicked), ["the first thread failed: it panicked: a defect"]);
        assert_eq!(texts(&early.ended), ["the second thread failed: it ended before the session"]);
        drop(release);
    }

    #[test]
    fn a_thread_that_does_not_end_is_left_behind_and_named() {
        let (release, waits) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            assert!(waits.recv().is_err());
            Ok(7)
        });
        let mut failures = Vec::new();
        assert_eq!(join("feed", thread, Instant::now(), &mut failures), None);
        assert_eq!(failures[0].to_string(), "the feed thread failed: it does not end");
        drop(release);
        let long = Instant::now() + Duration::from_mins(1);
        assert_eq!(join("feed", std::thread::spawn(|| Ok(7)), long, &mut failures), Some(7));
    }
}
