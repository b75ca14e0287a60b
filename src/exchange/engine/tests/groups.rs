//! One test for each rule of order groups.

use super::*;
use crate::market::OrderGroupId;

/// A venue with drained events, in which ann has a group on shard 0 with this limit.
fn grouped(limit: i64) -> (Engine, AccountId, AccountId, OrderGroupId) {
    let (mut engine, ann, bob) = venue();
    let group = engine.create_group(ann, 0, 0, contracts(limit), 0).unwrap();
    engine.drain_events().for_each(drop);
    (engine, ann, bob, group)
}

fn within(group: OrderGroupId, order: NewOrder) -> NewOrder {
    NewOrder { group: Some(group), ..order }
}

fn target(account: AccountId, group: OrderGroupId) -> GroupTarget {
    GroupTarget { group, account, subaccount: 0, exchange_index: 0 }
}

fn changes(engine: &mut Engine) -> Vec<GroupChange> {
    engine
        .drain_events()
        .filter_map(|e| if let Event::Group { change, .. } = e { Some(change) } else { None })
        .collect()
}

fn reason(engine: &Engine, order: OrderId) -> (OrderStatus, UpdateReason) {
    let record = engine.order(order).unwrap();
    (record.status, record.reason)
}

#[test]
fn a_group_is_triggered_by_the_fill_that_exceeds_its_limit_and_takes_no_orders_until_its_reset() {
    let (mut engine, ann, bob, group) = grouped(5);
    let maker = engine.create_order(&within(group, ask(ann, 45, 5)), 1).unwrap().order;
    let other = engine.create_order(&within(group, bid(ann, 30, 9)), 1).unwrap().order;
    let outside = engine.create_order(&bid(ann, 29, 1), 1).unwrap().order;
    assert_eq!(engine.group_orders(group).collect::<Vec<_>>(), [maker, other]);
    engine.create_order(&bid(bob, 45, 5), 2).unwrap();
    assert!(!engine.group(ann, group).unwrap().triggered, "five are within the limit of five");
    assert_eq!(engine.group_orders(group).collect::<Vec<_>>(), [other]);
    engine.create_order(&NewOrder { count: Count::from_units(1), ..ask(bob, 30, 1) }, 3).unwrap();
    assert!(engine.group(ann, group).unwrap().triggered);
    assert_eq!(reason(&engine, other), (OrderStatus::Canceled, UpdateReason::GroupCancel));
    assert_eq!(reason(&engine, outside).0, OrderStatus::Resting);
    assert_eq!(engine.create_order(&within(group, bid(ann, 20, 1)), 4), Err(Reject::GroupTriggered));
    engine.change_group(&target(ann, group), GroupCommand::Trigger, 4).unwrap();
    engine.change_group(&target(ann, group), GroupCommand::Reset, 5).unwrap();
    assert!(engine.create_order(&within(group, bid(ann, 20, 1)), 6).is_ok());
    assert_eq!(changes(&mut engine), [GroupChange::Triggered, GroupChange::Reset], "a second trigger changes nothing");
}

#[test]
fn an_incoming_order_stops_at_the_fill_that_triggers_its_group() {
    let (mut engine, ann, bob, group) = grouped(3);
    for cents in [40, 41, 42] {
        engine.create_order(&ask(bob, cents, 2), 1).unwrap();
    }
    let resting = engine.create_order(&within(group, bid(ann, 30, 1)), 2).unwrap().order;
    let placed = engine.create_order(&within(group, bid(ann, 42, 6)), 3).unwrap();
    assert_eq!((placed.filled, placed.remaining), (contracts(4), Count::ZERO));
    assert_eq!(reason(&engine, placed.order), (OrderStatus::Canceled, UpdateReason::GroupCancel));
    assert_eq!(reason(&engine, resting), (OrderStatus::Canceled, UpdateReason::GroupCancel));
    assert_eq!(book(&engine), (vec![], vec![(58, 2)]));
}

#[test]
fn a_fill_that_triggers_a_group_is_paid_for_by_cash_that_other_orders_no_longer_have() {
    let (mut engine, _, bob) = venue();
    engine.set_collateral(Collateral::PerOrder);
    let poor = trader(&mut engine, 10);
    let group = engine.create_group(poor, 0, 0, contracts(5), 0).unwrap();
    let outside = engine.create_order(&bid(poor, 30, 10), 1).unwrap().order;
    engine.create_order(&ask(bob, 80, 10), 2).unwrap();
    let placed = engine.create_order(&within(group, bid(poor, 80, 10)), 3).unwrap();
    assert_eq!((placed.filled, reason(&engine, placed.order).0), (contracts(10), OrderStatus::Executed));
    assert!(engine.group(poor, group).unwrap().triggered);
    assert_eq!(
        reason(&engine, outside),
        (OrderStatus::Canceled, UpdateReason::MarginCancel),
        "it needs over three dollars"
    );
}

#[test]
fn contracts_older_than_fifteen_seconds_no_longer_count() {
    let (mut engine, ann, bob, group) = grouped(5);
    let order = engine.create_order(&within(group, ask(ann, 45, 50)), 1).unwrap().order;
    let take = |engine: &mut Engine, count, at_ms| {
        engine.create_order(&bid(bob, 45, count), at_ms).unwrap();
        engine.group(ann, group).unwrap().triggered
    };
    assert!(!take(&mut engine, 4, 1_000));
    assert!(!take(&mut engine, 1, 15_999));
    assert!(!take(&mut engine, 4, 16_000), "the first four are fifteen seconds old");
    assert!(take(&mut engine, 1, 16_001));
    assert_eq!(reason(&engine, order), (OrderStatus::Canceled, UpdateReason::GroupCancel));
}

#[test]
fn a_lower_limit_triggers_at_once_what_exceeds_it() {
    let (mut engine, ann, bob, group) = grouped(5);
    let order = engine.create_order(&within(group, ask(ann, 45, 50)), 1).unwrap().order;
    engine.create_order(&bid(bob, 45, 4), 2).unwrap();
    let limit = |contracts| GroupCommand::Limit(Count::from_contracts(contracts));
    engine.change_group(&target(ann, group), limit(4), 3).unwrap();
    assert_eq!(reason(&engine, order).0, OrderStatus::Resting);
    engine.change_group(&target(ann, group), limit(3), 4).unwrap();
    assert_eq!(reason(&engine, order).0, OrderStatus::Canceled);
    assert_eq!(engine.group(ann, group).unwrap().limit, contracts(3));
    let told =
        [GroupChange::LimitUpdated(contracts(4)), GroupChange::LimitUpdated(contracts(3)), GroupChange::Triggered];
    assert_eq!(changes(&mut engine), told);
    for refused in [0, 1_000_001] {
        assert_eq!(engine.change_group(&target(ann, group), limit(refused), 5), Err(Reject::InvalidGroupLimit));
        assert_eq!(engine.create_group(ann, 0, 0, contracts(refused), 5), Err(Reject::InvalidGroupLimit));
    }
}

#[test]
fn a_deleted_group_cancels_its_orders_and_is_gone() {
    let (mut engine, ann, _, group) = grouped(5);
    let order = engine.create_order(&within(group, ask(ann, 45, 50)), 1).unwrap().order;
    engine.change_group(&target(ann, group), GroupCommand::Delete, 2).unwrap();
    assert_eq!(reason(&engine, order), (OrderStatus::Canceled, UpdateReason::GroupCancel));
    assert_eq!(engine.order(order).unwrap().group, Some(group), "the order remembers it");
    assert_eq!((engine.group(ann, group), engine.groups_of(ann).count()), (None, 0));
    assert_eq!(engine.create_order(&within(group, bid(ann, 20, 1)), 3), Err(Reject::GroupNotFound));
    assert_eq!(engine.change_group(&target(ann, group), GroupCommand::Reset, 3), Err(Reject::GroupNotFound));
}

#[test]
fn a_group_belongs_to_one_account_subaccount_and_shard() {
    let (mut engine, ann, bob, group) = grouped(5);
    engine.list_market(MarketSpec { exchange_index: 2, ..spec("OTHER") }, 0).unwrap();
    for shard in [0, 2] {
        engine.deposit(ann, 3, shard, Money::from_dollars(5));
    }
    let order = within(group, bid(ann, 20, 1));
    for elsewhere in [
        NewOrder { account: bob, ..order.clone() },
        NewOrder { subaccount: 3, ..order.clone() },
        NewOrder { market: 1, ..order.clone() },
    ] {
        assert_eq!(engine.create_order(&elsewhere, 1), Err(Reject::GroupNotFound), "{elsewhere:?}");
    }
    let here = target(ann, group);
    for elsewhere in [
        GroupTarget { account: bob, ..here },
        GroupTarget { subaccount: 3, ..here },
        GroupTarget { exchange_index: 2, ..here },
    ] {
        assert_eq!(engine.change_group(&elsewhere, GroupCommand::Reset, 1), Err(Reject::GroupNotFound));
    }
    assert_eq!(engine.group(bob, group), None);
    assert_eq!(engine.create_group(ann, 3, 1, contracts(1), 1), Err(Reject::UserNotFound));
    let third = engine.create_group(ann, 3, 2, contracts(1), 2).unwrap();
    assert!(engine.create_order(&within(third, NewOrder { market: 1, subaccount: 3, ..bid(ann, 20, 1) }), 3).is_ok());
}

#[test]
fn an_order_that_ends_leaves_its_group() {
    let (mut engine, ann, _, group) = grouped(5);
    let orders = [41, 42, 43].map(|cents| engine.create_order(&within(group, ask(ann, cents, 1)), 1).unwrap().order);
    engine.cancel_order(ann, orders[1], 2).unwrap();
    assert_eq!(engine.group_orders(group).collect::<Vec<_>>(), [orders[0], orders[2]]);
    let other = AmendSpec { side: BookSide::Ask, ..amend(50, 2) };
    engine.amend_order(ann, orders[0], &other, 3).unwrap();
    assert_eq!(engine.group_orders(group).collect::<Vec<_>>(), [orders[0], orders[2]], "an amend keeps it in");
}
