//! Recomputes the price collar: how far the limit of every order is from the mid of the book on which it was decided,
//! according to the frames. A renewal keeps its price and adds no risk.

use std::collections::BTreeMap;

use super::instruments::Tried;
use super::invariants::{Checked, hold};
use super::reference::{ReferenceBook, ReferenceBooks};
use crate::decide::policy::Policy;
use crate::drivers::simulation::SentRequest;
use crate::market::{BookSide, OrderId, OrderStatus, Price};

/// One of our orders that ended within this time may still have been in the book that `decide` saw.
const LATELY_MS: i64 = 5_000;

/// Twice the lowest and the highest possible mid, which depend on whether our own order was the best.
type Mids = (i64, i64);

/// The mids on which orders were decided.
#[derive(Debug)]
pub(super) struct Collars {
    collar: Price,
    decisions_seen: usize,
    requests_seen: usize,
    /// By market and limit: the mids of the newest decision for such an order, if its book is known.
    decided: BTreeMap<(String, i64), Option<Mids>>,
}

impl Collars {
    pub(super) fn new(collar: Price) -> Self {
        Self { collar, decisions_seen: 0, requests_seen: 0, decided: BTreeMap::new() }
    }

    /// Checks after every step. The books are unknown for events that `decide` handled after it was frozen.
    pub(super) fn step<P: Policy>(&mut self, simulation: &Tried<P>, books: &ReferenceBooks, waited: bool) -> Checked {
        let new = &simulation.instruments().decisions()[self.decisions_seen..];
        self.decisions_seen += new.len();
        for decision in new.iter().filter(|decision| decision.intent != 0) {
            let mut views = simulation.stages().execute.positions();
            let Some(view) = views.find(|view| view.market == decision.market) else { continue };
            let (ticker, Some(limit)) = (view.ticker.as_str(), decision.price) else { continue };
            let book = books.book(ticker).filter(|_| !waited);
            let mids = book.and_then(|book| mids(book, &own_prices(simulation, ticker)));
            self.decided.insert((ticker.to_owned(), limit.units()), mids);
        }
        let new = &simulation.instruments().sent()[self.requests_seen..];
        self.requests_seen += new.len();
        new.iter().try_for_each(|request| self.request(simulation, request))
    }

    fn request<P: Policy>(&self, simulation: &Tried<P>, request: &SentRequest) -> Checked {
        let is_order = request.path.ends_with("/orders") || request.path.ends_with("/amend");
        if request.method != "POST" || !is_order {
            return Ok(());
        }
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap_or_default();
        let ticker = body["ticker"].as_str().unwrap_or_default();
        let Some(limit) = body["price"].as_str().and_then(|text| Price::parse(text).ok()) else { return Ok(()) };
        let amended = request.path.split('/').rev().nth(1).and_then(|id| OrderId::parse(id).ok());
        let present = amended.and_then(|id| simulation.exchange().engine().order(id)).map(|record| record.price);
        if present == Some(limit) {
            return Ok(());
        }
        let Some(Some((low, high))) = self.decided.get(&(ticker.to_owned(), limit.units())) else { return Ok(()) };
        let (doubled, reach) = (2 * limit.units(), 2 * self.collar.units());
        hold("limits_hold", (low - reach..=high + reach).contains(&doubled), || {
            format!("{ticker}: an order at {limit}, further than {} from a mid of {low} to {high} / 20000", self.collar)
        })
    }
}

/// The sides and prices of our orders in a market, including those that ended recently.
fn own_prices<P: Policy>(simulation: &Tried<P>, ticker: &str) -> Vec<(BookSide, i64)> {
    let (exchange, now_ms) = (simulation.exchange(), simulation.session_ms());
    let engine = exchange.engine();
    let market = engine.market_by_ticker(ticker);
    let recent = engine.orders_of(exchange.clients()[0]).filter(|record| Some(record.market) == market).take(4);
    let in_book =
        |status: OrderStatus, updated_ms: i64| status == OrderStatus::Resting || updated_ms >= now_ms - LATELY_MS;
    let there = recent.filter(|record| in_book(record.status, record.updated_ms));
    there.map(|record| (record.side, record.price.units())).collect()
}

/// The possible mids of a book with two sides.
fn mids(book: &ReferenceBook, own: &[(BookSide, i64)]) -> Option<Mids> {
    let bids = book.levels.iter().rev().filter(|((is_no, _), _)| !is_no).map(|((_, price), _)| *price);
    let asks = book.levels.iter().rev().filter(|((is_no, _), _)| *is_no).map(|((_, price), _)| 10_000 - *price);
    let (bids, asks): (Vec<i64>, Vec<i64>) = (bids.take(3).collect(), asks.take(3).collect());
    // If a level may consist of our order alone, the next one may be the best without it.
    let furthest = |prices: &[i64], side: BookSide| {
        let ours = |price: &&i64| own.contains(&(side, **price));
        let behind = prices.iter().take_while(ours).count();
        prices.get(behind).or(prices.last()).copied()
    };
    let low = furthest(&bids, BookSide::Bid)? + asks.first()?;
    let high = bids.first()? + furthest(&asks, BookSide::Ask)?;
    Some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(bids: &[i64], asks: &[i64]) -> ReferenceBook {
        let bids = bids.iter().map(|price| ((false, *price), 100));
        let asks = asks.iter().map(|price| ((true, 10_000 - *price), 100));
        ReferenceBook { fresh: true, levels: bids.chain(asks).collect(), ..ReferenceBook::default() }
    }

    #[test]
    fn the_mid_is_that_of_the_best_prices_and_without_our_own_level_it_may_be_another() {
        let book = book(&[3_900, 4_000], &[4_400, 4_500]);
        assert_eq!(mids(&book, &[]), Some((8_400, 8_400)));
        assert_eq!(mids(&book, &[(BookSide::Bid, 4_000)]), Some((8_300, 8_400)));
        assert_eq!(mids(&book, &[(BookSide::Ask, 4_400)]), Some((8_400, 8_500)));
        assert_eq!(mids(&book, &[(BookSide::Ask, 4_000)]), Some((8_400, 8_400)));
    }

    #[test]
    fn a_book_with_an_empty_side_has_no_mid() {
        assert_eq!(mids(&book(&[4_000], &[]), &[]), None);
        assert_eq!(mids(&book(&[], &[4_000]), &[]), None);
    }
}
