//! Ticker patterns: one ticker, or all tickers with a common prefix.

use std::fmt;
use std::str::FromStr;

use super::{Ticker, TickerError};

/// Selects tickers: `KXBTCD-26JUL0317-T60499.99` matches that market only, `KXBTCD-*` all tickers that start with `KXBTCD-`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TickerPattern {
    text: Ticker,
    prefix: bool,
}

impl TickerPattern {
    /// Whether the pattern matches a ticker.
    #[must_use]
    pub fn matches(&self, ticker: &str) -> bool {
        if self.prefix { ticker.starts_with(self.text.as_str()) } else { ticker == self.text.as_str() }
    }
}

impl FromStr for TickerPattern {
    type Err = TickerError;

    /// Parses a ticker, or a prefix followed by `*`.
    ///
    /// # Errors
    /// If what precedes the `*` cannot be the start of a ticker: it is empty, too long, or has a character that tickers don't
    /// have. A pattern that matches everything is not accepted, because stopping all trading has other means.
    fn from_str(text: &str) -> Result<Self, TickerError> {
        let beginning = text.strip_suffix('*');
        Ok(Self { text: Ticker::new(beginning.unwrap_or(text))?, prefix: beginning.is_some() })
    }
}

impl fmt::Display for TickerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.text, if self.prefix { "*" } else { "" })
    }
}

impl fmt::Debug for TickerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl serde::Serialize for TickerPattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for TickerPattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TickerPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_ticker_matches_itself_and_a_prefix_all_tickers_that_start_with_it() {
        assert!(pattern("KXBTC-1").matches("KXBTC-1"));
        assert!(!pattern("KXBTC-1").matches("KXBTC-10"));
        assert!(pattern("KXBTC-1*").matches("KXBTC-10"));
        assert!(pattern("KXBTC-1*").matches("KXBTC-1"));
        assert!(!pattern("KXBTC-1*").matches("KXETH-1"));
        assert_eq!(pattern("KXBTC-*").to_string(), "KXBTC-*");
    }

    #[test]
    fn a_lone_star_and_a_star_in_the_middle_are_rejected() {
        assert_eq!("*".parse::<TickerPattern>(), Err(TickerError::Empty));
        assert_eq!("".parse::<TickerPattern>(), Err(TickerError::Empty));
        assert!("KX*-A".parse::<TickerPattern>().is_err());
    }
}
