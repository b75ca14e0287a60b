//! A session without faults.

use std::collections::BTreeSet;

use kalshi_actor::record::Span;
use kalshi_actor::record::journal::{Flags, Kind, StageId};
use kalshi_actor::record::summary::Summary;
use serde_json::Value;

use crate::common::{assert_replays, config, read_journal, run_until};

fn assert_has_every_key(summary: &Value) {
    for pointer in [
        "/venue",
        "/duration_s",
        "/markets",
        "/frames",
        "/book_events",
        "/decisions",
        "/skipped",
        "/orders/sent",
        "/orders/acked",
        "/orders/rejected",
        "/orders/unknown",
        "/orders/cancelled",
        "/orders/amended",
        "/fills",
        "/partial_fills",
        "/pnl_micros",
        "/fees_micros",
        "/ledger/agrees",
        "/ledger/cash_micros",
        "/ledger/exchange_cash_micros",
        "/ledger/positions",
        "/drops",
        "/journal/bytes",
        "/journal/lost",
    ] {
        assert!(summary.pointer(pointer).is_some(), "{pointer} is missing");
    }
    for span in Span::ALL {
        let figures = &summary["latency_ns"][span.as_str()];
        for figure in ["count", "p50", "p90", "p99", "p999", "max"] {
            assert!(figures[figure].is_u64(), "latency_ns/{}/{figure} is missing", span.as_str());
        }
        assert!(figures["count"].as_u64() > Some(0), "{} was never measured", span.as_str());
    }
}

#[test]
fn a_session_trades_agrees_with_the_exchange_and_leaves_summary_and_journal() {
    let mut config = config(8);
    config.record.segment_bytes = 1 << 20;
    let ended = run_until(101, config, |figures, _| figures.elapsed_ms >= 10_000 && figures.fills >= 5);
    let summary = &ended.report.summary;
    assert!(ended.report.is_success(), "{}", ended.report.report());
    assert!(ended.report.report().to_string().ends_with("\nledger agrees with the exchange\n"));
    assert_eq!(summary.fills, ended.truth.fills() as u64);
    assert_eq!(Some(summary.ledger.cash_micros), summary.ledger.exchange_cash_micros);
    assert!(summary.orders.sent > 0 && summary.orders.acked > 0 && summary.decisions > 0 && summary.frames > 0);
    ended.truth.assert_nothing_rests();

    let text = std::fs::read_to_string(ended.folder.path().join("summary.json")).unwrap();
    assert_has_every_key(&serde_json::from_str(&text).unwrap());
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), *summary);

    assert_replays(ended.folder.path());
    assert!(summary.journal.replayable && summary.journal.segments > 2, "{:?}", summary.journal);
    for number in 0..summary.journal.segments {
        assert_replays(&ended.folder.path().join(format!("journal/{number:06}.kaj")));
    }
    for (stage, checkpoints) in &summary.journal.checkpoints {
        assert!(checkpoints.count > 0 && checkpoints.longest_ns > 0, "{stage}: {checkpoints:?}");
    }
    let journal = read_journal(ended.folder.path());
    let stages: BTreeSet<StageId> =
        journal.iter().filter(|entry| entry.kind == Kind::End).map(|entry| entry.stage).collect();
    assert_eq!(stages.len(), 4, "each stage says that it ended");
    let decisions = journal.iter().filter(|entry| entry.is(StageId::Decide, Kind::Decision, Flags::Output)).count();
    assert_eq!(decisions as u64, summary.decisions);
}
