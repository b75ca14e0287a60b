//! The fee formula: fee schedule effective 2026-07-07, trade fees rounded up to $0.000001 (fee rounding page as read
//! on 2026-09-18). How an account's balance step and an order's rounding accumulator turn it into booked money is
//! written twice, in `execute` and in `exchange`, and compared.

use serde::{Deserialize, Serialize};

use super::{Count, Money, Price};

/// Whether a fill took liquidity or gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Liquidity {
    /// The order rested.
    Maker = 0,
    /// The order crossed.
    Taker = 1,
}

/// A series' fee type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum FeeType {
    /// Takers pay 0.07 C P (1 - P), makers nothing.
    Quadratic = 0,
    /// Makers pay a quarter of the taker's fee.
    QuadraticWithMakerFees = 1,
    /// Makers pay half of the taker's fee.
    QuadraticWithComboMakerFees = 2,
}

/// A market's fees: the type of its series and the multiplier of its event or series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(C)]
pub struct FeeSchedule {
    /// The formula.
    pub fee_type: FeeType,
    /// The multiplier M in ten-thousandths: 10 000 is 1.
    pub multiplier_e4: u32,
}

impl FeeSchedule {
    /// Plain quadratic with multiplier one: nearly every series.
    pub const QUADRATIC: Self = Self { fee_type: FeeType::Quadratic, multiplier_e4: 10_000 };

    /// The rate on C P (1 - P) in ten-thousandths, before the multiplier.
    const fn rate_e4(self, liquidity: Liquidity) -> u32 {
        match (liquidity, self.fee_type) {
            (Liquidity::Taker, _) => 700,
            (Liquidity::Maker, FeeType::Quadratic) => 0,
            (Liquidity::Maker, FeeType::QuadraticWithMakerFees) => 175,
            (Liquidity::Maker, FeeType::QuadraticWithComboMakerFees) => 350,
        }
    }

    /// The trade fee of one fill: rate x M x C x P x (1 - P), rounded up to a micro-dollar. Symmetric in P and 1 - P.
    ///
    /// # Panics
    /// When `count` is negative, or beyond `Count::LIMIT` so far that the fee leaves `i64`.
    #[must_use]
    pub fn trade_fee(self, count: Count, price: Price, liquidity: Liquidity) -> Money {
        let count_units = u128::try_from(count.units()).expect("a fill's count is not negative");
        let spread_units =
            u128::try_from(price.units() * price.complement().units()).expect("both are within a dollar");
        let rate = u128::from(self.rate_e4(liquidity)) * u128::from(self.multiplier_e4);
        // Units: 1e-2 (count) x 1e-8 (P and 1 - P) x 1e-4 (rate) x 1e-4 (M) = 1e-18 dollars; a micro-dollar is 1e12 of them.
        let micros = (count_units * spread_units * rate).div_ceil(1_000_000_000_000);
        Money::from_micros(i64::try_from(micros).expect("a fee below nine trillion dollars fits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fee(schedule: FeeSchedule, count: &str, price: &str, liquidity: Liquidity) -> Money {
        schedule.trade_fee(Count::parse(count).unwrap(), Price::parse(price).unwrap(), liquidity)
    }

    #[test]
    fn the_published_examples_come_out() {
        let plain = FeeSchedule::QUADRATIC;
        assert_eq!(fee(plain, "1", "0.52", Liquidity::Taker), Money::from_micros(17_472));
        assert_eq!(fee(plain, "1", "0.055", Liquidity::Taker), Money::from_micros(3_639));
        assert_eq!(fee(plain, "100", "0.50", Liquidity::Taker), Money::from_micros(1_750_000));
    }

    #[test]
    fn makers_pay_by_fee_type_and_the_multiplier_scales_all() {
        let with = |fee_type, multiplier_e4| FeeSchedule { fee_type, multiplier_e4 };
        let maker = |schedule| fee(schedule, "100", "0.50", Liquidity::Maker);
        assert_eq!(maker(with(FeeType::Quadratic, 10_000)), Money::ZERO);
        assert_eq!(maker(with(FeeType::QuadraticWithMakerFees, 10_000)), Money::from_micros(437_500));
        assert_eq!(maker(with(FeeType::QuadraticWithComboMakerFees, 5_000)), Money::from_micros(437_500));
        assert_eq!(fee(with(FeeType::Quadratic, 0), "100", "0.50", Liquidity::Taker), Money::ZERO);
    }

    proptest::proptest! {
        #[test]
        fn fees_are_symmetric_and_never_more_than_a_micro_dollar_above_the_model(
            units in 1i64..100_000_000, price in 1u16..10_000,
        ) {
            let (count, price) = (Count::from_units(units), Price::from_units(price).unwrap());
            let booked = FeeSchedule::QUADRATIC.trade_fee(count, price, Liquidity::Taker);
            proptest::prop_assert_eq!(booked, FeeSchedule::QUADRATIC.trade_fee(count, price.complement(), Liquidity::Taker));
            let model = 0.07 * count.contracts() * price.dollars() * (1.0 - price.dollars());
            let excess = booked.dollars() - model;
            proptest::prop_assert!((-1e-6..=1.1e-6).contains(&excess), "excess {excess}");
        }
    }
}
