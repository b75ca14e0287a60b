//! Fees on the wire: a fee type, which determines the makers' multiplier; the takers' multiplier as a number; and the lists
//! of scheduled changes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::elements::{Element, lenient};
use super::markets::fee_type_name;
use crate::market::{FeeSchedule, FeeType, Money};

/// A schedule's takers' multiplier as a JSON number.
#[must_use]
pub fn multiplier(schedule: FeeSchedule) -> Number {
    let e4 = schedule.taker_multiplier_e4;
    if e4.is_multiple_of(10_000) {
        Number::from(e4 / 10_000)
    } else {
        Number::from_f64(f64::from(e4) / 10_000.0).expect("a quotient of integers is finite")
    }
}

/// The schedule for a fee type and the text of a multiplier, which is taken exactly as sent.
///
/// # Errors
/// A message, if the type's formula is unknown or the multiplier is invalid.
pub fn schedule(fee_type: &str, multiplier: &str) -> Result<FeeSchedule, String> {
    Ok(FeeSchedule::of(parse_fee_type(fee_type)?, parse_multiplier(multiplier)?))
}

/// Like [`schedule`], from arbitrary JSON values.
///
/// # Errors
/// As in [`schedule`].
pub fn schedule_of(fee_type: &Value, multiplier: &Value) -> Result<FeeSchedule, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    // A multiplier given as a string is invalid.
    schedule(&text(fee_type), &multiplier.to_string())
}

fn parse_fee_type(text: &str) -> Result<FeeType, String> {
    [FeeType::Quadratic, FeeType::QuadraticWithMakerFees, FeeType::QuadraticWithComboMakerFees]
        .into_iter()
        .find(|&fee_type| fee_type_name(fee_type) == text)
        .ok_or_else(|| {
            let text: String = text.chars().take(60).collect();
            format!("fee type `{text}` is not one whose formula is known")
        })
}

/// A multiplier in ten-thousandths.
fn parse_multiplier(number: &str) -> Result<u32, String> {
    let wrong = || {
        let number: String = number.chars().take(60).collect();
        format!("fee multiplier {number} is not between 0 and 100 with at most four decimals")
    };
    let micros = Money::parse(number).map_err(|_| wrong())?.micros();
    if micros % 100 != 0 || !(0..=100_000_000).contains(&micros) {
        return Err(wrong());
    }
    u32::try_from(micros / 100).map_err(|_| wrong())
}

/// A scheduled change of a series' fees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesFeeChange {
    #[serde(default, deserialize_with = "lenient")]
    pub id: String,
    pub series_ticker: String,
    /// The fee type from then on.
    pub fee_type: String,
    /// The takers' multiplier from then on, exactly as sent.
    pub fee_multiplier: Number,
    /// When it takes effect.
    pub scheduled_ts: Timestamp,
}

/// `GET /series/fee_changes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesFeeChangesBody {
    pub series_fee_change_arr: Vec<SeriesFeeChange>,
}

impl Element for SeriesFeeChange {
    const LIST: &'static str = "series_fee_change_arr";
    const WHAT: &'static str = "change of a series' fees";
}

/// A scheduled change of an event's override; both values are `null` if the override ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventFeeChange {
    #[serde(default, deserialize_with = "lenient")]
    pub id: String,
    pub event_ticker: String,
    #[serde(default, deserialize_with = "lenient")]
    pub series_ticker: String,
    /// The fee type from then on.
    pub fee_type_override: Option<String>,
    /// The takers' multiplier from then on, exactly as sent.
    pub fee_multiplier_override: Option<Number>,
    /// When it takes effect.
    pub scheduled_ts: Timestamp,
}

/// `GET /events/fee_changes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventFeeChangesPage {
    pub event_fee_changes: Vec<EventFeeChange>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

impl Element for EventFeeChange {
    const LIST: &'static str = "event_fee_changes";
    const WHAT: &'static str = "change of an event's fees";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipliers_are_exact_and_invalid_ones_are_rejected() {
        assert_eq!(parse_multiplier("1"), Ok(10_000));
        assert_eq!(parse_multiplier("0.5"), Ok(5_000));
        assert_eq!(parse_multiplier("0"), Ok(0));
        for wrong in ["-1", "0.00001", "1000", "1e3", "", "half"] {
            assert!(parse_multiplier(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_fee_type_is_named_in_the_error() {
        assert!(schedule("flat", "1").unwrap_err().contains("`flat`"));
        let with_maker_fees = FeeSchedule { taker_multiplier_e4: 5_000, maker_multiplier_e4: 10_000 };
        assert_eq!(schedule("quadratic_with_maker_fees", "0.5"), Ok(with_maker_fees));
        let of = |fee_type: &str, multiplier: &str| {
            schedule_of(&serde_json::from_str(fee_type).unwrap(), &serde_json::from_str(multiplier).unwrap())
        };
        assert_eq!(of(r#""quadratic_with_maker_fees""#, "0.5"), Ok(with_maker_fees));
        assert!(of("7", "1").unwrap_err().contains("`7`"));
        for wrong in [r#""0.5""#, "null", "[1]"] {
            assert!(of(r#""quadratic""#, wrong).unwrap_err().contains("multiplier"), "{wrong}");
        }
    }

    #[test]
    fn a_schedule_survives_the_round_trip() {
        for (taker_multiplier_e4, maker_multiplier_e4) in [(10_000, 0), (5_000, 10_000), (0, 20_000), (12_345, 0)] {
            let told = FeeSchedule { taker_multiplier_e4, maker_multiplier_e4 };
            assert_eq!(schedule(fee_type_name(told.fee_type()), &multiplier(told).to_string()), Ok(told));
        }
    }
}
