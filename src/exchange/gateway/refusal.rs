//! Error responses in the shapes that the exchange sends: nested for authentication, rejects of the engine, and errors found
//! by a handler; flat for bodies that don't decode; `msg` for query parameters that don't bind or validate; and plain text
//! for 429 (protocol page 3.1). `docs/exchange.md` says which of them were captured and which are guesses.
//!
//! On the exchange the message is the code with spaces for `_`: `invalid_UUID` has the message `invalid UUID`, and a code in
//! capitals is its own message.

use super::HttpResponse;
use crate::exchange::engine::Reject;
use crate::wire::error::{ErrorBody, ErrorShape};

/// How many characters of a client's value an error repeats.
const QUOTED_MAX: usize = 64;

/// An error response to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The shape of the body.
    shape: ErrorShape,
    /// The content of the body.
    body: ErrorBody,
}

impl Refusal {
    /// `{"error":{"code","message"}}`, where the message is the code in words.
    #[must_use]
    pub fn new(status: u16, code: &str) -> Self {
        Self { status, shape: ErrorShape::Nested, body: ErrorBody::new(code) }
    }

    /// The same, with `details`.
    #[must_use]
    pub fn with_details(status: u16, code: &str, details: &str) -> Self {
        Self { status, shape: ErrorShape::Nested, body: ErrorBody::new(code).with_details(details) }
    }

    /// A code in capitals, which is its own message.
    #[must_use]
    pub fn in_capitals(status: u16, code: &str) -> Self {
        Self::new(status, code).saying(code)
    }

    /// 400 `invalid_parameters`: an invalid value in a body.
    #[must_use]
    pub fn invalid(details: &str) -> Self {
        Self::with_details(400, "invalid_parameters", details)
    }

    /// 400 `missing_parameters`: a required field of a body is missing. `request` is the name of the request type.
    #[must_use]
    pub fn missing(request: &str, key: &str) -> Self {
        let field = pascal(key);
        let details =
            format!("Key: '{request}.{field}' Error:Field validation for '{field}' failed on the 'required' tag");
        Self::with_details(400, "missing_parameters", &details)
    }

    /// 400 `bad_request`, nested: a handler rejects a query parameter that passed validation (captured on production in
    /// August 2026, for a status that is not a filter word).
    #[must_use]
    pub fn bad_query(details: &str) -> Self {
        Self::with_details(400, "bad_request", details)
    }

    /// Replaces the message.
    #[must_use]
    pub fn saying(mut self, message: &str) -> Self {
        message.clone_into(&mut self.body.message);
        self
    }

    /// `{"code":"bad_request",...}`: the body does not decode.
    #[must_use]
    pub fn undecodable(details: &str) -> Self {
        Self { shape: ErrorShape::Flat, ..Self::with_details(400, "bad_request", details) }
    }

    /// Whether the body did not decode.
    #[must_use]
    pub fn is_undecodable(&self) -> bool {
        self.shape == ErrorShape::Flat
    }

    /// `{"msg":"Parameter validation failed..."}`: a query parameter is out of range.
    #[must_use]
    pub fn parameter(call: &str, field: &str, rule: &str) -> Self {
        let text = format!(
            "Parameter validation failed for {call}: Key: '{call}Params.{field}' Error:Field validation for '{field}' \
             failed on the '{rule}' tag"
        );
        Self { status: 400, shape: ErrorShape::Message, body: ErrorBody::from_message(&text) }
    }

    /// `{"msg":"Invalid format for parameter..."}`: a query parameter has the wrong type. `function` and `reason` are those
    /// reported by the exchange's parser (seen on production for `limit=abc`).
    #[must_use]
    pub fn unbound(parameter: &str, function: &str, value: &str, reason: &str) -> Self {
        let value: String = value.chars().take(QUOTED_MAX).collect();
        let text = format!(
            "Invalid format for parameter {parameter}: error binding string parameter: strconv.{function}: parsing \
             {value:?}: {reason}"
        );
        Self { status: 400, shape: ErrorShape::Message, body: ErrorBody::from_message(&text) }
    }

    /// `{"msg":"Query argument..."}`: a query parameter is missing.
    #[must_use]
    pub fn missing_parameter(parameter: &str) -> Self {
        let text = format!("Query argument {parameter} is required, but not found");
        Self { status: 400, shape: ErrorShape::Message, body: ErrorBody::from_message(&text) }
    }

    /// 400: an order id that is not a UUID, which is rejected before it is looked up (seen on demo, September 2026).
    #[must_use]
    pub fn invalid_uuid() -> Self {
        Self::new(400, "invalid_UUID")
    }

    /// 410: the order writes of the first API version, which are gone for everyone, signed or not (seen on demo and
    /// production since June 2026).
    #[must_use]
    pub fn first_version() -> Self {
        let details = "https://docs.kalshi.com/api-reference/orders/create-order-v2";
        Self::with_details(410, "deprecated_v1_order_endpoint", details).saying("Please switch to the V2 endpoints")
    }

    /// 429: the token bucket is empty.
    #[must_use]
    pub fn too_many_requests() -> Self {
        Self { shape: ErrorShape::Text, ..Self::new(429, "too_many_requests") }
    }

    /// 404: there is no such resource.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(404, "not_found")
    }

    /// 404: there is no such market on that shard.
    #[must_use]
    pub fn market_not_found() -> Self {
        Self::new(404, "market_not_found")
    }

    /// Code, message and details, as for an item of a batch.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        self.body.clone()
    }

    /// The whole response.
    #[must_use]
    pub fn response(&self) -> HttpResponse {
        HttpResponse { status: self.status, body: self.body.to_json(self.shape) }
    }
}

impl From<Reject> for Refusal {
    /// Statuses and codes as captured or reported (protocol page 3.1). Where the REST spelling is unverified, the name is
    /// that of the exchange's other interfaces.
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
            Reject::UserNotFound => Self::new(404, "user_not_found"),
            Reject::GroupNotFound => Self::in_capitals(404, "ORDER_GROUP_NOT_FOUND"),
            Reject::GroupTriggered => Self::in_capitals(409, "EXCEEDED_ORDER_GROUP_RISK_LIMIT"),
            Reject::InvalidGroupLimit => Self::invalid("contracts_limit must be from 1 to 1000000"),
            Reject::TooManyGroups => Self::invalid("an account has at most 100000 order groups"),
            Reject::TooManySubaccounts => Self::invalid("an account has at most 63 subaccounts"),
            Reject::InvalidTransfer => {
                Self::invalid("a transfer needs two different subaccounts and a positive amount")
            }
            Reject::MarketInactive => Self::in_capitals(409, "MARKET_INACTIVE"),
            Reject::TradingPaused => Self::new(409, "trading_is_paused"),
            Reject::ExchangePaused => Self::new(503, "service_unavailable"),
            Reject::NoChange => Self::in_capitals(400, "AMEND_ORDER_NO_OP"),
            Reject::InvalidAmendCount => Self::in_capitals(400, "INVALID_AMEND_QTY_FOR_ORDER"),
            Reject::SideMismatch => Self::new(400, "order_side_mismatch"),
            Reject::TickerMismatch => Self::new(400, "order_ticker_mismatch"),
            Reject::ReduceOnlyNeedsIoc => {
                Self::with_details(400, "invalid_order", "reduce_only needs immediate_or_cancel")
            }
            Reject::ExpirationInPast => Self::invalid("Expiration timestamp must be in the future"),
            Reject::ExpirationTooLate => {
                Self::invalid("expiration_time is beyond the year 9999, expected Unix seconds (not milliseconds)")
            }
            Reject::ExpirationWithIoc => Self::invalid("Cannot specify both immediate_or_cancel and expiration_ts"),
        }
    }
}

/// The name of a body's key as a Go field: `time_in_force` is `TimeInForce`.
fn pascal(key: &str) -> String {
    let capitalized = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    key.split('_').map(capitalized).collect()
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
            r#"{"error":{"code":"invalid_order","message":"invalid order","details":"post only cross"}}"#
        );
        assert_eq!(
            text(&Refusal::bad_query("invalid status filter")),
            r#"{"error":{"code":"bad_request","message":"bad request","details":"invalid status filter"}}"#
        );
        assert_eq!(
            text(&Refusal::from(Reject::NoChange)),
            r#"{"error":{"code":"AMEND_ORDER_NO_OP","message":"AMEND_ORDER_NO_OP"}}"#
        );
        assert_eq!(
            text(&Refusal::missing("CreateOrderV2Request", "time_in_force")),
            r#"{"error":{"code":"missing_parameters","message":"missing parameters","details":"Key: 'CreateOrderV2Request.TimeInForce' Error:Field validation for 'TimeInForce' failed on the 'required' tag"}}"#
        );
        assert_eq!(text(&Refusal::too_many_requests()), r#"{"error":"too many requests"}"#);
        assert!(text(&Refusal::parameter("GetMarkets", "Limit", "lte")).starts_with(r#"{"msg":"Parameter validation"#));
        assert!(text(&Refusal::undecodable("x")).contains(r#""code":"bad_request""#));
    }
}
