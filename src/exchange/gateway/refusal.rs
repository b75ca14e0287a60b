//! Error answers in the shapes that the exchange sends: nested for authentication and the engine's rejects, flat for
//! bodies that don't decode, `msg` for query parameters, bare for 429 (protocol page 3.1).

use serde_json::json;

use super::HttpResponse;
use crate::exchange::engine::Reject;
use crate::wire::error::ErrorBody;

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    shape: Shape,
    code: &'static str,
    message: Option<&'static str>,
    details: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Nested,
    Flat,
    Parameter,
    Bare,
}

impl Refusal {
    /// `{"error":{"code","message"}}`, the message being the code in words.
    #[must_use]
    pub const fn new(status: u16, code: &'static str) -> Self {
        Self { status, shape: Shape::Nested, code, message: None, details: None }
    }

    /// The same with `details`.
    #[must_use]
    pub fn with_details(status: u16, code: &'static str, details: impl Into<String>) -> Self {
        Self { details: Some(details.into()), ..Self::new(status, code) }
    }

    /// With a message that is not the code in words.
    #[must_use]
    pub const fn saying(mut self, message: &'static str) -> Self {
        self.message = Some(message);
        self
    }

    /// `{"code":"bad_request",...}`: the body does not decode.
    #[must_use]
    pub fn undecodable(details: impl Into<String>) -> Self {
        Self { shape: Shape::Flat, ..Self::with_details(400, "bad_request", details) }
    }

    /// `{"msg":"Parameter validation failed..."}`: a query parameter is out of its range.
    #[must_use]
    pub fn parameter(call: &str, field: &str, rule: &str) -> Self {
        let text = format!(
            "Parameter validation failed for {call}: Key: '{call}Params.{field}' Error:Field validation for '{field}' \
             failed on the '{rule}' tag"
        );
        Self { shape: Shape::Parameter, ..Self::with_details(400, "invalid_parameters", text) }
    }

    /// 429: the token bucket is empty.
    #[must_use]
    pub const fn too_many_requests() -> Self {
        Self { shape: Shape::Bare, ..Self::new(429, "too_many_requests") }
    }

    /// No such resource.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::new(404, "not_found")
    }

    /// No such market on that shard.
    #[must_use]
    pub const fn market_not_found() -> Self {
        Self::new(404, "market_not_found")
    }

    /// The machine-readable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Code, message and details, as an item of a batch carries them.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        let message = self.message.map_or_else(|| self.code.replace('_', " "), str::to_owned);
        ErrorBody { code: self.code.to_owned(), message, details: self.details.clone() }
    }

    /// The whole answer.
    #[must_use]
    pub fn response(&self) -> HttpResponse {
        let body = self.body();
        let value = match self.shape {
            Shape::Nested => json!({ "error": body }),
            Shape::Flat => json!(body),
            Shape::Parameter => json!({ "msg": body.details }),
            Shape::Bare => json!({ "error": body.message }),
        };
        HttpResponse { status: self.status, body: value.to_string().into_bytes() }
    }
}

impl From<Reject> for Refusal {
    /// Statuses and codes as captured or reported (protocol page 3.1); those whose REST spelling is unverified use the
    /// name that the exchange's other interfaces give.
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::InvalidPrice => Self::new(400, "invalid_price"),
            Reject::InvalidSize => Self::new(400, "invalid_order_size"),
            Reject::PostOnlyCross => Self::with_details(400, "invalid_order", "post only cross"),
            Reject::FillOrKill => Self::new(409, "fill_or_kill_insufficient_resting_volume"),
            Reject::InsufficientBalance => Self::new(400, "insufficient_balance"),
            Reject::DuplicateClientOrderId => Self::new(409, "order_already_exists"),
            Reject::OrderNotFound => Self::not_found(),
            Reject::MarketNotFound => Self::market_not_found(),
            Reject::MarketInactive => Self::new(409, "MARKET_INACTIVE").saying("market is not active"),
            Reject::TradingPaused => Self::new(409, "trading_is_paused"),
            Reject::ExchangePaused => Self::new(503, "service_unavailable"),
            Reject::NoChange => Self::new(400, "AMEND_ORDER_NO_OP").saying("the order would not change"),
            Reject::InvalidAmendCount => {
                Self::new(400, "INVALID_AMEND_QTY_FOR_ORDER").saying("the count is below what has filled")
            }
            Reject::SideMismatch => Self::new(400, "order_side_mismatch"),
            Reject::TickerMismatch => Self::new(400, "order_ticker_mismatch"),
            Reject::ReduceOnlyNeedsIoc => {
                Self::with_details(400, "invalid_order", "reduce_only needs immediate_or_cancel")
            }
            Reject::ExpirationInPast => {
                Self::with_details(400, "invalid_parameters", "Expiration timestamp must be in the future")
            }
            Reject::ExpirationWithIoc => Self::with_details(
                400,
                "invalid_parameters",
                "Cannot specify both immediate_or_cancel and expiration_ts",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(refusal: &Refusal) -> String {
        String::from_utf8(refusal.response().body).unwrap()
    }

    #[test]
    fn each_kind_of_refusal_has_its_captured_shape() {
        assert_eq!(
            text(&Refusal::from(Reject::PostOnlyCross)),
            r#"{"error":{"code":"invalid_order","details":"post only cross","message":"invalid order"}}"#
        );
        assert_eq!(text(&Refusal::too_many_requests()), r#"{"error":"too many requests"}"#);
        assert!(text(&Refusal::parameter("GetMarkets", "Limit", "lte")).starts_with(r#"{"msg":"Parameter validation"#));
        assert!(text(&Refusal::undecodable("x")).contains(r#""code":"bad_request""#));
    }
}
