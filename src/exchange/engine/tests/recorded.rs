//! One test for each rule of recorded markets, with numbers worked out by hand.

use super::*;
use crate::exchange::recorded::{Entry, Step};

/// A recorded market that shows `entries`, and one account.
fn recorded(entries: Vec<Entry>) -> (Engine, AccountId) {
    let mut engine = Engine::new(1);
    engine.list_market(MarketSpec { recorded: true, ..spec("MARKET") }, 0).unwrap();
    let ann = trader(&mut engine, 1_000);
    step(&mut engine, 1, entries);
    engine.drain_events().for_each(drop);
    (engine, ann)
}

fn step(engine: &mut Engine, ts_ms: i64, entries: Vec<Entry>) -> Vec<Event> {
    engine.drain_events().for_each(drop);
    engine.recorded_step(0, &Step { ts_ms, complete_ms: ts_ms + 5, entries }, ts_ms + 5);
    engine.drain_events().collect()
}

/// A change of the YES bids.
fn bids(cents: u16, change: i64) -> Entry {
    Entry::Delta { side: Outcome::Yes, price: Price::from_cents(cents), change: contracts(change) }
}

/// A change of the asks at a YES price.
fn asks(cents: u16, change: i64) -> Entry {
    Entry::Delta { side: Outcome::No, price: Price::from_cents(100 - cents), change: contracts(change) }
}

/// A trade in which the taker sold YES.
fn sold(cents: u16, count: i64) -> Entry {
    Entry::Trade { price: Price::from_cents(cents), count: contracts(count), taker: BookSide::Ask }
}

fn filled(engine: &Engine, order: OrderId) -> i64 {
    engine.order(order).unwrap().filled.units() / 100
}

#[test]
fn taking_walks_what_is_displayed_and_not_consumed_at_its_prices() {
    let (mut engine, ann) = recorded(vec![asks(45, 5), asks(46, 5), asks(48, 9), bids(40, 3)]);
    let ioc = |count| NewOrder { time_in_force: TimeInForce::ImmediateOrCancel, ..bid(ann, 46, count) };
    let first = engine.create_order(&ioc(7), 10).unwrap();
    assert_eq!((first.filled, first.filled_value), (contracts(7), money("3.17")));
    assert_eq!(book(&engine), (vec![(40, 3)], vec![(52, 9), (54, 3)]));
    let second = engine.create_order(&ioc(7), 11).unwrap();
    assert_eq!((second.filled, second.filled_value), (contracts(3), money("1.38")));
    assert_eq!(engine.position(Engine::HOUSE, 0).contracts, -contracts(10));
    assert_eq!(engine.market(0).open_interest(), contracts(10));
}

#[test]
fn fill_or_kill_and_post_only_see_only_what_is_not_consumed() {
    let (mut engine, ann) = recorded(vec![asks(45, 5)]);
    engine.create_order(&bid(ann, 45, 5), 10).unwrap();
    let fok = NewOrder { time_in_force: TimeInForce::FillOrKill, ..bid(ann, 45, 1) };
    assert_eq!(engine.create_order(&fok, 11), Err(Reject::FillOrKill));
    assert!(engine.create_order(&NewOrder { post_only: true, ..bid(ann, 45, 1) }, 12).is_ok());
    assert_eq!(book(&engine), (vec![(45, 1)], vec![]));
}

#[test]
fn rule_1_a_trade_at_an_orders_price_fills_what_exceeds_the_queue_ahead() {
    let (mut engine, ann) = recorded(vec![bids(40, 10), asks(45, 5)]);
    let order = engine.create_order(&bid(ann, 40, 5), 10).unwrap().order;
    assert_eq!(engine.queue_position(order), Some(contracts(10)));
    assert_eq!(book(&engine), (vec![(40, 15)], vec![(55, 5)]));
    // Six trade: `ahead` falls from ten to four.
    step(&mut engine, 20, vec![sold(40, 6), bids(40, -6)]);
    assert_eq!((filled(&engine, order), engine.queue_position(order)), (0, Some(contracts(4))));
    // Seven more, with the delta before the trade: four were ahead, three fill the order.
    let events = step(&mut engine, 30, vec![bids(40, -4), sold(40, 7)]);
    assert_eq!((filled(&engine, order), engine.queue_position(order)), (3, Some(Count::ZERO)));
    assert_eq!(level_changes(&events), [(Outcome::Yes, 40, -3), (Outcome::Yes, 40, -4)]);
    // Nothing is ahead now: the next trade fills what is left of the order, and no more than that.
    step(&mut engine, 40, vec![sold(40, 50)]);
    assert_eq!(filled(&engine, order), 5);
    let fills: Vec<_> = engine.fills_of(ann).map(|fill| (fill.price, fill.count, fill.liquidity)).collect();
    let maker = |count| (Price::from_cents(40), contracts(count), crate::market::Liquidity::Maker);
    assert_eq!(fills, [maker(2), maker(3)]);
    assert_eq!(engine.market(0).volume(), contracts(63), "the recorded print stands for our fill");
}

#[test]
fn an_order_that_improves_the_price_has_nothing_ahead() {
    let (mut engine, ann) = recorded(vec![bids(40, 10), asks(45, 5)]);
    let order = engine.create_order(&bid(ann, 41, 5), 10).unwrap().order;
    assert_eq!(engine.queue_position(order), Some(Count::ZERO));
    // Others join behind the order; a trade at its price fills it first.
    step(&mut engine, 20, vec![bids(41, 8)]);
    step(&mut engine, 30, vec![sold(41, 2), bids(41, -2)]);
    assert_eq!(filled(&engine, order), 2);
}

#[test]
fn rule_2_a_trade_beyond_an_orders_price_fills_it_up_to_the_trades_count() {
    let (mut engine, ann) = recorded(vec![bids(40, 10), bids(39, 10), asks(45, 5)]);
    let order = engine.create_order(&bid(ann, 40, 5), 10).unwrap().order;
    step(&mut engine, 20, vec![sold(39, 2)]);
    assert_eq!(filled(&engine, order), 2);
    assert_eq!(engine.fills_of(ann).next().unwrap().price, Price::from_cents(40), "at our price");
    step(&mut engine, 30, vec![sold(41, 9)]);
    assert_eq!(filled(&engine, order), 2, "a trade above our bid is not ours");
    step(&mut engine, 40, vec![sold(38, 9)]);
    assert_eq!(filled(&engine, order), 5);
}

#[test]
fn rule_3_cancels_move_an_order_forward_to_what_is_displayed() {
    let (mut engine, ann) = recorded(vec![bids(40, 10), asks(45, 5)]);
    let order = engine.create_order(&bid(ann, 40, 5), 10).unwrap().order;
    step(&mut engine, 20, vec![bids(40, 5)]);
    assert_eq!(engine.queue_position(order), Some(contracts(10)), "who joins is behind us");
    step(&mut engine, 30, vec![bids(40, -4)]);
    assert_eq!(engine.queue_position(order), Some(contracts(10)), "eleven are displayed");
    step(&mut engine, 40, vec![bids(40, -9)]);
    assert_eq!(engine.queue_position(order), Some(contracts(2)));
}

#[test]
fn rule_4_an_opposite_quote_at_or_through_an_orders_price_fills_it_at_its_price() {
    let (mut engine, ann) = recorded(vec![bids(40, 10), asks(45, 5)]);
    let order = engine.create_order(&bid(ann, 43, 9), 10).unwrap().order;
    let events = step(&mut engine, 20, vec![asks(43, 2), asks(42, 1), asks(44, 7)]);
    assert_eq!(filled(&engine, order), 3);
    assert!(engine.fills_of(ann).all(|fill| fill.price == Price::from_cents(43)));
    // What the order took from the quotes is not shown, and nobody sees a crossed book.
    let expected = [(Outcome::Yes, 43, -1), (Outcome::Yes, 43, -2), (Outcome::No, 56, 7)];
    assert_eq!(level_changes(&events), expected);
    assert_eq!(book(&engine), (vec![(40, 10), (43, 6)], vec![(55, 5), (56, 7)]));
    // The quotes stay, consumed: there is no second fill. Four more arrive.
    step(&mut engine, 30, vec![bids(40, 1)]);
    assert_eq!(filled(&engine, order), 3);
    step(&mut engine, 40, vec![asks(43, 4)]);
    assert_eq!(filled(&engine, order), 7);
}

#[test]
fn resting_asks_follow_the_same_rules() {
    let (mut engine, ann) = recorded(vec![bids(40, 10), asks(45, 5)]);
    let order = engine.create_order(&ask(ann, 45, 5), 10).unwrap().order;
    assert_eq!(engine.queue_position(order), Some(contracts(5)));
    let bought =
        |cents, count| Entry::Trade { price: Price::from_cents(cents), count: contracts(count), taker: BookSide::Bid };
    step(&mut engine, 20, vec![bought(45, 6), asks(45, -5)]);
    assert_eq!(filled(&engine, order), 1);
    step(&mut engine, 30, vec![bought(46, 1)]);
    assert_eq!(filled(&engine, order), 2);
    step(&mut engine, 40, vec![bids(46, 2)]);
    assert_eq!(filled(&engine, order), 4);
    assert_eq!(engine.position(ann, 0).contracts, -contracts(4));
}

#[test]
fn several_orders_share_a_trade_by_price_then_time() {
    let (mut engine, ann) = recorded(vec![bids(40, 2), asks(45, 5)]);
    let early = engine.create_order(&bid(ann, 40, 3), 10).unwrap().order;
    let late = engine.create_order(&bid(ann, 40, 3), 11).unwrap().order;
    let better = engine.create_order(&bid(ann, 41, 1), 12).unwrap().order;
    // Eight are sold at 40: one to the better price, two ahead, three early, two late.
    step(&mut engine, 20, vec![sold(40, 8), bids(40, -2)]);
    assert_eq!([better, early, late].map(|order| filled(&engine, order)), [1, 3, 2]);
}

#[test]
fn orders_of_one_account_never_trade_with_each_other() {
    let (mut engine, ann) = recorded(vec![bids(40, 2), asks(50, 5)]);
    engine.create_order(&bid(ann, 45, 3), 10).unwrap();
    let placed = engine.create_order(&ask(ann, 45, 3), 11).unwrap();
    assert_eq!((placed.filled, placed.remaining), (Count::ZERO, Count::ZERO));
    // Another account trades with the recording first, then with the resting order, then rests.
    let bob = trader(&mut engine, 1_000);
    let placed = engine.create_order(&ask(bob, 40, 9), 12).unwrap();
    assert_eq!((placed.filled, placed.filled_value), (contracts(5), money("2.15")));
    assert_eq!(book(&engine), (vec![], vec![(50, 5), (60, 4)]));
}

#[test]
fn a_snapshot_in_mid_session_is_published_as_the_difference() {
    let (mut engine, ann) = recorded(vec![bids(40, 10), asks(45, 5)]);
    engine.create_order(&bid(ann, 40, 5), 10).unwrap();
    let levels = crate::market::BookLevels {
        yes: vec![(Price::from_cents(40), contracts(10))],
        no: vec![(Price::from_cents(54), contracts(2))],
    };
    let events = step(&mut engine, 20, vec![Entry::Snapshot(Box::new(levels))]);
    assert_eq!(level_changes(&events), [(Outcome::No, 55, -5), (Outcome::No, 54, 2)]);
    let events = step(&mut engine, 30, vec![Entry::Snapshot(Box::default())]);
    assert_eq!(level_changes(&events), [(Outcome::Yes, 40, -10), (Outcome::No, 54, -2)]);
    assert_eq!(book(&engine), (vec![(40, 5)], vec![]));
}

#[test]
fn a_step_is_not_dated_before_what_was_published() {
    let (mut engine, ann) = recorded(vec![bids(40, 10)]);
    engine.create_order(&bid(ann, 39, 5), 23).unwrap();
    let events = step(&mut engine, 20, vec![bids(40, 1)]);
    assert!(matches!(events[..], [Event::Level { time_ms: 23, .. }]), "{events:?}");
}

#[test]
fn a_recorded_market_closes_and_settles_like_any_other() {
    let (mut engine, ann) = recorded(vec![asks(45, 5)]);
    engine.create_order(&bid(ann, 45, 8), 10).unwrap();
    engine.advance(100_000);
    assert_eq!(book(&engine), (vec![], vec![]));
    step(&mut engine, 100_001, vec![asks(45, -5)]);
    engine.determine(0, Price::ONE, 100_010);
    engine.advance(200_000);
    assert_eq!(engine.settlements_of(ann).next().unwrap().revenue, money("5"));
    assert_eq!(engine.position(Engine::HOUSE, 0).contracts, Count::ZERO);
}
