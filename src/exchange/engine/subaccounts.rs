//! What an account is divided into: subaccounts 1 to 63 beside the primary one, each with its own cash on each shard, its
//! own positions, orders and order groups (protocol page 3.4).

use super::{AccountId, Engine, Event, Reject};
use crate::market::Money;

/// The highest number of a subaccount.
const SUBACCOUNT_MAX: u32 = 63;

/// Cash to move between two subaccounts of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Whose.
    pub account: AccountId,
    /// From which subaccount.
    pub from: u32,
    /// To which.
    pub to: u32,
    /// On which shard.
    pub exchange_index: u8,
    /// How much.
    pub amount: Money,
}

impl Engine {
    /// Opens the next subaccount of an account, with no cash on a shard. Returns its number.
    ///
    /// # Errors
    /// [`Reject::TooManySubaccounts`] beyond 63.
    ///
    /// # Panics
    /// When the account is not one of [`Engine::open_account`].
    pub fn open_subaccount(&mut self, account: AccountId, exchange_index: u8) -> Result<u32, Reject> {
        let owner = &mut self.accounts[account as usize];
        if owner.subaccounts >= SUBACCOUNT_MAX {
            return Err(Reject::TooManySubaccounts);
        }
        owner.subaccounts += 1;
        let number = owner.subaccounts;
        owner.wallet(exchange_index, number);
        self.events.push(Event::Cash { account });
        Ok(number)
    }

    /// Moves cash that no order has reserved between two subaccounts.
    ///
    /// # Errors
    /// [`Reject::InvalidTransfer`] for nothing, or from a subaccount to itself; [`Reject::UserNotFound`] for a subaccount that was
    /// never opened; [`Reject::InsufficientBalance`] when what is free does not reach; [`Reject::ExchangePaused`].
    ///
    /// # Panics
    /// When the account is not one of [`Engine::open_account`].
    pub fn transfer(&mut self, transfer: &Transfer, now_ms: i64) -> Result<(), Reject> {
        self.begin(now_ms);
        let Transfer { account, from, to, exchange_index, amount } = *transfer;
        self.check_exchange(exchange_index)?;
        if amount <= Money::ZERO || from == to {
            return Err(Reject::InvalidTransfer);
        }
        let owner = &mut self.accounts[account as usize];
        if from.max(to) > owner.subaccounts {
            return Err(Reject::UserNotFound);
        }
        let source = owner.find_wallet(exchange_index, from).ok_or(Reject::InsufficientBalance)?;
        let wallet = &mut owner.wallets[source];
        if wallet.cash - wallet.reserved < amount {
            return Err(Reject::InsufficientBalance);
        }
        wallet.cash -= amount;
        let target = owner.wallet(exchange_index, to);
        owner.wallets[target].cash += amount;
        // Where orders are covered one by one, the cash that went may have been another's.
        self.cover_wallet(account, source, None, now_ms);
        self.events.push(Event::Cash { account });
        Ok(())
    }

    /// Refuses an account that has nothing on a shard. Unlimited accounts need nothing.
    pub(super) fn check_user(&self, account: AccountId, exchange_index: u8) -> Result<(), Reject> {
        let owner = &self.accounts[account as usize];
        let known = owner.unlimited || owner.wallets.iter().any(|wallet| wallet.exchange_index == exchange_index);
        if known { Ok(()) } else { Err(Reject::UserNotFound) }
    }
}
