//! Tests of the engine as a whole, rule by rule.

mod changes;
mod fees;
mod groups;
mod life;
mod model;
mod recorded;
mod rules;
mod subaccounts;

use super::*;
use crate::market::{FeeSchedule, Outcome, Price, TimeInForce};
use crate::wire::orders::SelfTradePrevention;

/// Opens at 0, closes at 100 s, settles 5 s after determination.
pub(super) fn spec(ticker: &str) -> MarketSpec {
    MarketSpec {
        ticker: ticker.to_owned(),
        event_ticker: "EVENT".to_owned(),
        series_ticker: "SERIES".to_owned(),
        title: String::new(),
        exchange_index: 0,
        structure: "linear_cent".to_owned(),
        bands: GridBands::cents(),
        fees: FeeSchedule::QUADRATIC.into(),
        open_ms: 0,
        close_ms: 100_000,
        settlement_timer_ms: 5_000,
        exclusive: false,
        recorded: false,
    }
}

/// An account with this many dollars on shard 0.
pub(super) fn trader(engine: &mut Engine, dollars: i64) -> AccountId {
    let cash = vec![(0, Money::from_dollars(dollars))];
    engine.open_account(&AccountSpec { cash, direct_member: true, unlimited: false })
}

/// A good-till-cancelled order in market 0.
pub(super) fn order(account: AccountId, side: BookSide, cents: u16, contracts: i64) -> NewOrder {
    NewOrder {
        account,
        market: 0,
        client_order_id: None,
        side,
        count: Count::from_contracts(contracts),
        price: Price::from_cents(cents),
        time_in_force: TimeInForce::GoodTillCanceled,
        self_trade_prevention: SelfTradePrevention::TakerAtCross,
        expiration_ms: None,
        post_only: false,
        reduce_only: false,
        cancel_on_pause: false,
        subaccount: 0,
        group: None,
    }
}

pub(super) fn bid(account: AccountId, cents: u16, contracts: i64) -> NewOrder {
    order(account, BookSide::Bid, cents, contracts)
}

pub(super) fn ask(account: AccountId, cents: u16, contracts: i64) -> NewOrder {
    order(account, BookSide::Ask, cents, contracts)
}

/// An engine with one open market and two accounts of $1,000.
pub(super) fn venue() -> (Engine, AccountId, AccountId) {
    let mut engine = Engine::new(1);
    engine.list_market(spec("MARKET"), 0).unwrap();
    let (ann, bob) = (trader(&mut engine, 1_000), trader(&mut engine, 1_000));
    engine.drain_events().for_each(drop);
    (engine, ann, bob)
}

/// An amend of a bid in market 0.
pub(super) fn amend(price_cents: u16, total: i64) -> AmendSpec {
    AmendSpec {
        market: 0,
        side: BookSide::Bid,
        price: Price::from_cents(price_cents),
        total_count: contracts(total),
        expiration: AmendExpiration::Keep,
        new_client_order_id: None,
    }
}

pub(super) fn cause_of(account: AccountId, subaccount: u32, client_order_id: &str) -> LevelCause {
    LevelCause { account, subaccount, client_order_id: Some(client_order_id.to_owned()) }
}

/// The last reported state of each order, as (status, reason), in the order of the reports.
pub(super) fn reasons(events: &[Event]) -> Vec<(OrderStatus, UpdateReason)> {
    let order = |event: &Event| match event {
        Event::Order(record) => Some((record.status, record.reason)),
        _ => None,
    };
    events.iter().filter_map(order).collect()
}

pub(super) fn contracts(contracts: i64) -> Count {
    Count::from_contracts(contracts)
}

pub(super) fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// Levels as (cents, contracts).
pub(super) type PlainLevels = Vec<(i64, i64)>;

/// The published book: YES bids and NO bids.
pub(super) fn book(engine: &Engine) -> (PlainLevels, PlainLevels) {
    let mut levels = crate::market::BookLevels::default();
    engine.levels(0, &mut levels);
    let plain = |side: Vec<(Price, Count)>| side.into_iter().map(|(p, c)| (p.units() / 100, c.units() / 100)).collect();
    (plain(levels.yes), plain(levels.no))
}

/// The level changes among events, as (outcome, cents, contracts).
pub(super) fn level_changes(events: &[Event]) -> Vec<(Outcome, i64, i64)> {
    let change = |event: &Event| match event {
        Event::Level { side, price, change, .. } => Some((*side, price.units() / 100, change.units() / 100)),
        _ => None,
    };
    events.iter().filter_map(change).collect()
}
