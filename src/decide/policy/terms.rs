//! The terms of a policy, which the stages follow.

use thiserror::Error;

use crate::decide::observation::{OBS52, Schema, SchemaError};

/// The longest span of a term, in milliseconds: one day.
const SPAN_MS_MAX: u64 = 86_400_000;

/// What a policy was designed for: its observation, how often it decides and how long its orders live. The stages
/// follow these terms, which must never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTerms {
    /// The schema of the observation; with `None` no observation is built.
    pub schema: Option<Schema>,
    /// The width of a point of the observation's history, in session milliseconds.
    pub point_ms: u64,
    /// The width of a decision bucket, in session milliseconds; 0 decides on every frame.
    pub decide_ms: u64,
    /// How long an order may rest without being wanted again, in session milliseconds.
    pub order_ttl_ms: u64,
}

/// Why a policy cannot run on its terms.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UnusableTerms {
    /// The observation cannot be built.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A span of time that is zero or too long.
    #[error("the policy's {name} is {found}; expected {least} to {SPAN_MS_MAX} milliseconds")]
    Span {
        /// The name of the term.
        name: &'static str,
        /// Its value, in milliseconds.
        found: u64,
        /// The smallest value allowed, in milliseconds.
        least: u64,
    },
}

impl PolicyTerms {
    /// The terms of the built-in policies: `obs52/1`, four decisions per second, orders for ten seconds.
    #[must_use]
    pub const fn standard() -> Self {
        Self { schema: Some(OBS52), point_ms: 1_000, decide_ms: 250, order_ttl_ms: 10_000 }
    }

    /// The standard terms without an observation.
    #[must_use]
    pub const fn unobserved() -> Self {
        Self { schema: None, ..Self::standard() }
    }

    /// Checks whether a policy can run on these terms.
    ///
    /// # Errors
    /// When the observation cannot be built, or a span is out of range.
    pub fn check(&self) -> Result<(), UnusableTerms> {
        self.schema.map_or(Ok(()), |schema| schema.check())?;
        for (name, found, least) in
            [("point_ms", self.point_ms, 1), ("decide_ms", self.decide_ms, 0), ("order_ttl_ms", self.order_ttl_ms, 1)]
        {
            if !(least..=SPAN_MS_MAX).contains(&found) {
                return Err(UnusableTerms::Span { name, found, least });
            }
        }
        Ok(())
    }
}

/// The form used in checkpoints and errors.
impl std::fmt::Display for PolicyTerms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.schema {
            Some(schema) => write!(f, "{schema}")?,
            None => f.write_str("no observation")?,
        }
        let Self { decide_ms, point_ms, order_ttl_ms, .. } = self;
        write!(f, ", decided every {decide_ms} ms, points of {point_ms} ms, orders kept {order_ttl_ms} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_on_which_no_stage_can_run_a_policy_are_refused_by_name() {
        assert_eq!(PolicyTerms::standard().check(), Ok(()));
        assert_eq!(PolicyTerms { decide_ms: 0, ..PolicyTerms::unobserved() }.check(), Ok(()));
        let refusal = |terms: PolicyTerms| terms.check().unwrap_err().to_string();
        let standard = PolicyTerms::standard;
        assert_eq!(
            refusal(PolicyTerms { point_ms: 0, ..standard() }),
            "the policy's point_ms is 0; expected 1 to 86400000 milliseconds"
        );
        assert!(refusal(PolicyTerms { decide_ms: u64::MAX, ..standard() }).contains("decide_ms"));
        assert!(refusal(PolicyTerms { order_ttl_ms: 0, ..standard() }).contains("order_ttl_ms"));
        let schema = Some(Schema::new("mine", 1, &[], 0, |_, _| ()));
        assert!(refusal(PolicyTerms { schema, ..standard() }).contains("`mine/1`"));
    }
}
