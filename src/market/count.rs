//! Contract counts, in hundredths of a contract.

use super::DecimalError;
use super::decimal::{self, decimal_type};

/// A number of contracts, in units of 0.01. Signed: a delta may be negative, and a position is positive for YES and negative
/// for NO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Count(i64);

impl Count {
    /// Zero contracts.
    pub const ZERO: Self = Self(0);
    /// The largest count in either direction: ten billion contracts. That is far above anything the exchange lists, and low
    /// enough that sums, and products with a price, fit `i64`.
    pub const LIMIT: Self = Self(1_000_000_000_000);

    /// A count from hundredths of a contract.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// A count from whole contracts.
    #[must_use]
    pub const fn from_contracts(contracts: i64) -> Self {
        Self(contracts * 100)
    }

    pub(crate) fn from_units_checked(units: i64) -> Result<Self, DecimalError> {
        if units.unsigned_abs() <= Self::LIMIT.0.unsigned_abs() {
            Ok(Self(units))
        } else {
            Err(DecimalError::OutOfRange { text: units.to_string(), range: "ten billion contracts either way" })
        }
    }

    /// Parses the exchange's decimal string, such as `"-54.00"`.
    ///
    /// # Errors
    /// If the bytes are not a decimal, are finer than 0.01, or exceed [`Count::LIMIT`] in either direction.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, DecimalError> {
        Self::from_units_checked(decimal::parse(bytes, 2, "ten billion contracts either way")?)
    }

    /// The count in hundredths of a contract.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// The count in contracts, for features and display; never for accounting.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
    pub fn contracts(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// The absolute value.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Whether the count is exactly zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::Add for Count {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("sums of counts below Count::LIMIT fit i64"))
    }
}

impl std::ops::Sub for Count {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("differences of counts below Count::LIMIT fit i64"))
    }
}

impl std::ops::Neg for Count {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::SubAssign for Count {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::ZERO, |total, count| total + count)
    }
}

decimal_type!(Count, 2, "a number of contracts as a string, such as \"10.00\"");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractional_contracts_keep_both_decimals() {
        assert_eq!(Count::parse("61.86").unwrap(), Count::from_units(6_186));
        assert_eq!(Count::parse("-0.71").unwrap().to_string(), "-0.71");
        assert_eq!(Count::from_contracts(10).to_string(), "10.00");
    }

    #[test]
    fn counts_beyond_the_limit_are_rejected() {
        assert!(Count::parse("10000000000.00").is_ok());
        assert!(Count::parse("10000000000.01").is_err());
    }
}
