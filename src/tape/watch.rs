//! Facts about a stage's state that are recorded besides its messages: the ledger's sums after each change, and the best
//! prices of every book after each event. The recording and the replay both compute them.

use serde::{Deserialize, Serialize};

use crate::decide::DecideStage;
use crate::decide::policy::Policy;
use crate::execute::ExecuteStage;
use crate::market::{MarketKey, Money};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerSums {
    /// Increases with every change of the ledger.
    pub version: u64,
    /// Cash not reserved for orders.
    pub available: Money,
    /// Cash reserved for open orders.
    pub reserved: Money,
    /// What the exchange still owes for determined markets.
    pub awaiting: Money,
    /// The cost of open positions.
    pub cost: Money,
    /// Realised profit, before fees.
    pub realized: Money,
    pub fees: Money,
    /// The profit or loss of open positions at their exit prices.
    pub unrealized: Money,
}

/// Detects changes of the ledger.
#[derive(Clone, Copy, Debug, Default)]
pub struct LedgerWatch {
    seen: Option<(u64, Money)>,
}

impl LedgerWatch {
    /// The ledger's sums, if they changed since the last call.
    pub fn changed(&mut self, stage: &ExecuteStage) -> Option<LedgerSums> {
        let ledger = stage.ledger();
        let seen = Some((ledger.version(), stage.unrealized()));
        if seen == self.seen {
            return None;
        }
        self.seen = seen;
        Some(LedgerSums {
            version: ledger.version(),
            available: ledger.available(),
            reserved: ledger.reserved(),
            awaiting: ledger.awaiting(),
            cost: ledger.cost(),
            realized: ledger.realized(),
            fees: ledger.fees(),
            unrealized: stage.unrealized(),
        })
    }
}

/// Folds the best prices of the books into a checksum, event by event.
#[derive(Clone, Debug, Default)]
pub struct TopsWatch {
    events: u64,
    checksum: crc32fast::Hasher,
}

impl TopsWatch {
    /// Adds the best prices of a market after an event; none while its book cannot be trusted.
    #[inline]
    pub fn note<P: Policy>(&mut self, stage: &DecideStage<P>, market: MarketKey) {
        // No price is above 10,000.
        const NONE: u16 = 10_001;
        let units = |price: Option<crate::market::Price>| {
            price.and_then(|price| u16::try_from(price.units()).ok()).unwrap_or(NONE).to_le_bytes()
        };
        let book = stage.book(market);
        let [bid_low, bid_high] = units(book.and_then(crate::book::Book::best_bid));
        let [ask_low, ask_high] = units(book.and_then(crate::book::Book::best_ask));
        let [index_low, index_high] = market.index.to_le_bytes();
        self.events += 1;
        self.checksum.update(&[index_low, index_high, bid_low, bid_high, ask_low, ask_high]);
    }

    /// The number of events added since the last call and their checksum, if there were any.
    pub fn take(&mut self) -> Option<(u64, u32)> {
        if self.events == 0 {
            return None;
        }
        let Self { events, checksum } = std::mem::take(self);
        Some((events, checksum.finalize()))
    }
}
