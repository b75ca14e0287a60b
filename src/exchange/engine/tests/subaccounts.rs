//! One test for each rule of subaccounts.

use super::*;

fn moved(account: AccountId, from: u32, to: u32, amount: &str) -> Transfer {
    Transfer { account, from, to, exchange_index: 0, amount: money(amount) }
}

#[test]
fn subaccounts_are_numbered_from_one_and_there_are_at_most_sixty_three() {
    let (mut engine, ann, bob) = venue();
    assert_eq!(engine.open_subaccount(ann, 0), Ok(1));
    assert_eq!(engine.open_subaccount(ann, 2), Ok(2));
    assert_eq!(engine.open_subaccount(bob, 0), Ok(1));
    assert_eq!(
        engine.cash_of(ann).collect::<Vec<_>>(),
        [(0, 0, money("1000")), (1, 0, Money::ZERO), (2, 2, Money::ZERO)]
    );
    for number in 3..=63 {
        assert_eq!(engine.open_subaccount(ann, 0), Ok(number));
    }
    assert_eq!(engine.open_subaccount(ann, 0), Err(Reject::TooManySubaccounts));
}

#[test]
fn a_transfer_moves_free_cash_and_nothing_else() {
    let (mut engine, ann, _) = venue();
    engine.open_subaccount(ann, 0).unwrap();
    engine.create_order(&bid(ann, 50, 1_000), 1).unwrap();
    let reserved = engine.reserved(ann, 0);
    assert_eq!(reserved, money("517.5001"), "500, a taker fee of 17.50 and a step");
    assert_eq!(engine.transfer(&moved(ann, 0, 1, "482.50"), 2), Err(Reject::InsufficientBalance));
    assert_eq!(engine.transfer(&moved(ann, 0, 1, "482.49"), 2), Ok(()));
    assert_eq!((engine.balance(ann, 0), engine.subaccount_balance(ann, 1, 0)), (money("517.51"), money("482.49")));
    assert_eq!(engine.transfer(&moved(ann, 0, 2, "0.01"), 3), Err(Reject::UserNotFound));
    for nothing in [moved(ann, 0, 1, "0"), moved(ann, 0, 1, "-1"), moved(ann, 1, 1, "1")] {
        assert_eq!(engine.transfer(&nothing, 3), Err(Reject::InvalidTransfer));
    }
    let shard = Transfer { exchange_index: 2, ..moved(ann, 0, 1, "1") };
    assert_eq!(engine.transfer(&shard, 3), Err(Reject::InsufficientBalance));
}

#[test]
fn positions_orders_and_payments_of_subaccounts_are_kept_apart() {
    let (mut engine, ann, bob) = venue();
    engine.deposit(ann, 1, 0, Money::from_dollars(100));
    let first = NewOrder { subaccount: 1, ..bid(ann, 40, 10) };
    engine.create_order(&first, 1).unwrap();
    engine.create_order(&ask(bob, 40, 10), 2).unwrap();
    assert_eq!(
        (engine.position(ann, 0).contracts, engine.subaccount_position(ann, 1, 0).contracts),
        (Count::ZERO, contracts(10))
    );
    assert_eq!(engine.balance(ann, 0), money("1000"), "its cash is the other subaccount's");
    // The first subaccount's position does not cover an order of the primary one.
    engine.create_order(&ask(ann, 45, 10), 3).unwrap();
    assert!(engine.reserved(ann, 0) > money("5.50") && engine.subaccount_reserved(ann, 1, 0) == Money::ZERO);
    engine.drain_events().for_each(drop);
    engine.determine(0, Price::from_cents(25), 4);
    engine.advance(10_000);
    let paid: Vec<_> = engine
        .drain_events()
        .filter_map(|e| {
            if let Event::Settlement(paid) = e { Some((paid.account, paid.subaccount, paid.revenue)) } else { None }
        })
        .collect();
    assert_eq!(paid, [(ann, 1, money("2.50")), (bob, 0, money("7.50"))]);
}

#[test]
fn orders_of_two_subaccounts_of_one_account_never_trade_with_each_other() {
    let (mut engine, ann, _) = venue();
    engine.deposit(ann, 1, 0, Money::from_dollars(100));
    let resting = engine.create_order(&NewOrder { subaccount: 1, ..ask(ann, 40, 1) }, 1).unwrap().order;
    let placed = engine.create_order(&bid(ann, 40, 1), 2).unwrap();
    assert_eq!((placed.filled, placed.remaining), (Count::ZERO, Count::ZERO));
    assert_eq!(engine.order(resting).unwrap().status, OrderStatus::Resting);
}

#[test]
fn the_cause_of_a_level_names_the_subaccount() {
    let (mut engine, ann, _) = venue();
    engine.deposit(ann, 7, 0, Money::from_dollars(10));
    engine.drain_events().for_each(drop);
    let order = NewOrder { subaccount: 7, client_order_id: Some("x".into()), ..bid(ann, 40, 1) };
    engine.create_order(&order, 1).unwrap();
    let causes: Vec<_> =
        engine.drain_events().filter_map(|e| if let Event::Level { cause, .. } = e { cause } else { None }).collect();
    assert_eq!(causes, [cause_of(ann, 7, "x")]);
}
