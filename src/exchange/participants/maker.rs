//! Makers: each keeps a ladder of bids and asks around the fair probability and follows it.

use rand::Rng;
use rand_distr::{Distribution, LogNormal};

use crate::exchange::engine::{AccountId, Engine, MarketIndex, NewOrder};
use crate::market::{BookSide, Count, Grid, OrderId, OrderStatus, Price, TimeInForce};
use crate::wire::orders::SelfTradePrevention;

/// A maker's style.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// The distance from the fair probability to its best quote, in dollars.
    pub half_width: f64,
    /// The distance between its quotes, in dollars; at least a tick.
    pub spacing: f64,
    /// The number of quotes per side.
    pub levels: u32,
    /// The mean size of its best quote, in contracts; deeper quotes are larger.
    pub size: f64,
    /// The mean time between requotes, in milliseconds.
    pub requote_ms: f64,
    /// The largest error of its belief about the fair probability, in dollars.
    pub noise: f64,
    /// The share of requotes in which it pulls all its quotes instead, from 0 to 1.
    pub pulls: f64,
    /// How far its belief must move before it moves its quotes, in dollars.
    pub patience: f64,
    /// The share of its quotes that it replaces by ones of another size at a requote, from 0 to 1.
    pub renewals: f64,
    /// The share of its quotes that may cross: they trade, and the remainder rests. The others are given up if they would
    /// cross.
    pub crosses: f64,
    /// The most quotes that it places or cancels at a requote. The rest waits for the next one.
    pub changes: u32,
}

#[derive(Clone, Copy, Debug)]
struct Quote {
    order: OrderId,
    side: BookSide,
    price: Price,
}

/// A maker in one market.
#[derive(Clone, Debug)]
pub struct Maker {
    account: AccountId,
    /// How it behaves.
    pub style: Style,
    quotes: Vec<Quote>,
    /// The probability around which its quotes are placed.
    believed: f64,
}

/// A quote that a maker wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    side: BookSide,
    price: Price,
    level: u32,
}

impl Maker {
    /// A maker without quotes.
    #[must_use]
    pub fn new(account: AccountId, style: Style) -> Self {
        Self { account, style, quotes: Vec::new(), believed: f64::NEG_INFINITY }
    }

    /// Moves its quotes to where it wants them.
    pub fn requote(&mut self, engine: &mut Engine, market: MarketIndex, fair: f64, rng: &mut impl Rng, now_ms: i64) {
        let pulls = rng.random::<f64>() < self.style.pulls;
        let believed = fair + self.style.noise * (rng.random::<f64>() - 0.5) * 2.0;
        if (believed - self.believed).abs() > self.style.patience {
            self.believed = believed;
        }
        let wanted = if pulls { Vec::new() } else { self.ladder(engine.market(market).grid(), self.believed) };
        let mut kept = Vec::with_capacity(wanted.len());
        let mut changes_left = self.style.changes;
        for quote in std::mem::take(&mut self.quotes) {
            let rests = engine.order(quote.order).is_some_and(|order| order.status == OrderStatus::Resting);
            let stays = wanted.iter().any(|want| want.side == quote.side && want.price == quote.price)
                && rng.random::<f64>() >= self.style.renewals;
            if rests && (stays || changes_left == 0) {
                kept.push(quote);
            } else if rests {
                changes_left -= 1;
                // Rejected only while the exchange is paused: the quote stays, and is cancelled at a later turn.
                if engine.cancel_order(self.account, quote.order, now_ms).is_err() {
                    kept.push(quote);
                }
            }
        }
        for want in wanted {
            if changes_left > 0 && !kept.iter().any(|quote| quote.side == want.side && quote.price == want.price) {
                changes_left -= 1;
                let count = self.count(want.level, rng);
                let may_cross = self.style.crosses > 0.0 && rng.random::<f64>() < self.style.crosses;
                kept.extend(self.place(engine, market, want, (count, may_cross), now_ms));
            }
        }
        self.quotes = kept;
    }

    /// Cancels all its quotes.
    pub fn pull(&mut self, engine: &mut Engine, now_ms: i64) {
        let account = self.account;
        self.quotes.retain(|quote| {
            let rests = engine.order(quote.order).is_some_and(|order| order.status == OrderStatus::Resting);
            // Rejected only while the exchange is paused: the quote stays, and is cancelled at a later turn.
            rests && engine.cancel_order(account, quote.order, now_ms).is_err()
        });
    }

    fn ladder(&self, grid: &Grid, believed: f64) -> Vec<Wanted> {
        let mut wanted = Vec::with_capacity(2 * self.style.levels as usize);
        for level in 0..self.style.levels {
            let away = self.style.half_width + self.style.spacing * f64::from(level);
            for (side, dollars) in [(BookSide::Bid, believed - away), (BookSide::Ask, believed + away)] {
                let Some(price) = to_grid(grid, side, dollars) else { continue };
                let want = Wanted { side, price, level };
                if !wanted.iter().any(|other: &Wanted| other.side == side && other.price == price) {
                    wanted.push(want);
                }
            }
        }
        wanted
    }

    /// A size in whole contracts, or for every fifth quote a fractional one.
    fn count(&self, level: u32, rng: &mut impl Rng) -> Count {
        let mean = self.style.size * (1.0 + 0.6 * f64::from(level));
        let drawn = LogNormal::new(mean.ln(), 0.6).expect("a size's logarithm is finite").sample(rng);
        #[expect(clippy::cast_possible_truncation, reason = "clamped to five digits")]
        let units = (drawn.clamp(0.5, 50_000.0) * 100.0) as i64;
        if rng.random::<f64>() < 0.2 { Count::from_units(units) } else { Count::from_units(units.max(100) / 100 * 100) }
    }

    fn place(
        &self,
        engine: &mut Engine,
        market: MarketIndex,
        want: Wanted,
        (count, may_cross): (Count, bool),
        now_ms: i64,
    ) -> Option<Quote> {
        let order = NewOrder {
            account: self.account,
            market,
            client_order_id: None,
            side: want.side,
            count,
            price: want.price,
            time_in_force: TimeInForce::GoodTillCanceled,
            self_trade_prevention: SelfTradePrevention::TakerAtCross,
            expiration_ms: None,
            post_only: !may_cross,
            reduce_only: false,
            cancel_on_pause: false,
            subaccount: 0,
            group: None,
        };
        // Rejected if it would cross or trading is paused: the maker tries again at its next turn.
        let placed = engine.create_order(&order, now_ms).ok()?;
        Some(Quote { order: placed.order, side: want.side, price: want.price })
    }
}

/// The grid price at or behind an amount of dollars; `None` if it can't be quoted.
pub(super) fn to_grid(grid: &Grid, side: BookSide, dollars: f64) -> Option<Price> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of prices")]
    let units = (dollars * 10_000.0).clamp(0.0, 10_000.0).round() as u16;
    let price = Price::from_units(units)?;
    let price = match side {
        BookSide::Bid => grid.floor(price),
        BookSide::Ask => grid.ceil(price),
    };
    grid.accepts(price).then_some(price)
}
