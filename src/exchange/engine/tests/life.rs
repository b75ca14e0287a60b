//! One test for each rule of a market's life cycle.

use super::*;

fn reason(engine: &Engine, order: OrderId) -> (OrderStatus, UpdateReason) {
    let record = engine.order(order).unwrap();
    (record.status, record.reason)
}

/// A market in which ann is short ten contracts at 40 cents and bob is long them.
fn traded() -> (Engine, AccountId, AccountId) {
    let (mut engine, ann, bob) = venue();
    engine.create_order(&ask(ann, 40, 10), 1).unwrap();
    engine.create_order(&bid(bob, 40, 10), 2).unwrap();
    engine.drain_events().for_each(drop);
    (engine, ann, bob)
}

#[test]
fn a_market_takes_orders_from_its_opening_to_its_close() {
    let mut engine = Engine::new(1);
    engine.list_market(MarketSpec { open_ms: 10, close_ms: 20, ..spec("MARKET") }, 0).unwrap();
    let ann = trader(&mut engine, 10);
    assert_eq!(engine.market(0).state(), MarketState::Initialized);
    assert_eq!(engine.create_order(&bid(ann, 40, 1), 9), Err(Reject::MarketInactive));
    let order = engine.create_order(&bid(ann, 40, 1), 10).unwrap().order;
    engine.drain_events().for_each(drop);
    engine.advance(25);
    assert_eq!(reason(&engine, order), (OrderStatus::Canceled, UpdateReason::CloseCancel));
    assert_eq!(level_changes(&engine.drain_events().collect::<Vec<_>>()), [(Outcome::Yes, 40, -1)]);
    assert_eq!(engine.create_order(&bid(ann, 40, 1), 26), Err(Reject::MarketInactive));
    assert_eq!(engine.cancel_order(ann, order, 26), Err(Reject::MarketInactive));
    assert_eq!(engine.decrease_order(ann, order, Decrease::To(Count::ZERO), 26), Err(Reject::MarketInactive));
    engine.determine(0, Price::ONE, 30);
    engine.advance(10_000);
    assert_eq!(engine.cancel_order(ann, order, 10_000), Err(Reject::OrderNotFound));
}

#[test]
fn impossible_markets_are_not_listed() {
    let (mut engine, ..) = venue();
    assert_eq!(engine.list_market(spec("MARKET"), 1), Err(ListError::DuplicateTicker("MARKET".into())));
    let backwards = MarketSpec { open_ms: 9, close_ms: 9, ..spec("LATER") };
    assert!(matches!(engine.list_market(backwards, 1), Err(ListError::ClosesBeforeOpening { .. })));
    assert_eq!((engine.market_count(), engine.market_by_ticker("MARKET")), (1, Some(0)));
}

#[test]
fn settlement_pays_both_sides_when_its_timer_ends() {
    let (mut engine, ann, bob) = traded();
    let (before_ann, before_bob) = (engine.balance(ann, 0), engine.balance(bob, 0));
    engine.determine(0, Price::from_cents(70), 1_000);
    assert_eq!(engine.market(0).state(), MarketState::Determined(Price::from_cents(70)));
    assert_eq!(engine.next_deadline_ms(), Some(6_000));
    engine.advance(5_999);
    assert_eq!(engine.balance(bob, 0), before_bob);
    engine.advance(6_000);
    assert_eq!(engine.balance(bob, 0) - before_bob, money("7"));
    assert_eq!(engine.balance(ann, 0) - before_ann, money("3"));
    let settled = *engine.settlements_of(ann).next().unwrap();
    assert_eq!((settled.contracts, settled.cost, settled.revenue), (-contracts(10), money("6"), money("3")));
    assert_eq!(engine.position(ann, 0).realized, money("-3"));
    assert_eq!((engine.market(0).open_interest(), engine.position(bob, 0).contracts), (Count::ZERO, Count::ZERO));
    let told = engine.drain_events().filter(|e| matches!(e, Event::Determined { .. } | Event::Settled { .. })).count();
    assert_eq!(told, 2);
    engine.determine(0, Price::ONE, 7_000);
    assert_eq!(engine.market(0).state(), MarketState::Finalized(Price::from_cents(70)), "a second result is ignored");
}

#[test]
fn a_result_without_a_timer_pays_at_once_and_closes_an_open_market() {
    let mut engine = Engine::new(1);
    engine.list_market(MarketSpec { settlement_timer_ms: 0, ..spec("MARKET") }, 0).unwrap();
    let ann = trader(&mut engine, 10);
    let order = engine.create_order(&bid(ann, 40, 1), 1).unwrap().order;
    engine.determine(0, Price::ZERO, 5);
    assert_eq!(reason(&engine, order), (OrderStatus::Canceled, UpdateReason::CloseCancel));
    assert_eq!((engine.market(0).state(), engine.next_deadline_ms()), (MarketState::Finalized(Price::ZERO), None));
}

#[test]
fn a_scalar_result_finer_than_the_balance_step_costs_a_rounding_fee() {
    let mut engine = Engine::new(1);
    engine.list_market(MarketSpec { settlement_timer_ms: 0, ..spec("MARKET") }, 0).unwrap();
    let cash = vec![(0, Money::from_dollars(10))];
    let indirect = engine.open_account(&AccountSpec { cash, direct_member: false, unlimited: false });
    let bob = trader(&mut engine, 10);
    engine.create_order(&ask(bob, 40, 1), 1).unwrap();
    engine.create_order(&bid(indirect, 40, 1), 2).unwrap();
    let (before, fees) = (engine.balance(indirect, 0), engine.fees_collected());
    engine.determine(0, Price::parse("0.3333").unwrap(), 3);
    assert_eq!(engine.balance(indirect, 0) - before, money("0.33"));
    assert_eq!(engine.fees_collected() - fees, money("0.0033"));
}

#[test]
fn a_trading_pause_refuses_orders_lets_cancels_through_and_cancels_those_that_asked() {
    let (mut engine, ann, _) = venue();
    let careful = engine.create_order(&NewOrder { cancel_on_pause: true, ..bid(ann, 40, 1) }, 1).unwrap().order;
    let patient = engine.create_order(&bid(ann, 41, 1), 1).unwrap().order;
    engine.set_trading(0, false, 2);
    assert_eq!(reason(&engine, careful), (OrderStatus::Canceled, UpdateReason::HaltCancel));
    assert_eq!(engine.create_order(&bid(ann, 42, 1), 3), Err(Reject::TradingPaused));
    assert_eq!(engine.amend_order(ann, patient, &amend(43, 1), 3), Err(Reject::TradingPaused));
    assert!(!engine.trading_active(0) && engine.trading_active(1));
    assert_eq!(engine.cancel_order(ann, patient, 4), Ok(contracts(1)));
    engine.set_trading(0, true, 5);
    assert!(engine.create_order(&bid(ann, 42, 1), 6).is_ok());
}

#[test]
fn an_exchange_pause_refuses_everything_on_its_shard_and_time_goes_on() {
    let (mut engine, ann, bob) = venue();
    engine.list_market(MarketSpec { exchange_index: 2, ..spec("OTHER") }, 0).unwrap();
    engine.deposit(ann, 0, 2, Money::from_dollars(5));
    let careful = engine.create_order(&NewOrder { cancel_on_pause: true, ..bid(ann, 40, 1) }, 1).unwrap().order;
    let patient = engine.create_order(&bid(ann, 41, 1), 1).unwrap().order;
    let expiring = engine.create_order(&NewOrder { expiration_ms: Some(9), ..bid(bob, 41, 1) }, 1).unwrap().order;
    engine.set_exchange(0, false, 2);
    assert_eq!((engine.exchange_active(0), engine.trading_active(0), engine.trading_active(2)), (false, false, true));
    assert_eq!(reason(&engine, careful), (OrderStatus::Canceled, UpdateReason::HaltCancel));
    assert_eq!(engine.create_order(&bid(ann, 42, 1), 3), Err(Reject::ExchangePaused));
    assert_eq!(engine.cancel_order(ann, patient, 3), Err(Reject::ExchangePaused));
    let less = Decrease::By(Count::from_units(1));
    assert_eq!(engine.decrease_order(ann, patient, less, 3), Err(Reject::ExchangePaused));
    assert_eq!(engine.amend_order(ann, patient, &amend(43, 1), 3), Err(Reject::ExchangePaused));
    let once = CancelAll { subaccount: None, window_ms: 0, every_ms: 0 };
    assert_eq!(engine.cancel_all(ann, &once, 3), Err(Reject::ExchangePaused));
    assert_eq!(engine.create_group(ann, 0, 0, contracts(1), 3), Err(Reject::ExchangePaused));
    assert!(engine.create_order(&NewOrder { market: 1, ..bid(ann, 40, 1) }, 3).is_ok(), "another shard trades on");
    engine.advance(9);
    assert_eq!(reason(&engine, expiring), (OrderStatus::Canceled, UpdateReason::ExpiryCancel));
    engine.set_exchange(0, true, 10);
    assert_eq!(engine.cancel_order(ann, patient, 11), Ok(contracts(1)));
}

#[test]
fn reactivating_a_market_cancels_what_rested() {
    let (mut engine, ann, _) = venue();
    let order = engine.create_order(&bid(ann, 40, 1), 1).unwrap().order;
    let careful = engine.create_order(&NewOrder { cancel_on_pause: true, ..bid(ann, 39, 1) }, 1).unwrap().order;
    engine.set_active(0, false, 2);
    assert_eq!(reason(&engine, careful), (OrderStatus::Canceled, UpdateReason::HaltCancel), "it asked for it");
    assert_eq!(engine.create_order(&bid(ann, 40, 1), 3), Err(Reject::TradingPaused));
    assert_eq!(reason(&engine, order).0, OrderStatus::Resting);
    engine.set_active(0, true, 4);
    assert_eq!(reason(&engine, order), (OrderStatus::Canceled, UpdateReason::HaltCancel));
    let told: Vec<bool> = engine
        .drain_events()
        .filter_map(|event| if let Event::Activity { active, .. } = event { Some(active) } else { None })
        .collect();
    assert_eq!(told, [false, true]);
}

#[test]
fn a_close_can_be_moved_and_a_closed_market_reopened() {
    let (mut engine, ann, _) = venue();
    engine.move_close(0, 50, 10);
    engine.advance(60);
    assert_eq!(engine.market(0).state(), MarketState::Closed);
    engine.set_active(0, true, 61);
    assert_eq!(engine.market(0).state(), MarketState::Closed, "its close has passed");
    engine.move_close(0, 200, 62);
    engine.set_active(0, true, 63);
    assert!(engine.create_order(&bid(ann, 40, 1), 64).is_ok());
    engine.move_close(0, 5, 65);
    assert_eq!(engine.market(0).state(), MarketState::Closed, "a close in the past closes at once");
}
