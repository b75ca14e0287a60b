//! Errors: the exchange's error bodies in all their shapes, and the errors of parsing its JSON.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a frame or body was rejected. Names the field and what was expected; never contains a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WireError {
    /// The bytes are not JSON, or not of the documented shape.
    #[error("{what}: {reason}")]
    Malformed {
        /// The frame type or body.
        what: &'static str,
        /// What is wrong, where, and what was expected.
        reason: String,
    },
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

/// The exchange's error: code, message and details, from whatever shape they came in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The machine-readable code, such as `insufficient_balance`. Empty if the shape has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Additional information, such as `post only cross`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// The shapes of the exchange's error bodies (protocol page, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorShape {
    /// `{"error":{"code":..,"message":..,"details":..}}`: authentication errors, and orders rejected by the matching engine.
    Nested,
    /// `{"code":..,"message":..,"details":..}`: a request body that does not decode.
    Flat,
    /// `{"msg":..}`: an invalid query. Only the message is kept.
    Message,
    /// `{"error":".."}`: too many requests. Only the message is kept.
    Text,
}

impl ErrorBody {
    /// An error whose message is its code with spaces for underscores.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), message: code.replace('_', " "), details: None }
    }

    /// An error with only a message.
    #[must_use]
    pub fn from_message(message: &str) -> Self {
        Self { message: message.to_owned(), ..Self::default() }
    }

    /// Adds details.
    #[must_use]
    pub fn with_details(self, details: &str) -> Self {
        Self { details: Some(details.to_owned()), ..self }
    }

    /// Parses the body of a response with an error status, whatever its shape. It never fails: a body of no known shape (a
    /// proxy's page, an exchange status) becomes a message that quotes the status and the start of the body, without a code.
    #[must_use]
    pub fn parse(status: u16, bytes: &[u8]) -> Self {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Inner {
            Text(String),
            Object(Fields),
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Fields {
            code: Option<String>,
            message: Option<String>,
            details: Option<String>,
            msg: Option<String>,
            error: Option<Box<Inner>>,
        }
        impl Fields {
            fn into_body(self) -> Option<ErrorBody> {
                match self.error.map(|inner| *inner) {
                    Some(Inner::Text(text)) => Some(ErrorBody::from_message(&text)),
                    Some(Inner::Object(fields)) => fields.into_body(),
                    None if self.code.is_none() && self.message.is_none() && self.msg.is_none() => None,
                    None => Some(ErrorBody {
                        code: self.code.unwrap_or_default(),
                        message: self.message.or(self.msg).unwrap_or_default(),
                        details: self.details,
                    }),
                }
            }
        }
        serde_json::from_slice::<Fields>(bytes).ok().and_then(Fields::into_body).unwrap_or_else(|| {
            let start: String = String::from_utf8_lossy(&bytes[..bytes.len().min(800)]).chars().take(200).collect();
            Self::from_message(&format!("HTTP {status}: {start}"))
        })
    }

    /// Writes the body in the given shape.
    #[must_use]
    pub fn to_json(&self, shape: ErrorShape) -> Vec<u8> {
        /// Keeps the exchange's key order, where a `serde_json::Value` would sort the keys.
        #[derive(Serialize)]
        struct Nested<'e> {
            error: &'e ErrorBody,
        }
        match shape {
            ErrorShape::Nested => serde_json::to_vec(&Nested { error: self }),
            ErrorShape::Flat => serde_json::to_vec(self),
            ErrorShape::Message => serde_json::to_vec(&serde_json::json!({ "msg": self.message })),
            ErrorShape::Text => serde_json::to_vec(&serde_json::json!({ "error": self.message })),
        }
        .expect("strings always have a JSON form")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_shape_is_read() {
        for (body, code, message, details) in [
            (
                r#"{"error":{"code":"invalid_order","message":"invalid order","details":"post only cross"}}"#,
                "invalid_order",
                "invalid order",
                Some("post only cross"),
            ),
            (
                r#"{"error":{"code":"not_found","message":"not found","service":"exchange"}}"#,
                "not_found",
                "not found",
                None,
            ),
            (
                r#"{"code":"bad_request","message":"bad request","details":"d"}"#,
                "bad_request",
                "bad request",
                Some("d"),
            ),
            (r#"{"msg":"Parameter validation failed"}"#, "", "Parameter validation failed", None),
            (r#"{"error":"too many requests"}"#, "", "too many requests", None),
            (r#"{"error":{"code":"too_many_requests"}}"#, "too_many_requests", "", None),
        ] {
            let read = ErrorBody::parse(400, body.as_bytes());
            assert_eq!((&*read.code, &*read.message, read.details.as_deref()), (code, message, details), "{body}");
        }
    }

    #[test]
    fn an_unknown_error_body_becomes_a_message_with_the_status() {
        for body in ["<html>bad gateway</html>", "", "{}", "[1]", r#"{"exchange_active":false}"#] {
            let read = ErrorBody::parse(502, body.as_bytes());
            assert_eq!((&*read.code, &*read.message), ("", &*format!("HTTP 502: {body}")));
        }
        assert!(ErrorBody::parse(500, &[0xff; 5_000]).message.len() < 1_000);
    }

    #[test]
    fn each_shape_is_read_as_it_was_written() {
        let error = ErrorBody::new("insufficient_balance").with_details("needs 4.20");
        for shape in [ErrorShape::Nested, ErrorShape::Flat] {
            assert_eq!(ErrorBody::parse(400, &error.to_json(shape)), error);
        }
        for shape in [ErrorShape::Message, ErrorShape::Text] {
            let read = ErrorBody::parse(429, &error.to_json(shape));
            assert_eq!(read, ErrorBody::from_message("insufficient balance"));
        }
    }
}
