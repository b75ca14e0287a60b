//! The slow, obvious exchange: all orders of all markets in one list in time priority, and every sum computed anew when it is
//! needed. It knows nothing of cash and shares no code with the engine.

use std::collections::{BTreeMap, BTreeSet};

use super::commands::{Change, Ends};
use super::terms::{Amended, Asked, Group, Owner, Resting};
use super::world::MARKETS;
use crate::exchange::engine::{AccountId, MarketIndex, Reject};
use crate::market::{OrderGroupId, OrderId};

#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) orders: Vec<Resting>,
    pub(super) positions: BTreeMap<(Owner, MarketIndex), i64>,
    pub(super) groups: Vec<Group>,
    names: BTreeSet<(AccountId, String)>,
    sweeps: Vec<Sweep>,
    /// The shard of every order, including ended ones.
    shard_of: BTreeMap<OrderId, u8>,
    /// Accounts that have a balance on a shard.
    users: BTreeSet<(AccountId, u8)>,
    /// Shards that accept no orders, shards that accept no commands, and markets that are not active.
    paused: BTreeSet<u8>,
    halted: BTreeSet<u8>,
    inactive: BTreeSet<MarketIndex>,
    now_ms: i64,
}

/// A cancel-all in progress.
#[derive(Clone, Debug)]
struct Sweep {
    account: AccountId,
    subaccount: Option<u32>,
    at_ms: Vec<i64>,
}

/// The result of matching an order: (filled, value in 1e-6 dollars, whether it ended before the book was exhausted).
type Filled = (i64, i64, bool);

impl Reference {
    pub(super) fn new(users: BTreeSet<(AccountId, u8)>) -> Self {
        Self {
            orders: Vec::new(),
            positions: BTreeMap::new(),
            groups: Vec::new(),
            names: BTreeSet::new(),
            sweeps: Vec::new(),
            shard_of: BTreeMap::new(),
            users,
            paused: BTreeSet::new(),
            halted: BTreeSet::new(),
            inactive: BTreeSet::new(),
            now_ms: 0,
        }
    }

    /// Lets time pass: orders expire, and cancel-alls are repeated.
    pub(super) fn pass(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.orders.retain(|order| order.ends_ms.is_none_or(|ends_ms| ends_ms > now_ms));
        for sweep in std::mem::take(&mut self.sweeps) {
            let (due, later): (Vec<i64>, Vec<i64>) = sweep.at_ms.iter().partition(|&&at_ms| at_ms <= now_ms);
            if !due.is_empty() {
                let halted = self.halted.clone();
                self.orders.retain(|order| halted.contains(&order.shard()) || !sweep.concerns(order));
            }
            if !later.is_empty() {
                self.sweeps.push(Sweep { at_ms: later, ..sweep });
            }
        }
    }

    fn own(&self, account: AccountId, id: OrderId) -> Result<usize, Reject> {
        self.awake(self.shard_of[&id])?;
        let found = self.orders.iter().position(|order| order.id == id && order.owner.0 == account);
        found.ok_or(Reject::OrderNotFound)
    }

    fn awake(&self, shard: u8) -> Result<(), Reject> {
        if self.halted.contains(&shard) { Err(Reject::ExchangePaused) } else { Ok(()) }
    }

    fn open(&self, market: MarketIndex) -> Result<(), Reject> {
        let shard = MARKETS[market as usize];
        self.awake(shard)?;
        let shut = self.paused.contains(&shard) || self.inactive.contains(&market);
        if shut { Err(Reject::TradingPaused) } else { Ok(()) }
    }

    fn known(&self, account: AccountId, shard: u8) -> Result<(), Reject> {
        if self.users.contains(&(account, shard)) { Ok(()) } else { Err(Reject::UserNotFound) }
    }

    fn use_name(&mut self, account: AccountId, name: Option<&String>) -> Result<(), Reject> {
        let fresh = name.is_none_or(|name| self.names.insert((account, name.clone())));
        if fresh { Ok(()) } else { Err(Reject::DuplicateClientOrderId) }
    }

    fn group(&mut self, id: OrderGroupId) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.id == id && !group.gone)
    }

    /// Checks a create before cash is considered.
    pub(super) fn refuses(&mut self, asked: &Asked) -> Result<(), Reject> {
        self.open(asked.order.market)?;
        let (owner, shard, now_ms) = (asked.order.owner, asked.order.shard(), self.now_ms);
        if asked.reduces && (asked.rests || asked.kills) {
            return Err(Reject::ReduceOnlyNeedsIoc);
        }
        if asked.order.ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
            return Err(Reject::ExpirationInPast);
        }
        self.known(owner.0, shard)?;
        if let Some(id) = asked.order.group {
            let group = self.group(id).filter(|group| group.owner == owner && group.shard == shard);
            let group = group.ok_or(Reject::GroupNotFound)?;
            if group.triggered {
                return Err(Reject::GroupTriggered);
            }
        }
        self.use_name(owner.0, asked.order.name.as_ref())
    }

    /// Checks an order after cash was found sufficient.
    pub(super) fn refuses_paid(&self, asked: &Asked) -> Result<(), Reject> {
        if asked.order.post_only && self.opponent(&asked.order).is_some() {
            return Err(Reject::PostOnlyCross);
        }
        if asked.kills && self.volume(&asked.order) < asked.order.units { Err(Reject::FillOrKill) } else { Ok(()) }
    }

    /// Places an order that passed all checks. Returns (filled, left, value).
    pub(super) fn place(&mut self, asked: Asked) -> (i64, i64, i64) {
        let mut incoming = asked.order;
        self.shard_of.insert(incoming.id, incoming.shard());
        if asked.reduces {
            let held = self.positions.get(&(incoming.owner, incoming.market)).copied().unwrap_or(0);
            let reducible = if incoming.is_bid { -held } else { held };
            incoming.units = incoming.units.min(reducible.max(0));
        }
        let (filled, value, stopped) = self.fill(&mut incoming);
        self.settle_in(incoming, asked.rests && !stopped, filled, value)
    }

    fn settle_in(&mut self, incoming: Resting, rests: bool, filled: i64, value: i64) -> (i64, i64, i64) {
        let left = if rests { incoming.units } else { 0 };
        if left > 0 {
            self.orders.push(incoming);
        }
        (filled, left, value)
    }

    /// The order that an incoming one trades with next.
    fn opponent(&self, incoming: &Resting) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (index, other) in self.orders.iter().enumerate().filter(|(_, other)| incoming.meets(other)) {
            let better =
                |held: &Resting| if incoming.is_bid { other.cents < held.cents } else { other.cents > held.cents };
            if best.is_none_or(|held| better(&self.orders[held])) {
                best = Some(index);
            }
        }
        best
    }

    fn volume(&self, incoming: &Resting) -> i64 {
        self.orders.iter().filter(|other| incoming.meets(other)).map(|other| other.units).sum()
    }

    fn fill(&mut self, incoming: &mut Resting) -> Filled {
        let (mut filled, mut value) = (0, 0);
        while incoming.units > 0 {
            let Some(index) = self.opponent(incoming) else { break };
            let other = &mut self.orders[index];
            if other.owner.0 == incoming.owner.0 {
                if !incoming.maker_yields {
                    return (filled, value, true);
                }
                self.orders.remove(index);
                continue;
            }
            let units = incoming.units.min(other.units);
            let sign = if incoming.is_bid { 1 } else { -1 };
            *self.positions.entry((incoming.owner, incoming.market)).or_default() += sign * units;
            *self.positions.entry((other.owner, incoming.market)).or_default() -= sign * units;
            value += units * i64::from(other.cents) * 100;
            filled += units;
            for order in [&mut *incoming, &mut *other] {
                order.units -= units;
                order.filled += units;
            }
            let other_group = other.group;
            self.orders.retain(|order| order.units > 0);
            self.count(other_group, units);
            if self.count(incoming.group, units) {
                return (filled, value, true);
            }
        }
        (filled, value, false)
    }

    /// Counts a fill in a group. Returns whether that triggered it.
    fn count(&mut self, group: Option<OrderGroupId>, units: i64) -> bool {
        let now_ms = self.now_ms;
        let Some(group) = group.and_then(|id| self.group(id)) else { return false };
        group.traded.push((now_ms, units));
        let exceeded = group.recent(now_ms) > group.limit;
        let id = group.id;
        if exceeded {
            self.trigger(id);
        }
        exceeded
    }

    fn trigger(&mut self, id: OrderGroupId) {
        if let Some(group) = self.group(id) {
            group.triggered = true;
        }
        self.orders.retain(|order| order.group != Some(id));
    }

    /// The number of contracts that trade before an order.
    pub(super) fn ahead(&self, index: usize) -> i64 {
        let order = &self.orders[index];
        let place = |order: &Resting| (order.market, order.is_bid, order.cents);
        let same = |other: &&Resting| place(other) == place(order);
        self.orders[..index].iter().filter(same).map(|other| other.units).sum()
    }

    pub(super) fn cancel(&mut self, account: AccountId, id: OrderId) -> Result<i64, Reject> {
        let index = self.own(account, id)?;
        Ok(self.orders.remove(index).units)
    }

    pub(super) fn cancel_all(
        &mut self,
        owner: Owner,
        subaccount: Option<u32>,
        at_ms: Vec<i64>,
    ) -> Result<usize, Reject> {
        let sweep = Sweep { account: owner.0, subaccount, at_ms };
        let concerned: Vec<&Resting> = self.orders.iter().filter(|order| sweep.concerns(order)).collect();
        for order in &concerned {
            self.awake(order.shard())?;
        }
        let count = concerned.len();
        self.orders.retain(|order| !sweep.concerns(order));
        self.sweeps.push(sweep);
        Ok(count)
    }

    pub(super) fn decrease(&mut self, account: AccountId, id: OrderId, units: i64, to: bool) -> Result<i64, Reject> {
        let index = self.own(account, id)?;
        let resting = self.orders[index].units;
        let left = if to { units } else { resting - units };
        if left < 0 || left > resting {
            return Err(Reject::InvalidSize);
        }
        if left == resting {
            return Err(Reject::NoChange);
        }
        self.orders[index].units = left;
        self.orders.retain(|order| order.units > 0);
        Ok(left)
    }

    /// The terms for an amend that changes neither price nor count.
    pub(super) fn terms(&self, id: OrderId) -> (u16, i64) {
        let order = self.orders.iter().find(|order| order.id == id);
        order.map_or((50, 100), |order| (order.cents, order.filled + order.units))
    }

    /// Checks an amend before cash is considered. Returns the index of its order in the list.
    pub(super) fn refuses_amend(&mut self, account: AccountId, id: OrderId, to: &Amended) -> Result<usize, Reject> {
        let index = self.own(account, id)?;
        self.open(self.orders[index].market)?;
        let order = self.orders[index].clone();
        if to.units <= order.filled {
            return Err(Reject::InvalidAmendCount);
        }
        let ends_ms = self.amended_end(&order, to.ends);
        if matches!(to.ends, Ends::In(_)) && ends_ms.is_some_and(|ends_ms| ends_ms <= self.now_ms) {
            return Err(Reject::ExpirationInPast);
        }
        let name = to.name.as_ref().filter(|name| Some(*name) != order.name.as_ref());
        let same = order.cents == to.cents && order.units == to.units - order.filled;
        if same && order.ends_ms == ends_ms && name.is_none() {
            return Err(Reject::NoChange);
        }
        self.use_name(account, name)?;
        Ok(index)
    }

    fn amended_end(&self, order: &Resting, ends: Ends) -> Option<i64> {
        match ends {
            Ends::Keep => order.ends_ms,
            Ends::Never => None,
            Ends::In(in_ms) => Some(self.now_ms + in_ms),
        }
    }

    /// Amends the order at an index of the list. Returns (filled, left, value).
    pub(super) fn amend(&mut self, index: usize, to: &Amended) -> (i64, i64, i64) {
        let mut order = self.orders[index].clone();
        order.ends_ms = self.amended_end(&order, to.ends);
        order.name = to.name.clone().or(order.name);
        let wanted = to.units - order.filled;
        if order.cents == to.cents && wanted <= order.units {
            order.units = wanted;
            self.orders[index] = order;
            return (0, wanted, 0);
        }
        self.orders.remove(index);
        (order.cents, order.units) = (to.cents, wanted);
        if order.post_only && self.opponent(&order).is_some() {
            return (0, 0, 0);
        }
        let (filled, value, stopped) = self.fill(&mut order);
        self.settle_in(order, !stopped, filled, value)
    }

    pub(super) fn new_group(&self, account: AccountId, shard: u8, limit: i64) -> Result<(), Reject> {
        self.awake(shard)?;
        if limit < 100 {
            return Err(Reject::InvalidGroupLimit);
        }
        self.known(account, shard)
    }

    pub(super) fn add_group(&mut self, id: OrderGroupId, owner: Owner, shard: u8, limit: i64) {
        self.groups.push(Group { id, owner, shard, limit, triggered: false, gone: false, traded: Vec::new() });
    }

    pub(super) fn change_group(&mut self, id: OrderGroupId, change: Change) -> Result<(), Reject> {
        if let Some(group) = self.groups.iter().find(|group| group.id == id) {
            self.awake(group.shard)?;
        }
        let now_ms = self.now_ms;
        let group = self.group(id).ok_or(Reject::GroupNotFound)?;
        match change {
            Change::Reset => {
                group.triggered = false;
                group.traded.clear();
            }
            Change::Trigger => self.trigger(id),
            Change::Delete => {
                group.gone = true;
                self.orders.retain(|order| order.group != Some(id));
            }
            Change::Limit(limit) if limit < 100 => return Err(Reject::InvalidGroupLimit),
            Change::Limit(limit) => {
                group.limit = limit;
                if group.recent(now_ms) > limit {
                    self.trigger(id);
                }
            }
        }
        Ok(())
    }

    pub(super) fn pause(&mut self, shard: u8, trading: bool) {
        if trading {
            self.paused.remove(&shard);
        } else if self.paused.insert(shard) {
            self.orders.retain(|order| !order.on_pause || order.shard() != shard);
        }
    }

    pub(super) fn halt(&mut self, shard: u8, active: bool) {
        if active {
            self.halted.remove(&shard);
        } else if self.halted.insert(shard) {
            self.orders.retain(|order| !order.on_pause || order.shard() != shard);
        }
    }

    pub(super) fn activate(&mut self, market: MarketIndex, active: bool) {
        if !active && self.inactive.insert(market) {
            self.orders.retain(|order| !order.on_pause || order.market != market);
        } else if active && self.inactive.remove(&market) {
            self.orders.retain(|order| order.market != market);
        }
    }
}

impl Sweep {
    fn concerns(&self, order: &Resting) -> bool {
        order.owner.0 == self.account && self.subaccount.is_none_or(|subaccount| subaccount == order.owner.1)
    }
}
