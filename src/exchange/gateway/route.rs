//! Paths and query strings: which call a request is, and its parameters.

use std::borrow::Cow;

use super::Refusal;
use crate::wire::REST_PREFIX;

/// A call, with the variable part of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `GET /exchange/status`
    ExchangeStatus,
    /// `GET /exchange/user_data_timestamp`
    UserDataTimestamp,
    /// `GET /markets`
    Markets,
    /// `GET /markets/{ticker}`
    Market(&'a str),
    /// `GET /markets/{ticker}/orderbook`
    OrderBook(&'a str),
    /// `GET /markets/trades`
    Trades,
    /// `GET /events/{event_ticker}`
    Event(&'a str),
    /// `GET /series/{series_ticker}`
    Series(&'a str),
    /// `GET /account/limits`
    AccountLimits,
    /// `GET /account/endpoint_costs`
    EndpointCosts,
    /// `GET /portfolio/balance`
    Balance,
    /// `GET /portfolio/positions`
    Positions,
    /// `GET /portfolio/orders`
    Orders,
    /// `GET /portfolio/orders/{order_id}`
    Order(&'a str),
    /// `GET /portfolio/orders/{order_id}/queue_position`
    QueuePosition(&'a str),
    /// `GET /portfolio/fills`
    Fills,
    /// `GET /portfolio/settlements`
    Settlements,
    /// `GET /portfolio/subaccounts/netting`
    Netting,
    /// `POST /portfolio/events/orders`
    Create,
    /// `DELETE /portfolio/events/orders`
    CancelAll,
    /// `POST /portfolio/events/orders/batched`
    CreateBatch,
    /// `DELETE /portfolio/events/orders/batched`
    CancelBatch,
    /// `DELETE /portfolio/events/orders/{order_id}`
    Cancel(&'a str),
    /// `POST /portfolio/events/orders/{order_id}/amend`
    Amend(&'a str),
    /// `POST /portfolio/events/orders/{order_id}/decrease`
    Decrease(&'a str),
    /// `GET /portfolio/order_groups`
    OrderGroups,
    /// `GET /portfolio/order_groups/{order_group_id}`
    OrderGroup(&'a str),
    /// `POST /portfolio/order_groups/create`
    CreateGroup,
    /// `DELETE /portfolio/order_groups/{order_group_id}`
    DeleteGroup(&'a str),
    /// `PUT /portfolio/order_groups/{order_group_id}/reset`
    ResetGroup(&'a str),
    /// `PUT /portfolio/order_groups/{order_group_id}/trigger`
    TriggerGroup(&'a str),
    /// `PUT /portfolio/order_groups/{order_group_id}/limit`
    LimitGroup(&'a str),
    /// `POST /portfolio/subaccounts`
    CreateSubaccount,
    /// `POST /portfolio/subaccounts/transfer`
    Transfer,
    /// `GET /portfolio/subaccounts/balances`
    SubaccountBalances,
    /// `GET /portfolio/subaccounts/transfers`
    Transfers,
    /// `PUT /portfolio/subaccounts/netting`
    SetNetting,
    /// An order write of the first version, shut since June 2026.
    Tombstone,
}

impl Route<'_> {
    /// Whether the call needs no account.
    #[must_use]
    pub fn is_public(self) -> bool {
        matches!(
            self,
            Self::ExchangeStatus
                | Self::UserDataTimestamp
                | Self::Markets
                | Self::Market(_)
                | Self::OrderBook(_)
                | Self::Trades
                | Self::Event(_)
                | Self::Series(_)
                | Self::EndpointCosts
        )
    }

    /// Whether the call changes something in the engine: delayed by the order latency and paid from a write bucket.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::CancelAll
                | Self::CreateBatch
                | Self::CancelBatch
                | Self::Cancel(_)
                | Self::Amend(_)
                | Self::Decrease(_)
                | Self::CreateGroup
                | Self::DeleteGroup(_)
                | Self::ResetGroup(_)
                | Self::TriggerGroup(_)
                | Self::LimitGroup(_)
                | Self::CreateSubaccount
                | Self::Transfer
                | Self::SetNetting
        )
    }
}

/// The path of a target, without its query.
#[must_use]
pub fn path_of(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// Which call a method and path name.
///
/// # Errors
/// 404 for an unknown path, 405 for a known one with another method.
pub fn route<'a>(method: &str, path: &'a str) -> Result<Route<'a>, Refusal> {
    let unknown = || Refusal::new(404, "not_found").saying("page not found");
    let rest = path.strip_prefix(REST_PREFIX).ok_or_else(unknown)?;
    let mut parts = [""; 6];
    let mut length = 0;
    for part in rest.split('/').skip(1) {
        *parts.get_mut(length).ok_or_else(unknown)? = part;
        length += 1;
    }
    let route = match (method, &parts[..length]) {
        ("GET", ["exchange", "status"]) => Route::ExchangeStatus,
        ("GET", ["exchange", "user_data_timestamp"]) => Route::UserDataTimestamp,
        ("GET", ["markets"]) => Route::Markets,
        ("GET", ["markets", "trades"]) => Route::Trades,
        ("GET", ["markets", ticker]) => Route::Market(ticker),
        ("GET", ["markets", ticker, "orderbook"]) => Route::OrderBook(ticker),
        ("GET", ["events", ticker]) => Route::Event(ticker),
        ("GET", ["series", ticker]) => Route::Series(ticker),
        ("GET", ["account", "limits"]) => Route::AccountLimits,
        ("GET", ["account", "endpoint_costs"]) => Route::EndpointCosts,
        ("GET", ["portfolio", "balance"]) => Route::Balance,
        ("GET", ["portfolio", "positions"]) => Route::Positions,
        ("GET", ["portfolio", "orders"]) => Route::Orders,
        ("GET", ["portfolio", "orders", id]) => Route::Order(id),
        ("GET", ["portfolio", "orders", id, "queue_position"]) => Route::QueuePosition(id),
        ("GET", ["portfolio", "fills"]) => Route::Fills,
        ("GET", ["portfolio", "settlements"]) => Route::Settlements,
        ("GET", ["portfolio", "subaccounts", "netting"]) => Route::Netting,
        ("GET", ["portfolio", "subaccounts", "balances"]) => Route::SubaccountBalances,
        ("GET", ["portfolio", "subaccounts", "transfers"]) => Route::Transfers,
        ("POST", ["portfolio", "subaccounts"]) => Route::CreateSubaccount,
        ("POST", ["portfolio", "subaccounts", "transfer"]) => Route::Transfer,
        ("PUT", ["portfolio", "subaccounts", "netting"]) => Route::SetNetting,
        ("GET", ["portfolio", "order_groups"]) => Route::OrderGroups,
        ("POST", ["portfolio", "order_groups", "create"]) => Route::CreateGroup,
        ("GET", ["portfolio", "order_groups", id]) => Route::OrderGroup(id),
        ("DELETE", ["portfolio", "order_groups", id]) => Route::DeleteGroup(id),
        ("PUT", ["portfolio", "order_groups", id, "reset"]) => Route::ResetGroup(id),
        ("PUT", ["portfolio", "order_groups", id, "trigger"]) => Route::TriggerGroup(id),
        ("PUT", ["portfolio", "order_groups", id, "limit"]) => Route::LimitGroup(id),
        ("POST", ["portfolio", "events", "orders"]) => Route::Create,
        ("DELETE", ["portfolio", "events", "orders"]) => Route::CancelAll,
        ("POST", ["portfolio", "events", "orders", "batched"]) => Route::CreateBatch,
        ("DELETE", ["portfolio", "events", "orders", "batched"]) => Route::CancelBatch,
        ("DELETE", ["portfolio", "events", "orders", id]) => Route::Cancel(id),
        ("POST", ["portfolio", "events", "orders", id, "amend"]) => Route::Amend(id),
        ("POST", ["portfolio", "events", "orders", id, "decrease"]) => Route::Decrease(id),
        ("POST" | "DELETE" | "PUT", ["portfolio", "orders", ..]) => Route::Tombstone,
        (_, ["exchange" | "markets" | "events" | "series" | "account" | "portfolio", ..])
            if method != "GET" && route("GET", path).is_ok() =>
        {
            return Err(Refusal::new(405, "method_not_allowed"));
        }
        _ => return Err(unknown()),
    };
    Ok(route)
}

/// The parameters of a query string.
#[derive(Clone, Debug, Default)]
pub struct Query<'a> {
    call: &'static str,
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Splits and decodes the query of a target. `call` names the operation in errors.
    #[must_use]
    pub fn new(target: &'a str, call: &'static str) -> Self {
        let text = target.split_once('?').map_or("", |(_, query)| query);
        let pairs = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect();
        Self { call, pairs }
    }

    /// The first value of a parameter; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_ref())
    }

    /// The entries of a comma-joined parameter, or none when it is absent.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.get(name).map(|value| value.split(',').filter(|entry| !entry.is_empty()).collect())
    }

    /// A whole number.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn integer(&self, name: &str, field: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| Refusal::parameter(self.call, field, "number"))
    }

    /// A whole number within a range.
    ///
    /// # Errors
    /// 400 when it is none, or outside.
    pub fn integer_within(
        &self,
        name: &str,
        field: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, Refusal> {
        let value = self.integer(name, field)?;
        match value {
            Some(value) if value < *range.start() => Err(Refusal::parameter(self.call, field, "gte")),
            Some(value) if value > *range.end() => Err(Refusal::parameter(self.call, field, "lte")),
            value => Ok(value),
        }
    }

    /// One of a few words.
    ///
    /// # Errors
    /// 400 when it is another.
    pub fn one_of(&self, name: &str, field: &str, words: &[&str]) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            Some(value) if !words.contains(&value) => Err(Refusal::parameter(self.call, field, "oneof")),
            value => Ok(value),
        }
    }

    /// `limit`, by default 100.
    ///
    /// # Errors
    /// 400 when it is no number from `lowest` to 1 000.
    pub fn limit(&self, lowest: i64) -> Result<usize, Refusal> {
        let limit = self.integer_within("limit", "Limit", lowest..=1_000)?.unwrap_or(100);
        Ok(usize::try_from(limit).expect("the range above has no negative numbers"))
    }

    /// The position that a cursor of [`cursor`] stands for. Garbage counts as absent, as captured on the exchange.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        let text = self.get("cursor")?;
        usize::from_str_radix(text.strip_prefix('p')?, 36).ok()
    }
}

/// An opaque cursor for a position.
#[must_use]
pub fn cursor(position: usize) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    let mut rest = position;
    loop {
        digits.push(char::from(DIGITS[rest % 36]));
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    std::iter::once('p').chain(digits.into_iter().rev()).collect()
}

/// Percent-decoding. What is no valid escape stays as it is.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while position < bytes.len() {
        let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let escaped = match (bytes[position], digit(position + 1), digit(position + 2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        let plain = if bytes[position] == b'+' { b' ' } else { bytes[position] };
        decoded.push(escaped.unwrap_or(plain));
        position += if escaped.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_find_their_calls_and_nothing_else() {
        assert_eq!(route("GET", "/trade-api/v2/markets/trades"), Ok(Route::Trades));
        assert_eq!(route("GET", "/trade-api/v2/markets/KXA/orderbook"), Ok(Route::OrderBook("KXA")));
        assert_eq!(route("DELETE", "/trade-api/v2/portfolio/events/orders/batched"), Ok(Route::CancelBatch));
        assert_eq!(route("DELETE", "/trade-api/v2/portfolio/events/orders/x"), Ok(Route::Cancel("x")));
        assert_eq!(route("POST", "/trade-api/v2/portfolio/orders"), Ok(Route::Tombstone));
        assert_eq!(route("POST", "/trade-api/v2/portfolio/order_groups/create"), Ok(Route::CreateGroup));
        assert_eq!(route("PUT", "/trade-api/v2/portfolio/order_groups/x/reset"), Ok(Route::ResetGroup("x")));
        assert_eq!(route("POST", "/trade-api/v2/portfolio/order_groups").unwrap_err().status, 405);
        assert_eq!(route("GET", "/nowhere").unwrap_err().status, 404);
        assert_eq!(route("GET", "/trade-api/v2/a/b/c/d/e/f/g/h").unwrap_err().status, 404);
        assert_eq!(route("PATCH", "/trade-api/v2/markets").unwrap_err().status, 405);
    }

    #[test]
    fn query_values_are_decoded_and_checked() {
        let query = Query::new("/x?tickers=A%2CB,C&limit=5&status=open&empty=", "GetMarkets");
        assert_eq!(query.list("tickers"), Some(vec!["A", "B", "C"]));
        assert_eq!(query.limit(0), Ok(5));
        assert_eq!(query.get("empty"), None);
        assert_eq!(query.one_of("status", "Status", &["closed"]).unwrap_err().status, 400);
        assert_eq!(Query::new("/x?limit=1001", "GetMarkets").limit(0).unwrap_err().status, 400);
        assert_eq!(Query::new("/x?limit=abc", "GetMarkets").limit(0).unwrap_err().status, 400);
    }

    #[test]
    fn a_cursor_stands_for_its_position() {
        for position in [0, 1, 35, 36, 123_456] {
            let text = cursor(position);
            assert_eq!(Query::new(&format!("/x?cursor={text}"), "GetMarkets").position(), Some(position));
        }
        assert_eq!(Query::new("/x?cursor=garbage", "GetMarkets").position(), None);
    }

    proptest! {
        #[test]
        fn no_target_makes_the_router_panic(method in "[A-Z]{0,6}", target in ".{0,200}") {
            let _ = route(&method, path_of(&target));
            let query = Query::new(&target, "GetMarkets");
            let _ = (query.limit(0), query.position(), query.list("tickers"));
        }
    }
}
