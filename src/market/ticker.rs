//! Tickers of series, events and markets.

use thiserror::Error;

/// Why a ticker was rejected.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TickerError {
    /// The text is empty.
    #[error("a ticker is empty")]
    Empty,
    /// The text is longer than [`Ticker::CAPACITY`] bytes.
    #[error("ticker `{0}` is longer than {max} bytes", max = Ticker::CAPACITY)]
    TooLong(String),
    /// The text has a character that tickers don't have.
    #[error("ticker `{0}` has a character outside A-Z a-z 0-9 . _ -")]
    BadCharacter(String),
}

/// The name of a series, an event or a market, stored inline so that messages that carry one stay `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct Ticker {
    length: u8,
    bytes: [u8; Self::CAPACITY],
}

impl Ticker {
    /// The maximum length of a ticker, in bytes.
    pub const CAPACITY: usize = 63;

    /// Checks and copies a ticker.
    ///
    /// # Errors
    /// If the text is empty, longer than [`Ticker::CAPACITY`], or has a character outside `A-Z a-z 0-9 . _ -`.
    pub fn new(text: &str) -> Result<Self, TickerError> {
        if text.is_empty() {
            return Err(TickerError::Empty);
        }
        if text.len() > Self::CAPACITY {
            return Err(TickerError::TooLong(text.chars().take(80).collect()));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            return Err(TickerError::BadCharacter(text.to_owned()));
        }
        let mut bytes = [0; Self::CAPACITY];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { length: u8::try_from(text.len()).expect("checked against the capacity above"), bytes })
    }

    /// The ticker's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("the constructor accepts only ASCII")
    }

    /// The ticker's text as bytes, all of them ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl std::fmt::Display for Ticker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::fmt::Debug for Ticker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl std::str::FromStr for Ticker {
    type Err = TickerError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl serde::Serialize for Ticker {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Ticker {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Ticker;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a ticker")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Ticker, E> {
                Ticker::new(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticker_keeps_its_text() {
        let text = "KXBTCD-26JUL0317-T60499.99";
        assert_eq!(Ticker::new(text).unwrap().as_str(), text);
    }

    #[test]
    fn invalid_tickers_are_rejected() {
        assert_eq!(Ticker::new(""), Err(TickerError::Empty));
        assert!(matches!(Ticker::new(&"K".repeat(64)), Err(TickerError::TooLong(_))));
        assert!(matches!(Ticker::new("KX\"A"), Err(TickerError::BadCharacter(_))));
    }
}
