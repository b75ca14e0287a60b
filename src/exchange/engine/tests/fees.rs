//! Fees, and how they change.

use super::*;
use crate::market::{FeeTerms, FeeType};

fn half() -> FeeSchedule {
    FeeSchedule::of(FeeType::QuadraticWithMakerFees, 5_000)
}

fn series(schedule: FeeSchedule, from_ms: i64) -> FeeChange {
    FeeChange { scope: FeeScope::Series("SERIES".to_owned()), schedule: Some(schedule), from_ms }
}

fn event(schedule: Option<FeeSchedule>, from_ms: i64) -> FeeChange {
    FeeChange { scope: FeeScope::Event("EVENT".to_owned()), schedule, from_ms }
}

/// Trades one contract at 50 cents; returns the fees of the taker and the maker.
fn trade(engine: &mut Engine, maker: AccountId, taker: AccountId, at_ms: i64) -> [Money; 2] {
    engine.create_order(&bid(maker, 50, 1), at_ms).unwrap();
    engine.create_order(&ask(taker, 50, 1), at_ms).unwrap();
    [taker, maker].map(|account| engine.fills_of(account).next().unwrap().fee)
}

#[test]
fn a_makers_multiplier_is_its_own() {
    let (mut engine, ann, bob) = venue();
    assert_eq!(trade(&mut engine, ann, bob, 1), [money("0.0175"), money("0")]);
    // Takers pay half; makers still pay a quarter of what takers pay by default.
    engine.change_fees(series(half(), 2), 2);
    assert_eq!(trade(&mut engine, ann, bob, 2), [money("0.0088"), money("0.0044")]);
    engine.change_fees(series(FeeSchedule::of(FeeType::QuadraticWithComboMakerFees, 0), 3), 3);
    let [taker, maker] = trade(&mut engine, ann, bob, 3);
    assert_eq!((taker, maker), (money("0"), money("0.0088")));
}

#[test]
fn a_waiver_ends_at_its_moment() {
    let mut engine = Engine::new(1);
    let fees = FeeTerms::constant(FeeSchedule::QUADRATIC).waived_until(Some(1_000));
    engine.list_market(MarketSpec { fees, ..spec("MARKET") }, 0).unwrap();
    let (ann, bob) = (trader(&mut engine, 1_000), trader(&mut engine, 1_000));
    assert_eq!(trade(&mut engine, ann, bob, 999), [money("0"), money("0")]);
    assert_eq!(trade(&mut engine, ann, bob, 1_000), [money("0.0175"), money("0")]);
    // From the start, an order reserves for the fees after the waiver.
    let (mut engine, fees) = (Engine::new(1), fees.waived_until(Some(50_000)));
    engine.list_market(MarketSpec { fees, ..spec("MARKET") }, 0).unwrap();
    let ann = trader(&mut engine, 1_000);
    engine.create_order(&bid(ann, 50, 10), 1).unwrap();
    assert_eq!(engine.reserved(ann, 0), money("5.1751"));
}

#[test]
fn an_events_override_takes_precedence_and_is_announced_when_it_begins_and_ends() {
    let (mut engine, ann, bob) = venue();
    engine.change_fees(event(Some(half()), 1_000), 0);
    engine.change_fees(event(None, 2_000), 0);
    engine.change_fees(series(FeeSchedule::FREE, 1_500), 0);
    assert_eq!(trade(&mut engine, ann, bob, 999), [money("0.0175"), money("0")]);
    assert_eq!(trade(&mut engine, ann, bob, 1_000), [money("0.0088"), money("0.0044")]);
    assert_eq!(trade(&mut engine, ann, bob, 1_999)[1], money("0.0044"));
    assert_eq!(trade(&mut engine, ann, bob, 2_000)[0], money("0"));
    let told: Vec<Option<FeeSchedule>> = engine
        .drain_events()
        .filter_map(|event| match event {
            Event::FeesOverridden { schedule, .. } => Some(schedule),
            _ => None,
        })
        .collect();
    assert_eq!(told, [Some(half()), None]);
    // A market of the event that is listed later gets the changes scheduled before.
    let later = engine.list_market(spec("LATER"), 2_500).unwrap();
    assert_eq!(engine.market(later).spec().fees.at(2_500), FeeSchedule::FREE);
    assert_eq!(engine.market(later).spec().fees.at(1_000), half());
}

#[test]
fn scheduled_changes_are_reserved_for_and_an_override_without_notice_cancels_uncovered_orders() {
    let (mut engine, _, _) = venue();
    let ann =
        engine.open_account(&AccountSpec { cash: vec![(0, money("5.20"))], direct_member: true, unlimited: false });
    let double = FeeSchedule { taker_multiplier_e4: 20_000, maker_multiplier_e4: 0 };
    engine.change_fees(series(double, 1_000), 0);
    // 10 x 0.50 + 2 x 0.175 is more than the account has, even before the change.
    assert_eq!(engine.create_order(&bid(ann, 50, 10), 1), Err(Reject::InsufficientBalance));
    engine.change_fees(event(Some(FeeSchedule::QUADRATIC), 2), 2);
    engine.create_order(&bid(ann, 50, 10), 2).unwrap();
    assert_eq!(engine.reserved(ann, 0), money("5.1751"));
    engine.drain_events().for_each(drop);
    engine.change_fees(event(Some(double), 3), 3);
    let events: Vec<Event> = engine.drain_events().collect();
    assert_eq!(reasons(&events), [(OrderStatus::Canceled, UpdateReason::MarginCancel)]);
    assert_eq!(engine.reserved(ann, 0), Money::ZERO);
}
