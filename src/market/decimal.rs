//! Exact parsing and printing of the exchange's decimal strings, without floating point.

use thiserror::Error;

/// Why a decimal string was rejected.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecimalError {
    /// The text is not `[-]digits[.digits]`.
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// The text has nonzero digits below the unit.
    #[error("`{text}` has more than {decimals} decimals")]
    TooPrecise {
        /// The rejected text, at most 40 bytes of it.
        text: String,
        /// The number of decimals the unit has.
        decimals: u32,
    },
    /// The value is outside the type's range.
    #[error("`{text}` is outside {range}")]
    OutOfRange {
        /// The rejected text, at most 40 bytes of it.
        text: String,
        /// The allowed range, in words.
        range: &'static str,
    },
}

/// The start of the input, short enough for a log line however much was sent.
fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned()
}

/// Parses `[-]digits[.digits]` into units of `10^-decimals`. Digits beyond `decimals` must be zeros.
pub(crate) fn parse(bytes: &[u8], decimals: u32, range: &'static str) -> Result<i64, DecimalError> {
    let (negative, digits) = match bytes.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, bytes),
    };
    let not_a_number = || DecimalError::NotANumber(excerpt(bytes));
    let out_of_range = || DecimalError::OutOfRange { text: excerpt(bytes), range };
    let mut value: i64 = 0;
    let mut whole_digits = 0usize;
    let mut position = 0usize;
    while let Some(&byte) = digits.get(position) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.checked_mul(10).and_then(|v| v.checked_add(i64::from(digit))).ok_or_else(out_of_range)?;
        whole_digits += 1;
        position += 1;
    }
    if whole_digits == 0 {
        return Err(not_a_number());
    }
    let mut fraction_digits = 0u32;
    if position < digits.len() {
        if digits[position] != b'.' || position + 1 == digits.len() {
            return Err(not_a_number());
        }
        for &byte in &digits[position + 1..] {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(not_a_number());
            }
            if fraction_digits < decimals {
                value = value.checked_mul(10).and_then(|v| v.checked_add(i64::from(digit))).ok_or_else(out_of_range)?;
                fraction_digits += 1;
            } else if digit != 0 {
                return Err(DecimalError::TooPrecise { text: excerpt(bytes), decimals });
            }
        }
    }
    for _ in fraction_digits..decimals {
        value = value.checked_mul(10).ok_or_else(out_of_range)?;
    }
    Ok(if negative { -value } else { value })
}

/// A decimal formatted in a fixed buffer, so that the hot path can write it without allocating.
pub(crate) struct DecimalText {
    bytes: [u8; 24],
    start: usize,
}

impl DecimalText {
    /// Formats `units * 10^-decimals` with exactly `decimals` digits after the point.
    pub(crate) fn new(units: i64, decimals: u32) -> Self {
        let mut bytes = [0u8; 24];
        let mut start = bytes.len();
        let mut rest = units.unsigned_abs();
        let mut written = 0;
        while written <= decimals || rest > 0 {
            if written == decimals && decimals > 0 {
                start -= 1;
                bytes[start] = b'.';
            }
            start -= 1;
            bytes[start] = b'0' + u8::try_from(rest % 10).expect("a remainder of ten is one digit");
            rest /= 10;
            written += 1;
        }
        if units < 0 {
            start -= 1;
            bytes[start] = b'-';
        }
        Self { bytes, start }
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.start..]).expect("only ASCII digits, a point and a sign were written")
    }
}

/// The conversions that every decimal newtype shares: text in both directions, and serde as a JSON string.
macro_rules! decimal_type {
    ($name:ident, $decimals:expr, $expecting:expr) => {
        impl $name {
            /// Parses the exchange's decimal string exactly.
            ///
            /// # Errors
            /// If the text is not a decimal, is finer than the unit, or is outside the type's range.
            pub fn parse(text: &str) -> Result<Self, $crate::market::DecimalError> {
                Self::parse_bytes(text.as_bytes())
            }

            /// Appends the exchange's decimal string to a buffer. Does not allocate if the buffer has room.
            pub fn write_to(self, buffer: &mut Vec<u8>) {
                let text = $crate::market::decimal::DecimalText::new(self.units(), $decimals);
                buffer.extend_from_slice(text.as_str().as_bytes());
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad($crate::market::decimal::DecimalText::new(self.units(), $decimals).as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::market::DecimalError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer
                        .serialize_str($crate::market::decimal::DecimalText::new(self.units(), $decimals).as_str())
                } else {
                    serializer.serialize_i64(self.units())
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // Two visitors: a person who writes 100 does not mean units, and some formats pass a number where a string is
                // requested.
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).map_err(E::custom)
                    }
                }
                struct Units;
                impl serde::de::Visitor<'_> for Units {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("units")
                    }
                    fn visit_i64<E: serde::de::Error>(self, units: i64) -> Result<$name, E> {
                        $name::from_units_checked(units).map_err(E::custom)
                    }
                }
                if deserializer.is_human_readable() {
                    deserializer.deserialize_str(Text)
                } else {
                    deserializer.deserialize_i64(Units)
                }
            }
        }
    };
}
pub(crate) use decimal_type;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_to_the_unit() {
        assert_eq!(parse(b"0.4200", 4, ""), Ok(4_200));
        assert_eq!(parse(b"-54.00", 2, ""), Ok(-5_400));
        assert_eq!(parse(b"3", 2, ""), Ok(300));
        assert_eq!(parse(b"0.420000", 4, ""), Ok(4_200));
        assert_eq!(parse(b"1250.4312", 6, ""), Ok(1_250_431_200));
    }

    #[test]
    fn texts_that_are_not_decimals_are_rejected() {
        for text in ["", "-", ".5", "5.", "1e3", "0x1", "+1", "1.2.3", " 1", "0.4a"] {
            assert!(matches!(parse(text.as_bytes(), 4, ""), Err(DecimalError::NotANumber(_))), "{text:?}");
        }
        assert!(matches!(parse(b"0.42001", 4, ""), Err(DecimalError::TooPrecise { .. })));
        assert!(matches!(parse(b"99999999999999999999", 4, ""), Err(DecimalError::OutOfRange { .. })));
    }

    proptest::proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(units in -1_000_000_000_000_000i64..1_000_000_000_000_000, decimals in 0u32..7) {
            let text = DecimalText::new(units, decimals);
            proptest::prop_assert_eq!(parse(text.as_str().as_bytes(), decimals, ""), Ok(units));
        }
    }
}
