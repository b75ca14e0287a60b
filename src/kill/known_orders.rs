//! Finds our open orders in a session's journal, so that `kill` can cancel them by id when the venue's list of resting
//! orders cannot be read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::kill::KnownOrder;
use crate::market::{BookLevels, ClientOrderId, OrderId, OrderStatus};
use crate::record::journal::{Flags, JournalError, JournalReader, Kind, StageId, journal_of};
use crate::tape::{recorded_answer, recorded_frame};
use crate::wire::frame::{Message, parse};
use crate::wire::orders::answer::parse_amended;

/// The folder of the venue's newest session with a journal, judged by the time in the folder's name.
#[must_use]
pub fn newest_session(sessions: &Path, venue: &str) -> Option<PathBuf> {
    let prefix = format!("{venue}-");
    let folders = std::fs::read_dir(sessions).ok()?.flatten();
    let named = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    named.map(|entry| entry.path()).filter(|path| path.join("journal").is_dir()).max()
}

/// The orders that a session placed, amended or was told of at or after `since_ms`, and that did not end as far as the
/// journal says. The second value is the error at which reading stopped, if any: the end of a journal that is still
/// being written is torn.
///
/// # Errors
/// When there is no journal, or it cannot be read at all.
pub fn known_orders(session: &Path, since_ms: i64) -> Result<(Vec<KnownOrder>, Option<JournalError>), JournalError> {
    let mut reader = JournalReader::open(&journal_of(session))?;
    let mut orders: BTreeMap<OrderId, Option<String>> = BTreeMap::new();
    let mut levels = BookLevels::default();
    let torn = loop {
        let record = match reader.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        if record.flags != Flags::Input || record.now.session_ms < since_ms {
            continue;
        }
        match (record.stage, record.kind) {
            (StageId::Execute, Kind::Answer) => {
                // The answers to creates and amends have the order's id but not its market.
                let Ok((200 | 201, body)) = recorded_answer(record.payload) else { continue };
                if let Ok(answer) = parse_amended(body) {
                    orders.entry(answer.order).or_default();
                }
            }
            (StageId::Reconcile, Kind::Frame) => {
                let Ok(bytes) = recorded_frame(record.payload) else { continue };
                let Ok(Message::UserOrder(order)) = parse(bytes, &mut levels).map(|frame| frame.message) else {
                    continue;
                };
                let Ok(id) = OrderId::parse(order.order_id) else { continue };
                if matches!(order.status, Some(OrderStatus::Canceled | OrderStatus::Executed)) {
                    orders.remove(&id);
                } else if ClientOrderId::parse(order.client_order_id).is_some() {
                    orders.insert(id, Some(order.ticker.to_owned()));
                }
            }
            _ => {}
        }
    };
    let orders = orders.into_iter().map(|(order, ticker)| KnownOrder { order, ticker }).collect();
    Ok((orders, torn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Now;
    use crate::record::journal::{SegmentLimits, start_journal};

    fn id(number: u32) -> String {
        format!("00000000-0000-4000-8000-{number:012}")
    }

    fn frame(number: u32, client: &str, status: &str) -> String {
        format!(
            r#"{{"type":"user_order","sid":2,"msg":{{"order_id":"{}","ticker":"KXA","status":"{status}","book_side":"bid","yes_price_dollars":"0.3500","fill_count_fp":"0.00","remaining_count_fp":"10.00","client_order_id":"{client}","created_ts_ms":1}}}}"#,
            id(number)
        )
    }

    #[test]
    fn orders_that_a_session_did_not_see_ending_are_known_from_its_journal() {
        let folder = tempfile::tempdir().unwrap();
        let session = folder.path().join("demo-20261121T000000000Z");
        let stages = [StageId::Execute, StageId::Reconcile];
        let (mut writers, handle) =
            start_journal(&session.join("journal"), SegmentLimits::default(), b"", 1 << 16, stages).unwrap();
        let ours = "kact-0000000000000001-00000001";
        let at = |session_ms| Now { mono_ns: 1, session_ms };
        let created = |number| {
            format!(r#"{{"order_id":"{}","fill_count":"0.00","remaining_count":"1.00","ts_ms":1}}"#, id(number))
        };
        for (number, session_ms) in [(1, 5_000), (2, 100), (3, 6_000)] {
            let prefix = crate::tape::answer_prefix(number, 201, 0);
            writers[0].bytes(Kind::Answer, Flags::Input, at(session_ms), &prefix, created(number).as_bytes());
        }
        let refused = crate::tape::answer_prefix(9, 409, 0);
        writers[0].bytes(Kind::Answer, Flags::Input, at(6_000), &refused, created(9).as_bytes());
        for text in [
            frame(1, ours, "resting"),
            frame(4, ours, "resting"),
            frame(4, ours, "canceled"),
            frame(5, "somebody", "resting"),
            frame(6, ours, "parked"),
            "{".to_owned(),
        ] {
            let prefix = crate::tape::frame_prefix(1, 0);
            writers[1].bytes(Kind::Frame, Flags::Input, at(7_000), &prefix, text.as_bytes());
        }
        drop(writers);
        assert_eq!(handle.finish().lost, 0);

        let (orders, torn) = known_orders(&session, 5_000).unwrap();
        let found: Vec<_> = orders.iter().map(|order| (order.order.to_string(), order.ticker.as_deref())).collect();
        assert_eq!(found, [(id(1), Some("KXA")), (id(3), None), (id(6), Some("KXA"))]);
        assert!(torn.is_none());
        for other in ["demo-20261120T000000000Z", "paper-demo-20261122T000000000Z", "demo-20261123T000000000Z"] {
            std::fs::create_dir(folder.path().join(other)).unwrap();
        }
        assert_eq!(
            newest_session(folder.path(), "demo"),
            Some(session),
            "the others are older, on paper, or without a journal"
        );
        assert_eq!(newest_session(folder.path(), "prod"), None);
        assert!(known_orders(folder.path(), 0).is_err());
    }
}
