//! Decoding the bodies of order writes, with the errors of the exchange's decoder for wrong types.

use serde_json::{Map, Value};

use super::Refusal;
use super::route::Query;
use crate::exchange::engine::{AccountId, NewOrder, Reject};
use crate::market::{BookSide, Count, OrderGroupId, Price, TimeInForce};
use crate::wire::orders::SelfTradePrevention;

/// The longest client order id, in characters.
const CLIENT_ORDER_ID_MAX: usize = 64;
/// The highest subaccount number.
const SUBACCOUNT_MAX: i64 = 63;

/// A JSON object that is read field by field. Errors name fields as the exchange's decoder does.
#[derive(Clone, Copy, Debug)]
pub struct Object<'v> {
    name: &'static str,
    fields: &'v Map<String, Value>,
}

/// Parses a body.
///
/// # Errors
/// 400 `bad_request` if the bytes are not JSON.
pub fn json(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::undecodable(&format!("json: {error}")))
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl<'v> Object<'v> {
    /// The fields of an object. `name` is that of the request type.
    ///
    /// # Errors
    /// 400 `bad_request` if the value is not an object.
    pub fn new(value: &'v Value, name: &'static str) -> Result<Self, Refusal> {
        value.as_object().map(|fields| Self { name, fields }).ok_or_else(|| {
            Refusal::undecodable(&format!("json: cannot unmarshal {} into Go value of type {name}", kind(value)))
        })
    }

    fn field<T>(
        &self,
        key: &str,
        type_name: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        match self.fields.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| {
                Refusal::undecodable(&format!(
                    "json: cannot unmarshal {} into Go struct field {}.{key} of type {type_name}",
                    kind(value),
                    self.name
                ))
            }),
        }
    }

    /// An optional string.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn text(&self, key: &str) -> Result<Option<&'v str>, Refusal> {
        self.field(key, "string", Value::as_str)
    }

    /// An optional integer.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn integer(&self, key: &str) -> Result<Option<i64>, Refusal> {
        self.field(key, "int64", Value::as_i64)
    }

    /// A boolean; if absent, false.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn flag(&self, key: &str) -> Result<bool, Refusal> {
        Ok(self.field(key, "bool", Value::as_bool)?.unwrap_or(false))
    }

    /// A required array.
    ///
    /// # Errors
    /// 400 if it is missing or something else.
    pub fn array(&self, key: &'static str) -> Result<&'v [Value], Refusal> {
        self.field(key, "array", Value::as_array)?.map(Vec::as_slice).ok_or_else(|| self.missing(key))
    }

    /// A required string.
    ///
    /// # Errors
    /// 400 if it is missing or something else.
    pub fn required(&self, key: &'static str) -> Result<&'v str, Refusal> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// The error for a required field that is missing.
    pub fn missing(&self, key: &str) -> Refusal {
        Refusal::missing(self.name, key)
    }

    /// A required price. One finer than $0.0001 or outside a dollar gets `invalid_price`, like one off the grid.
    ///
    /// # Errors
    /// 400 if it is missing, something else, or not a price.
    pub fn price(&self, key: &'static str) -> Result<Price, Refusal> {
        Price::parse(self.required(key)?)
            .map_err(|error| Refusal::with_details(400, "invalid_price", &error.to_string()))
    }

    /// An optional count.
    ///
    /// # Errors
    /// 400 if it is something else, or not a count.
    pub fn count(&self, key: &str) -> Result<Option<Count>, Refusal> {
        self.text(key)?
            .map(Count::parse)
            .transpose()
            .map_err(|error| Refusal::with_details(400, "invalid_order_size", &error.to_string()))
    }

    /// The required side: `bid` or `ask`.
    ///
    /// # Errors
    /// 400 if it is missing or another word.
    pub fn side(&self) -> Result<BookSide, Refusal> {
        match self.required("side")? {
            "bid" => Ok(BookSide::Bid),
            "ask" => Ok(BookSide::Ask),
            other => Err(bad_word("side", other, "bid or ask")),
        }
    }

    /// How the request names its shard.
    ///
    /// # Errors
    /// 400 if it is not an integer, 404 if there is no such shard.
    pub fn shard(&self) -> Result<ShardName, Refusal> {
        ShardName::new(self.integer("exchange_index")?)
    }

    /// The subaccount; if absent, 0.
    ///
    /// # Errors
    /// 400 if it is something else or above 63.
    pub fn subaccount(&self) -> Result<u32, Refusal> {
        subaccount(self.integer("subaccount")?)
    }
}

/// How a request names a shard (`exchange_index`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardName {
    /// Not at all: the market's shard if the request names a market, else shard 0.
    Absent,
    /// With -1: the market's shard; the request must name a market.
    ByTicker,
    /// By its index.
    Index(u8),
}

impl ShardName {
    /// Interprets `exchange_index`.
    ///
    /// # Errors
    /// 404 if there can be no such shard.
    pub fn new(number: Option<i64>) -> Result<Self, Refusal> {
        match number {
            None => Ok(Self::Absent),
            Some(-1) => Ok(Self::ByTicker),
            Some(index) => u8::try_from(index).map(Self::Index).map_err(|_| Refusal::market_not_found()),
        }
    }
}

/// Checks a subaccount number from a body; if absent, 0.
///
/// # Errors
/// 400 if it is outside 0 to 63.
pub fn subaccount(number: Option<i64>) -> Result<u32, Refusal> {
    let number = number.unwrap_or(0);
    within_subaccounts(number).ok_or_else(|| Refusal::invalid(&not_within(number)))
}

/// Reads the subaccount from a query; if absent, 0.
///
/// # Errors
/// 400 if it is not a number, or outside 0 to 63.
pub fn query_subaccount(query: &Query<'_>) -> Result<u32, Refusal> {
    let number = query.integer("subaccount")?.unwrap_or(0);
    within_subaccounts(number).ok_or_else(|| Refusal::bad_query(&not_within(number)))
}

fn within_subaccounts(number: i64) -> Option<u32> {
    u32::try_from(number).ok().filter(|_| number <= SUBACCOUNT_MAX)
}

fn not_within(number: i64) -> String {
    format!("subaccount {number} is not within 0 to 63")
}

fn bad_word(key: &str, found: &str, expected: &str) -> Refusal {
    let found: String = found.chars().take(40).collect();
    Refusal::invalid(&format!("{key} is `{found}`, expected {expected}"))
}

/// Checks a client order id.
///
/// # Errors
/// 400 if it is empty, too long, or has a character outside the allowed set.
pub fn client_order_id(text: &str) -> Result<String, Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=:/-".contains(&byte);
    if text.is_empty() || text.len() > CLIENT_ORDER_ID_MAX || !text.bytes().all(allowed) {
        return Err(Refusal::invalid("client_order_id must be 1 to 64 characters of A-Z a-z 0-9 _ + = : / -"));
    }
    Ok(text.to_owned())
}

/// The body of a create. The caller looks up the market.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// The market's ticker.
    pub ticker: String,
    /// How the request names the shard.
    pub shard: ShardName,
    /// The order, with `market` 0 until it has been looked up.
    pub order: NewOrder,
}

/// Decodes the body of a create.
///
/// # Errors
/// 400, in the shape that fits the error.
pub fn create(value: &Value, account: AccountId) -> Result<CreateRequest, Refusal> {
    let body = Object::new(value, "CreateOrderV2Request")?;
    let ticker = body.required("ticker")?.to_owned();
    let client_order_id = body.text("client_order_id")?.filter(|id| !id.is_empty()).map(client_order_id).transpose()?;
    let side = body.side()?;
    let count = body.count("count")?.ok_or_else(|| body.missing("count"))?;
    let price = body.price("price")?;
    let time_in_force = match body.required("time_in_force")? {
        "good_till_canceled" => TimeInForce::GoodTillCanceled,
        "immediate_or_cancel" => TimeInForce::ImmediateOrCancel,
        "fill_or_kill" => TimeInForce::FillOrKill,
        other => {
            return Err(bad_word("time_in_force", other, "good_till_canceled, immediate_or_cancel or fill_or_kill"));
        }
    };
    let self_trade_prevention = match body.required("self_trade_prevention_type")? {
        "taker_at_cross" => SelfTradePrevention::TakerAtCross,
        "maker" => SelfTradePrevention::Maker,
        other => return Err(bad_word("self_trade_prevention_type", other, "taker_at_cross or maker")),
    };
    let group = body.text("order_group_id")?.filter(|group| !group.is_empty()).map(OrderGroupId::parse).transpose();
    Ok(CreateRequest {
        ticker,
        shard: body.shard()?,
        order: NewOrder {
            account,
            market: 0,
            client_order_id,
            side,
            count,
            price,
            time_in_force,
            self_trade_prevention,
            expiration_ms: body.integer("expiration_time")?.map(|seconds| seconds.saturating_mul(1_000)),
            post_only: body.flag("post_only")?,
            reduce_only: body.flag("reduce_only")?,
            cancel_on_pause: body.flag("cancel_order_on_pause")?,
            subaccount: body.subaccount()?,
            group: group.map_err(|_| Reject::GroupNotFound)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn details(body: &str) -> String {
        let refusal = json(body.as_bytes()).and_then(|value| create(&value, 1).map(|_| ())).unwrap_err();
        String::from_utf8(refusal.response().body).unwrap()
    }

    #[test]
    fn a_number_where_a_string_belongs_gives_the_captured_words() {
        let text = details(r#"{"ticker":"KXA","side":"bid","count":1,"price":0.01}"#);
        assert_eq!(
            text,
            r#"{"code":"bad_request","message":"bad request","details":"json: cannot unmarshal number into Go struct field CreateOrderV2Request.count of type string"}"#
        );
    }

    #[test]
    fn missing_and_unknown_values_are_named() {
        assert!(details("{}").contains("Field validation for 'Ticker' failed on the 'required' tag"));
        assert!(details(r#"{"ticker":"A","side":"buy"}"#).contains("expected bid or ask"));
        assert!(details(r#"{"ticker":"A","client_order_id":"a.b","side":"bid"}"#).contains("client_order_id"));
        assert!(details("[]").contains("cannot unmarshal array"));
        assert!(details("{").contains("bad_request"));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_decoder_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = json(&body) {
                let _ = create(&value, 1);
            }
        }
    }
}
