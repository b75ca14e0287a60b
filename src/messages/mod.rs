//! What the stages send each other: of fixed size, at most 128 bytes but for fees, and `Copy` but for a snapshot and its
//! buffer. Markets are [`MarketKey`](crate::market::MarketKey)s; tickers appear only where a market is introduced ([`Listing`]).
//!
//! Each stage has one enumeration for all that it says to another. Rings, queues, the journal and the replay know only these,
//! so that a new message is a variant here, and what its sender and its receiver do with it:
//!
//! | from | to | enumeration |
//! |---|---|---|
//! | `feed` | `decide` | [`FeedToDecide`] |
//! | `feed` | `execute` | [`FeedToExecute`] |
//! | `decide` | `feed` | [`DecideToFeed`] |
//! | `decide` | `execute` | [`DecideToExecute`] |
//! | `execute` | `decide` | [`AccountNote`] |
//! | `execute` | `reconcile` | [`ExecuteToReconcile`] |
//! | `reconcile` | `execute` | [`AccountEvent`] |
//! | `reconcile` | `feed` | [`ReconcileToFeed`] |
//!
//! Messages that describe a market's or the account's condition ([`MarketStatus`], [`PortfolioUpdate`]) carry the whole
//! condition, not a change of it: a receiver that gets only the newest has missed nothing.

mod account;
mod decided;
mod decision;
mod kept;
mod market;
mod own;

pub use account::*;
pub use decided::*;
pub use decision::*;
pub use kept::*;
pub use market::*;
pub use own::*;

const _: () = {
    assert!(size_of::<BookEvent>() <= 128);
    assert!(size_of::<Listing>() <= 128);
    assert!(size_of::<FeedToExecute>() <= 128);
    assert!(size_of::<DecideToFeed>() <= 128);
    assert!(size_of::<DecideToExecute>() <= 128);
    assert!(size_of::<AccountNote>() <= 128);
    assert!(size_of::<ExecuteToReconcile>() <= 128);
    // Nothing that a tick waits for: fees with their changes.
    assert!(size_of::<AccountEvent>() <= 240);
    assert!(size_of::<ReconcileToFeed>() <= 128);
};
