//! Errors: the exchange's error bodies in all their shapes, and what goes wrong when its JSON is read.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a frame or body was refused. Names the field and what was expected; never carries a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WireError {
    /// The bytes are no JSON, or not of the documented shape.
    #[error("{what}: {reason}")]
    Malformed {
        /// The frame type or body.
        what: &'static str,
        /// What is wrong, where, and what was expected.
        reason: String,
    },
    /// A required key is missing.
    #[error("{what}: `{field}` is missing")]
    Missing {
        /// The frame type or body.
        what: &'static str,
        /// The key.
        field: &'static str,
    },
    /// A key's value is not what it should be.
    #[error("{what}: `{field}`: {reason}")]
    BadValue {
        /// The frame type or body.
        what: &'static str,
        /// The key.
        field: &'static str,
        /// What was found and expected.
        reason: String,
    },
}

/// The exchange's error: code, message and details, whatever shape they came in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The machine-readable code, such as `insufficient_balance`. Empty when the shape has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// More, such as `post only cross`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}
