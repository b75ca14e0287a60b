//! Order groups: made, found again, triggered, reset, refused.

use super::harness::{Bench, START_MS, contracts, listing, market};
use crate::execute::{ExecuteConfig, GroupConfig};
use crate::market::{OrderGroupId, OrderId, OrderStatus};
use crate::messages::{
    AccountEvent, Action, GroupReport, GroupState, KnownGroup, OrderReport, Phase, QueryKind, Source, Verdict,
};

const GROUPS: &str = "/trade-api/v2/portfolio/order_groups";

fn config() -> ExecuteConfig {
    ExecuteConfig { groups: GroupConfig { enabled: true, ..GroupConfig::default() }, ..ExecuteConfig::default() }
}

fn group(shard: u8) -> OrderGroupId {
    OrderGroupId::from_bits(0x900 + u128::from(shard))
}

fn told(shard: u8, state: GroupState, source: Source) -> AccountEvent {
    AccountEvent::Group(GroupReport { group: group(shard), limit: Some(contracts(150)), state, source })
}

/// A stage that has read the account once.
fn synced(bench: &mut Bench, facts: &[AccountEvent]) {
    for index in 0..2 {
        bench.account(AccountEvent::Listing(listing(market(index))));
        bench.status(market(index), Phase::Open, true, None);
    }
    bench.account(AccountEvent::Stream { up: true });
    for _ in 0..8 {
        if let Some(query) = bench.take_query(QueryKind::Rebuild) {
            bench.begin(query);
            for exchange_index in 0..2 {
                let cash = crate::market::Money::from_dollars(1_000);
                bench.account(AccountEvent::Balance { exchange_index, cash });
            }
            for fact in facts {
                bench.account(*fact);
            }
            bench.end(query, true, bench.now.session_ms);
        }
        bench.pass_ms(400);
        if bench.stage.is_synced() {
            return;
        }
    }
    panic!("never in step");
}

/// Trading with a group on each of two shards.
fn ready() -> Bench {
    let mut bench = Bench::new(config());
    synced(&mut bench, &[]);
    for shard in 0..2u8 {
        let request = bench.port.written.remove(0);
        assert_eq!((request.method, request.path.as_str()), ("POST", "/trade-api/v2/portfolio/order_groups/create"));
        assert_eq!(request.body, serde_json::json!({"contracts_limit_fp": "150.00", "exchange_index": shard}));
        assert!(bench.last(market(u16::from(shard))).blocked);
        bench.answer(request.id, 201, &serde_json::json!({"order_group_id": group(shard).to_string()}));
    }
    assert!(bench.port.written.is_empty(), "{:?}", bench.port.written);
    bench
}

/// An order of ten that rests on the first shard.
fn resting() -> Bench {
    let mut bench = ready();
    bench.intend(market(0), Action::BuyYes, 40, 10);
    let request = bench.written();
    assert_eq!(request.body["order_group_id"], group(0).to_string());
    bench.accept(request.id, 9, 0, 10);
    bench
}

#[test]
fn a_group_is_made_for_each_shard_before_anything_is_traded_and_kept_for_the_next_start() {
    let bench = ready();
    assert!(!bench.last(market(0)).blocked && !bench.last(market(1)).blocked);
    let kept = [0, 1].map(|shard| KnownGroup { exchange_index: shard, group: group(shard) });
    assert_eq!(bench.port.kept_groups, kept);
    let limits: Vec<_> = bench.stage.groups().map(|group| (group.limit, group.active)).collect();
    assert_eq!(limits, [(contracts(150), true); 2]);
}

#[test]
fn the_groups_of_the_last_run_are_found_again_and_one_that_is_gone_is_made_anew() {
    let mut bench = Bench::new(config());
    let known = [0, 1].map(|shard| KnownGroup { exchange_index: shard, group: group(shard) });
    bench.stage.know_groups(&known);
    synced(&mut bench, &[told(0, GroupState::Active, Source::Read)]);
    assert!(!bench.last(market(0)).blocked && bench.last(market(1)).blocked);
    let request = bench.written();
    assert_eq!((request.method, &request.body["exchange_index"]), ("POST", &1.into()));
}

#[test]
fn a_triggered_group_blocks_its_shard_and_its_orders_end_as_the_exchange_tells() {
    let mut bench = resting();
    bench.account(told(0, GroupState::Triggered, Source::Stream));
    assert!(bench.last(market(0)).blocked && !bench.last(market(1)).blocked);
    let over = OrderReport { ..bench.report(9, 1, OrderStatus::Canceled, 0, 0) };
    bench.account(AccountEvent::Order(over));
    bench.pass_ms(1_000);
    assert!(bench.port.written.is_empty(), "{:?}", bench.port.written);
    let counters = bench.stage.counters();
    assert_eq!((counters.groups_triggered, counters.cancelled, counters.unknown), (1, 1, 0));
    bench.intend(market(0), Action::BuyYes, 40, 10);
    assert_eq!(bench.last(market(0)).verdict, Verdict::RefusedDegraded);
}

#[test]
fn what_a_triggered_group_does_not_report_is_cancelled_like_any_order_that_has_to_go() {
    let mut bench = resting();
    bench.account(told(0, GroupState::Triggered, Source::Stream));
    assert!(bench.port.written.is_empty());
    bench.pass_ms(300);
    let request = bench.written();
    assert_eq!(request.body["orders"][0]["order_id"], OrderId::from_bits(9).to_string());
}

#[test]
fn a_triggered_group_is_reset_after_a_while_and_trades_again() {
    let mut bench = ready();
    bench.account(told(0, GroupState::Triggered, Source::Stream));
    bench.pass_ms(59_000);
    assert!(bench.port.written.is_empty());
    bench.pass_ms(1_100);
    let request = bench.written();
    assert_eq!((request.method, request.path), ("PUT", format!("{GROUPS}/{}/reset?exchange_index=0", group(0))));
    bench.answer(request.id, 500, &serde_json::json!({}));
    bench.pass_ms(1_000);
    let request = bench.written();
    bench.answer(request.id, 200, &serde_json::json!({}));
    assert!(!bench.last(market(0)).blocked);
    assert_eq!(bench.stage.counters().groups_reset, 1);
}

#[test]
fn a_group_that_may_not_be_reset_stays_closed_until_the_next_start() {
    let mut bench = Bench::new(ExecuteConfig {
        groups: GroupConfig { enabled: true, reset_after_ms: None, ..GroupConfig::default() },
        ..ExecuteConfig::default()
    });
    bench.stage.know_groups(&[0, 1].map(|shard| KnownGroup { exchange_index: shard, group: group(shard) }));
    synced(&mut bench, &[told(0, GroupState::Triggered, Source::Read), told(1, GroupState::Active, Source::Read)]);
    assert!(bench.last(market(0)).blocked && !bench.last(market(1)).blocked);
    let request = bench.written();
    assert_eq!((request.method, request.path), ("PUT", format!("{GROUPS}/{}/reset?exchange_index=0", group(0))));
    bench.answer(request.id, 200, &serde_json::json!({}));
    assert!(!bench.last(market(0)).blocked, "this start was wanted");
    bench.account(told(1, GroupState::Triggered, Source::Stream));
    bench.pass_ms(600_000);
    assert!(bench.port.written.is_empty() && bench.last(market(1)).blocked && !bench.last(market(0)).blocked);
}

#[test]
fn a_refusal_that_names_the_group_closes_the_shard_and_does_not_open_the_breaker() {
    let mut bench = ready();
    for _ in 0..2 {
        bench.intend(market(0), Action::BuyYes, 40, 10);
        let Some(request) = bench.port.written.pop() else { break };
        let error = serde_json::json!({"error": {"code": "EXCEEDED_ORDER_GROUP_RISK_LIMIT", "message": "triggered"}});
        bench.answer(request.id, 409, &error);
    }
    assert_eq!((bench.stage.counters().groups_triggered, bench.stage.counters().breakers_opened), (1, 0));
    assert!(bench.last(market(0)).blocked);
}

#[test]
fn a_read_from_before_a_trigger_does_not_open_the_group_again() {
    let mut bench = ready();
    bench.pass_ms(6_000);
    while bench.take_query(QueryKind::Rebuild).is_some() {}
    bench.pass_ms(10_000);
    let query = bench.take_query(QueryKind::Compare).unwrap();
    bench.account(told(0, GroupState::Triggered, Source::Stream));
    bench.begin(query);
    bench.account(told(0, GroupState::Active, Source::Read));
    bench.account(told(1, GroupState::Active, Source::Read));
    bench.end(query, true, bench.now.session_ms);
    assert!(bench.last(market(0)).blocked);
    assert!(bench.now.session_ms > START_MS);
}

#[test]
fn a_group_that_somebody_deleted_is_made_again() {
    let mut bench = ready();
    bench.account(told(1, GroupState::Gone, Source::Stream));
    let request = bench.written();
    assert_eq!((request.method, &request.body["exchange_index"]), ("POST", &1.into()));
    bench.pass_ms(3_500);
    // Its answer was lost: another is made.
    assert_eq!(bench.port.abandoned, [request.id]);
    assert_eq!(bench.written().body, request.body);
}

#[test]
fn a_group_that_is_triggered_at_the_start_is_named_with_the_time_of_its_reset() {
    use crate::execute::{Block, GroupBlock};
    let mut bench = Bench::new(config());
    bench.stage.know_groups(&[
        KnownGroup { exchange_index: 0, group: group(0) },
        KnownGroup { exchange_index: 1, group: group(1) },
    ]);
    let states = [GroupState::Triggered; 2];
    let facts: Vec<_> = (0..2u8).zip(states).map(|(shard, state)| told(shard, state, Source::Read)).collect();
    synced(&mut bench, &facts);
    let standstill = bench.stage.standstill(bench.now).unwrap();
    let Block::Group { block: GroupBlock::Triggered { reset_ms: Some(reset_ms) }, .. } = standstill.block else {
        panic!("{standstill:?}")
    };
    assert_eq!(standstill.left_ms, Some(reset_ms - bench.now.session_ms));
    assert!((1..=60_000).contains(&(reset_ms - bench.now.session_ms)));
    assert!(bench.port.written.is_empty());
    bench.pass_ms(61_000);
    for _ in 0..2 {
        let request = bench.port.written.remove(0);
        assert!(request.path.contains("/reset"), "{}", request.path);
        bench.answer(request.id, 200, &serde_json::json!({}));
    }
    assert_eq!(bench.stage.standstill(bench.now), None);
}
