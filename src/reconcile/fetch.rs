//! One request of a read: its path, and what its answer adds.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::directory::Directory;
use crate::wire::account::{
    Fill, FillsPage, MarketPosition, NettingBody, Order, OrdersPage, PositionsPage, Settlement, SettlementsPage,
};
use crate::wire::events::{EventBody, EventsPage, SeriesBody};
use crate::wire::markets::{AccountLimits, Balance, BucketLimit, EndpointCosts, ExchangeStatus, Market, MarketsPage};
use crate::wire::order_groups::{OrderGroup, OrderGroupsBody};
use crate::wire::orders::{BATCHED_PATH, ORDERS_PATH};
use crate::wire::{REST_PREFIX, escape_query};

/// What a request asks for. Listings carry the cursor of their page; the empty one is the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fetch {
    Status,
    Limits,
    /// What calls cost.
    Costs,
    /// The account's order groups.
    Groups,
    Netting,
    /// Markets by a filter such as `tickers=A,B`; paging ends when enough are known.
    Markets {
        filter: String,
        cursor: String,
        enough: usize,
    },
    /// Events by name, no more than a page has.
    Events {
        tickers: Vec<String>,
    },
    Event {
        ticker: String,
    },
    Series {
        ticker: String,
    },
    /// Every shard's balance, or one's.
    Balance {
        shard: Option<u8>,
    },
    Positions {
        cursor: String,
    },
    /// Orders by a filter such as `status=resting`.
    Orders {
        filter: String,
        cursor: String,
    },
    Fills {
        filter: String,
        cursor: String,
    },
    Settlements {
        filter: String,
        cursor: String,
    },
}

/// What a read has brought so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Gathered {
    /// Each shard and whether it takes orders.
    pub(super) trading: Vec<(u8, bool)>,
    /// The same of shards that are not listed.
    pub(super) trading_elsewhere: Option<bool>,
    pub(super) write: Option<BucketLimit>,
    /// What a create, an amend and a cancel cost.
    pub(super) costs: Option<[u32; 3]>,
    pub(super) groups: Vec<OrderGroup>,
    pub(super) nets: bool,
    pub(super) markets: Vec<Market>,
    pub(super) balances: Vec<(u8, crate::market::Money)>,
    pub(super) positions: Vec<MarketPosition>,
    pub(super) orders: Vec<Order>,
    pub(super) fills: Vec<Fill>,
    pub(super) settlements: Vec<Settlement>,
}

/// The largest page of each listing (protocol page, 3).
const PAGE: u32 = 1_000;
/// The largest page of events (protocol page, 3).
const EVENTS_PAGE: u32 = 200;

impl Fetch {
    /// The path with its query, from the root.
    pub(super) fn path(&self) -> String {
        let mut path = REST_PREFIX.to_owned();
        match self {
            Self::Status => path.push_str("/exchange/status"),
            Self::Limits => path.push_str("/account/limits"),
            Self::Costs => path.push_str("/account/endpoint_costs"),
            Self::Groups => path.push_str("/portfolio/order_groups"),
            Self::Netting => path.push_str("/portfolio/subaccounts/netting"),
            Self::Markets { filter, cursor, .. } => listing(&mut path, "/markets", filter, cursor),
            Self::Events { tickers } => {
                let filter = named("tickers", tickers);
                write!(path, "/events?{filter}&limit={EVENTS_PAGE}").expect("writing to a String cannot fail");
            }
            Self::Event { ticker } => write_path(&mut path, "/events/", ticker),
            Self::Series { ticker } => write_path(&mut path, "/series/", ticker),
            Self::Balance { shard: None } => path.push_str("/portfolio/balance"),
            Self::Balance { shard: Some(shard) } => {
                write_path(&mut path, "/portfolio/balance?exchange_index=", &shard.to_string());
            }
            Self::Positions { cursor } => listing(&mut path, "/portfolio/positions", "count_filter=position", cursor),
            Self::Orders { filter, cursor } => listing(&mut path, "/portfolio/orders", filter, cursor),
            Self::Fills { filter, cursor } => listing(&mut path, "/portfolio/fills", filter, cursor),
            Self::Settlements { filter, cursor } => listing(&mut path, "/portfolio/settlements", filter, cursor),
        }
        path
    }

    /// Reads an answer into what was gathered. Returns the request for the next page, if there is one.
    ///
    /// # Errors
    /// In words, when the body is not what it should be.
    pub(super) fn read(
        &self,
        body: &[u8],
        gathered: &mut Gathered,
        directory: &mut Directory,
    ) -> Result<Option<Self>, String> {
        let next = |page: Self, cursor: String| (!cursor.is_empty()).then_some(page);
        Ok(match self {
            Self::Status => {
                let status: ExchangeStatus = self.body(body)?;
                gathered.trading = trading(&status);
                gathered.trading_elsewhere = Some(status.exchange_active && status.trading_active);
                None
            }
            Self::Limits => {
                gathered.write = Some(self.body::<AccountLimits>(body)?.write);
                None
            }
            Self::Costs => {
                gathered.costs = Some(write_costs(&self.body(body)?));
                None
            }
            Self::Groups => {
                gathered.groups = self.body::<OrderGroupsBody>(body)?.order_groups;
                None
            }
            Self::Netting => {
                gathered.nets = self.body::<NettingBody>(body)?.netting_configs.iter().any(|config| config.enabled);
                None
            }
            Self::Markets { filter, enough, .. } => {
                let page: MarketsPage = self.body(body)?;
                gathered.markets.extend(page.markets);
                let (filter, cursor, enough) = (filter.clone(), page.cursor, *enough);
                let full = gathered.markets.len() >= enough;
                next(Self::Markets { filter, cursor: cursor.clone(), enough }, cursor).filter(|_| !full)
            }
            Self::Events { tickers } => {
                for event in self.body::<EventsPage>(body)?.events {
                    directory.learn_event(event);
                }
                directory.miss_events(tickers);
                None
            }
            Self::Event { .. } => {
                directory.learn_event(self.body::<EventBody>(body)?.event);
                None
            }
            Self::Series { ticker } => {
                directory.learn_series(ticker, Some(self.body::<SeriesBody>(body)?.series));
                None
            }
            Self::Balance { shard } => {
                let balance: Balance = self.body(body)?;
                if balance.balance_breakdown.is_empty() {
                    gathered.balances.push((shard.unwrap_or(0), balance.balance_dollars.0));
                } else {
                    let wanted =
                        balance.balance_breakdown.iter().filter(|of| shard.is_none_or(|s| s == of.exchange_index));
                    gathered.balances.extend(wanted.map(|of| (of.exchange_index, of.balance.0)));
                }
                None
            }
            Self::Positions { .. } => {
                let page: PositionsPage = self.body(body)?;
                gathered.positions.extend(page.market_positions);
                next(Self::Positions { cursor: page.cursor.clone() }, page.cursor)
            }
            Self::Orders { filter, .. } => {
                let page: OrdersPage = self.body(body)?;
                gathered.orders.extend(page.orders);
                next(Self::Orders { filter: filter.clone(), cursor: page.cursor.clone() }, page.cursor)
            }
            Self::Fills { filter, .. } => {
                let page: FillsPage = self.body(body)?;
                gathered.fills.extend(page.fills);
                next(Self::Fills { filter: filter.clone(), cursor: page.cursor.clone() }, page.cursor)
            }
            Self::Settlements { filter, .. } => {
                let page: SettlementsPage = self.body(body)?;
                gathered.settlements.extend(page.settlements);
                next(Self::Settlements { filter: filter.clone(), cursor: page.cursor.clone() }, page.cursor)
            }
        })
    }

    /// Takes a 404 as an answer where the exchange has nothing to say. Returns whether it was one.
    pub(super) fn read_nothing(&self, gathered: &mut Gathered, directory: &mut Directory) -> bool {
        match self {
            // The documented costs hold.
            Self::Costs => gathered.costs = None,
            Self::Netting => gathered.nets = false,
            Self::Events { tickers } => directory.miss_events(tickers),
            Self::Event { ticker } => directory.learn_no_event(ticker),
            Self::Series { ticker } => directory.learn_series(ticker, None),
            _ => return false,
        }
        true
    }

    fn body<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, String> {
        serde_json::from_slice(body).map_err(|error| format!("GET {}: {error}", self.path()))
    }
}

/// A shard trades when both it and its trading are active; without a list the top level is shard 0.
fn trading(status: &ExchangeStatus) -> Vec<(u8, bool)> {
    if status.exchange_index_statuses.is_empty() {
        return vec![(0, status.exchange_active && status.trading_active)];
    }
    let shards = status.exchange_index_statuses.iter();
    shards.map(|shard| (shard.exchange_index, shard.exchange_active && shard.trading_active)).collect()
}

/// What a create, an amend and a batched cancel cost.
fn write_costs(costs: &EndpointCosts) -> [u32; 3] {
    let amend = format!("{ORDERS_PATH}/:order_id/amend");
    [("POST", ORDERS_PATH), ("POST", amend.as_str()), ("DELETE", BATCHED_PATH)].map(|(method, path)| {
        let listed = costs.endpoint_costs.iter().find(|cost| cost.method == method && cost.path == path);
        listed.map_or(costs.default_cost, |listed| listed.cost)
    })
}

/// A filter by names. They may come from the exchange's answers, and are escaped whatever they are.
pub(super) fn named(key: &str, names: &[String]) -> String {
    let mut filter = format!("{key}=");
    for (position, name) in names.iter().enumerate() {
        if position > 0 {
            filter.push(',');
        }
        escape_query(&mut filter, name);
    }
    filter
}

fn write_path(path: &mut String, resource: &str, last: &str) {
    path.push_str(resource);
    escape_query(path, last);
}

fn listing(path: &mut String, resource: &str, filter: &str, cursor: &str) {
    let separator = if filter.is_empty() { "" } else { "&" };
    write!(path, "{resource}?{filter}{separator}limit={PAGE}").expect("writing to a String cannot fail");
    if !cursor.is_empty() {
        path.push_str("&cursor=");
        escape_query(path, cursor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_none_stay_inside_their_filter() {
        let tickers = ["KXA-1".to_owned(), "B C\r\nX: &limit=1".to_owned()];
        assert_eq!(named("tickers", &tickers), "tickers=KXA-1,B%20C%0D%0AX%3A%20%26limit%3D1");
        let events = Fetch::Events { tickers: tickers.to_vec() };
        assert!(events.path().bytes().all(|byte| byte.is_ascii_graphic()), "{}", events.path());
    }

    #[test]
    fn paths_carry_their_filter_and_an_escaped_cursor() {
        let fetch = Fetch::Orders { filter: "status=resting".to_owned(), cursor: "a+/=".to_owned() };
        assert_eq!(fetch.path(), "/trade-api/v2/portfolio/orders?status=resting&limit=1000&cursor=a%2B%2F%3D");
        let fetch = Fetch::Markets { filter: "tickers=A,B".to_owned(), cursor: String::new(), enough: 2 };
        assert_eq!(fetch.path(), "/trade-api/v2/markets?tickers=A,B&limit=1000");
        assert_eq!(Fetch::Balance { shard: Some(2) }.path(), "/trade-api/v2/portfolio/balance?exchange_index=2");
    }

    #[test]
    fn what_writes_cost_is_read_from_the_list_or_is_the_default() {
        let body = br#"{"default_cost":12,"endpoint_costs":[
            {"method":"DELETE","path":"/trade-api/v2/portfolio/events/orders/batched","cost":3},
            {"method":"POST","path":"/trade-api/v2/portfolio/events/orders/:order_id/amend","cost":7}]}"#;
        let (mut gathered, mut directory) = (Gathered::default(), Directory::new(1, 0));
        assert_eq!(Fetch::Costs.read(body, &mut gathered, &mut directory).unwrap(), None);
        assert_eq!(gathered.costs, Some([12, 7, 3]));
    }

    #[test]
    fn a_body_of_another_shape_is_named_with_its_request() {
        let (mut gathered, mut directory) = (Gathered::default(), Directory::new(1, 0));
        let error = Fetch::Limits.read(b"{\"usage_tier\":1}", &mut gathered, &mut directory).unwrap_err();
        assert!(error.starts_with("GET /trade-api/v2/account/limits: "), "{error}");
    }
}
