//! The values of a scenario file. Each type checks its range during parsing, so that an error has a line number.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::market::{GridBands, multiplier_e4};

/// Declares a number that is checked during parsing.
macro_rules! checked {
    ($(#[doc = $doc:literal])+ $name:ident ( $inner:ty ) from $from:ty, $expected:literal, $test:expr) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(super) struct $name(pub(super) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let test: fn($from) -> Option<$inner> = $test;
                let value = <$from>::deserialize(deserializer)?;
                test(value).map(Self).ok_or_else(|| D::Error::custom(format!("{value}: expected {}", $expected)))
            }
        }
    };
}

checked!(
    /// A rate or size, which may be zero.
    Amount(f64) from f64, "a number from 0 to 1000000", |v| (0.0..=1e6).contains(&v).then_some(v)
);
checked!(
    /// A rate or size, which must not be zero.
    Positive(f64) from f64, "a number above 0, at most 1000000", |v| (v > 0.0 && v <= 1e6).then_some(v)
);
checked!(
    /// A share of a whole.
    Share(f64) from f64, "a number from 0 to 1", |v| (0.0..=1.0).contains(&v).then_some(v)
);
checked!(
    /// A probability at which quoting makes sense.
    Probability(f64) from f64, "a probability from 0.01 to 0.99", |v| (0.01..=0.99).contains(&v).then_some(v)
);
checked!(
    /// A change of log-odds per second.
    Drift(f64) from f64, "a number from -1 to 1", |v| (-1.0..=1.0).contains(&v).then_some(v)
);
checked!(
    /// A distance between prices, in dollars.
    Dollars(f64) from f64, "dollars from 0 to 1", |v| (0.0..=1.0).contains(&v).then_some(v)
);
checked!(
    /// A duration, given in seconds and stored in milliseconds.
    Seconds(i64) from f64, "seconds from 0.001 to 31536000", |v| {
        #[expect(clippy::cast_possible_truncation, reason = "a year of milliseconds")]
        (0.001..=31_536_000.0).contains(&v).then_some((v * 1_000.0).round() as i64)
    }
);
checked!(
    /// A time after the start, given in seconds and stored in milliseconds.
    Moment(i64) from f64, "seconds from 0 to 31536000", |v| {
        #[expect(clippy::cast_possible_truncation, reason = "a year of milliseconds")]
        (0.0..=31_536_000.0).contains(&v).then_some((v * 1_000.0).round() as i64)
    }
);
checked!(
    /// The index of a shard.
    Shard(u8) from u8, "a shard from 0 to 3", |v| (v <= 3).then_some(v)
);

checked!(
    /// A delay in milliseconds.
    Delay(i64) from u32, "milliseconds from 0 to 3600000", |v| (v <= 3_600_000).then_some(i64::from(v))
);
checked!(
    /// The number of quotes per side.
    Levels(u32) from u32, "1 to 50 levels", |v| (1..=50).contains(&v).then_some(v)
);
checked!(
    /// The number of changes at a time.
    Changes(u32) from u32, "at least 1", |v| (v >= 1).then_some(v)
);
checked!(
    /// The number of markets of a kind.
    MarketCount(u32) from u32, "1 to 10000 markets", |v| (1..=10_000).contains(&v).then_some(v)
);
checked!(
    /// How often a fault is armed at a time.
    Times(u32) from u32, "1 to 10000", |v| (1..=10_000).contains(&v).then_some(v)
);
checked!(
    /// A multiplier of the takers' fees, stored in ten-thousandths.
    TakerMultiplier(u32) from f64, "a multiplier from 0 to 100 with at most four decimals", multiplier_e4
);
checked!(
    /// A multiplier of the makers' fees, stored in ten-thousandths.
    MakerMultiplier(u32) from f64, "a multiplier from 0 to 100 with at most four decimals", multiplier_e4
);

/// The name of a price structure, with its bands.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Structure {
    pub(super) name: String,
    pub(super) bands: GridBands,
}

impl TryFrom<String> for Structure {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match GridBands::named(&name) {
            Some(bands) => Ok(Self { name, bands }),
            None => Err(format!(
                "structure `{name}`: expected one whose bands are published, such as linear_cent, deci_cent, \
                 tapered_deci_cent or center_half_edge_deci_cent"
            )),
        }
    }
}

/// The name of a series, which is the prefix of its markets' tickers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct SeriesName(pub(super) String);

impl TryFrom<String> for SeriesName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let fits = (1..=20).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if fits { Ok(Self(name)) } else { Err(format!("series `{name}`: expected 1 to 20 capital letters and digits")) }
    }
}
