//! Faults between exchange and trader over real sockets: the session continues and its ledger agrees.

use kalshi_actor::exchange::faults::Fault;
use kalshi_actor::exchange::gateway::Channel;
use kalshi_actor::messages::{AccountEvent, BookEventKind, DecisionRecord, FeedToDecide};
use kalshi_actor::record::journal::{Flags, Kind, StageId};

use crate::common::{Entry, Inside, Trading, config};

/// The index of the first record at or after `from` that passes the test.
fn find(journal: &[Entry], from: usize, what: &str, test: impl Fn(&Entry) -> bool) -> usize {
    let found = journal[from..].iter().position(test);
    from + found.unwrap_or_else(|| panic!("no {what} after record {from} of {}", journal.len()))
}

#[test]
fn a_gap_in_the_books_makes_them_stale_and_a_snapshot_makes_them_fresh() {
    let mut trading = Trading::start(301, config(4));
    trading.wait_for_more(1, 2);
    trading.faults().arm(Fault::DropFrame { channel: Channel::OrderbookDelta });
    trading.wait_for_more(5, 5);
    let ended = trading.stop();
    ended.assert_agrees();
    let feed = ended.live.feed.as_ref().unwrap();
    assert!(feed.seq_gaps >= 1, "{feed:?}");
    assert!(feed.snapshots > 4 && feed.snapshots_asked > 4, "{feed:?}");
    assert_eq!(feed.connections, 1, "a gap is no reason to reconnect");

    let journal = ended.journal();
    let event = |entry: &Entry| *entry.message::<FeedToDecide>().event();
    let book = |entry: &Entry, kind: BookEventKind| {
        entry.is(StageId::Decide, Kind::FeedToDecide, Flags::Input) && event(entry).kind == kind
    };
    let stale = find(&journal, 0, "stale market", |entry| book(entry, BookEventKind::Stale));
    let market = event(&journal[stale]).market;
    let fresh = find(&journal, stale, &format!("snapshot of {market:?}, while {feed:?}"), |entry| {
        book(entry, BookEventKind::Snapshot) && event(entry).market == market
    });
    let decision = |entry: &Entry| {
        entry.is(StageId::Decide, Kind::Decision, Flags::Output)
            && entry.message::<DecisionRecord<'static>>().market == market
    };
    assert!(!journal[stale..fresh].iter().any(decision), "a decision was taken on a stale book");
    find(&journal, fresh, "decision on the fresh book", decision);
}

#[test]
fn connections_cut_in_mid_session_are_made_again() {
    let mut trading = Trading::start(302, config(4));
    trading.wait_for_more(1, 2);
    trading.faults().arm(Fault::CutSessions);
    trading.faults().arm(Fault::CutOrderConnections);
    trading.wait_for_more(10, 8);
    let ended = trading.stop();
    ended.assert_agrees();
    let (feed, reconcile) = (ended.live.feed.as_ref().unwrap(), ended.live.reconcile.as_ref().unwrap());
    assert!(feed.connections >= 2 && feed.disconnections >= 1, "{feed:?}");
    assert!(reconcile.connections >= 2 && reconcile.disconnections >= 1, "{reconcile:?}");
}

/// Trades in a single market, in which nothing can be written before the order with the lost answer is resolved. The
/// first write is a create, and its answer is the one that is lost.
fn swallow_an_answer(seed: u64, besides: &[Fault]) -> Inside {
    let mut config = config(1);
    config.orders.answer_timeout_ms = 500;
    // Otherwise the first write would create an order group.
    config.orders.order_groups = false;
    let mut trading = Trading::start(seed, config);
    trading.faults().arm(Fault::SwallowAnswer);
    for fault in besides {
        trading.faults().arm(*fault);
    }
    trading.wait_for_more(5, 1);
    let ended = trading.stop();
    ended.assert_agrees();
    let given_up = |entry: &Entry| entry.is(StageId::Execute, Kind::Abandon, Flags::Output);
    find(&ended.journal(), 0, "request that was given up", given_up);
    ended
}

#[test]
fn an_order_whose_answer_is_lost_is_settled_by_the_stream() {
    let ended = swallow_an_answer(303, &[]);
    let counters = ended.execute().counters();
    assert_eq!(counters.acked, counters.sent, "{counters:?}");
}

#[test]
fn an_order_of_which_nothing_is_heard_is_unknown_until_a_read_tells() {
    // The stream is silent on orders, from the first frame to the last.
    let silent = vec![Fault::DropFrame { channel: Channel::UserOrders }; 1_000];
    let ended = swallow_an_answer(307, &silent);
    let effects = ended.truth.exchange.gateway().fault_effects();
    assert!((1..1_000).contains(&effects["drop_frame"]), "{effects:?}");
    let counters = ended.execute().counters();
    assert!(counters.unknown >= 1, "{counters:?}");
    assert_eq!(counters.unknown_resolved, counters.unknown, "{counters:?}");
}

#[test]
fn a_fill_frame_that_comes_twice_is_booked_once() {
    let mut trading = Trading::start(304, config(4));
    trading.wait_for_more(1, 0);
    (0..3).for_each(|_| trading.faults().arm(Fault::DoubleFrame { channel: Channel::Fill }));
    trading.wait_for_more(1, 5);
    let ended = trading.stop();
    ended.assert_agrees();
    let duplicates =
        ended.live.reconcile.as_ref().unwrap().duplicate_fills + ended.execute().counters().duplicate_fills;
    assert!(duplicates >= 3, "{duplicates}");
}

#[test]
fn a_fill_that_the_stream_lost_is_brought_by_a_read() {
    let mut trading = Trading::start(305, config(4));
    trading.wait_for_more(1, 1);
    trading.faults().arm(Fault::DropFrame { channel: Channel::Fill });
    trading.wait_for_more(1, 5);
    let ended = trading.stop();
    ended.assert_agrees();
    let reconcile = ended.live.reconcile.as_ref().unwrap();
    assert!(reconcile.fills_from_reads >= 1, "{reconcile:?}");
}

#[test]
fn fills_may_come_before_the_answer_to_their_order_and_long_after() {
    let mut trading = Trading::start(306, config(4));
    trading.wait_for_more(1, 1);
    (0..100).for_each(|_| trading.faults().arm(Fault::DelayAnswer { by_ms: 1_200 }));
    trading.wait_for_more(10, 10);
    (0..3).for_each(|_| trading.faults().arm(Fault::DelayFrame { channel: Channel::Fill, by_ms: 400 }));
    trading.wait_for_more(1, 5);
    let ended = trading.stop();
    ended.assert_agrees();

    let journal = ended.journal();
    let early = journal.iter().enumerate().any(|(at, entry)| {
        if !entry.is(StageId::Execute, Kind::AccountEvent, Flags::Input) {
            return false;
        }
        let AccountEvent::Fill(fill) = entry.message() else { return false };
        let order = fill.order.to_string();
        let answers = |entry: &Entry| {
            entry.is(StageId::Execute, Kind::Answer, Flags::Input)
                && String::from_utf8_lossy(&entry.payload).contains(&order)
        };
        !journal[..at].iter().any(answers) && journal[at..].iter().any(answers)
    });
    assert!(early, "no fill came before the answer to its order");
}
