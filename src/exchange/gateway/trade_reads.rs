//! Public trades over all markets, newest first. Each market's trades are sorted already, so a page is merged from their
//! heads, at a cost that depends only on its length and the number of markets.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::frames::rfc3339;
use super::market_reads::{Answer, Listed, json};
use super::route::{PageLimit, Query};
use crate::exchange::engine::{MarketIndex, TradeRecord};
use crate::market::TradeId;
use crate::wire::markets::{Trade, TradesPage};

/// Where a page ended: the last trade on it. The next page continues after it in the order of the list, regardless of what
/// has traded since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    time_ms: i64,
    market: MarketIndex,
    trade: TradeId,
}

impl Mark {
    fn of(market: MarketIndex, trade: &TradeRecord) -> Self {
        Self { time_ms: trade.time_ms, market, trade: trade.trade }
    }

    fn to_cursor(self) -> String {
        format!("t{}.{}.{}", self.time_ms, self.market, self.trade)
    }

    /// Decodes a cursor. An invalid one counts as absent, as captured on the exchange.
    fn from_cursor(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('t')?.splitn(3, '.');
        let time_ms = parts.next()?.parse().ok()?;
        let market = parts.next()?.parse().ok()?;
        let trade = TradeId::parse(parts.next()?).ok()?;
        Some(Self { time_ms, market, trade })
    }
}

/// The rest of a market's trades, newest first.
struct Rest<'g> {
    market: MarketIndex,
    trades: Box<dyn Iterator<Item = &'g TradeRecord> + 'g>,
    next: Option<&'g TradeRecord>,
}

impl<'g> Rest<'g> {
    /// The trades of a market that are not newer than `max_ms` and come after the mark. The list is sorted by descending
    /// time, then by ascending market, then by the order within the market.
    fn new(listed: Listed<'g>, market: MarketIndex, max_ms: i64, mark: Option<Mark>) -> Self {
        let trades = listed.engine.trades_of(market).skip_while(move |trade| trade.time_ms > max_ms);
        let mut passed = false;
        let trades = trades.skip_while(move |trade| {
            let Some(mark) = mark else { return false };
            let before = trade.time_ms > mark.time_ms
                || (trade.time_ms == mark.time_ms && (market < mark.market || (market == mark.market && !passed)));
            passed |= trade.trade == mark.trade;
            before
        });
        Self { market, trades: Box::new(trades), next: None }
    }

    /// Advances to the next trade, and returns its time if there is one from `min_ms` on.
    fn advance(&mut self, min_ms: i64) -> Option<i64> {
        self.next = self.trades.next().filter(|trade| trade.time_ms >= min_ms);
        self.next.map(|trade| trade.time_ms)
    }
}

impl Listed<'_> {
    /// `GET /markets/trades`, newest first. This exchange has no block trades.
    pub(super) fn trades(self, target: &str) -> Answer {
        let query = Query::new(target, "GetTrades");
        let limit = query.limit(PageLimit::MARKETS)?;
        let (min_ts, max_ts) = (query.integer("min_ts")?, query.integer("max_ts")?);
        let only_blocks = query.choice("is_block_trade")? == Some(true);
        let markets = match query.get("ticker") {
            _ if only_blocks => 0..0,
            Some(ticker) => self.engine.market_by_ticker(ticker).map_or(0..0, |market| market..market + 1),
            None => 0..self.engine.market_count(),
        };
        let min_ms = min_ts.map_or(i64::MIN, |seconds| seconds.saturating_mul(1_000));
        let max_ms = max_ts.map_or(i64::MAX, |seconds| seconds.saturating_mul(1_000).saturating_add(999));
        let mark = query.get("cursor").and_then(Mark::from_cursor);
        let mut rests: Vec<Rest<'_>> = markets.map(|market| Rest::new(self, market, max_ms, mark)).collect();
        let mut heads = BinaryHeap::new();
        for (place, rest) in rests.iter_mut().enumerate() {
            heads.extend(rest.advance(min_ms).map(|time_ms| (time_ms, Reverse(place))));
        }
        let mut page = Vec::new();
        let mut last = None;
        while page.len() < limit
            && let Some((_, Reverse(place))) = heads.pop()
        {
            let rest = &mut rests[place];
            let trade = rest.next.expect("a market is in the heap while it has a next trade");
            page.push(self.trade_body(rest.market, trade));
            last = Some(Mark::of(rest.market, trade));
            heads.extend(rest.advance(min_ms).map(|time_ms| (time_ms, Reverse(place))));
        }
        let next = last.filter(|_| !heads.is_empty()).map_or_else(String::new, Mark::to_cursor);
        Ok(json(200, &TradesPage { trades: page, cursor: next }))
    }

    fn trade_body(self, market: MarketIndex, trade: &TradeRecord) -> Trade {
        Trade {
            trade_id: trade.trade.to_string(),
            ticker: self.engine.market(market).spec().ticker.clone(),
            count_fp: trade.count,
            yes_price_dollars: trade.price,
            no_price_dollars: trade.price.complement(),
            taker_side: Some(trade.taker.outcome()),
            taker_outcome_side: trade.taker.outcome(),
            taker_book_side: trade.taker,
            created_time: rfc3339(trade.time_ms),
            is_block_trade: false,
        }
    }
}
