//! Subaccounts: an account has subaccounts 1 to 63 beside the primary one, each with its own cash on each shard and its own
//! positions, orders and order groups (protocol page 3.4).

use super::{AccountId, Engine, Event, Reject};
use crate::market::Money;

/// The highest subaccount number.
const SUBACCOUNT_MAX: u32 = 63;

/// A transfer of cash between two subaccounts on one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The account of both subaccounts.
    pub account: AccountId,
    /// The subaccount that pays.
    pub from: u32,
    /// The subaccount that is paid.
    pub to: u32,
    /// The shard of the cash.
    pub exchange_index: u8,
    /// The amount, above zero.
    pub amount: Money,
}

impl Engine {
    /// Opens the next subaccount of an account, with an empty balance on a shard. Returns its number.
    ///
    /// # Errors
    /// [`Reject::TooManySubaccounts`] beyond 63.
    ///
    /// # Panics
    /// If the account was not opened by [`Engine::open_account`].
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

    /// Moves cash that is not reserved by orders between two subaccounts.
    ///
    /// # Errors
    /// [`Reject::InvalidTransfer`] if the amount is not positive or both subaccounts are the same, [`Reject::UserNotFound`]
    /// for a subaccount that was never opened, [`Reject::InsufficientBalance`] if too little is unreserved, or
    /// [`Reject::ExchangePaused`].
    ///
    /// # Panics
    /// If the account was not opened by [`Engine::open_account`].
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
        // If orders are covered one by one, the cash that left may have covered some of them.
        self.cover_wallet(account, source, None, now_ms);
        self.events.push(Event::Cash { account });
        Ok(())
    }

    /// Rejects an account without a balance on a shard. Unlimited accounts need none.
    pub(super) fn check_user(&self, account: AccountId, exchange_index: u8) -> Result<(), Reject> {
        let owner = &self.accounts[account as usize];
        let known = owner.unlimited || owner.wallets.iter().any(|wallet| wallet.exchange_index == exchange_index);
        if known { Ok(()) } else { Err(Reject::UserNotFound) }
    }
}
