//! Accounts: cash by shard and subaccount, and holdings in markets.

use super::booking::balance_step;
use std::collections::{BTreeMap, VecDeque};

use super::orders::{Ends, Slot};
use super::{AccountId, FillRecord, MarketIndex, PositionRecord, SettlementRecord};
use crate::market::{Money, OrderGroupId};

/// How many ended orders, and how many fills, are kept per account.
pub(super) const KEPT_MAX: usize = 10_000;

#[derive(Debug)]
pub(super) struct Account {
    pub(super) direct_member: bool,
    /// Its cash is not checked, it has no private events, and no history is kept.
    pub(super) unlimited: bool,
    /// The highest number of its subaccounts; 0 is the primary one.
    pub(super) subaccounts: u32,
    pub(super) wallets: Vec<Wallet>,
    /// Its order groups by number, oldest first.
    pub(super) groups: BTreeMap<u64, OrderGroupId>,
    /// Its holdings, in the order in which they were first used.
    pub(super) holdings: Vec<u32>,
    /// Its open orders and its newest ended orders, by number, oldest first. Empty for unlimited accounts.
    pub(super) orders: BTreeMap<u64, Slot>,
    /// The ended orders among them, in the order in which they ended.
    pub(super) ended: VecDeque<Slot>,
    /// The newest fills, oldest first.
    pub(super) fills: VecDeque<FillRecord>,
    pub(super) settlements: Vec<SettlementRecord>,
}

/// The cash of one subaccount on one shard.
#[derive(Debug)]
pub(super) struct Wallet {
    pub(super) exchange_index: u8,
    pub(super) subaccount: u32,
    pub(super) cash: Money,
    /// The collateral of all resting orders that draw on it.
    pub(super) reserved: Money,
}

/// A subaccount's position and orders in one market.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) account: AccountId,
    pub(super) subaccount: u32,
    pub(super) market: MarketIndex,
    /// The index of its cash among the account's wallets.
    pub(super) wallet: usize,
    pub(super) position: PositionRecord,
    /// Its open orders, oldest first.
    pub(super) open: Ends,
    /// Its open orders by side, bids and asks, oldest first.
    pub(super) sides: [Ends; 2],
    /// The collateral that its orders would need if none of them closed anything.
    pub(super) needs: Money,
    /// The part of the wallet's `reserved` that is for its orders.
    pub(super) reserved: Money,
}

impl Account {
    pub(super) fn new(direct_member: bool, unlimited: bool) -> Self {
        Self {
            direct_member,
            unlimited,
            subaccounts: 0,
            wallets: Vec::new(),
            groups: BTreeMap::new(),
            holdings: Vec::new(),
            orders: BTreeMap::new(),
            ended: VecDeque::new(),
            fills: VecDeque::new(),
            settlements: Vec::new(),
        }
    }

    /// Keeps a fill, and drops the oldest if there are too many.
    pub(super) fn keep_fill(&mut self, fill: FillRecord) {
        if self.fills.len() == KEPT_MAX {
            self.fills.pop_front();
        }
        self.fills.push_back(fill);
    }

    /// The smallest step of its balances.
    pub(super) fn step(&self) -> Money {
        balance_step(self.direct_member)
    }

    /// The index of a wallet, which is created empty if it does not exist.
    pub(super) fn wallet(&mut self, exchange_index: u8, subaccount: u32) -> usize {
        let found = self.find_wallet(exchange_index, subaccount);
        found.unwrap_or_else(|| {
            self.wallets.push(Wallet { exchange_index, subaccount, cash: Money::ZERO, reserved: Money::ZERO });
            self.wallets.len() - 1
        })
    }

    pub(super) fn find_wallet(&self, exchange_index: u8, subaccount: u32) -> Option<usize> {
        self.wallets.iter().position(|w| w.exchange_index == exchange_index && w.subaccount == subaccount)
    }
}
