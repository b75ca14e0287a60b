//! One test for each rule of amending, decreasing and cancelling orders.

use super::*;

#[test]
fn a_cancel_returns_what_was_left_and_works_once() {
    let (mut engine, ann, bob) = venue();
    let placed = engine.create_order(&bid(ann, 40, 5), 1).unwrap();
    engine.create_order(&ask(bob, 40, 2), 2).unwrap();
    assert_eq!(engine.cancel_order(bob, placed.order, 3), Err(Reject::OrderNotFound));
    assert_eq!(engine.cancel_order(ann, placed.order, 3), Ok(contracts(3)));
    assert_eq!(engine.cancel_order(ann, placed.order, 4), Err(Reject::OrderNotFound));
}

#[test]
fn a_cancel_all_is_repeated_until_its_window_ends() {
    let (mut engine, ann, bob) = venue();
    for cents in 10..15 {
        engine.create_order(&bid(ann, cents, 1), 5).unwrap();
    }
    let minute = CancelAll { subaccount: None, window_ms: 60_000, every_ms: 25_000 };
    assert_eq!(engine.cancel_all(ann, &minute, 1_000), Ok(5));
    assert_eq!((book(&engine), engine.reserved(ann, 0)), ((vec![], vec![]), Money::ZERO));
    let place = |engine: &mut Engine, at_ms| engine.create_order(&bid(ann, 40, 1), at_ms).unwrap().order;
    let ended_ms = |engine: &Engine, order| {
        let record = engine.order(order).unwrap();
        (record.status == OrderStatus::Canceled).then_some(record.updated_ms)
    };
    let early = place(&mut engine, 1_001);
    let foreign = engine.create_order(&bid(bob, 39, 1), 1_002).unwrap().order;
    let late = place(&mut engine, 51_000);
    let last = place(&mut engine, 60_999);
    let free = place(&mut engine, 61_000);
    engine.advance(99_000);
    assert_eq!((ended_ms(&engine, early), ended_ms(&engine, late)), (Some(26_000), Some(61_000)));
    assert_eq!((ended_ms(&engine, last), ended_ms(&engine, free)), (Some(61_000), None));
    assert_eq!(ended_ms(&engine, foreign), None);
}

#[test]
fn a_cancel_all_of_one_subaccount_leaves_the_others_alone() {
    let (mut engine, ann, _) = venue();
    engine.deposit(ann, 3, 0, Money::from_dollars(5));
    let primary = engine.create_order(&bid(ann, 40, 1), 1).unwrap().order;
    let third = engine.create_order(&NewOrder { subaccount: 3, ..bid(ann, 40, 1) }, 1).unwrap().order;
    let spec = CancelAll { subaccount: Some(3), window_ms: 100, every_ms: 100 };
    assert_eq!(engine.cancel_all(ann, &spec, 2), Ok(1));
    engine.advance(200);
    assert_eq!(engine.order(third).unwrap().status, OrderStatus::Canceled);
    assert_eq!(engine.order(primary).unwrap().status, OrderStatus::Resting);
}

#[test]
fn a_decrease_keeps_the_place_in_the_queue() {
    let (mut engine, ann, bob) = venue();
    let first = engine.create_order(&bid(ann, 40, 5), 1).unwrap().order;
    let second = engine.create_order(&bid(bob, 40, 5), 2).unwrap().order;
    assert_eq!(engine.decrease_order(ann, first, Decrease::By(contracts(2)), 3), Ok(contracts(3)));
    assert_eq!(engine.queue_position(first), Some(Count::ZERO));
    assert_eq!(engine.queue_position(second), Some(contracts(3)));
    assert_eq!(engine.decrease_order(ann, first, Decrease::To(contracts(3)), 4), Err(Reject::NoChange));
    assert_eq!(engine.decrease_order(ann, first, Decrease::To(contracts(4)), 4), Err(Reject::InvalidSize));
    assert_eq!(engine.decrease_order(ann, first, Decrease::To(Count::ZERO), 5), Ok(Count::ZERO));
    assert_eq!(engine.order(first).unwrap().status, OrderStatus::Canceled);
}

#[test]
fn an_amend_keeps_the_queue_for_less_and_loses_it_for_more_or_another_price() {
    let (mut engine, ann, bob) = venue();
    let first = engine.create_order(&bid(ann, 40, 5), 1).unwrap().order;
    let second = engine.create_order(&bid(bob, 40, 5), 2).unwrap().order;
    engine.amend_order(ann, first, &amend(40, 4), 3).unwrap();
    let expiring = AmendSpec { expiration: AmendExpiration::At(900), ..amend(40, 4) };
    engine.amend_order(ann, first, &expiring, 4).unwrap();
    assert_eq!(engine.queue_position(first), Some(Count::ZERO));
    assert_eq!(engine.next_deadline_ms(), Some(900));
    let placed = engine.amend_order(ann, first, &amend(40, 6), 5).unwrap();
    assert_eq!((placed.order, placed.remaining), (first, contracts(6)));
    assert_eq!((engine.queue_position(first), engine.queue_position(second)), (Some(contracts(5)), Some(Count::ZERO)));
    engine.amend_order(bob, second, &amend(41, 5), 6).unwrap();
    engine.amend_order(bob, second, &amend(40, 5), 7).unwrap();
    assert_eq!(engine.queue_position(second), Some(contracts(6)));
    let lasting = AmendSpec { expiration: AmendExpiration::Remove, ..amend(40, 6) };
    engine.amend_order(ann, first, &lasting, 8).unwrap();
    assert_eq!(engine.next_deadline_ms(), Some(100_000), "only the close is left");
}

#[test]
fn an_amend_may_rename_an_order_in_its_place_but_no_id_is_used_twice() {
    let (mut engine, ann, bob) = venue();
    let named = |id: &str| Some(id.to_owned());
    let first = engine.create_order(&NewOrder { client_order_id: named("a"), ..bid(ann, 40, 5) }, 1).unwrap().order;
    engine.create_order(&NewOrder { client_order_id: named("b"), ..bid(bob, 40, 5) }, 2).unwrap();
    let rename = |id| AmendSpec { new_client_order_id: named(id), ..amend(40, 5) };
    assert_eq!(engine.amend_order(ann, first, &rename("a"), 3), Err(Reject::NoChange), "it has that id");
    engine.amend_order(ann, first, &rename("b"), 3).expect("ids are used once an account");
    let record = engine.order(first).unwrap();
    assert_eq!((record.client_order_id.as_deref(), record.reason), (Some("b"), UpdateReason::Amend));
    assert_eq!(engine.queue_position(first), Some(Count::ZERO));
    assert_eq!(engine.amend_order(ann, first, &rename("a"), 4), Err(Reject::DuplicateClientOrderId), "burnt at first");
    let again = NewOrder { client_order_id: named("b"), ..bid(ann, 30, 1) };
    assert_eq!(engine.create_order(&again, 5), Err(Reject::DuplicateClientOrderId));
    engine.drain_events().for_each(drop);
    engine.create_order(&ask(bob, 40, 1), 6).unwrap();
    let fill = engine.drain_events().find_map(|e| if let Event::Fill(fill) = e { Some(fill) } else { None });
    assert_eq!(fill.unwrap().client_order_id, named("b"));
}

#[test]
fn an_amend_counts_what_has_filled_and_trades_when_its_price_crosses() {
    let (mut engine, ann, bob) = venue();
    let order = engine.create_order(&bid(ann, 40, 5), 1).unwrap().order;
    engine.create_order(&ask(bob, 40, 2), 2).unwrap();
    engine.create_order(&ask(bob, 45, 4), 3).unwrap();
    assert_eq!(engine.amend_order(ann, order, &amend(40, 2), 4), Err(Reject::InvalidAmendCount));
    assert_eq!(engine.amend_order(ann, order, &amend(40, 5), 4), Err(Reject::NoChange));
    let wrong_side = AmendSpec { side: BookSide::Ask, ..amend(41, 5) };
    assert_eq!(engine.amend_order(ann, order, &wrong_side, 4), Err(Reject::SideMismatch));
    assert_eq!(
        engine.amend_order(ann, order, &AmendSpec { market: 1, ..amend(41, 5) }, 4),
        Err(Reject::TickerMismatch)
    );
    let placed = engine.amend_order(ann, order, &amend(46, 10), 5).unwrap();
    assert_eq!((placed.filled, placed.remaining, placed.filled_value), (contracts(4), contracts(4), money("1.80")));
    let record = engine.order(order).unwrap();
    assert_eq!((record.filled, record.initial), (contracts(6), contracts(10)));
    assert_eq!((record.maker_cost, record.taker_cost), (money("0.80"), money("1.80")));
}

#[test]
fn a_post_only_order_amended_into_a_cross_is_cancelled() {
    let (mut engine, ann, bob) = venue();
    engine.create_order(&ask(bob, 45, 4), 1).unwrap();
    let order = engine.create_order(&NewOrder { post_only: true, ..bid(ann, 40, 5) }, 2).unwrap().order;
    let placed = engine.amend_order(ann, order, &amend(45, 5), 3).unwrap();
    assert_eq!((placed.filled, placed.remaining), (Count::ZERO, Count::ZERO));
    let record = engine.order(order).unwrap();
    assert_eq!((record.status, record.reason), (OrderStatus::Canceled, UpdateReason::PostOnlyCrossCancel));
    assert_eq!(book(&engine), (vec![], vec![(55, 4)]));
}
