//! Routing: from method and path to a call.

mod query;

use std::borrow::Cow;

pub use query::{PageLimit, Query, cursor, position};

use crate::wire::REST_PREFIX;

/// A call, with the variable part of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `GET /exchange/status`
    ExchangeStatus,
    /// `GET /exchange/schedule`
    ExchangeSchedule,
    /// `GET /exchange/user_data_timestamp`
    UserDataTimestamp,
    /// `GET /markets`
    Markets,
    /// `GET /markets/{ticker}`
    Market(&'a str),
    /// `GET /markets/{ticker}/orderbook`
    OrderBook(&'a str),
    /// `GET /markets/orderbooks`
    OrderBooks,
    /// `GET /markets/trades`
    Trades,
    /// `GET /events`
    Events,
    /// `GET /events/multivariate`
    ComboEvents,
    /// `GET /events/fee_changes`
    EventFeeChanges,
    /// `GET /events/{event_ticker}`
    Event(&'a str),
    /// `GET /events/{event_ticker}/metadata`
    EventMetadata(&'a str),
    /// `GET /series`
    SeriesList,
    /// `GET /series/fee_changes`
    SeriesFeeChanges,
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
    /// `GET /portfolio/orders/queue_positions`
    QueuePositions,
    /// `GET /portfolio/orders/{order_id}/queue_position`
    QueuePosition(&'a str),
    /// `GET /portfolio/summary/total_resting_order_value`
    RestingOrderValue,
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
    /// An order write of the first API version, shut down in June 2026.
    Tombstone,
}

impl Route<'_> {
    /// Whether the call needs no account.
    #[must_use]
    pub fn is_public(self) -> bool {
        matches!(
            self,
            Self::ExchangeStatus
                | Self::ExchangeSchedule
                | Self::UserDataTimestamp
                | Self::Markets
                | Self::Market(_)
                | Self::OrderBook(_)
                | Self::OrderBooks
                | Self::Trades
                | Self::Events
                | Self::ComboEvents
                | Self::EventFeeChanges
                | Self::Event(_)
                | Self::EventMetadata(_)
                | Self::SeriesList
                | Self::SeriesFeeChanges
                | Self::Series(_)
                | Self::EndpointCosts
        )
    }

    /// Whether the call changes something in the engine: it is delayed by the order latency and charged to a write bucket.
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

/// The path of a request target, without its query.
#[must_use]
pub fn path_of(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// A path without percent-escapes, since an unreserved character means the same with and without (RFC 3986, 6.2.2.2). An
/// escaped slash is kept, because it is not a separator.
#[must_use]
pub fn decoded(path: &str) -> Cow<'_, str> {
    query::decode(path, |byte| byte != b'/', |byte| byte)
}

/// The methods that a path supports, for an `Allow` header. Empty for an unknown path.
#[must_use]
pub fn methods(path: &str) -> Vec<&'static str> {
    let has = |method: &&str| route(if *method == "HEAD" { "GET" } else { method }, path).is_some();
    ["GET", "HEAD", "POST", "PUT", "DELETE"].into_iter().filter(has).collect()
}

/// The call for a method and path. `None` for an unknown path, and for a known path with another method, which the exchange's
/// router does not distinguish (seen September 2026: `GET /portfolio/events/orders` is an unknown page).
#[must_use]
pub fn route<'a>(method: &str, path: &'a str) -> Option<Route<'a>> {
    let rest = path.strip_prefix(REST_PREFIX)?;
    let mut parts = [""; 6];
    let mut length = 0;
    for part in rest.split('/').skip(1) {
        *parts.get_mut(length)? = part;
        length += 1;
    }
    if parts[..length].contains(&"") {
        return None;
    }
    let route = match (method, &parts[..length]) {
        ("GET", ["exchange", "status"]) => Route::ExchangeStatus,
        ("GET", ["exchange", "schedule"]) => Route::ExchangeSchedule,
        ("GET", ["exchange", "user_data_timestamp"]) => Route::UserDataTimestamp,
        ("GET", ["markets"]) => Route::Markets,
        ("GET", ["markets", "trades"]) => Route::Trades,
        ("GET", ["markets", "orderbooks"]) => Route::OrderBooks,
        ("GET", ["markets", ticker]) => Route::Market(ticker),
        ("GET", ["markets", ticker, "orderbook"]) => Route::OrderBook(ticker),
        ("GET", ["events"]) => Route::Events,
        ("GET", ["events", "multivariate"]) => Route::ComboEvents,
        ("GET", ["events", "fee_changes"]) => Route::EventFeeChanges,
        ("GET", ["events", ticker]) => Route::Event(ticker),
        ("GET", ["events", ticker, "metadata"]) => Route::EventMetadata(ticker),
        ("GET", ["series"]) => Route::SeriesList,
        ("GET", ["series", "fee_changes"]) => Route::SeriesFeeChanges,
        ("GET", ["series", ticker]) => Route::Series(ticker),
        ("GET", ["account", "limits"]) => Route::AccountLimits,
        ("GET", ["account", "endpoint_costs"]) => Route::EndpointCosts,
        ("GET", ["portfolio", "balance"]) => Route::Balance,
        ("GET", ["portfolio", "positions"]) => Route::Positions,
        ("GET", ["portfolio", "orders"]) => Route::Orders,
        ("GET", ["portfolio", "orders", "queue_positions"]) => Route::QueuePositions,
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
        ("GET", ["portfolio", "summary", "total_resting_order_value"]) => Route::RestingOrderValue,
        ("POST", ["portfolio", "events", "orders"]) => Route::Create,
        ("DELETE", ["portfolio", "events", "orders"]) => Route::CancelAll,
        ("POST", ["portfolio", "events", "orders", "batched"]) => Route::CreateBatch,
        ("DELETE", ["portfolio", "events", "orders", "batched"]) => Route::CancelBatch,
        ("DELETE", ["portfolio", "events", "orders", id]) => Route::Cancel(id),
        ("POST", ["portfolio", "events", "orders", id, "amend"]) => Route::Amend(id),
        ("POST", ["portfolio", "events", "orders", id, "decrease"]) => Route::Decrease(id),
        ("POST", ["portfolio", "orders"] | ["portfolio", "orders", _, "amend" | "decrease"])
        | ("POST" | "DELETE", ["portfolio", "orders", _]) => Route::Tombstone,
        _ => return None,
    };
    Some(route)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_find_their_calls_and_nothing_else() {
        assert_eq!(route("GET", "/trade-api/v2/markets/trades"), Some(Route::Trades));
        assert_eq!(route("GET", "/trade-api/v2/markets/KXA/orderbook"), Some(Route::OrderBook("KXA")));
        assert_eq!(route("GET", "/trade-api/v2/events/KXA-1/metadata"), Some(Route::EventMetadata("KXA-1")));
        assert_eq!(route("DELETE", "/trade-api/v2/portfolio/events/orders/batched"), Some(Route::CancelBatch));
        assert_eq!(route("DELETE", "/trade-api/v2/portfolio/events/orders/x"), Some(Route::Cancel("x")));
        assert_eq!(route("GET", "/nowhere"), None);
        assert_eq!(route("GET", "/trade-api/v2/markets/"), None);
        assert_eq!(route("GET", "/trade-api/v2/a/b/c/d/e/f/g/h"), None);
        assert_eq!(route("POST", "/trade-api/v2/portfolio/order_groups/create"), Some(Route::CreateGroup));
        assert_eq!(route("PUT", "/trade-api/v2/portfolio/order_groups/x/reset"), Some(Route::ResetGroup("x")));
        assert_eq!(route("POST", "/trade-api/v2/portfolio/order_groups"), None);
    }

    #[test]
    fn another_method_on_a_known_path_is_an_unknown_page() {
        assert_eq!(route("PATCH", "/trade-api/v2/markets"), None);
        assert_eq!(route("GET", "/trade-api/v2/portfolio/events/orders"), None);
    }

    #[test]
    fn an_escaped_character_of_a_path_means_the_same_as_itself() {
        assert_eq!(decoded("/trade-api/v2/m%61rkets/KXA%2D1%2e5+x"), "/trade-api/v2/markets/KXA-1.5+x");
        assert_eq!(decoded("/a%2Fb%2fc"), "/a%2Fb%2fc");
        assert!(matches!(decoded("/trade-api/v2/markets"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_methods_of_a_path_are_those_of_its_calls() {
        assert_eq!(methods("/trade-api/v2/markets"), ["GET", "HEAD"]);
        assert_eq!(methods("/trade-api/v2/portfolio/events/orders"), ["POST", "DELETE"]);
        assert_eq!(methods("/trade-api/v2/nowhere/at/all"), [""; 0]);
    }

    #[test]
    fn order_writes_of_the_first_version_are_known_as_such() {
        for (method, rest) in [
            ("POST", ""),
            ("POST", "/batched"),
            ("DELETE", "/batched"),
            ("DELETE", "/x"),
            ("POST", "/x/amend"),
            ("POST", "/x/decrease"),
        ] {
            let path = format!("/trade-api/v2/portfolio/orders{rest}");
            assert_eq!(route(method, &path), Some(Route::Tombstone), "{method} {path}");
        }
        assert_eq!(route("GET", "/trade-api/v2/portfolio/orders"), Some(Route::Orders));
    }

    proptest! {
        #[test]
        fn no_target_makes_the_router_panic(method in "[A-Z]{0,6}", target in ".{0,200}") {
            let _ = route(&method, path_of(&target));
        }
    }
}
