//! The fee formula: fee schedule effective 2026-07-07, trade fees rounded up to $0.000001 (fee rounding page as read
//! on 2026-09-18). How the account's balance step and the order's rounding accumulator turn a trade fee into booked money
//! is implemented twice, in `execute` and in `exchange`, and the two are compared.

use serde::{Deserialize, Serialize};

use super::{Count, Money, Price};

/// Whether a fill added liquidity or removed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Liquidity {
    /// The order was resting.
    Maker = 0,
    /// The order crossed the spread.
    Taker = 1,
}

/// A series' fee type, which determines its makers' multiplier. The exchange's API gives the takers' multiplier as a number
/// and the makers' only by this name; a multiplier without a name can only be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum FeeType {
    /// Makers pay nothing: their multiplier is 0.
    Quadratic = 0,
    /// Makers pay by default a quarter of what takers pay: their multiplier is 1.
    QuadraticWithMakerFees = 1,
    /// Makers pay by default half of what takers pay: their multiplier is 2.
    QuadraticWithComboMakerFees = 2,
}

/// A multiplier of 1, in ten-thousandths.
const ONE_E4: u32 = 10_000;
/// The taker's rate on C P (1 - P) at a multiplier of 1, in ten-thousandths.
const TAKER_RATE_E4: u32 = 700;
/// The maker's rate on C P (1 - P) at a multiplier of 1, in ten-thousandths.
const MAKER_RATE_E4: u32 = 175;

impl FeeType {
    /// The makers' multiplier in ten-thousandths.
    const fn maker_multiplier_e4(self) -> u32 {
        match self {
            Self::Quadratic => 0,
            Self::QuadraticWithMakerFees => ONE_E4,
            Self::QuadraticWithComboMakerFees => 2 * ONE_E4,
        }
    }
}

/// Converts a multiplier to ten-thousandths. `None` unless it is between 0 and 100 and has at most four decimals.
#[must_use]
pub fn multiplier_e4(value: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a million")]
    let e4 = (0.0..=100.0).contains(&value).then(|| (value * f64::from(ONE_E4)).round() as u32)?;
    ((f64::from(e4) / f64::from(ONE_E4) - value).abs() < 1e-9).then_some(e4)
}

/// The fees of a market at one time: a multiplier for takers, 1 by default, and one for makers, 0 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(C)]
pub struct FeeSchedule {
    /// The takers' multiplier M in ten-thousandths (10,000 is 1): takers pay 0.07 M C P (1 - P).
    pub taker_multiplier_e4: u32,
    /// The makers' multiplier M in ten-thousandths: makers pay 0.0175 M C P (1 - P).
    pub maker_multiplier_e4: u32,
}

impl FeeSchedule {
    /// The schedule of nearly every series: takers pay, makers don't.
    pub const QUADRATIC: Self = Self { taker_multiplier_e4: ONE_E4, maker_multiplier_e4: 0 };
    /// No fees.
    pub const FREE: Self = Self { taker_multiplier_e4: 0, maker_multiplier_e4: 0 };

    /// The schedule that a series or an override describes: `multiplier_e4` is the takers', in ten-thousandths, and the
    /// makers' follows from the type.
    #[must_use]
    pub const fn of(fee_type: FeeType, multiplier_e4: u32) -> Self {
        Self { taker_multiplier_e4: multiplier_e4, maker_multiplier_e4: fee_type.maker_multiplier_e4() }
    }

    /// The fee type under which the exchange publishes the makers' multiplier. For a multiplier without a name of its own it is
    /// the type that says that makers pay.
    #[must_use]
    pub const fn fee_type(self) -> FeeType {
        if self.maker_multiplier_e4 == 0 {
            FeeType::Quadratic
        } else if self.maker_multiplier_e4 == FeeType::QuadraticWithComboMakerFees.maker_multiplier_e4() {
            FeeType::QuadraticWithComboMakerFees
        } else {
            FeeType::QuadraticWithMakerFees
        }
    }

    /// The trade fee of one fill: rate x M x C x P x (1 - P), rounded up to a micro-dollar. Symmetric in P and 1 - P.
    ///
    /// # Panics
    /// If `count` is negative, or so far beyond `Count::LIMIT` that the fee overflows `i64`.
    #[must_use]
    pub fn trade_fee(self, count: Count, price: Price, liquidity: Liquidity) -> Money {
        quadratic_fee(count, price, self.rate_e8(liquidity))
    }

    /// The rate on C P (1 - P), multiplier included.
    fn rate_e8(self, liquidity: Liquidity) -> u64 {
        match liquidity {
            Liquidity::Taker => u64::from(TAKER_RATE_E4) * u64::from(self.taker_multiplier_e4),
            Liquidity::Maker => u64::from(MAKER_RATE_E4) * u64::from(self.maker_multiplier_e4),
        }
    }

    /// The highest fee of a fill, as maker or as taker.
    #[must_use]
    pub fn worst_fee(self, count: Count, price: Price) -> Money {
        quadratic_fee(count, price, self.rate_e8(Liquidity::Taker).max(self.rate_e8(Liquidity::Maker)))
    }

    /// The higher multiplier of the two schedules, for takers and for makers separately.
    #[must_use]
    pub fn dearer(self, other: Self) -> Self {
        Self {
            taker_multiplier_e4: self.taker_multiplier_e4.max(other.taker_multiplier_e4),
            maker_multiplier_e4: self.maker_multiplier_e4.max(other.maker_multiplier_e4),
        }
    }
}

/// Rate x C x P x (1 - P), rounded up to a micro-dollar.
fn quadratic_fee(count: Count, price: Price, rate_e8: u64) -> Money {
    // A micro-dollar in units of 1e-2 (count) x 1e-8 (P and 1 - P) x 1e-8 (rate) = 1e-18 dollars.
    const MICRO: u64 = 1_000_000_000_000;
    let count_units = u64::try_from(count.units()).expect("a fill's count is not negative");
    let spread_units = u64::try_from(price.units() * price.complement().units()).expect("both are within a dollar");
    let exact = u128::from(count_units) * u128::from(spread_units) * u128::from(rate_e8);
    let micros = match u64::try_from(exact) {
        Ok(exact) => i64::try_from(exact.div_ceil(MICRO)),
        Err(_) => i64::try_from(exact.div_ceil(u128::from(MICRO))),
    };
    Money::from_micros(micros.expect("a fee below nine trillion dollars fits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fee(schedule: FeeSchedule, count: &str, price: &str, liquidity: Liquidity) -> Money {
        schedule.trade_fee(Count::parse(count).unwrap(), Price::parse(price).unwrap(), liquidity)
    }

    #[test]
    fn the_published_examples_are_reproduced() {
        let plain = FeeSchedule::QUADRATIC;
        assert_eq!(fee(plain, "1", "0.52", Liquidity::Taker), Money::from_micros(17_472));
        assert_eq!(fee(plain, "1", "0.055", Liquidity::Taker), Money::from_micros(3_639));
        assert_eq!(fee(plain, "100", "0.50", Liquidity::Taker), Money::from_micros(1_750_000));
    }

    #[test]
    fn the_makers_multiplier_follows_from_the_fee_type_only() {
        let maker =
            |fee_type, multiplier_e4| fee(FeeSchedule::of(fee_type, multiplier_e4), "100", "0.50", Liquidity::Maker);
        for taker_multiplier_e4 in [0, 5_000, 10_000, 20_000] {
            assert_eq!(maker(FeeType::Quadratic, taker_multiplier_e4), Money::ZERO);
            assert_eq!(maker(FeeType::QuadraticWithMakerFees, taker_multiplier_e4), Money::from_micros(437_500));
            assert_eq!(maker(FeeType::QuadraticWithComboMakerFees, taker_multiplier_e4), Money::from_micros(875_000));
        }
        let taker =
            |multiplier_e4| fee(FeeSchedule::of(FeeType::Quadratic, multiplier_e4), "100", "0.50", Liquidity::Taker);
        assert_eq!([taker(0), taker(5_000)], [Money::ZERO, Money::from_micros(875_000)]);
    }

    #[test]
    fn a_schedule_is_published_under_the_type_with_its_makers_multiplier() {
        for fee_type in [FeeType::Quadratic, FeeType::QuadraticWithMakerFees, FeeType::QuadraticWithComboMakerFees] {
            assert_eq!(FeeSchedule::of(fee_type, 5_000).fee_type(), fee_type);
        }
        let odd = FeeSchedule { taker_multiplier_e4: 10_000, maker_multiplier_e4: 2_500 };
        assert_eq!(odd.fee_type(), FeeType::QuadraticWithMakerFees);
    }

    #[test]
    fn a_makers_multiplier_of_any_size_is_exact_and_rounded_up() {
        let maker = |maker_multiplier_e4, count, price| {
            fee(FeeSchedule { taker_multiplier_e4: 0, maker_multiplier_e4 }, count, price, Liquidity::Maker)
        };
        assert_eq!(maker(5_000, "100", "0.50"), Money::from_micros(218_750));
        // 0.0175 x 0.0001 x 1 x 0.3 x 0.7 = 0.0000003675 dollars.
        assert_eq!(maker(1, "1", "0.30"), Money::from_micros(1));
        // 0.0175 x 0.1234 x 7.77 x 0.055 x 0.945 = 0.00087210...
        assert_eq!(maker(1_234, "7.77", "0.055"), Money::from_micros(873));
        assert_eq!([0.0, 0.25, 1.5, 100.0].map(multiplier_e4), [0, 2_500, 15_000, 1_000_000].map(Some));
        assert_eq!([-0.5, 0.000_01, 100.5, f64::NAN].map(multiplier_e4), [None; 4]);
    }

    #[test]
    fn the_worst_fee_is_the_makers_if_takers_pay_less() {
        let (count, price) = (Count::from_contracts(100), Price::from_cents(50));
        assert_eq!(FeeSchedule::QUADRATIC.worst_fee(count, price), Money::from_micros(1_750_000));
        let waived = FeeSchedule::of(FeeType::QuadraticWithMakerFees, 0);
        assert_eq!(waived.worst_fee(count, price), Money::from_micros(437_500));
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
