//! One test for each rule of placing orders, matching and collateral.

use super::*;

/// The events since the last call that concern a market only.
fn drain(engine: &mut Engine) -> Vec<Event> {
    engine.drain_events().collect()
}

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

#[test]
fn a_trade_is_reported_as_level_trade_and_both_fills_in_that_order() {
    let (mut engine, ann, bob) = venue();
    let maker = engine.create_order(&ask(ann, 45, 5), 1).unwrap();
    drain(&mut engine);
    let taker = engine.create_order(&NewOrder { client_order_id: Some("b-1".into()), ..bid(bob, 45, 2) }, 7).unwrap();
    let events = drain(&mut engine);
    let [level, trade, Event::Fill(made), position, Event::Fill(taken), _, maker_order, taker_order] = &events[..]
    else {
        panic!("unexpected events {events:#?}");
    };
    let Event::Level { side, price, change, clock, cause, time_ms, .. } = level else { panic!("{level:?}") };
    assert_eq!((*side, *price, *change), (Outcome::No, Price::from_cents(55), -contracts(2)));
    assert_eq!((*clock, cause.clone(), *time_ms), (2, Some(cause_of(bob, 0, "b-1")), 7));
    assert!(matches!(trade, Event::Trade { taker: BookSide::Bid, trade, .. } if *trade == made.trade), "{trade:?}");
    assert!(matches!(position, Event::Position { account, .. } if *account == ann));
    assert_eq!((made.order, made.post_position, made.fee), (maker.order, -contracts(2), Money::ZERO));
    assert_eq!((taken.order, taken.post_position), (taker.order, contracts(2)));
    // 0.07 x 2 x 0.45 x 0.55 = 0.03465, rounded up to a step of $0.0001.
    assert_eq!((taken.fee, taker.fees), (money("0.0347"), money("0.0347")));
    assert_eq!(
        reasons(&[maker_order.clone(), taker_order.clone()]),
        [(OrderStatus::Resting, UpdateReason::Trade), (OrderStatus::Executed, UpdateReason::Trade),]
    );
    assert_eq!(engine.balance(bob, 0), money("999.0653"));
    assert_eq!(engine.market(0).open_interest(), contracts(2));
    assert_eq!((engine.market(0).volume(), engine.market(0).last_price()), (contracts(2), Some(Price::from_cents(45))));
}

#[test]
fn immediate_or_cancel_never_rests() {
    let (mut engine, ann, bob) = venue();
    engine.create_order(&ask(ann, 45, 3), 1).unwrap();
    drain(&mut engine);
    let ioc = NewOrder { time_in_force: TimeInForce::ImmediateOrCancel, ..bid(bob, 45, 5) };
    let placed = engine.create_order(&ioc, 2).unwrap();
    assert_eq!((placed.filled, placed.remaining), (contracts(3), Count::ZERO));
    assert_eq!(reasons(&drain(&mut engine)).last(), Some(&(OrderStatus::Canceled, UpdateReason::Decrease)));
    assert_eq!((book(&engine), engine.reserved(bob, 0)), ((vec![], vec![]), Money::ZERO));
}

#[test]
fn fill_or_kill_fills_entirely_or_not_at_all_and_burns_its_id() {
    let (mut engine, ann, bob) = venue();
    engine.create_order(&ask(ann, 45, 3), 1).unwrap();
    let id = Some("fok-1".to_owned());
    let fok = NewOrder { time_in_force: TimeInForce::FillOrKill, client_order_id: id, ..bid(bob, 45, 4) };
    assert_eq!(engine.create_order(&fok, 2), Err(Reject::FillOrKill));
    assert_eq!(book(&engine), (vec![], vec![(55, 3)]));
    assert_eq!(engine.create_order(&fok, 3), Err(Reject::DuplicateClientOrderId));
    let exact = NewOrder { count: contracts(3), client_order_id: None, ..fok };
    assert_eq!(engine.create_order(&exact, 4).unwrap().filled, contracts(3));
}

#[test]
fn fill_or_kill_that_meets_its_own_order_keeps_its_fills_like_immediate_or_cancel() {
    let (mut engine, ann, bob) = venue();
    engine.create_order(&ask(ann, 44, 2), 1).unwrap();
    let own = engine.create_order(&ask(bob, 45, 5), 2).unwrap().order;
    let fok = NewOrder { time_in_force: TimeInForce::FillOrKill, ..bid(bob, 45, 4) };
    let placed = engine.create_order(&fok, 3).unwrap();
    assert_eq!((placed.filled, placed.remaining), (contracts(2), Count::ZERO));
    let record = engine.order(placed.order).unwrap();
    assert_eq!((record.status, record.reason), (OrderStatus::Canceled, UpdateReason::SelfTradeCancel));
    assert_eq!(engine.order(own).unwrap().remaining, contracts(5));
}

#[test]
fn a_post_only_order_that_would_cross_is_refused() {
    let (mut engine, ann, bob) = venue();
    engine.create_order(&ask(ann, 45, 3), 1).unwrap();
    assert_eq!(engine.create_order(&NewOrder { post_only: true, ..bid(bob, 45, 1) }, 2), Err(Reject::PostOnlyCross));
    assert_eq!(
        engine.create_order(&NewOrder { post_only: true, ..bid(bob, 44, 1) }, 3).unwrap().remaining,
        contracts(1)
    );
}

#[test]
fn taker_at_cross_cancels_the_incoming_order_and_keeps_its_earlier_fills() {
    let (mut engine, ann, bob) = venue();
    engine.create_order(&ask(ann, 44, 2), 1).unwrap();
    let own = engine.create_order(&ask(bob, 45, 5), 2).unwrap();
    drain(&mut engine);
    let placed = engine.create_order(&bid(bob, 50, 10), 3).unwrap();
    assert_eq!((placed.filled, placed.remaining), (contracts(2), Count::ZERO));
    assert_eq!(reasons(&drain(&mut engine)).last(), Some(&(OrderStatus::Canceled, UpdateReason::SelfTradeCancel)));
    assert_eq!(engine.order(own.order).unwrap().remaining, contracts(5));
}

#[test]
fn maker_prevention_cancels_the_resting_order_and_matching_goes_on() {
    let (mut engine, ann, bob) = venue();
    let own = engine.create_order(&ask(bob, 44, 5), 1).unwrap();
    engine.create_order(&ask(ann, 45, 2), 2).unwrap();
    let incoming = NewOrder { self_trade_prevention: SelfTradePrevention::Maker, ..bid(bob, 45, 3) };
    let placed = engine.create_order(&incoming, 3).unwrap();
    assert_eq!((placed.filled, placed.remaining), (contracts(2), contracts(1)));
    let record = engine.order(own.order).unwrap();
    assert_eq!((record.status, record.reason), (OrderStatus::Canceled, UpdateReason::SelfTradeCancel));
    assert_eq!(book(&engine), (vec![(45, 1)], vec![]));
}

#[test]
fn reduce_only_is_capped_by_the_position_and_needs_immediate_or_cancel() {
    let (mut engine, ann, bob) = venue();
    engine.create_order(&bid(ann, 40, 9), 1).unwrap();
    let reduce = NewOrder { reduce_only: true, ..ask(bob, 40, 9) };
    assert_eq!(engine.create_order(&reduce, 2), Err(Reject::ReduceOnlyNeedsIoc));
    let reduce = NewOrder { time_in_force: TimeInForce::ImmediateOrCancel, ..reduce };
    drain(&mut engine);
    assert_eq!(engine.create_order(&reduce, 3).unwrap().filled, Count::ZERO);
    assert_eq!(reasons(&drain(&mut engine)), [(OrderStatus::Canceled, UpdateReason::ReduceOnlyCancel)]);
    engine.create_order(&ask(ann, 41, 4), 4).unwrap();
    engine.create_order(&bid(bob, 41, 4), 5).unwrap();
    let placed = engine.create_order(&reduce, 6).unwrap();
    assert_eq!((placed.filled, placed.remaining), (contracts(4), Count::ZERO));
    assert_eq!(engine.position(bob, 0).contracts, Count::ZERO);
}

#[test]
fn orders_off_the_grid_or_of_no_size_are_refused_without_burning_their_id() {
    let (mut engine, ann, _) = venue();
    let with_id = |order: NewOrder| NewOrder { client_order_id: Some("x".into()), ..order };
    let price = |units| Price::from_units(units).unwrap();
    for off_grid in [0, 10_000, 4_050] {
        let order = with_id(NewOrder { price: price(off_grid), ..bid(ann, 40, 1) });
        assert_eq!(engine.create_order(&order, 1), Err(Reject::InvalidPrice), "{off_grid}");
    }
    assert_eq!(engine.create_order(&with_id(bid(ann, 40, 0)), 1), Err(Reject::InvalidSize));
    assert_eq!(engine.create_order(&NewOrder { market: 9, ..bid(ann, 40, 1) }, 1), Err(Reject::MarketNotFound));
    assert!(engine.create_order(&with_id(bid(ann, 40, 1)), 1).is_ok());
    assert_eq!(engine.create_order(&with_id(bid(ann, 40, 1)), 1), Err(Reject::DuplicateClientOrderId));
}

#[test]
fn an_order_expires_at_its_time() {
    let (mut engine, ann, _) = venue();
    let expiring = |at_ms| NewOrder { expiration_ms: Some(at_ms), ..bid(ann, 40, 1) };
    assert_eq!(engine.create_order(&expiring(5), 5), Err(Reject::ExpirationInPast));
    let ioc = NewOrder { time_in_force: TimeInForce::ImmediateOrCancel, ..expiring(50) };
    assert_eq!(engine.create_order(&ioc, 5), Err(Reject::ExpirationWithIoc));
    let placed = engine.create_order(&expiring(50), 5).unwrap();
    assert_eq!(engine.next_deadline_ms(), Some(50));
    engine.advance(49);
    assert_eq!(engine.order(placed.order).unwrap().status, OrderStatus::Resting);
    engine.advance(1_000);
    let record = engine.order(placed.order).unwrap();
    assert_eq!(
        (record.status, record.reason, record.updated_ms),
        (OrderStatus::Canceled, UpdateReason::ExpiryCancel, 50)
    );
}

#[test]
fn resting_orders_reserve_their_worst_case_and_leave_the_balance_alone() {
    let (mut engine, _, _) = venue();
    let poor = trader(&mut engine, 10);
    let order = engine.create_order(&bid(poor, 50, 10), 1).unwrap().order;
    // 5.00, a taker fee of 0.175, and a step of 0.0001.
    assert_eq!((engine.balance(poor, 0), engine.reserved(poor, 0)), (money("10"), money("5.1751")));
    assert_eq!(engine.create_order(&bid(poor, 50, 10), 2), Err(Reject::InsufficientBalance));
    assert_eq!(engine.create_order(&ask(poor, 60, 12), 2).unwrap_err(), Reject::InsufficientBalance);
    assert_eq!(engine.amend_order(poor, order, &amend(50, 20), 3), Err(Reject::InsufficientBalance));
    engine.amend_order(poor, order, &amend(50, 19), 4).unwrap();
    engine.cancel_order(poor, order, 5).unwrap();
    assert_eq!(engine.reserved(poor, 0), Money::ZERO);
}

#[test]
fn closing_orders_reserve_nothing_until_older_ones_claim_the_position() {
    let (mut engine, ann, bob) = venue();
    engine.create_order(&ask(ann, 50, 10), 1).unwrap();
    engine.create_order(&bid(bob, 50, 10), 2).unwrap();
    engine.create_order(&ask(bob, 60, 8), 3).unwrap();
    assert_eq!(engine.reserved(bob, 0), Money::ZERO);
    // Two of these five still close a position; three open one at 0.30 each, with a fee of 0.0441 and a step.
    engine.create_order(&ask(bob, 70, 5), 4).unwrap();
    assert_eq!(engine.reserved(bob, 0), money("0.9442"));
}

#[test]
fn where_each_order_is_covered_by_itself_a_fill_cancels_those_that_no_longer_are() {
    let (mut engine, _, bob) = venue();
    engine.set_collateral(Collateral::PerOrder);
    let poor = trader(&mut engine, 10);
    // Each needs 5.1751 of the 10: three of them together are too much.
    let [first, second, third] = [50, 49, 30].map(|cents| engine.create_order(&bid(poor, cents, 10), 1).unwrap().order);
    assert_eq!(engine.create_order(&bid(poor, 50, 20), 1), Err(Reject::InsufficientBalance), "too much by itself");
    assert_eq!(engine.reserved(poor, 0), Money::ZERO);
    engine.create_order(&ask(bob, 50, 10), 2).unwrap();
    assert_eq!(engine.balance(poor, 0), money("5"));
    let ended = |order| {
        let record = engine.order(order).unwrap();
        (record.status, record.reason)
    };
    assert_eq!(ended(first), (OrderStatus::Executed, UpdateReason::Trade));
    assert_eq!(ended(second), (OrderStatus::Canceled, UpdateReason::MarginCancel), "it needs 5.0751");
    assert_eq!(ended(third).0, OrderStatus::Resting);
    engine.open_subaccount(poor, 0).unwrap();
    let transfer = Transfer { account: poor, from: 0, to: 1, exchange_index: 0, amount: money("2") };
    engine.transfer(&transfer, 3).unwrap();
    assert_eq!(engine.order(third).unwrap().reason, UpdateReason::MarginCancel, "its cash went elsewhere");
}

#[test]
fn cash_on_another_shard_or_subaccount_does_not_help() {
    let (mut engine, ann, _) = venue();
    engine.list_market(MarketSpec { exchange_index: 2, ..spec("OTHER") }, 1).unwrap();
    let elsewhere = NewOrder { market: 1, ..bid(ann, 40, 1) };
    assert_eq!(engine.create_order(&elsewhere, 2), Err(Reject::UserNotFound));
    engine.deposit(ann, 0, 2, Money::from_dollars(5));
    assert!(engine.create_order(&elsewhere, 3).is_ok());
    let sub = NewOrder { subaccount: 3, ..bid(ann, 40, 1) };
    assert_eq!(engine.create_order(&sub, 4), Err(Reject::InsufficientBalance));
    engine.deposit(ann, 3, 0, Money::from_dollars(5));
    assert!(engine.create_order(&sub, 5).is_ok());
    assert_eq!(engine.shards_of(ann), [0, 2]);
}

#[test]
fn unlimited_accounts_need_no_cash_and_get_no_private_events() {
    let (mut engine, ann, _) = venue();
    let maker = engine.open_account(&AccountSpec { cash: vec![], direct_member: true, unlimited: true });
    let order = engine.create_order(&ask(maker, 40, 5), 1).unwrap().order;
    engine.create_order(&bid(ann, 40, 5), 2).unwrap();
    assert_eq!((engine.balance(maker, 0), engine.order(order)), (money("-3"), None));
    let private = |event: &Event| match event {
        Event::Fill(fill) => fill.account == maker,
        Event::Order(record) => record.account == maker,
        Event::Position { account, .. } => *account == maker,
        _ => false,
    };
    assert!(!drain(&mut engine).iter().any(private));
}

#[test]
fn rounding_is_given_back_over_the_fills_of_one_order_as_taker_and_as_maker() {
    let fees = FeeSchedule::of(crate::market::FeeType::QuadraticWithMakerFees, 10_000).into();
    for (direct_member, expected) in [
        // In cents: the taker's fee of 0.0175 leaves 0.0025 accumulated, and two makers' fees of 0.004375 add 0.005625 each:
        // one cent.
        (false, ["0.02", "0.01", "0"]),
        // In steps of $0.0001 the taker's fee is exact, and the makers' fees leave 25 or 75 millionths each.
        (true, ["0.0175", "0.0044", "0.0044"]),
    ] {
        let mut engine = Engine::new(1);
        engine.list_market(MarketSpec { fees, ..spec("MARKET") }, 0).unwrap();
        let cash = vec![(0, Money::from_dollars(10))];
        let member = engine.open_account(&AccountSpec { cash, direct_member, unlimited: false });
        let bob = trader(&mut engine, 1_000);
        engine.create_order(&ask(bob, 50, 1), 1).unwrap();
        engine.create_order(&bid(member, 50, 3), 2).unwrap();
        engine.create_order(&ask(bob, 50, 1), 3).unwrap();
        engine.create_order(&ask(bob, 50, 1), 4).unwrap();
        let mut booked: Vec<Money> = engine.fills_of(member).map(|fill| fill.fee).collect();
        booked.reverse();
        assert_eq!(booked, expected.map(money), "direct member: {direct_member}");
        let record = engine.orders_of(member).next().unwrap();
        assert_eq!((record.taker_fees, record.maker_fees), (money(expected[0]), booked[1] + booked[2]));
    }
}

#[test]
fn rounding_of_tiny_fills_that_outgrows_the_reserve_cancels_the_order_for_margin() {
    let (mut engine, _, bob) = venue();
    let cash = vec![(0, money("0.05"))];
    let indirect = engine.open_account(&AccountSpec { cash, direct_member: false, unlimited: false });
    // Each 0.01 at 0.50 costs half a cent, but a whole cent leaves the balance: twice the price.
    let order = NewOrder { count: Count::from_units(7), ..bid(indirect, 50, 1) };
    let order = engine.create_order(&order, 1).unwrap().order;
    for _ in 0..7 {
        let tiny =
            NewOrder { count: Count::from_units(1), time_in_force: TimeInForce::ImmediateOrCancel, ..ask(bob, 50, 1) };
        engine.create_order(&tiny, 2).unwrap();
        assert!(engine.balance(indirect, 0) >= engine.reserved(indirect, 0));
    }
    assert_eq!(engine.order(order).unwrap().reason, UpdateReason::MarginCancel);
    assert!(engine.balance(indirect, 0) >= Money::ZERO);
}
