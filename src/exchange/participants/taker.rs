//! Takers: noise takers, which trade for their own reasons, and informed takers, which trade when the touch is away from the
//! fair probability.

use rand::Rng;

use crate::exchange::engine::{AccountId, Engine, MarketIndex, NewOrder};
use crate::market::{BookSide, Count, Price, TimeInForce};
use crate::wire::orders::SelfTradePrevention;

/// How far the touch must be from the fair probability before the informed trade, in dollars.
const EDGE: f64 = 0.004;

/// Takes from the touch on a random side, with a bias to the side whose price is fair or better. `size` multiplies the usual
/// sizes.
pub(super) fn noise(
    engine: &mut Engine,
    account: AccountId,
    market: MarketIndex,
    (fair, size): (f64, f64),
    rng: &mut impl Rng,
    now_ms: i64,
) {
    let (Some((bid, _)), Some((ask, _))) = (engine.best(market, BookSide::Bid), engine.best(market, BookSide::Ask))
    else {
        return;
    };
    let mid = f64::midpoint(bid.dollars(), ask.dollars());
    let lean = ((fair - mid) * 8.0).clamp(-0.3, 0.3);
    let side = if rng.random::<f64>() < 0.5 + lean { BookSide::Bid } else { BookSide::Ask };
    let price = if side == BookSide::Bid { ask } else { bid };
    take(engine, account, market, side, price, scaled(noise_size(rng), size), now_ms);
}

/// Takes when the touch is mispriced. `size` multiplies the usual sizes.
pub(super) fn informed(
    engine: &mut Engine,
    account: AccountId,
    market: MarketIndex,
    (fair, size): (f64, f64),
    rng: &mut impl Rng,
    now_ms: i64,
) {
    let bid = engine.best(market, BookSide::Bid).map(|(price, _)| price);
    let ask = engine.best(market, BookSide::Ask).map(|(price, _)| price);
    let (side, price) = match (bid, ask) {
        (_, Some(ask)) if fair > ask.dollars() + EDGE => (BookSide::Bid, ask),
        (Some(bid), _) if fair < bid.dollars() - EDGE => (BookSide::Ask, bid),
        _ => return,
    };
    let contracts = rng.random_range(5..=40);
    take(engine, account, market, side, price, scaled(Count::from_contracts(contracts), size), now_ms);
}

/// Scales a count, to at least the smallest order.
fn scaled(count: Count, size: f64) -> Count {
    #[expect(clippy::cast_possible_truncation, reason = "sizes are at most some thousands")]
    let units = (count.units() as f64 * size).round() as i64;
    Count::from_units(units.max(1))
}

/// A third are fractional, most are small, some are large.
fn noise_size(rng: &mut impl Rng) -> Count {
    match rng.random_range(0..100) {
        0..30 => Count::from_units(rng.random_range(5..=600)),
        30..85 => Count::from_contracts(rng.random_range(1..=12)),
        _ => Count::from_contracts(rng.random_range(15..=60)),
    }
}

fn take(
    engine: &mut Engine,
    account: AccountId,
    market: MarketIndex,
    side: BookSide,
    price: Price,
    count: Count,
    now_ms: i64,
) {
    let order = NewOrder {
        account,
        market,
        client_order_id: None,
        side,
        count,
        price,
        time_in_force: TimeInForce::ImmediateOrCancel,
        self_trade_prevention: SelfTradePrevention::TakerAtCross,
        expiration_ms: None,
        post_only: false,
        reduce_only: false,
        cancel_on_pause: false,
        subaccount: 0,
        group: None,
    };
    // Rejected while trading is paused, which does no harm.
    let _ = engine.create_order(&order, now_ms);
}
