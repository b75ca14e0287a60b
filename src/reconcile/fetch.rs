//! A single request of a read: its path, and how its answer is evaluated.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::directory::Directory;
use crate::market::Money;
use crate::wire::account::{Fill, MarketPosition, NettingConfig, Order, Settlement};
use crate::wire::elements::{Element, Unusable, lenient, read_list, read_page};
use crate::wire::events::{Event, EventBody, SeriesBody};
use crate::wire::fees::{EventFeeChange, SeriesFeeChange};
use crate::wire::markets::{AccountLimits, BucketLimit, EndpointCost, Market, ShardBalance, ShardStatus};
use crate::wire::order_groups::OrderGroup;
use crate::wire::orders::{BATCHED_PATH, ORDERS_PATH};
use crate::wire::{Dollars4, REST_PREFIX, escape_query};

/// What a request asks for. Listings have the cursor of their page, which is empty for the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fetch {
    Status,
    Limits,
    /// The token costs of calls.
    Costs,
    /// The account's order groups.
    Groups,
    Netting,
    /// Markets by a filter such as `tickers=A,B`. Paging ends when `enough` are known.
    Markets {
        filter: String,
        cursor: String,
        enough: usize,
    },
    /// Events by ticker, at most one page.
    Events {
        tickers: Vec<String>,
    },
    Event {
        ticker: String,
    },
    Series {
        ticker: String,
    },
    /// The balance of all shards, or of one.
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
    /// Future fee changes of series.
    SeriesFeeChanges,
    /// Changes of events' fee overrides.
    EventFeeChanges {
        cursor: String,
    },
}

/// The results of a read so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Gathered {
    /// Each shard, and whether it takes orders.
    pub(super) trading: Vec<(u8, bool)>,
    /// Whether shards that are not listed take orders.
    pub(super) trading_elsewhere: Option<bool>,
    pub(super) write: Option<BucketLimit>,
    /// The token costs of a create, an amend and a cancel.
    pub(super) costs: Option<[u32; 3]>,
    pub(super) groups: Vec<OrderGroup>,
    pub(super) nets: bool,
    pub(super) markets: Vec<Market>,
    pub(super) balances: Vec<(u8, Money)>,
    pub(super) positions: Vec<MarketPosition>,
    pub(super) orders: Vec<Order>,
    pub(super) fills: Vec<Fill>,
    pub(super) settlements: Vec<Settlement>,
    /// Elements that could not be used.
    pub(super) unusable: Vec<Unusable>,
    /// The pages requested by cursor, to detect a list that never ends.
    followed: BTreeSet<String>,
    /// Fee changes of series, if they were requested.
    pub(super) series_fees: Option<Vec<SeriesFeeChange>>,
    pub(super) event_fees: Option<Vec<EventFeeChange>>,
}

/// The largest page size of the listings.
const PAGE: u32 = 1_000;
/// The largest page size of the listing of events.
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
            Self::SeriesFeeChanges => path.push_str("/series/fee_changes"),
            Self::EventFeeChanges { cursor } => listing(&mut path, "/events/fee_changes", "", cursor),
        }
        path
    }

    /// Adds an answer to what was gathered. Returns the request for the next page, if there is one.
    ///
    /// # Errors
    /// A description, when the body as a whole is malformed. Single malformed elements are added to the unusable ones
    /// instead.
    pub(super) fn read(
        &self,
        body: &[u8],
        gathered: &mut Gathered,
        directory: &mut Directory,
    ) -> Result<Option<Self>, String> {
        let mut cursor = String::new();
        match self {
            Self::Status => gathered.trading = self.trading(body, gathered)?,
            Self::Limits => gathered.write = Some(self.body::<AccountLimits>(body)?.write),
            Self::Costs => gathered.costs = self.write_costs(body, gathered)?,
            Self::Groups => gathered.groups = self.page::<OrderGroup>(body, gathered)?.0,
            Self::Netting => gathered.nets = self.nets(body, gathered)?,
            Self::Markets { .. } => {
                let (markets, next) = self.page(body, gathered)?;
                gathered.markets.extend(markets);
                cursor = next;
            }
            Self::Events { tickers } => {
                for event in self.page::<Event>(body, gathered)?.0 {
                    directory.learn_event(event);
                }
                directory.miss_events(tickers);
            }
            Self::Event { ticker } => {
                let event = self.body::<EventBody>(body)?.event;
                directory.learn_event(Event { event_ticker: ticker.clone(), ..event });
            }
            Self::Series { ticker } => {
                directory.learn_series(ticker, Some(self.body::<SeriesBody>(body)?.series));
            }
            Self::Balance { shard } => self.balances(*shard, body, gathered)?,
            Self::Positions { .. } => {
                let (positions, next) = self.page(body, gathered)?;
                gathered.positions.extend(positions);
                cursor = next;
            }
            Self::Orders { .. } => {
                let (orders, next) = self.page(body, gathered)?;
                gathered.orders.extend(orders);
                cursor = next;
            }
            Self::Fills { .. } => {
                let (fills, next) = self.page(body, gathered)?;
                gathered.fills.extend(fills);
                cursor = next;
            }
            Self::Settlements { .. } => {
                let (settlements, next) = self.page(body, gathered)?;
                gathered.settlements.extend(settlements);
                cursor = next;
            }
            Self::SeriesFeeChanges => {
                gathered.series_fees = Some(self.page(body, gathered)?.0);
            }
            Self::EventFeeChanges { .. } => {
                let (changes, next) = self.page(body, gathered)?;
                gathered.event_fees.get_or_insert_default().extend(changes);
                cursor = next;
            }
        }
        Ok((!cursor.is_empty()).then(|| self.at(cursor)).filter(|page| !page.has_enough(gathered)))
    }

    /// Records that a further page is requested.
    ///
    /// # Errors
    /// A description, when the list does not end: the cursor has come before, or there are more than `pages_max` pages.
    pub(super) fn follow(&self, pages: u32, pages_max: u32, gathered: &mut Gathered) -> Result<(), String> {
        let path = self.path();
        let why = if gathered.followed.contains(&path) {
            "the same cursor came before".to_owned()
        } else if pages > pages_max {
            format!("{pages_max} pages have been read")
        } else {
            gathered.followed.insert(path);
            return Ok(());
        };
        Err(format!("GET {path}: the list does not end: {why}"))
    }

    /// The same listing from another cursor on.
    fn at(&self, next: String) -> Self {
        let mut page = self.clone();
        if let Self::Markets { cursor, .. }
        | Self::Positions { cursor }
        | Self::Orders { cursor, .. }
        | Self::Fills { cursor, .. }
        | Self::Settlements { cursor, .. }
        | Self::EventFeeChanges { cursor } = &mut page
        {
            *cursor = next;
        }
        page
    }

    /// Whether a listing of markets need not be read further.
    fn has_enough(&self, gathered: &Gathered) -> bool {
        let Self::Markets { enough, .. } = self else { return false };
        gathered.markets.iter().filter(|market| market.check_terms().is_ok()).count() >= *enough
    }

    /// Handles a 404 where that means that there is nothing to report. Returns whether it does for this request.
    pub(super) fn read_nothing(&self, gathered: &mut Gathered, directory: &mut Directory) -> bool {
        match self {
            // The documented costs apply.
            Self::Costs => gathered.costs = None,
            Self::Netting => gathered.nets = false,
            // A venue without the listing has announced no changes.
            Self::SeriesFeeChanges | Self::EventFeeChanges { .. } => {}
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

    /// The usable elements of a page, and the cursor of the next page.
    fn page<T: Element>(&self, body: &[u8], gathered: &mut Gathered) -> Result<(Vec<T>, String), String> {
        let page = read_page(body).map_err(|error| format!("GET {}: {error}", self.path()))?;
        gathered.unusable.extend(page.unusable);
        Ok((page.elements, page.cursor))
    }

    /// The usable elements of a list that the body may leave out.
    fn list<T: Element>(&self, body: &[u8], gathered: &mut Gathered) -> Result<Option<Vec<T>>, String> {
        let page = read_list(body).map_err(|error| format!("GET {}: {error}", self.path()))?;
        Ok(page.map(|page| {
            gathered.unusable.extend(page.unusable);
            page.elements
        }))
    }

    /// Which shards trade. A shard trades when both it and its trading are active, and does not when it fails to say
    /// so. Without a list of shards, the top level describes shard 0.
    fn trading(&self, body: &[u8], gathered: &mut Gathered) -> Result<Vec<(u8, bool)>, String> {
        #[derive(Deserialize)]
        struct Top {
            #[serde(default, deserialize_with = "lenient")]
            exchange_active: Option<bool>,
            #[serde(default, deserialize_with = "lenient")]
            trading_active: Option<bool>,
        }
        let Top { exchange_active, trading_active } = self.body(body)?;
        let elsewhere = exchange_active.zip(trading_active).map(|(exchange, trading)| exchange && trading);
        let shards = self.list::<ShardStatus>(body, gathered)?.unwrap_or_default();
        gathered.trading_elsewhere = elsewhere;
        if shards.is_empty() {
            let unsaid = || format!("GET {}: neither shards nor the top level say whether they trade", self.path());
            return Ok(vec![(0, elsewhere.ok_or_else(unsaid)?)]);
        }
        let mut active = |shard: &ShardStatus| {
            if let (Some(exchange), Some(trading)) = (shard.exchange_active, shard.trading_active) {
                return exchange && trading;
            }
            let reason = format!("shard {} counts as paused: it does not say whether it trades", shard.exchange_index);
            gathered.unusable.push(Unusable { what: ShardStatus::WHAT.to_owned(), reason, ..Unusable::default() });
            false
        };
        Ok(shards.iter().map(|shard| (shard.exchange_index, active(shard))).collect())
    }

    /// The token costs of a create, an amend and a batched cancel. `None` leaves the documented costs in force, if the
    /// default cannot be read.
    fn write_costs(&self, body: &[u8], gathered: &mut Gathered) -> Result<Option<[u32; 3]>, String> {
        #[derive(Deserialize)]
        struct Costs {
            #[serde(default, deserialize_with = "lenient")]
            default_cost: Option<u32>,
        }
        let Costs { default_cost } = self.body(body)?;
        let costs = self.page::<EndpointCost>(body, gathered)?.0;
        let amend = format!("{ORDERS_PATH}/:order_id/amend");
        Ok(default_cost.map(|default_cost| {
            [("POST", ORDERS_PATH), ("POST", amend.as_str()), ("DELETE", BATCHED_PATH)].map(|(method, path)| {
                let listed = costs.iter().find(|cost| cost.method == method && cost.path == path);
                listed.map_or(default_cost, |listed| listed.cost)
            })
        }))
    }

    /// Whether the account nets positions across markets. A setting that cannot be read is an error, since it might say so.
    fn nets(&self, body: &[u8], gathered: &mut Gathered) -> Result<bool, String> {
        let page = read_page::<NettingConfig>(body).map_err(|error| format!("GET {}: {error}", self.path()))?;
        if let Some(unusable) = page.unusable.first() {
            return Err(format!("GET {}: {unusable}", self.path()));
        }
        gathered.unusable.extend(page.unusable);
        Ok(page.elements.iter().any(|config| config.enabled))
    }

    /// The cash on each shard. A shard that cannot be read is left out, and requested by itself later.
    fn balances(&self, shard: Option<u8>, body: &[u8], gathered: &mut Gathered) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Total {
            balance_dollars: Dollars4,
        }
        let told = gathered.unusable.len();
        let shards = self.list::<ShardBalance>(body, gathered)?.unwrap_or_default();
        let wanted = shards.iter().filter(|of| shard.is_none_or(|shard| shard == of.exchange_index));
        let mut balances: Vec<_> = wanted.map(|of| (of.exchange_index, of.balance.0)).collect();
        // For a request about one shard, the total is that shard's.
        let total = shards.is_empty() && gathered.unusable.len() == told;
        if total || (shard.is_some() && balances.is_empty()) {
            balances.push((shard.unwrap_or(0), self.body::<Total>(body)?.balance_dollars.0));
        }
        gathered.balances.extend(balances);
        Ok(())
    }
}

/// A filter by names. They may come from the exchange's answers, so they are always escaped.
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
