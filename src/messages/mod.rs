//! The messages between the stages. They have a fixed size, at most 128 bytes except for fees, and are `Copy` except for a
//! snapshot, which owns a buffer. Markets are [`MarketKey`](crate::market::MarketKey)s; tickers appear only where a market is
//! introduced ([`Listing`]).
//!
//! Each stage has one enumeration for everything that it sends to another stage. Rings, queues, the journal and the replay
//! handle only these, so a new message takes a variant here, a sender and a receiver:
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
//! Messages about a market's or the account's condition ([`MarketStatus`], [`PortfolioUpdate`]) carry the whole condition
//! rather than a change: a receiver that sees only the newest one has missed nothing.

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
    // Carries a timeline of fees, but no tick waits for it.
    assert!(size_of::<AccountEvent>() <= 240);
    assert!(size_of::<ReconcileToFeed>() <= 128);
};
