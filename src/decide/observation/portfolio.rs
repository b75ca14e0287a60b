//! The account as observations see it: cash, and sums over all positions. The sums are updated with each change, so
//! that an observation takes the same time however many markets there are.
//!
//! This has copies of positions and mids; the ledger itself belongs to the execute stage.

use serde::{Deserialize, Serialize};

use crate::market::{Count, Money};

use super::tournament::Tournament;

/// The range that a mid is clamped to when a position is valued, in units of $0.00005: $0.01 to $0.99.
const MID2_RANGE: (i64, i64) = (200, 19_800);
/// The mid that is used when a market has none: $0.50.
const MID2_UNKNOWN: i64 = 10_000;
/// A dollar in units of $0.00005.
const MID2_ONE: i64 = 20_000;

/// One market's position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Signed contracts: positive for YES, negative for NO.
    pub position: Count,
    /// The cost of the position, without fees.
    pub cost: Money,
    /// Best YES bid plus best YES ask of the market in $0.0001, as last known.
    pub mid2: Option<i64>,
}

impl Holding {
    /// The value of the contracts, in half micro-dollars so that it is exact: count x mid on the held outcome's scale.
    fn worth2(&self) -> i64 {
        let mid2 = self.mid2.unwrap_or(MID2_UNKNOWN).clamp(MID2_RANGE.0, MID2_RANGE.1);
        let held = self.position.units();
        let price2 = if held < 0 { MID2_ONE - mid2 } else { mid2 };
        held.abs().saturating_mul(price2)
    }
}

/// Sums over all positions that are not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// The number of positions.
    pub count: i64,
    /// The number of YES positions.
    pub longs: i64,
    /// Signed contracts, in hundredths.
    pub signed: i64,
    /// Contracts without sign, in hundredths.
    pub absolute: i64,
    /// Squared contracts, in ten-thousandths. A single large position exceeds `i64`.
    pub squares: i128,
    /// Value in half micro-dollars. A thousand positions at the limit exceed `i64`.
    pub worth2: i128,
    /// Cost in micro-dollars, without fees.
    pub cost: i128,
}

impl Sums {
    /// Adds a holding (`weight` 1) or subtracts it (-1).
    fn weigh(&mut self, holding: &Holding, weight: i64) {
        let held = holding.position.units();
        if held == 0 {
            return;
        }
        self.count += weight;
        self.longs += if held > 0 { weight } else { 0 };
        self.signed += weight * held;
        self.absolute += weight * held.abs();
        self.squares += i128::from(weight) * i128::from(held) * i128::from(held);
        self.worth2 += i128::from(weight) * i128::from(holding.worth2());
        self.cost += i128::from(weight) * i128::from(holding.cost.micros());
    }
}

/// The cash and positions of an account, with sums over the positions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Portfolio {
    available: Money,
    reserved: Money,
    holdings: Box<[Holding]>,
    sums: Sums,
    largest_worth: Tournament,
    largest_size: Tournament,
}

impl Portfolio {
    /// Creates an account without cash and positions, for up to this many markets.
    #[must_use]
    pub fn new(markets: usize) -> Self {
        Self {
            available: Money::ZERO,
            reserved: Money::ZERO,
            holdings: vec![Holding::default(); markets].into_boxed_slice(),
            sums: Sums::default(),
            largest_worth: Tournament::new(markets),
            largest_size: Tournament::new(markets),
        }
    }

    /// Sets the available cash, and the cash reserved by open orders.
    pub fn set_cash(&mut self, available: Money, reserved: Money) {
        self.available = available;
        self.reserved = reserved;
    }

    /// Sets one market's position, cost and mid.
    ///
    /// # Panics
    /// When the market is not below the number that the portfolio was created for.
    pub fn set(&mut self, market: usize, holding: Holding) {
        let old = std::mem::replace(&mut self.holdings[market], holding);
        if old == holding {
            return;
        }
        self.sums.weigh(&old, -1);
        self.sums.weigh(&holding, 1);
        self.largest_worth.set(market, holding.worth2());
        self.largest_size.set(market, holding.position.units().abs());
    }

    /// Updates a market's mid. This takes only a comparison when there is no position or the mid has not changed.
    #[inline]
    pub fn set_mid(&mut self, market: usize, mid2: Option<i64>) {
        let holding = self.holdings[market];
        if !holding.position.is_zero() && holding.mid2 != mid2 {
            self.set(market, Holding { mid2, ..holding });
        }
    }

    /// One market's holding.
    #[must_use]
    pub fn holding(&self, market: usize) -> &Holding {
        &self.holdings[market]
    }

    /// Cash that is not reserved.
    #[must_use]
    pub fn available(&self) -> Money {
        self.available
    }

    /// Cash reserved by open orders.
    #[must_use]
    pub fn reserved(&self) -> Money {
        self.reserved
    }

    /// Cash and the value of all positions at their mids, rounded down to a micro-dollar.
    #[must_use]
    pub fn equity(&self) -> Money {
        let worth = self.sums.worth2.div_euclid(2);
        let equity = i128::from(self.available.micros()) + i128::from(self.reserved.micros()) + worth;
        Money::from_micros(i64::try_from(equity).unwrap_or(if equity < 0 { i64::MIN } else { i64::MAX }))
    }

    /// The sums over all positions.
    #[must_use]
    pub fn sums(&self) -> &Sums {
        &self.sums
    }

    /// The largest value of a single position, in half micro-dollars.
    #[must_use]
    pub fn largest_worth2(&self) -> i64 {
        self.largest_worth.winner().1
    }

    /// The signed contracts of the largest position; that of the first market among equals.
    #[must_use]
    pub fn largest_position(&self) -> Count {
        self.holdings.get(self.largest_size.winner().0).map_or(Count::ZERO, |holding| holding.position)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(holdings: &[Holding]) -> Sums {
        let mut sums = Sums::default();
        for holding in holdings {
            sums.weigh(holding, 1);
        }
        sums
    }

    proptest! {
        #[test]
        fn sums_kept_with_each_change_equal_sums_over_all(
            changes in prop::collection::vec(
                (0usize..7, -3_000i64..3_000, -900_000i64..900_000, prop::option::of(100i64..19_900), any::<bool>()),
                0..60,
            ),
        ) {
            let mut portfolio = Portfolio::new(7);
            for (market, units, cost, mid2, only_mid) in changes {
                if only_mid {
                    portfolio.set_mid(market, mid2);
                } else {
                    let position = Count::from_units(units / 1_000 * 1_000);
                    portfolio.set(market, Holding { position, cost: Money::from_micros(cost), mid2 });
                }
                prop_assert_eq!(*portfolio.sums(), naive(&portfolio.holdings));
                let largest = portfolio.holdings.iter().map(|holding| holding.position.abs()).max().unwrap();
                let first = portfolio.holdings.iter().find(|holding| holding.position.abs() == largest).unwrap();
                prop_assert_eq!(portfolio.largest_position(), first.position);
                let worth2 = portfolio.holdings.iter().map(Holding::worth2).max().unwrap();
                prop_assert_eq!(portfolio.largest_worth2(), worth2);
            }
        }
    }

    #[test]
    fn positions_at_every_limit_do_not_overflow() {
        let mut portfolio = Portfolio::new(1_024);
        for market in 0..1_024 {
            let holding = Holding { position: Count::LIMIT, cost: Money::ZERO, mid2: Some(19_999) };
            portfolio.set(market, holding);
        }
        assert_eq!(portfolio.sums().squares, 1_024 * 1_000_000_000_000i128.pow(2));
        assert_eq!(portfolio.sums().worth2, 1_024 * 19_800 * 1_000_000_000_000i128);
    }

    #[test]
    fn a_no_position_is_worth_the_no_price() {
        let mut portfolio = Portfolio::new(1);
        portfolio.set(0, Holding { position: Count::from_contracts(-10), cost: Money::ZERO, mid2: Some(6_000) });
        assert_eq!(portfolio.largest_worth2(), 2 * 7_000_000);
        portfolio.set_cash(Money::from_dollars(3), Money::from_dollars(2));
        assert_eq!(portfolio.equity(), Money::from_dollars(12));
    }
}
