//! One test a rule of trading.

use super::*;

#[test]
fn orders_trade_by_price_then_time_at_the_resting_price() {
    let (mut engine, ann, bob) = venue();
    let carl = trader(&mut engine, 1_000);
    let first = engine.create_order(&ask(ann, 45, 5), 1).unwrap();
    let second = engine.create_order(&ask(carl, 45, 5), 2).unwrap();
    let cheapest = engine.create_order(&ask(carl, 44, 3), 3).unwrap();
    assert_eq!(engine.queue_position(second.order), Some(contracts(5)));
    let taken = engine.create_order(&bid(bob, 50, 10), 4).unwrap();
    assert_eq!((taken.filled, taken.remaining), (contracts(10), Count::ZERO));
    assert_eq!(taken.filled_value, money("4.47"), "3 at 44 cents and 7 at 45");
    assert_eq!(engine.order(cheapest.order).unwrap().status, OrderStatus::Executed);
    assert_eq!(engine.order(first.order).unwrap().status, OrderStatus::Executed);
    assert_eq!(engine.order(second.order).unwrap().remaining, contracts(3));
    assert_eq!(book(&engine), (vec![], vec![(55, 3)]));
}
