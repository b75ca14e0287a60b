//! A market with a full history, in an account with positions in many markets.

use kalshi_actor::book::Book;
use kalshi_actor::decide::observation::obs52::POINTS;
use kalshi_actor::decide::observation::{ExchangeZone, Holding, ObservationInput, OpenOrders, PointHistory, Portfolio};
use kalshi_actor::market::{Count, Grid, GridBands, Money, Outcome, Price};

/// The state that an observation is built from.
pub struct Scene {
    pub book: Book,
    pub points: PointHistory,
    pub portfolio: Portfolio,
    pub orders: OpenOrders,
    pub time_ms: i64,
}

impl Scene {
    pub fn new() -> Self {
        let mut book = Book::new(Grid::new(GridBands::cents()));
        for cents in 1..45 {
            let size = Count::from_units(1_000 + i64::from(cents) * 7_919 % 5_003);
            book.apply_delta(Outcome::Yes, Price::from_cents(cents), size).unwrap();
            book.apply_delta(Outcome::No, Price::from_cents(cents + 5), size).unwrap();
        }
        let mut points = PointHistory::new(1_000, POINTS);
        let mut time_ms = 1_786_401_938_000;
        for step in 0..14i64 {
            time_ms += 1_000;
            let price = Price::from_cents(if step % 3 == 0 { 46 } else { 45 });
            book.apply_delta(Outcome::Yes, price, Count::from_units(100 * step + 1)).unwrap();
            points.record(&book, time_ms);
        }
        let mut portfolio = Portfolio::new(1_024);
        portfolio.set_cash(Money::from_dollars(1_000), Money::from_dollars(20));
        for market in 0..500 {
            let position = Count::from_contracts(if market % 2 == 0 { 10 } else { -20 });
            portfolio.set(market, Holding { position, cost: Money::from_dollars(4), mid2: Some(9_000) });
        }
        let orders = OpenOrders { bid: Some(Price::from_cents(40)), ask: None, newest_acked_ms: Some(time_ms - 700) };
        Self { book, points, portfolio, orders, time_ms }
    }

    /// The input of an observation at this time.
    pub fn input(&self, time_ms: i64, zone: &mut ExchangeZone) -> ObservationInput<'_> {
        ObservationInput {
            time_ms,
            hour: zone.hour(time_ms),
            book: &self.book,
            points: &self.points,
            portfolio: &self.portfolio,
            position: Count::ZERO,
            orders: self.orders,
            close_time_ms: None,
        }
    }
}
