//! The terms that a policy was made for, and their text form, which model metadata and scripts share.

use thiserror::Error;

use crate::decide::observation::{OBS52, SCHEMAS, Schema, built_in};
use crate::market::Count;
use crate::messages::Pricing;

/// Why a term was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TermsError {
    /// No such term.
    #[error("`{0}` is not a term; expected one of {names}", names = PolicyTerms::NAMES.join(", "))]
    Unknown(String),
    /// A value that the term cannot have.
    #[error("`{name}` is `{found}`; expected {expected}")]
    Value {
        /// The term.
        name: &'static str,
        /// What was found.
        found: String,
        /// What it may be.
        expected: String,
    },
}

/// What a policy was made for: it decides only as well as these hold, so the stages take them from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTerms {
    /// The schema of the observation; without one no observation is built.
    pub schema: Option<Schema>,
    /// The width of a point of the observation's history, in milliseconds of exchange time.
    pub point_ms: u64,
    /// The width of a decision bucket, in milliseconds of exchange time; 0 decides on every frame.
    pub decide_ms: u64,
    /// How much an order is for.
    pub contracts: Count,
    /// How an order's price is formed.
    pub pricing: Pricing,
    /// How long an order may rest without being wanted again, in milliseconds.
    pub order_ttl_ms: u64,
}

impl PolicyTerms {
    /// The terms' names in files, in the order of the fields.
    pub const NAMES: [&str; 6] = ["observation", "point_ms", "decide_ms", "contracts", "pricing", "order_ttl_ms"];

    /// The most contracts an order of a policy may be for. The risk gate's limits come on top and are lower.
    pub const CONTRACTS_MAX: Count = Count::from_contracts(1_000_000);

    /// The longest span that a term may have: one day.
    pub const SPAN_MS_MAX: u64 = 86_400_000;

    /// The terms of the policies that need no model.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            schema: Some(OBS52),
            point_ms: 1_000,
            decide_ms: 250,
            contracts: Count::from_contracts(10),
            pricing: Pricing::Passive,
            order_ttl_ms: 10_000,
        }
    }

    /// Sets the term of that name from its text.
    ///
    /// # Errors
    /// When there is no such term or the value is none of its values; nothing is changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TermsError> {
        match name {
            "observation" => {
                let known = || SCHEMAS.map(|schema| schema.to_string()).join(" or ");
                let schema = built_in(value).ok_or_else(|| refused("observation", value, &known()))?;
                self.schema = Some(schema);
            }
            "point_ms" => self.point_ms = span("point_ms", value, 1, "1 to 86400000 milliseconds")?,
            "decide_ms" => self.decide_ms = span("decide_ms", value, 0, "0 to 86400000 milliseconds")?,
            "contracts" => self.contracts = contracts(value)?,
            "pricing" => self.pricing = pricing(value)?,
            "order_ttl_ms" => self.order_ttl_ms = span("order_ttl_ms", value, 1, "1 to 86400000 milliseconds")?,
            _ => return Err(TermsError::Unknown(shortened(name))),
        }
        Ok(())
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// As reports and refusals have them.
impl std::fmt::Display for PolicyTerms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.schema {
            Some(schema) => write!(f, "{schema}")?,
            None => f.write_str("no observation")?,
        }
        write!(
            f,
            " every {} ms in points of {} ms, {} contracts, {:?}, kept {} ms",
            self.decide_ms, self.point_ms, self.contracts, self.pricing, self.order_ttl_ms
        )
    }
}

fn refused(name: &'static str, found: &str, expected: &str) -> TermsError {
    TermsError::Value { name, found: shortened(found), expected: expected.to_owned() }
}

fn span(name: &'static str, value: &str, least: u64, expected: &str) -> Result<u64, TermsError> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(span) if digits && (least..=PolicyTerms::SPAN_MS_MAX).contains(&span) => Ok(span),
        _ => Err(refused(name, value, expected)),
    }
}

fn contracts(value: &str) -> Result<Count, TermsError> {
    match Count::parse(value) {
        Ok(count) if count > Count::ZERO && count <= PolicyTerms::CONTRACTS_MAX => Ok(count),
        _ => Err(refused("contracts", value, "a count such as 10.00, above 0 and at most 1000000.00")),
    }
}

fn pricing(value: &str) -> Result<Pricing, TermsError> {
    match value {
        "aggressive" => Ok(Pricing::Aggressive),
        "passive" => Ok(Pricing::Passive),
        "mid" => Ok(Pricing::Mid),
        _ => Err(refused("pricing", value, "aggressive, passive or mid")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_is_set_by_its_name() {
        let mut terms = PolicyTerms::standard();
        let values = ["obs52/1", "1", "0", "2.50", "mid", "86400000"];
        for (name, value) in PolicyTerms::NAMES.iter().zip(values) {
            terms.set(name, value).unwrap();
        }
        assert_eq!(
            terms,
            PolicyTerms {
                schema: Some(OBS52),
                point_ms: 1,
                decide_ms: 0,
                contracts: Count::parse("2.50").unwrap(),
                pricing: Pricing::Mid,
                order_ttl_ms: 86_400_000,
            }
        );
    }

    #[test]
    fn a_value_that_a_term_cannot_have_is_refused_with_the_term_and_what_was_expected() {
        let cases = [
            ("observation", "obs52/2"),
            ("point_ms", "0"),
            ("point_ms", "+1"),
            ("decide_ms", "-1"),
            ("decide_ms", "86400001"),
            ("contracts", "0"),
            ("contracts", "1000000.01"),
            ("contracts", "ten"),
            ("pricing", "Passive"),
            ("order_ttl_ms", ""),
            ("order_ttl_ms", "99999999999999999999999"),
        ];
        for (name, value) in cases {
            let mut terms = PolicyTerms::standard();
            let error = terms.set(name, value).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{name}` is `{value}`; expected ")), "{error}");
            assert_eq!(terms, PolicyTerms::standard());
        }
        let error = PolicyTerms::standard().set("decide", "1").unwrap_err().to_string();
        assert!(error.contains("`decide`") && error.contains("decide_ms"), "{error}");
    }
}
