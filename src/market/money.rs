//! Money, in micro-dollars.

use super::DecimalError;
use super::decimal::{self, decimal_type};

/// An amount of money in micro-dollars ($0.000001), in which a price times a count is exact. Arithmetic that would overflow
/// panics rather than wraps: nine trillion dollars are a bug, not a balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Money(i64);

impl Money {
    /// Zero dollars.
    pub const ZERO: Self = Self(0);

    /// An amount from micro-dollars.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// An amount from whole dollars.
    #[must_use]
    pub const fn from_dollars(dollars: i64) -> Self {
        Self(dollars * 1_000_000)
    }

    /// An amount from whole cents.
    #[must_use]
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents * 10_000)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the decimal types share one signature")]
    pub(crate) fn from_units_checked(units: i64) -> Result<Self, DecimalError> {
        Ok(Self(units))
    }

    /// Parses a decimal string of dollars with up to six decimals, such as `"1250.431200"`.
    ///
    /// # Errors
    /// If the bytes are not a decimal, are finer than a micro-dollar, or overflow `i64`.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, DecimalError> {
        Ok(Self(decimal::parse(bytes, 6, "nine trillion dollars either way")?))
    }

    /// The amount in micro-dollars.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    pub(crate) const fn units(self) -> i64 {
        self.0
    }

    /// The amount in dollars, for features and display; never for accounting.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "display and features need no more than 53 bits")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1_000_000.0
    }

    /// The absolute value.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Rounds down, toward minus infinity, to a multiple of `step`.
    ///
    /// # Panics
    /// If `step` is not positive.
    #[must_use]
    pub fn floor_to(self, step: Self) -> Self {
        assert!(step.0 > 0, "a balance step is positive");
        Self(self.0.div_euclid(step.0) * step.0)
    }
}

impl std::ops::Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("sums of money fit i64 below nine trillion dollars"))
    }
}

impl std::ops::Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("differences of money fit i64 below nine trillion dollars"))
    }
}

impl std::ops::Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl std::ops::AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |total, amount| total + amount)
    }
}

decimal_type!(Money, 6, "dollars as a string, such as \"12.500000\"");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_down_goes_toward_minus_infinity() {
        let step = Money::from_micros(100);
        assert_eq!(Money::from_micros(-1).floor_to(step), Money::from_micros(-100));
        assert_eq!(Money::from_micros(199).floor_to(step), Money::from_micros(100));
    }

    #[test]
    fn four_decimal_amounts_parse_too() {
        assert_eq!(Money::parse("1250.4312").unwrap(), Money::from_micros(1_250_431_200));
        assert_eq!(Money::from_cents(-5).to_string(), "-0.050000");
    }
}
