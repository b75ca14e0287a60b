//! Accounts: cash by shard and subaccount, and what they hold in each market.

use super::booking::balance_step;
use std::collections::{BTreeMap, VecDeque};

use super::orders::{Ends, Slot};
use super::{AccountId, FillRecord, MarketIndex, PositionRecord, SettlementRecord};
use crate::market::{Money, OrderGroupId};

/// How many ended orders, and how many fills, of each account are kept.
pub(super) const KEPT_MAX: usize = 10_000;

/// One account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) direct_member: bool,
    /// No checks of cash, no private events, no history.
    pub(super) unlimited: bool,
    /// The highest number of its subaccounts; 0 is the primary one.
    pub(super) subaccounts: u32,
    pub(super) wallets: Vec<Wallet>,
    /// Its order groups by number, oldest first.
    pub(super) groups: BTreeMap<u64, OrderGroupId>,
    /// Its holdings, in the order in which they began.
    pub(super) holdings: Vec<u32>,
    /// Its open orders and the newest of those that have ended, by number, oldest first. Empty for unlimited accounts.
    pub(super) orders: BTreeMap<u64, Slot>,
    /// Those of them that have ended, in the order of their ends.
    pub(super) ended: VecDeque<Slot>,
    /// The newest ones.
    pub(super) fills: VecDeque<FillRecord>,
    pub(super) settlements: Vec<SettlementRecord>,
}

/// The cash of one subaccount on one shard.
#[derive(Debug)]
pub(super) struct Wallet {
    pub(super) exchange_index: u8,
    pub(super) subaccount: u32,
    pub(super) cash: Money,
    /// The worst case of all resting orders that draw on it.
    pub(super) reserved: Money,
}

/// What one subaccount has in one market.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) account: AccountId,
    pub(super) subaccount: u32,
    pub(super) market: MarketIndex,
    /// Its cash, as a place in the account's wallets.
    pub(super) wallet: usize,
    pub(super) position: PositionRecord,
    /// Its open orders, oldest first.
    pub(super) open: Ends,
    /// The same by side, bids and asks.
    pub(super) sides: [Ends; 2],
    /// What these orders would need if none of them closed anything.
    pub(super) needs: Money,
    /// The part of the wallet's `reserved` that these orders need.
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

    /// Keeps a fill, and forgets the oldest when there are many.
    pub(super) fn keep_fill(&mut self, fill: FillRecord) {
        if self.fills.len() == KEPT_MAX {
            self.fills.pop_front();
        }
        self.fills.push_back(fill);
    }

    /// The step in which its balances move.
    pub(super) fn step(&self) -> Money {
        balance_step(self.direct_member)
    }

    /// The place of a wallet, made empty when there is none yet.
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
