//! The engine under test with its traders, the book as a reader of its events would have it, and the invariants that must
//! hold after every command.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::*;
use super::commands::{Create, Form};
use super::terms::{Asked, Owner, Resting};
use crate::market::{BookLevels, Liquidity};

/// The shard of each market.
pub(super) const MARKETS: [u8; 3] = [0, 0, 1];
/// The dollars of each trader on shard 0: (account, subaccount, dollars). Accounts are numbered from 0 here.
const TRADERS: [(usize, u32, i64); 8] =
    [(0, 0, 1_000), (0, 1, 500), (1, 0, 1_000), (1, 2, 40), (2, 0, 6), (3, 0, 3), (4, 0, 0), (5, 0, 200)];
/// Likewise on shard 1. The other traders have nothing there.
const ELSEWHERE: [(usize, u32, i64); 4] = [(0, 0, 300), (1, 0, 5), (1, 2, 300), (2, 0, 100)];
/// Whether each account is a direct member, and whether it is unlimited.
const ACCOUNTS: [(bool, bool); 6] =
    [(true, false), (false, false), (true, false), (false, false), (true, true), (true, false)];

pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) traders: Vec<Owner>,
    accounts: Vec<AccountId>,
    deposited: Money,
    /// Every order that was accepted, with its account.
    pub(super) placed: Vec<(AccountId, OrderId)>,
    /// The contracts at each market, outcome and price.
    pub(super) heard: BTreeMap<(MarketIndex, u8, i64), i64>,
    pub(super) now_ms: i64,
}

impl World {
    pub(super) fn new(recorded: bool, collateral: Collateral) -> Self {
        let mut engine = Engine::new(5);
        engine.set_collateral(collateral);
        let fees = FeeSchedule::of(crate::market::FeeType::QuadraticWithMakerFees, 10_000).into();
        for (market, exchange_index) in MARKETS.into_iter().enumerate() {
            let ticker = format!("MARKET-{market}");
            let recorded = recorded && market == 0;
            let market = MarketSpec { fees, recorded, exchange_index, close_ms: 1_000_000_000, ..spec(&ticker) };
            engine.list_market(market, 0).unwrap();
        }
        let accounts: Vec<AccountId> = ACCOUNTS
            .iter()
            .map(|&(direct_member, unlimited)| {
                engine.open_account(&AccountSpec { cash: Vec::new(), direct_member, unlimited })
            })
            .collect();
        let mut deposited = Money::ZERO;
        let funds = TRADERS.map(|fund| (0, fund)).into_iter().chain(ELSEWHERE.map(|fund| (1, fund)));
        for (shard, (account, subaccount, dollars)) in funds {
            engine.deposit(accounts[account], subaccount, shard, Money::from_dollars(dollars));
            deposited += Money::from_dollars(dollars);
        }
        let traders = TRADERS.iter().map(|&(account, subaccount, _)| (accounts[account], subaccount)).collect();
        let (placed, heard) = (Vec::new(), BTreeMap::new());
        Self { engine, traders, accounts, deposited, placed, heard, now_ms: 0 }
    }

    /// The accounts that have a balance on each shard.
    pub(super) fn users(&self) -> BTreeSet<(AccountId, u8)> {
        let unlimited = (0..ACCOUNTS.len()).filter(|&account| ACCOUNTS[account].1).map(|account| (account, 1));
        let funded = ELSEWHERE.iter().map(|&(account, ..)| (account, 1));
        let everyone = (0..ACCOUNTS.len()).map(|account| (account, 0));
        everyone.chain(funded).chain(unlimited).map(|(account, shard)| (self.accounts[account], shard)).collect()
    }

    /// One of the last orders placed, usually one that rests.
    pub(super) fn pick(&self, pick: usize) -> Option<(AccountId, OrderId)> {
        let rests = |id| self.engine.order(id).is_some_and(|record| record.status == OrderStatus::Resting);
        let recent = self.placed.iter().rev().take(40).filter(|(_, id)| pick.is_multiple_of(8) || rests(*id));
        let recent: Vec<_> = recent.copied().collect();
        (!recent.is_empty()).then(|| recent[pick % recent.len()])
    }

    /// The engine's result for an ended order of an unlimited account, which it has forgotten together with the order's
    /// shard.
    pub(super) fn forgotten<T>(&self, id: OrderId, expected: Result<T, Reject>) -> Result<T, Reject> {
        let known = self.engine.order(id).is_some();
        expected
            .map_err(|reject| if known || reject != Reject::ExchangePaused { reject } else { Reject::OrderNotFound })
    }

    /// An order in the engine's terms, in one of these groups if it asks for one.
    pub(super) fn order(&self, create: &Create, groups: &[OrderGroupId]) -> NewOrder {
        let (account, subaccount) = self.traders[create.trader];
        let plain = order(account, create.side, create.cents, 1);
        let group = create.group.filter(|_| !groups.is_empty()).map(|pick| groups[pick % groups.len()]);
        let client_order_id = create.name.map(name_text);
        let (market, count) = (create.market, Count::from_units(create.units));
        let plain = NewOrder { market, client_order_id, count, subaccount, group, ..plain };
        let ioc = TimeInForce::ImmediateOrCancel;
        let fok = TimeInForce::FillOrKill;
        let maker = SelfTradePrevention::Maker;
        match create.form {
            Form::Rest => plain,
            Form::PostOnly => NewOrder { post_only: true, ..plain },
            Form::Take => NewOrder { time_in_force: ioc, ..plain },
            Form::Kill => NewOrder { time_in_force: fok, ..plain },
            Form::KillOwn => NewOrder { time_in_force: fok, self_trade_prevention: maker, ..plain },
            Form::Reduce => NewOrder { time_in_force: ioc, reduce_only: true, ..plain },
            Form::ReduceResting => NewOrder { reduce_only: true, ..plain },
            Form::KeepMaker => NewOrder { self_trade_prevention: maker, ..plain },
            Form::Expire => NewOrder { expiration_ms: Some(self.now_ms + 25), cancel_on_pause: true, ..plain },
            Form::Expired => NewOrder { expiration_ms: Some(self.now_ms), ..plain },
        }
    }

    /// Drains the events of the last command and checks all invariants.
    pub(super) fn check(&mut self) -> Result<Vec<Event>, TestCaseError> {
        let events: Vec<Event> = self.engine.drain_events().collect();
        for event in &events {
            if let Event::Level { market, side, price, change, .. } = event {
                let size = self.heard.entry((*market, *side as u8, price.units())).or_default();
                *size += change.units();
                prop_assert!(*size >= 0, "level {side:?} {price} fell to {size}");
                let best = |side: Outcome| {
                    let levels = self.heard.range((*market, side as u8, 0)..=(*market, side as u8, 10_000));
                    levels.filter(|&(_, &size)| size > 0).map(|(&(.., price), _)| price).max()
                };
                if let (Some(yes), Some(no)) = (best(Outcome::Yes), best(Outcome::No)) {
                    prop_assert!(yes + no < 10_000, "crossed at {yes} and {no}");
                }
            }
        }
        let mut published = BTreeMap::new();
        for market in 0..self.engine.market_count() {
            let mut levels = BookLevels::default();
            self.engine.levels(market, &mut levels);
            for (side, levels) in [(Outcome::Yes, levels.yes), (Outcome::No, levels.no)] {
                let key = |price: Price| (market, side as u8, price.units());
                published.extend(levels.into_iter().map(|(price, count)| (key(price), count.units())));
            }
        }
        self.heard.retain(|_, size| *size != 0);
        prop_assert_eq!(&published, &self.heard);
        self.check_money()?;
        Ok(events)
    }

    fn check_money(&self) -> Result<(), TestCaseError> {
        let engine = &self.engine;
        let everyone = || self.accounts.iter().copied().chain([Engine::HOUSE]);
        let cash: Money = everyone().flat_map(|account| engine.cash_of(account)).map(|(_, _, cash)| cash).sum();
        let markets = || (0..engine.market_count()).map(|market| engine.market(market));
        let pairs: Money = markets().map(|market| Price::ONE.times(market.open_interest())).sum();
        prop_assert_eq!(cash + pairs + engine.fees_collected(), self.deposited, "money is conserved");
        let owners = || self.traders.iter().copied().chain([(Engine::HOUSE, 0)]);
        for market in 0..engine.market_count() {
            let held = || owners().map(|(account, sub)| engine.subaccount_position(account, sub, market).contracts);
            prop_assert_eq!(held().sum::<Count>(), Count::ZERO, "contracts are conserved");
            prop_assert_eq!(held().filter(|&c| c > Count::ZERO).sum::<Count>(), engine.market(market).open_interest());
        }
        for ((account, sub), place) in self.traders.iter().copied().zip(TRADERS) {
            for shard in [0, 1] {
                let balance = engine.subaccount_balance(account, sub, shard);
                let reserved = engine.subaccount_reserved(account, sub, shard);
                let covered = Money::ZERO <= reserved && reserved <= balance;
                prop_assert!(covered || ACCOUNTS[place.0].1, "{reserved} of {balance}");
                if engine.collateral == Collateral::Reserved && !ACCOUNTS[place.0].1 {
                    prop_assert_eq!(reserved, self.needed((account, sub), shard, ACCOUNTS[place.0].0));
                }
            }
        }
        Ok(())
    }

    /// The collateral of an owner's open orders on a shard, computed from scratch: the oldest orders close what there is to
    /// close.
    fn needed(&self, (account, subaccount): Owner, shard: u8, direct_member: bool) -> Money {
        let step = if direct_member { Money::from_micros(100) } else { Money::from_micros(10_000) };
        let mut closable = BTreeMap::new();
        let mut sum = Money::ZERO;
        for order in self.engine.open_orders_of(account).filter(|order| order.subaccount == subaccount) {
            let spec = self.engine.market(order.market).spec();
            if spec.exchange_index != shard {
                continue;
            }
            let held = self.engine.subaccount_position(account, subaccount, order.market).contracts.units();
            let (cost, against) = match order.side {
                BookSide::Bid => (order.price, -held),
                BookSide::Ask => (order.price.complement(), held),
            };
            let left = closable.entry((order.market, order.side as u8)).or_insert(against.max(0));
            let closing = order.remaining.units().min(*left);
            *left -= closing;
            let opening = order.remaining - Count::from_units(closing);
            if opening > Count::ZERO {
                sum += cost.times(opening) + spec.fees.at(0).trade_fee(opening, order.price, Liquidity::Taker) + step;
            }
        }
        sum
    }
}

/// A client order id.
pub(super) fn name_text(name: u32) -> String {
    format!("n{name}")
}

/// A new order in the reference's terms. Its id is known once it is placed.
pub(super) fn asked(new: &NewOrder, cents: u16) -> Asked {
    let order = Resting {
        id: OrderId::default(),
        owner: (new.account, new.subaccount),
        market: new.market,
        is_bid: new.side == BookSide::Bid,
        cents,
        units: new.count.units(),
        filled: 0,
        post_only: new.post_only,
        maker_yields: new.self_trade_prevention == SelfTradePrevention::Maker,
        on_pause: new.cancel_on_pause,
        ends_ms: new.expiration_ms,
        group: new.group,
        name: new.client_order_id.clone(),
    };
    Asked {
        order,
        kills: new.time_in_force == TimeInForce::FillOrKill,
        rests: new.time_in_force == TimeInForce::GoodTillCanceled,
        reduces: new.reduce_only,
    }
}
