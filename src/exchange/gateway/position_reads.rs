//! What an account owns, as far as reads can see it (`visible`): its cash by shard, and its positions by market and event.

use std::collections::BTreeMap;

use super::account_reads::Filter;
use super::decode;
use super::frames::rfc3339;
use super::market_reads::{Answer, SHARDS, json};
use super::route::{PageLimit, Query, cursor, position};
use super::{Gateway, Refusal};
use crate::exchange::engine::{AccountId, Engine, MarketIndex, MarketSpec, PositionRecord};
use crate::market::{Count, Money, Price};
use crate::wire::Dollars4;
use crate::wire::account::{EventPosition, MarketPosition, PositionsPage};
use crate::wire::markets::{Balance, ShardBalance};

/// A filter for positions by whether their market has settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PositionStatus {
    Unsettled,
    Settled,
    All,
}

impl PositionStatus {
    fn read(query: &Query<'_>) -> Result<Self, Refusal> {
        let words = ["unsettled", "settled", "all"];
        Ok(match query.one_of("settlement_status", "SettlementStatus", &words)? {
            Some("settled") => Self::Settled,
            Some("all") => Self::All,
            _ => Self::Unsettled,
        })
    }

    const fn covers(self, settled: bool) -> bool {
        match self {
            Self::Unsettled => !settled,
            Self::Settled => settled,
            Self::All => true,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Unsettled => 'u',
            Self::Settled => 's',
            Self::All => 'a',
        }
    }

    fn cursor(self, next: usize) -> String {
        format!("{}{}", self.letter(), cursor(next))
    }

    /// The start of the page. A cursor made for another status counts as invalid, and an invalid one as absent.
    fn start(self, query: &Query<'_>) -> usize {
        let own = query.get("cursor").and_then(|text| text.strip_prefix(self.letter()));
        own.and_then(position).unwrap_or(0)
    }
}

/// A filter for positions: a position is listed if any of the named sums is not zero.
#[derive(Clone, Copy, Debug, Default)]
struct CountFilter {
    position: bool,
    total_traded: bool,
}

impl CountFilter {
    fn read(query: &Query<'_>) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for word in query.list("count_filter").unwrap_or_default() {
            match word {
                "position" => filter.position = true,
                "total_traded" => filter.total_traded = true,
                _ => return Err(Refusal::bad_query("invalid count_filter")),
            }
        }
        Ok(filter)
    }

    fn covers(self, held: &PositionRecord) -> bool {
        let none_named = !self.position && !self.total_traded;
        none_named || (self.position && !held.contracts.is_zero()) || (self.total_traded && !held.volume.is_zero())
    }
}

fn market_position(spec: &MarketSpec, held: &PositionRecord) -> MarketPosition {
    MarketPosition {
        ticker: spec.ticker.clone(),
        exchange_index: spec.exchange_index,
        total_traded_dollars: held.traded,
        position_fp: held.contracts,
        market_exposure_dollars: Some(held.cost),
        realized_pnl_dollars: held.realized,
        fees_paid_dollars: held.fees,
        last_updated_ts: Some(rfc3339(held.updated_ms)),
    }
}

fn no_position(spec: &MarketSpec) -> EventPosition {
    EventPosition {
        event_ticker: spec.event_ticker.clone(),
        total_cost_dollars: Money::ZERO,
        total_cost_shares_fp: Count::ZERO,
        event_exposure_dollars: Money::ZERO,
        realized_pnl_dollars: Money::ZERO,
        fees_paid_dollars: Money::ZERO,
    }
}

/// Adds a market's position to that of its event. The event's cost and shares are everything that was ever traded there.
fn add_to_event(event: &mut EventPosition, held: &PositionRecord) {
    event.total_cost_dollars += held.traded;
    event.total_cost_shares_fp += held.volume;
    event.event_exposure_dollars += held.cost;
    event.realized_pnl_dollars += held.realized;
    event.fees_paid_dollars += held.fees;
}

impl Gateway {
    /// `GET /portfolio/balance`: cash, and the value of positions at the last price. The breakdown has every shard,
    /// whichever was asked for and whether or not it has money (seen on demo, September 2026).
    pub(super) fn balance(&mut self, engine: &Engine, account: AccountId, target: &str, now_ms: i64) -> Answer {
        let query = Query::new(target, "GetBalance");
        let shard = query.integer("exchange_index")?.filter(|shard| *shard >= 0);
        let subaccount = decode::query_subaccount(&query)?;
        if shard.is_some_and(|shard| !SHARDS.iter().any(|(index, _)| shard == i64::from(*index))) {
            return Err(Refusal::new(404, "user_not_found"));
        }
        let as_of_ms = self.visible.as_of_ms(now_ms);
        let view = self.visible.account(account);
        let on_shard = |index: u8| shard.is_none_or(|shard| shard == i64::from(index));
        let cash = view.cash.get(&subaccount);
        if subaccount > 0 && cash.is_none() {
            return Err(Refusal::new(404, "user_not_found"));
        }
        let cash = |index: u8| cash.and_then(|cash| cash.get(&index)).copied().unwrap_or(Money::ZERO);
        let breakdown = SHARDS.map(|(index, _)| ShardBalance { exchange_index: index, balance: Dollars4(cash(index)) });
        let asked = breakdown.iter().filter(|shard| on_shard(shard.exchange_index));
        let total: Money = asked.map(|shard| shard.balance.0).sum();
        let worth: Money = view
            .positions(subaccount)
            .filter(|(market, _)| on_shard(engine.market(**market).spec().exchange_index))
            .filter(|(market, _)| !self.directory.is_settled(**market, as_of_ms))
            .map(|(market, position)| {
                let last = engine.market(*market).last_price().unwrap_or(Price::from_cents(50));
                let price = if position.contracts >= Count::ZERO { last } else { last.complement() };
                price.times(position.contracts.abs())
            })
            .sum();
        Ok(json(
            200,
            &Balance {
                balance: total.micros().div_euclid(10_000),
                balance_dollars: Dollars4(total),
                portfolio_value: worth.micros().div_euclid(10_000),
                updated_ts: now_ms.div_euclid(1_000),
                balance_breakdown: breakdown.into(),
            },
        ))
    }

    /// `GET /portfolio/positions`, by default only those not settled. Those are paged by market; if settled ones are
    /// included, pages are by event. A cursor is valid only for the status that it was made for.
    pub(super) fn positions(&mut self, engine: &Engine, account: AccountId, target: &str, now_ms: i64) -> Answer {
        let query = Query::new(target, "GetPositions");
        let filter = Filter::new(&query)?.with_shard(&query)?;
        let subaccount = decode::query_subaccount(&query)?;
        let limit = query.limit(PageLimit::ACCOUNT)?;
        let status = PositionStatus::read(&query)?;
        let counts = CountFilter::read(&query)?;
        let as_of_ms = self.visible.as_of_ms(now_ms);
        let directory = &self.directory;
        let view = self.visible.account(account);
        let wanted = |(market, held): &(&MarketIndex, &PositionRecord)| {
            filter.market(engine, **market)
                && counts.covers(held)
                && status.covers(directory.is_settled(**market, as_of_ms))
        };
        let page_of = |market: MarketIndex| match status {
            PositionStatus::Unsettled => market as usize,
            _ => directory.events.position(&engine.market(market).spec().event_ticker).unwrap_or(0),
        };
        let mut pages: BTreeMap<usize, Vec<(MarketIndex, &PositionRecord)>> = BTreeMap::new();
        for (market, held) in view.positions(subaccount).filter(wanted) {
            pages.entry(page_of(*market)).or_default().push((*market, held));
        }
        let start = status.start(&query);
        let mut found = pages.range(start..);
        let mut page =
            PositionsPage { market_positions: Vec::new(), event_positions: Vec::new(), cursor: String::new() };
        let mut events: BTreeMap<&str, EventPosition> = BTreeMap::new();
        for (_, positions) in found.by_ref().take(limit) {
            for (market, held) in positions {
                let spec = engine.market(*market).spec();
                page.market_positions.push(market_position(spec, held));
                add_to_event(events.entry(&spec.event_ticker).or_insert_with(|| no_position(spec)), held);
            }
        }
        page.event_positions = events.into_values().collect();
        page.cursor = found.next().map_or_else(String::new, |(next, _)| status.cursor(*next));
        Ok(json(200, &page))
    }
}
