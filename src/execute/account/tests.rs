//! The account by itself: fills, settlements and payments without a stage around them.

use super::*;
use crate::market::Liquidity;

const STEP: Money = Money::from_micros(100);
const MARKET: MarketKey = MarketKey { index: 0, generation: 1 };

fn fill(number: u128, side: BookSide, cents: u16, contracts: i64) -> Fill {
    Fill {
        trade: TradeId::from_bits(number),
        order: OrderId::from_bits(9),
        count: Count::from_contracts(contracts),
        fee: Money::from_cents(2),
        time_ms: 5,
        market: MARKET,
        price: Price::from_cents(cents),
        side,
        liquidity: Liquidity::Taker,
        source: Source::Stream,
        post_position: None,
        read_ns: 0,
    }
}

fn account() -> (Account, Holding) {
    let mut account = Account::new(16, STEP);
    account.adopt_cash(3, Money::from_dollars(100));
    (account, Holding::new(3))
}

#[test]
fn a_fill_counts_once_and_only_with_a_count_and_a_fee_within_its_value() {
    let (mut account, _) = account();
    assert!(account.is_new(&fill(1, BookSide::Bid, 40, 10)) && !account.is_new(&fill(1, BookSide::Bid, 40, 10)));
    assert!(Account::is_bookable(&fill(1, BookSide::Bid, 40, 10)));
    assert!(!Account::is_bookable(&fill(1, BookSide::Bid, 40, 0)));
    assert!(!Account::is_bookable(&Fill { fee: Money::from_micros(-1), ..fill(1, BookSide::Bid, 40, 10) }));
    assert!(!Account::is_bookable(&Fill { fee: Money::from_cents(1_001), ..fill(1, BookSide::Bid, 40, 10) }));
}

#[test]
fn a_determined_market_is_paid_once_and_a_fill_from_before_is_settled_with_it() {
    let (mut account, mut holding) = account();
    assert_eq!(account.book_fill(&mut holding, &fill(1, BookSide::Bid, 40, 10), 5), Money::from_dollars(-4));
    let settled = account.determine(&mut holding, MARKET, Price::ONE, 6).unwrap();
    assert_eq!((settled.contracts, settled.pays), (Count::from_contracts(10), Money::from_dollars(10)));
    assert_eq!(account.determine(&mut holding, MARKET, Price::ONE, 7), None);
    account.book_fill(&mut holding, &fill(2, BookSide::Bid, 50, 2), 8);
    let late = account.settle_late_fill(&mut holding, MARKET, 8).unwrap();
    assert_eq!((late.contracts, holding.awaiting()), (Count::from_contracts(2), Money::from_dollars(12)));
    assert!(account.book_payment(&mut holding, Money::ZERO, 9) && !account.book_payment(&mut holding, Money::ZERO, 9));
    // 100 - 4 - 1 - 0.04 of fees + 12.
    assert_eq!(account.available(3), Money::from_cents(10_696));
    assert_eq!((account.result(), account.at_risk()), (Money::from_cents(696), Money::ZERO));
    account.ledger().audit().unwrap();
}

#[test]
fn kept_fills_are_claimed_by_their_order_or_forgotten_with_its_side() {
    let (mut account, _) = account();
    let early = fill(1, BookSide::Bid, 40, 10);
    let kept = account.keep_fill(&early, Money::from_dollars(-4), Money::from_cents(2));
    assert_eq!(kept, KeptFill { begins: true, forgot: false });
    assert!(!account.keep_fill(&early, Money::from_dollars(-4), Money::from_cents(2)).begins);
    assert_eq!(account.first_note(), None, "it is not known yet to be ours");
    let claimed = account.claim_fills(early.order).unwrap();
    assert_eq!((claimed.filled, claimed.fills, claimed.surprises), (Count::from_contracts(20), 2, 0));
    assert!(matches!(account.first_note(), Some(AccountNote::Fill(told)) if told.order == early.order));

    account.keep_fill(&early, Money::from_dollars(-4), Money::from_cents(2));
    account.disown_side(MARKET, BookSide::Ask);
    account.disown_side(MARKET, BookSide::Bid);
    assert!(account.claim_fills(early.order).is_none());
}

#[test]
fn a_position_is_adopted_at_its_cost_and_marked_at_its_exit() {
    let (mut account, mut holding) = account();
    account.adopt_position(&mut holding, Count::from_contracts(10), Money::from_dollars(4));
    account.quote(&mut holding, Some(Price::from_cents(45)), None);
    assert_eq!((account.unrealized(), account.at_risk()), (Money::from_cents(50), Money::from_dollars(4)));
    account.adopt_position(&mut holding, Count::ZERO, Money::from_dollars(4));
    assert_eq!((account.unrealized(), account.at_risk()), (Money::ZERO, Money::ZERO));
}

#[test]
fn a_fee_beyond_a_step_above_its_formula_or_some_steps_below_follows_another_formula() {
    let (account, _) = account();
    let fee = Money::from_micros(17_472);
    assert!(account.explains_fee(Money::from_micros(17_500), fee));
    assert!(!account.explains_fee(Money::from_micros(17_572), fee));
    assert!(account.explains_fee(Money::from_micros(16_672), fee));
    assert!(!account.explains_fee(Money::from_micros(16_671), fee));
}
