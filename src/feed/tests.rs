//! Tests of the stage, with frames as bytes and a port with bounded rings.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::FeedConfig;
use super::testing::{BOOK, Bench, CLOSE_MS, LIFECYCLE, SECOND_NS, TRADE, key, listing, ticker};
use crate::market::{Count, FeeSchedule, Outcome, Price};
use crate::messages::{BookEventKind, FeeOverride, Listing, Phase, ResyncReason, ResyncRequest};
use crate::ports::ConnectionLost;
use crate::wire::command::Command;

fn action(command: &Command) -> (&str, Vec<String>) {
    let params = command.params.as_ref().unwrap();
    let word = params.action.as_deref().unwrap_or(command.cmd.as_str());
    (word, params.market_tickers.clone().unwrap_or_default())
}

#[test]
fn a_market_is_listed_then_snapshotted_then_changed() {
    let mut bench = Bench::new(FeedConfig { max_markets: 4, ..FeedConfig::default() }, 1, 64);
    bench.open();
    bench.serve();
    bench.delta(&ticker(0));
    let taken = bench.port.take_all();
    let kinds: Vec<_> = taken.iter().map(|taken| taken.event.kind).collect();
    assert_eq!(kinds, [BookEventKind::Listed, BookEventKind::Snapshot, BookEventKind::Delta]);
    assert_eq!(taken[0].listing, Some(listing(0)));
    assert_eq!(taken[1].event.time_ms, 5_000, "a snapshot has the time of its sending");
    let delta = taken[2].event;
    assert_eq!((delta.side, delta.price), (Outcome::No, Price::from_cents(42)));
    assert_eq!((delta.change, delta.time_ms, delta.clock), (Count::from_contracts(-5), 6_000, 8));
    let last = *bench.port.statuses.back().unwrap();
    assert!(last.fresh && last.phase == Phase::Open && last.close_time_ms == CLOSE_MS);
    assert_eq!(bench.port.parsed as u64, bench.stage.counters().frames);
}

#[test]
fn a_gap_makes_every_book_stale_until_its_snapshot() {
    let mut bench = Bench::fresh(3);
    bench.next_seq(BOOK);
    bench.delta(&ticker(1));
    assert_eq!(bench.stage.counters().seq_gaps, 1);
    assert_eq!(bench.port.kinds(), [BookEventKind::Stale; 3]);
    assert!(bench.port.statuses.iter().all(|status| !status.fresh));
    let commands = bench.port.sent.clone();
    assert_eq!(action(&commands[0].1), ("get_snapshot", (0..3).map(ticker).collect()));
    bench.delta(&ticker(2));
    assert_eq!(bench.port.kinds(), [], "a delta of a stale book is dropped");
    bench.serve();
    assert_eq!(bench.port.kinds(), [BookEventKind::Snapshot; 3]);
    assert_eq!(bench.stage.fresh_books(), 3);
}

#[test]
fn acknowledgements_and_errors_consume_the_sequence() {
    let mut bench = Bench::fresh(1);
    let seq = bench.next_seq(BOOK);
    bench.frame(&format!(r#"{{"id":999,"type":"ok","sid":{BOOK},"seq":{seq}}}"#));
    let seq = bench.next_seq(BOOK);
    bench.frame(&format!(r#"{{"type":"error","sid":{BOOK},"seq":{seq},"msg":{{"code":18,"msg":"Command timeout"}}}}"#));
    bench.delta(&ticker(0));
    assert_eq!(bench.stage.counters().seq_gaps, 0);
    assert_eq!(bench.port.kinds(), [BookEventKind::Delta]);
}

#[test]
fn an_unreadable_frame_or_unknown_market_makes_books_stale_and_the_session_goes_on() {
    for text in [
        "{".to_owned(),
        String::new(),
        format!(r#"{{"type":"orderbook_delta","sid":{BOOK},"seq":9,"msg":{{}}}}"#),
        format!(
            r#"{{"type":"orderbook_snapshot","sid":{BOOK},"seq":3,"msg":{{"market_ticker":"KXOTHER","market_id":"","clock":0}}}}"#
        ),
        r#"{"type":"orderbook_snapshot","seq":3,"msg":{"market_ticker":"KXTEST-26NOV21-T0","clock":0}}"#.to_owned(),
    ] {
        let mut bench = Bench::fresh(2);
        bench.frame(&text);
        assert_eq!(bench.stage.fresh_books(), 0, "{text}");
        bench.serve();
        assert_eq!(bench.stage.fresh_books(), 2, "{text}");
        assert!(bench.stage.last_problem().is_some());
    }
}

#[test]
fn frames_of_an_earlier_connection_are_never_applied() {
    let mut bench = Bench::fresh(1);
    let old = bench.connection();
    bench.close();
    assert_eq!(bench.port.kinds(), [BookEventKind::Stale]);
    bench.pass(SECOND_NS);
    assert_eq!(bench.connection(), old + 1);
    bench.open();
    let frames = bench.stage.counters().frames;
    bench.frame_of(
        old,
        &format!(
            r#"{{"type":"orderbook_snapshot","sid":{BOOK},"seq":1,"msg":{{"market_ticker":"{}","clock":0}}}}"#,
            ticker(0)
        ),
    );
    assert_eq!((bench.stage.fresh_books(), bench.stage.counters().frames), (0, frames));
    assert_eq!(bench.stage.counters().frames_of_old_connections, 1);
    bench.port.sent.retain(|(connection, _)| *connection == old + 1);
    bench.serve();
    assert_eq!(bench.stage.fresh_books(), 1);
}

#[test]
fn a_refused_handshake_is_tried_again_and_again() {
    let mut bench = Bench::new(FeedConfig { max_markets: 1, ..FeedConfig::default() }, 1, 64);
    for _ in 0..20 {
        let lost = ConnectionLost { reason: "unauthorized".to_owned(), http_status: Some(401) };
        bench.stage.on_closed(bench.connection(), &lost, bench.now, &mut bench.port);
        let connections = bench.port.connected.len();
        bench.pass(bench.stage.deadline_ns() - bench.now.mono_ns);
        assert_eq!(bench.port.connected.len(), connections + 1);
    }
    assert_eq!(bench.stage.counters().refused_handshakes, 20);
    assert!(bench.stage.last_problem().unwrap().contains("HTTP 401"));
}

#[test]
fn a_connection_without_pings_or_frames_is_replaced() {
    let mut bench = Bench::fresh(1);
    let first = bench.connection();
    for _ in 0..10 {
        bench.pass(10 * SECOND_NS);
        bench.stage.on_ping(first, bench.now);
    }
    assert_eq!(bench.connection(), first, "pings alone keep a quiet connection");
    bench.pass(26 * SECOND_NS);
    assert_eq!(bench.stage.counters().silences, 1);
    assert_eq!(bench.port.closed, [first]);
    assert_eq!((bench.connection(), bench.stage.fresh_books()), (first + 1, 0));
}

#[test]
fn markets_enter_in_chunks_of_the_snapshots_in_flight() {
    let config = FeedConfig { snapshots_in_flight: 8, max_markets: 32, ..FeedConfig::default() };
    let mut bench = Bench::new(config, 20, 1_024);
    bench.open();
    let mut added = Vec::new();
    let mut largest = 0;
    while !bench.port.sent.is_empty() {
        for (_, command) in &bench.port.sent {
            let (word, markets) = action(command);
            let channels = command.params.as_ref().unwrap().channels.as_ref();
            if word == "add_markets" && command.params.as_ref().unwrap().sid == Some(BOOK)
                || channels.is_some_and(|channels| channels[0] == "orderbook_delta")
            {
                largest = largest.max(markets.len());
                added.extend(markets);
            }
        }
        bench.serve();
        bench.port.take_all();
        bench.pass(2_000_000);
    }
    assert_eq!(largest, 8);
    assert_eq!(added, (0..20).map(ticker).collect::<Vec<_>>(), "each once, in market order");
    assert_eq!(bench.stage.fresh_books(), 20);
}

#[test]
fn a_snapshot_that_does_not_come_leads_to_resubscription_then_reconnection_then_patience() {
    let mut bench = Bench::fresh(2);
    let first = bench.connection();
    bench.next_seq(BOOK);
    bench.delta(&ticker(0));
    bench.port.commands();
    bench.pass(5 * SECOND_NS);
    assert_eq!(bench.stage.counters().resubscriptions, 1);
    assert_eq!(bench.port.sent[0].1.cmd, "unsubscribe");
    // The new subscription brings the snapshot of one market only.
    let (_, unsubscribe) = bench.port.sent.pop_front().unwrap();
    bench.frame(&format!(r#"{{"id":{},"type":"unsubscribed","sid":{BOOK},"seq":9}}"#, unsubscribe.id));
    let (_, subscribe) = bench.port.sent.pop_front().unwrap();
    assert_eq!(action(&subscribe), ("subscribe", vec![ticker(0), ticker(1)]));
    bench.frame(&format!(
        r#"{{"id":{},"type":"subscribed","msg":{{"channel":"orderbook_delta","sid":9}}}}"#,
        subscribe.id
    ));
    bench.frame(&format!(
        r#"{{"type":"orderbook_snapshot","sid":9,"seq":1,"msg":{{"market_ticker":"{}","clock":0}}}}"#,
        ticker(0)
    ));
    assert_eq!(bench.stage.fresh_books(), 1);
    bench.pass(5 * SECOND_NS);
    assert_eq!(bench.port.closed, [first], "the second miss ends the connection");
    bench.pass(SECOND_NS);
    bench.open();
    bench.port.sent.retain(|(connection, _)| *connection > first);
    while let Some((_, command)) = bench.port.sent.pop_front() {
        let channel = command.params.unwrap().channels.unwrap()[0].clone();
        let sid = if channel == "orderbook_delta" { BOOK } else { 1 };
        bench.frame(&format!(
            r#"{{"id":{},"type":"subscribed","msg":{{"channel":"{channel}","sid":{sid}}}}}"#,
            command.id
        ));
    }
    bench.snapshot(&ticker(0), "");
    bench.pass(6 * SECOND_NS);
    assert_eq!(bench.stage.fresh_books(), 1, "the market that fails no longer disturbs the others");
    bench.pass(15 * SECOND_NS);
    assert_eq!(bench.port.closed.len(), 1);
}

#[test]
fn a_report_of_decide_doubts_the_subscription_once_and_then_the_market_alone() {
    let mut bench = Bench::fresh(3);
    let request = ResyncRequest { market: key(1), reason: ResyncReason::Crossed };
    bench.stage.on_resync(&request, bench.now, &mut bench.port);
    assert_eq!(bench.stage.fresh_books(), 0);
    bench.serve();
    assert_eq!(bench.stage.fresh_books(), 3);
    bench.stage.on_resync(&request, bench.now, &mut bench.port);
    assert_eq!((bench.stage.fresh_books(), bench.port.sent.len()), (2, 0), "asked for alone, after a pause");
    bench.pass(20 * SECOND_NS);
    bench.serve();
    assert_eq!(bench.stage.fresh_books(), 3);
    let old = ResyncRequest { market: crate::market::MarketKey { index: 1, generation: 0 }, ..request };
    bench.stage.on_resync(&old, bench.now, &mut bench.port);
    assert_eq!(bench.stage.fresh_books(), 3, "a key of an earlier generation concerns nobody");
}

#[test]
fn an_overflow_raises_the_epoch_and_clears_it_after_the_stale_markets() {
    let mut bench = Bench::fresh(2);
    bench.port.ring_capacity = 2;
    bench.delta(&ticker(0));
    bench.delta(&ticker(0));
    bench.delta(&ticker(1));
    assert_eq!(bench.port.epoch, 1);
    bench.delta(&ticker(0));
    assert_eq!(bench.port.kinds(), [BookEventKind::Delta; 2]);
    assert!(bench.port.sent.is_empty(), "nothing is asked for while the ring is full");
    bench.pass(1_000_000);
    bench.port.ring_capacity = 64;
    bench.pass(1_000_000);
    let taken = bench.port.take_all();
    let kinds: Vec<_> = taken.iter().map(|taken| (taken.event.kind, taken.event.market.index)).collect();
    assert_eq!(kinds[..2], [(BookEventKind::Stale, 0), (BookEventKind::Stale, 1)]);
    let cleared = taken.last().unwrap().event;
    assert_eq!((cleared.kind, cleared.clock), (BookEventKind::EpochCleared, 1));
    bench.serve();
    assert_eq!(bench.stage.fresh_books(), 2);
    assert_eq!(bench.port.epoch, 1);
}

/// A thousand snapshots of 200 levels a side, deltas in between, a ring of 1,024 and a reader that takes one event for
/// every ten frames.
#[test]
fn a_start_with_a_thousand_markets_converges_through_a_small_ring_and_a_slow_reader() {
    let mut bench = Bench::new(FeedConfig::default(), 1_000, 1_024);
    bench.port.status_capacity = 100;
    let side = |name: &str, base: u32| {
        let levels: Vec<_> = (0..200).map(|level| format!(r#"["0.{:04}","3.00"]"#, base + level * 10)).collect();
        format!(r#","{name}":[{}]"#, levels.join(","))
    };
    let levels = side("yes_dollars_fp", 10) + &side("no_dollars_fp", 10);
    bench.open();
    let mut stale = BTreeSet::new();
    let mut rounds = 0;
    while bench.stage.fresh_books() < 1_000 || !bench.port.ring.is_empty() {
        rounds += 1;
        assert!(rounds < 2_000, "{:?}", bench.stage.counters());
        bench.serve_with(&levels);
        for burst in 0..400 {
            if rounds < 20 {
                bench.delta(&ticker((burst * 7) % 1_000));
            }
        }
        for _ in 0..40 {
            if let Some(taken) = bench.port.take() {
                match taken.event.kind {
                    BookEventKind::Snapshot => stale.remove(&taken.event.market),
                    BookEventKind::Stale | BookEventKind::Listed => stale.insert(taken.event.market),
                    BookEventKind::Delta => {
                        assert!(!stale.contains(&taken.event.market), "a delta of a stale book was sent");
                        true
                    }
                    _ => true,
                };
            }
        }
        bench.port.statuses.clear();
        bench.pass(1_000_000);
    }
    assert!(stale.is_empty());
    assert!(bench.stage.counters().overflow_epochs > 0, "the ring was too small for the burst");
    assert_eq!(bench.stage.counters().snapshots_without_buffer, 0);
    assert_eq!(bench.stage.counters().snapshot_timeouts, 0);
}

#[test]
fn statuses_are_delivered_in_market_order_when_there_is_room() {
    let mut bench = Bench::fresh(3);
    bench.port.status_capacity = 1;
    bench.next_seq(BOOK);
    bench.delta(&ticker(2));
    let mut markets = Vec::new();
    for _ in 0..3 {
        markets.extend(bench.port.statuses.drain(..).map(|status| (status.market.index, status.fresh)));
        bench.pass(1_000_000);
    }
    assert_eq!(markets, [(0, false), (1, false), (2, false)]);
}

#[test]
fn a_market_pauses_reopens_closes_by_time_is_determined_and_leaves() {
    let mut bench = Bench::fresh(1);
    let newest = |bench: &Bench| *bench.port.statuses.back().unwrap();
    bench.lifecycle(0, r#""event_type":"deactivated","is_deactivated":true"#);
    assert_eq!(newest(&bench).phase, Phase::Paused);
    bench.lifecycle(0, r#""event_type":"activated","is_deactivated":false"#);
    assert_eq!(newest(&bench).phase, Phase::Open);
    bench.lifecycle(0, r#""event_type":"close_date_updated","close_ts":20"#);
    assert_eq!(newest(&bench).close_time_ms, 20_000);
    bench.lifecycle(0, r#""event_type":"close_date_updated","close_ts":1790000000000"#);
    assert_eq!(newest(&bench).close_time_ms, 20_000, "milliseconds where seconds belong are no close");
    bench.pass(19 * SECOND_NS);
    assert_eq!(newest(&bench).phase, Phase::Open);
    bench.pass(SECOND_NS);
    assert_eq!(newest(&bench).phase, Phase::Closed);
    bench.lifecycle(0, r#""event_type":"determined","determination_ts":21,"result":"yes","settlement_value":"1.0000""#);
    let status = newest(&bench);
    assert_eq!((status.phase, status.settlement), (Phase::Determined, Some(Price::ONE)));
    bench.lifecycle(0, r#""event_type":"settled","settled_ts":22"#);
    bench.port.take_all();
    for _ in 0..6 {
        bench.pass(10 * SECOND_NS);
        bench.stage.on_ping(bench.connection(), bench.now);
    }
    let commands: Vec<_> = bench.port.sent.iter().map(|(_, command)| action(command)).collect();
    assert_eq!(commands, vec![("delete_markets", vec![ticker(0)]); 2]);
    assert_eq!(bench.port.kinds(), [], "frames sent before the acknowledgement are still known");
    bench.delta(&ticker(0));
    bench.port.take_all();
    bench.serve();
    assert_eq!(bench.port.kinds(), [BookEventKind::Stale, BookEventKind::Delisted]);
    assert_eq!(bench.stage.counters().unknown_markets, 0);
}

#[test]
fn an_events_fees_are_told_and_by_a_formula_that_is_not_known_its_markets_are_paused() {
    let mut bench = Bench::fresh(1);
    let newest = |bench: &Bench| *bench.port.statuses.back().unwrap();
    let told = |bench: &mut Bench, event: &str, fees: &str, sent_ms: i64| {
        let seq = bench.next_seq(LIFECYCLE);
        bench.frame(&format!(
            r#"{{"type":"event_fee_update","sid":{LIFECYCLE},"seq":{seq},"sending_ts_ms":{sent_ms},"msg":{{"event_ticker":"{event}",{fees}}}}}"#
        ));
    };
    let half = r#""fee_type_override":"quadratic_with_maker_fees","fee_multiplier_override":0.5"#;
    told(&mut bench, "KXTEST-26NOV21", half, 7);
    let schedule = Some(FeeSchedule { taker_multiplier_e4: 5_000, maker_multiplier_e4: 10_000 });
    assert_eq!(newest(&bench).fee_override, Some(FeeOverride { from_ms: 7, schedule }));
    let none = r#""fee_type_override":null,"fee_multiplier_override":null"#;
    for (event, sent_ms) in
        [("KXTEST-26NOV22", 8), ("KXTEST-26NOV", 8), ("KXTEST-26NOV21-T0", 8), ("KXTEST-26NOV21", 6)]
    {
        told(&mut bench, event, none, sent_ms);
        assert_eq!(newest(&bench).fee_override, Some(FeeOverride { from_ms: 7, schedule }), "{event} {sent_ms}");
    }
    told(&mut bench, "KXTEST-26NOV21", r#""fee_type_override":"flat","fee_multiplier_override":1"#, 9);
    assert_eq!(newest(&bench).phase, Phase::Paused);
    assert!(bench.stage.last_problem().unwrap().contains("`flat`"), "{:?}", bench.stage.last_problem());
    // The exchange resumes trading, but the cost of an order is still unknown.
    let read = |bench: &mut Bench| bench.stage.on_listing(&listing(0), bench.now, &mut bench.port);
    bench.pass(5 * SECOND_NS);
    read(&mut bench);
    bench.lifecycle(0, r#""event_type":"activated","is_deactivated":false"#);
    assert_eq!(newest(&bench).phase, Phase::Paused);
    told(&mut bench, "KXTEST-26NOV21", none, 10);
    read(&mut bench);
    assert_eq!((newest(&bench).phase, newest(&bench).fee_override.unwrap().schedule), (Phase::Open, None));
}

#[test]
fn a_new_grid_lists_the_market_again_and_refreshes_its_book() {
    let mut bench = Bench::fresh(1);
    bench.lifecycle(
        0,
        r#""event_type":"price_level_structure_updated","price_level_structure":"deci_cent","price_ranges":[{"start":"0.0000","end":"1.0000","step":"0.0010"}]"#,
    );
    let taken = bench.port.take_all();
    let kinds: Vec<_> = taken.iter().map(|taken| taken.event.kind).collect();
    assert_eq!(kinds, [BookEventKind::Stale, BookEventKind::Listed]);
    let relisted = taken[1].listing.unwrap();
    assert_eq!(relisted.market, key(0));
    assert_eq!(relisted.bands.bands()[0].step, Price::from_units(10).unwrap());
    bench.serve();
    assert_eq!(bench.stage.fresh_books(), 1);
    bench.lifecycle(0, r#""event_type":"price_level_structure_updated","price_ranges":[]"#);
    assert_eq!((bench.stage.counters().bad_grids, bench.port.statuses.back().unwrap().phase), (1, Phase::Paused));
}

#[test]
fn refused_commands_are_repeated_after_a_pause_and_a_dead_subscription_is_opened_again() {
    let mut bench = Bench::fresh(2);
    bench.next_seq(BOOK);
    bench.delta(&ticker(0));
    let id = bench.port.commands()[0].id;
    bench.frame(&format!(r#"{{"id":{id},"type":"error","msg":{{"code":27,"msg":"Too many requests"}}}}"#));
    assert!(bench.port.sent.is_empty());
    bench.pass(SECOND_NS);
    assert_eq!(action(&bench.port.sent[0].1).0, "get_snapshot");
    bench.serve();
    assert_eq!(bench.stage.fresh_books(), 2);
    let seq = bench.next_seq(BOOK);
    bench.frame(&format!(
        r#"{{"type":"error","sid":{BOOK},"seq":{seq},"msg":{{"code":25,"msg":"Subscription buffer overflow"}}}}"#
    ));
    assert_eq!(bench.stage.fresh_books(), 0);
    bench.pass(2 * SECOND_NS);
    assert_eq!(bench.port.sent[0].1.cmd, "subscribe");
    bench.serve();
    assert_eq!((bench.stage.fresh_books(), bench.port.closed.len()), (2, 0));
}

#[test]
fn trades_are_passed_on_and_a_command_without_answer_ends_the_connection() {
    let mut bench = Bench::fresh(1);
    let seq = bench.next_seq(TRADE);
    bench.frame(&format!(
        r#"{{"type":"trade","sid":{TRADE},"seq":{seq},"msg":{{"trade_id":"d91bc706-ee49-470d-82d8-11418bda6fed","market_ticker":"{}","yes_price_dollars":"0.3600","no_price_dollars":"0.6400","count_fp":"136.00","taker_side":"no","taker_outcome_side":"no","taker_book_side":"ask","is_block_trade":false,"ts":1669149841,"ts_ms":7000}}}}"#,
        ticker(0)
    ));
    let trade = bench.port.take().unwrap().event;
    assert_eq!((trade.kind, trade.side, trade.time_ms), (BookEventKind::Trade, Outcome::No, 7_000));
    assert_eq!((trade.price, trade.change), (Price::from_cents(36), Count::from_contracts(136)));
    bench.stage.on_listing(&listing(1), bench.now, &mut bench.port);
    assert_eq!(action(&bench.port.sent[0].1), ("add_markets", vec![ticker(1)]));
    let first = bench.connection();
    bench.snapshot(&ticker(1), "");
    bench.pass(10 * SECOND_NS);
    assert_eq!((bench.stage.counters().ack_timeouts, bench.port.closed.as_slice()), (1, [first].as_slice()));
}

#[test]
fn an_index_goes_to_its_next_market_only_after_the_first_has_left() {
    let mut bench = Bench::fresh(1);
    let next = Listing {
        market: crate::market::MarketKey { index: 0, generation: 2 },
        ticker: crate::market::Ticker::new("KXNEXT").unwrap(),
        ..listing(0)
    };
    bench.stage.on_listing(&next, bench.now, &mut bench.port);
    bench.delta(&ticker(0));
    assert_eq!(bench.stage.counters().unknown_markets, 0);
    bench.serve();
    bench.pass(1_000_000);
    bench.serve();
    let taken = bench.port.take_all();
    let kinds: Vec<_> = taken.iter().map(|taken| (taken.event.kind, taken.event.market.generation)).collect();
    assert_eq!(
        kinds,
        [
            (BookEventKind::Delta, 1),
            (BookEventKind::Stale, 1),
            (BookEventKind::Delisted, 1),
            (BookEventKind::Listed, 2),
            (BookEventKind::Snapshot, 2)
        ]
    );
    let refused = Listing { market: key(900), ..listing(3) };
    bench.stage.on_listing(&refused, bench.now, &mut bench.port);
    assert_eq!(bench.stage.counters().refused_listings, 1);
}

proptest! {
    #[test]
    fn bytes_that_are_no_snapshot_never_panic_and_never_make_a_book_fresh(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..20),
        cut in 0usize..200,
        flip in 0usize..200,
        byte in any::<u8>(),
    ) {
        let mut bench = Bench::fresh(2);
        bench.next_seq(BOOK);
        bench.delta(&ticker(0));
        bench.port.sent.clear();
        let delta = format!(
            r#"{{"type":"orderbook_delta","sid":{BOOK},"seq":9,"msg":{{"market_ticker":"{}","clock":8,"price_dollars":"0.4200","delta_fp":"-5.00","side":"no","ts_ms":1}}}}"#,
            ticker(0)
        );
        let mut broken = delta.into_bytes();
        let length = broken.len();
        broken[flip % length] = byte;
        broken.truncate(cut.max(1));
        let connection = bench.connection();
        for frame in frames.iter().chain([&broken]) {
            bench.stage.on_frame(connection, frame, 0, bench.now, &mut bench.port);
            prop_assert_eq!(bench.stage.fresh_books(), 0);
        }
        bench.pass(1_000_000);
        prop_assert_eq!(bench.stage.fresh_books(), 0);
    }
}

#[test]
fn a_market_that_is_read_again_makes_good_what_no_frame_told() {
    let mut bench = Bench::fresh(2);
    let newest = |bench: &Bench| *bench.port.statuses.back().unwrap();
    let read = |bench: &mut Bench, change: Listing| bench.stage.on_listing(&change, bench.now, &mut bench.port);
    bench.pass(5 * SECOND_NS);
    // The frame that ends the pause is lost.
    bench.lifecycle(0, r#""event_type":"deactivated","is_deactivated":true"#);
    read(&mut bench, Listing { age_ms: 1_000, ..listing(0) });
    assert_eq!(newest(&bench).phase, Phase::Paused, "what was read before the frame is older news");
    bench.pass(5 * SECOND_NS);
    read(&mut bench, Listing { age_ms: 1_000, ..listing(0) });
    assert_eq!(newest(&bench).phase, Phase::Open);
    // A new close time known only from a read reaches the gate, without a new snapshot.
    read(&mut bench, Listing { close_time_ms: 20_000, ..listing(0) });
    assert_eq!((newest(&bench).close_time_ms, bench.stage.fresh_books()), (20_000, 2));
    bench.pass(10 * SECOND_NS);
    assert_eq!(newest(&bench).phase, Phase::Closed);
    // The close is moved again, and the market continues.
    read(&mut bench, Listing { close_time_ms: 60_000, ..listing(0) });
    assert_eq!((newest(&bench).phase, newest(&bench).close_time_ms), (Phase::Open, 60_000));
    read(&mut bench, Listing { phase: Phase::Closed, ..listing(1) });
    assert_eq!((newest(&bench).market, newest(&bench).phase), (key(1), Phase::Closed));
    assert_eq!(bench.port.kinds(), [BookEventKind::Listed; 2], "decide is told of both closes, and of nothing else");
}

#[test]
fn a_market_that_opens_by_time_is_open_once_it_is_read_again() {
    let mut bench = Bench::fresh(1);
    let newest = |bench: &Bench| *bench.port.statuses.back().unwrap();
    for (index, phase) in [(1, Phase::Listed), (2, Phase::Paused), (3, Phase::Closed)] {
        bench.stage.on_listing(&Listing { phase, ..listing(index) }, bench.now, &mut bench.port);
        bench.serve();
        bench.port.take_all();
        bench.stage.on_listing(&listing(index), bench.now, &mut bench.port);
        assert_eq!((newest(&bench).market, newest(&bench).phase), (key(index), Phase::Open));
        // `decide` must be told of a market that was listed as closed.
        assert_eq!(bench.port.kinds().contains(&BookEventKind::Listed), phase == Phase::Closed, "{phase:?}");
        bench.serve();
        bench.port.take_all();
    }
    assert_eq!(bench.stage.fresh_books(), 4);
}
