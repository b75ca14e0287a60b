//! What the stages send each other: `Copy`, fixed size, at most 128 bytes. Markets are
//! [`MarketKey`](crate::market::MarketKey)s; tickers appear only where a market is introduced ([`Listing`]).
//!
//! Messages that describe a market's or the account's condition ([`MarketStatus`], [`PortfolioUpdate`]) carry the whole
//! condition, not a change of it: a receiver that gets only the newest has missed nothing.

mod account;
mod decided;
mod decision;
mod kept;
mod market;

pub use account::{
    AccountEvent, Fill, GroupReport, GroupState, OpenOrder, OrderReport, Owner, PortfolioUpdate, QueryKind,
    QueryRequest, Refusal, Source, Unread, Unsupported,
};
pub use decided::{DecisionRecord, PolicyFault, Skip};
pub use decision::{Action, DecisionStamps, OrderIntent, Pricing, Verdict};
pub use kept::{DayState, KnownGroup, Sticky};
pub use market::{BookEvent, BookEventKind, Listing, MarketStatus, NO_TIME_MS, Phase, ResyncReason, ResyncRequest};

const _: () = {
    assert!(size_of::<Listing>() <= 128);
    assert!(size_of::<BookEvent>() <= 128);
    assert!(size_of::<ResyncRequest>() <= 128);
    assert!(size_of::<MarketStatus>() <= 128);
    assert!(size_of::<OrderIntent>() <= 128);
    assert!(size_of::<PortfolioUpdate>() <= 128);
    assert!(size_of::<QueryRequest>() <= 128);
    assert!(size_of::<AccountEvent>() <= 128);
};
