//! Prices, in units of $0.0001.

use super::decimal::{self, decimal_type};
use super::{Count, DecimalError, Money};

/// A price between $0 and $1 inclusive, in units of $0.0001. In the unified book it is always a YES price; the same price
/// seen from NO is its [`complement`](Price::complement).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Price(u16);

impl Price {
    /// $0.
    pub const ZERO: Self = Self(0);
    /// $1, the payout of a winning contract.
    pub const ONE: Self = Self(10_000);

    /// A price from units of $0.0001. `None` above $1.
    #[must_use]
    pub const fn from_units(units: u16) -> Option<Self> {
        if units <= Self::ONE.0 { Some(Self(units)) } else { None }
    }

    /// A price from whole cents.
    ///
    /// # Panics
    /// If there are more than 100 cents.
    #[must_use]
    pub const fn from_cents(cents: u16) -> Self {
        assert!(cents <= 100, "a price is at most 100 cents");
        Self(cents * 100)
    }

    pub(crate) fn from_units_checked(units: i64) -> Result<Self, DecimalError> {
        u16::try_from(units)
            .ok()
            .and_then(Self::from_units)
            .ok_or_else(|| DecimalError::OutOfRange { text: units.to_string(), range: "0 to 1 dollars" })
    }

    /// Parses the exchange's decimal string, such as `"0.4200"`.
    ///
    /// # Errors
    /// If the bytes are not a decimal, are finer than $0.0001, or are outside $0 to $1.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, DecimalError> {
        let units = decimal::parse(bytes, 4, "0 to 1 dollars")?;
        Self::from_units_checked(units).map_err(|_| DecimalError::OutOfRange {
            text: String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned(),
            range: "0 to 1 dollars",
        })
    }

    /// The price in units of $0.0001: 0 to 10,000.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0 as i64
    }

    /// The price in units of $0.0001, as an index into a table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The price of the other outcome: $1 - p.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(Self::ONE.0 - self.0)
    }

    /// The price in dollars, for features and display; never for accounting.
    #[must_use]
    pub fn dollars(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    /// The exact cost of `count` contracts at this price.
    ///
    /// # Panics
    /// If the product overflows `i64`, which takes more than 9 * 10^14 contracts.
    #[must_use]
    pub fn times(self, count: Count) -> Money {
        Money::from_micros(
            self.units().checked_mul(count.units()).expect("price times count fits i64 below 9e14 contracts"),
        )
    }
}

decimal_type!(Price, 4, "a price in dollars as a string, such as \"0.4200\"");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_times_count_is_exact_micro_dollars() {
        let price = Price::parse("0.4201").unwrap();
        assert_eq!(price.times(Count::parse("0.03").unwrap()), Money::from_micros(12_603));
        assert_eq!(price.complement().to_string(), "0.5799");
    }

    #[test]
    fn prices_above_a_dollar_or_below_zero_are_rejected() {
        assert!(Price::parse("1.0001").is_err());
        assert!(Price::parse("-0.0100").is_err());
        assert_eq!(Price::parse("1.0000").unwrap(), Price::ONE);
    }
}
