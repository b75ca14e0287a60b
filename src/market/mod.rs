//! The vocabulary: prices, counts, money, tickers, sides, tick grids, fees. It contains no behaviour beyond these types,
//! and imports nothing else of this crate.

mod count;
mod decimal;
mod fee_terms;
mod fees;
mod grid;
mod id;
mod levels;
mod money;
mod order;
mod pattern;
mod price;
mod side;
mod ticker;

pub use count::Count;
pub use decimal::DecimalError;
pub use fee_terms::FeeTerms;
pub use fees::{FeeSchedule, FeeType, Liquidity, multiplier_e4};
pub use grid::{Band, Grid, GridBands, GridError};
pub use id::{ClientOrderId, EventKey, IdError, MarketId, MarketKey, OrderGroupId, OrderId, TradeId, TransferId};
pub use levels::BookLevels;
pub use money::Money;
pub use order::{EndReason, OrderStatus, TimeInForce};
pub use pattern::TickerPattern;
pub use price::Price;
pub use side::{BookSide, Outcome};
pub use ticker::{Ticker, TickerError};
