//! Builds the report of a session from the final state of its threads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::SessionReport;
use crate::decide::DecideCounters;
use crate::drivers::live::{CheckpointCost, LiveOutcome};
use crate::execute::{Agreement, ExecuteStage, GroupView};
use crate::market::{EndReason, Money};
use crate::messages::{Skip, Verdict};
use crate::record::journal::{JournalReport, StageId};
use crate::record::summary::{
    BookSummary, CheckpointSummary, GroupSummary, JournalRate, JournalSummary, Leases, LedgerSummary, Orders,
    PositionSummary, Summary,
};

pub(super) fn report(label: String, folder: PathBuf, traded_for: Duration, outcome: &LiveOutcome) -> SessionReport {
    let mut summary = Summary { venue: label, duration_s: traded_for.as_secs_f64(), ..Summary::default() };
    summary.set_latencies(&outcome.latencies);
    let mut failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    let mut notes = outcome.problems.clone();

    if let Some(feed) = &outcome.feed {
        summary.frames = feed.frames;
        summary.drops.insert("feed_overflow_epochs".to_owned(), feed.overflow_epochs);
        summary.drops.insert("trades_lost".to_owned(), feed.trades_lost);
        summary.drops.insert("frames_malformed".to_owned(), feed.malformed);
        summary.drops.insert("frames_unusable".to_owned(), feed.unusable);
        if feed.seq_gaps > 0 {
            notes.push(format!("{} gaps in the order-book stream, each followed by snapshots", feed.seq_gaps));
        }
        if feed.connections > 1 {
            notes.push(format!("the public stream was opened {} times", feed.connections));
        }
    }
    if let Some(decide) = &outcome.decide {
        decisions(&mut summary, decide);
    }
    if let Some(reconcile) = &outcome.reconcile {
        summary.drops.insert("account_ring_full".to_owned(), reconcile.ring_full);
        summary.drops.insert("elements_unusable".to_owned(), reconcile.unusable);
        if reconcile.rate_limited > 0 {
            notes.push(format!("{} reads of the account waited for read tokens (HTTP 429)", reconcile.rate_limited));
        }
    }
    if let Some(execute) = &outcome.execute {
        account(&mut summary, execute);
        notes.extend(awaited(execute));
        if execute.counters().groups_triggered > 0 {
            let (triggered, reset) = (execute.counters().groups_triggered, execute.counters().groups_reset);
            notes.push(format!("the exchange triggered an order group {triggered} times; it was reset {reset} times"));
        }
        if execute.counters().markets_withheld > 0 {
            notes.push(format!(
                "markets were withheld from trading {} times, because one of our orders, a fill or the position there could \
                 not be read",
                execute.counters().markets_withheld
            ));
        }
        failures.extend(execute.tripped().map(|reason| format!("tripped: {reason}")));
    }
    summary.ledger.not_compared = not_compared(outcome);
    if let Some(journal) = &outcome.journal {
        summary.journal = journal_summary(journal, traded_for, &outcome.checkpoints);
        notes.extend(journal.error.as_ref().map(|error| format!("the journal is incomplete: {error}")));
    }
    SessionReport { folder, summary, notes, failures }
}

fn journal_summary(journal: &JournalReport, took: Duration, checkpoints: &[CheckpointCost; 4]) -> JournalSummary {
    let of_stage = |(stage, cost): (StageId, &CheckpointCost)| {
        (stage.as_str().to_owned(), CheckpointSummary { count: cost.count, longest_ns: cost.longest_ns })
    };
    JournalSummary {
        bytes: journal.bytes,
        lost: journal.lost,
        segments: journal.segments,
        segments_dropped: journal.segments_dropped,
        replayable: journal.replayable,
        rate: JournalRate::new(journal.bytes, took.as_secs_f64(), journal.bytes_max),
        checkpoints: StageId::STAGES.into_iter().zip(checkpoints).map(of_stage).collect(),
    }
}

fn decisions(summary: &mut Summary, decide: &DecideCounters) {
    summary.book_events = decide.book_events;
    summary.book = BookSummary {
        crossed_states: decide.crossed_states,
        crossed_steps: decide.crossed_steps,
        errors: decide.book_errors,
    };
    summary.decisions = decide.decisions;
    summary.skipped =
        Skip::ALL.into_iter().map(|reason| (reason.as_str().to_owned(), decide.skipped(reason))).collect();
    summary.skipped.insert("policy_fault".to_owned(), decide.faults);
}

/// Why the ledger was not compared with the exchange at the end, if it was not, with the last problem before that.
fn not_compared(outcome: &LiveOutcome) -> Option<String> {
    let reason = match outcome.execute.as_ref().map(ExecuteStage::agreement) {
        None => return Some("the execute thread failed".to_owned()),
        Some(None) => "the stop timed out before the last comparison".to_owned(),
        Some(Some(agreement)) => agreement.not_compared?.to_string(),
    };
    Some(outcome.unread.iter().fold(reason, |reason, problem| format!("{reason}; last problem: {problem}")))
}

/// What the exchange has yet to pay, by market.
fn awaited(execute: &ExecuteStage) -> Option<String> {
    let awaited: Vec<String> = execute
        .positions()
        .filter(|position| position.awaiting != Money::ZERO)
        .map(|position| format!("${} for {}", position.awaiting, position.ticker))
        .collect();
    (!awaited.is_empty())
        .then(|| format!("results that the exchange has not paid yet, and owes: {}", awaited.join(", ")))
}

/// Fills in the account's section.
fn account(summary: &mut Summary, execute: &ExecuteStage) {
    let counters = execute.counters();
    summary.markets = counters.markets_traded;
    summary.orders = Orders {
        sent: counters.sent,
        acked: counters.acked,
        rejected: counters.rejected,
        unknown: counters.unknown,
        cancelled: counters.cancelled,
        amended: counters.amended,
    };
    let plan = execute.lease_plan();
    summary.leases = Leases {
        lease_ms: plan.lease_ms,
        open_orders_max: plan.open_orders_max as u64,
        write_refill: plan.budget.refill,
        write_capacity: plan.budget.capacity,
        renewed: counters.renewed,
        ended: counters.leases_ended,
    };
    summary.groups_triggered = counters.groups_triggered;
    let group = |group: GroupView| GroupSummary {
        exchange_index: group.exchange_index,
        group: group.group.map(|id| id.to_string()).unwrap_or_default(),
        limit: group.limit.contracts(),
        active: group.active,
    };
    summary.groups = execute.groups().map(group).collect();
    let unasked = EndReason::ALL.into_iter().zip(counters.ended_unasked);
    let unasked = unasked.filter(|&(reason, count)| count > 0 && reason != EndReason::Filled);
    summary.orders_ended_unasked = unasked.map(|(reason, count)| (reason.as_str().to_owned(), count)).collect();
    summary.fills = counters.fills;
    summary.partial_fills = counters.partial_fills;
    let ledger = execute.ledger();
    summary.pnl_micros = execute.pnl().micros();
    summary.fees_micros = ledger.fees().micros();
    refusals(&mut summary.skipped, execute);
    let agreement = execute.agreement();
    let compared = agreement.filter(|agreement| agreement.not_compared.is_none());
    let cash = ledger.available() + ledger.reserved();
    summary.ledger = LedgerSummary {
        agrees: agreement.is_some_and(Agreement::agrees),
        not_compared: None,
        differences: agreement.iter().flat_map(|a| &a.differences).map(ToString::to_string).collect(),
        cash_micros: cash.micros(),
        exchange_cash_micros: compared.map(|agreement| exchange_cash(agreement).micros()),
        positions: execute
            .positions()
            .filter(|position| !position.contracts.is_zero() || !position.exchange_contracts.is_zero())
            .map(|position| PositionSummary {
                market: position.ticker.as_str().to_owned(),
                contracts: position.contracts.contracts(),
                exchange_contracts: position.exchange_contracts.contracts(),
                awaiting_micros: position.awaiting.micros(),
            })
            .collect(),
    };
}

fn exchange_cash(agreement: &Agreement) -> Money {
    agreement.exchange_cash.iter().map(|(_, cash)| *cash).sum()
}

/// Adds the risk gate's refusals, by name.
fn refusals(skipped: &mut BTreeMap<String, u64>, execute: &ExecuteStage) {
    for verdict in Verdict::ALL {
        let count = execute.counters().verdict(verdict);
        if verdict >= Verdict::NothingToReduce && count > 0 {
            skipped.insert(verdict.as_str().to_owned(), count);
        }
    }
}
