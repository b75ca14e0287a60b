//! The feed's table of markets, indexed by position for messages and by ticker for frames.

use serde::{Deserialize, Serialize};

use crate::market::{Price, Ticker};
use crate::messages::{FeeOverride, Listing, Phase};

/// The freshness of a market's book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Book {
    /// Stale; a snapshot is to be requested.
    Stale,
    /// Stale; a snapshot has been requested.
    Asked {
        /// The id of the command.
        command: u64,
        since_ns: u64,
    },
    /// Correct as of the newest frame.
    Fresh,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; most combinations occur")]
pub(super) struct Market {
    /// As announced by `reconcile`, with its latest tick grid and close time.
    pub(super) listing: Listing,
    pub(super) phase: Phase,
    /// What YES pays, once determined.
    pub(super) settlement: Option<Price>,
    /// The event's fee override according to the latest frame.
    pub(super) fee_override: Option<FeeOverride>,
    /// When a frame announced an unknown fee formula, in session milliseconds.
    pub(super) fees_unknown_ms: Option<i64>,
    /// When the market closed or was determined, in session milliseconds.
    pub(super) ended_ms: Option<i64>,
    /// When its last life-cycle frame came, in session milliseconds. Reads from before that are out of date.
    pub(super) told_ms: i64,
    /// The time of its newest frame, in milliseconds since the Unix epoch.
    pub(super) time_ms: Option<i64>,
    pub(super) book: Book,
    /// Whether `decide` was last told that the book is fresh.
    pub(super) decide_fresh: bool,
    /// Consecutive snapshots that did not come.
    pub(super) misses: u32,
    /// Reports from `decide` about this book in close succession, and when the last one came.
    pub(super) strikes: u32,
    pub(super) accused_ns: Option<u64>,
    /// No snapshot is requested before this monotonic time.
    pub(super) ask_after_ns: u64,
    /// Whether it is known to be on this connection's book subscription.
    pub(super) on_book: bool,
    /// Whether it was added to this connection's trade subscription.
    pub(super) on_trade: bool,
    /// The command that takes it off the book subscription, while that is not acknowledged.
    pub(super) leaving: Option<u64>,
    /// Whether its book is subscribed at all; not once it has been closed for some time.
    pub(super) followed: bool,
    /// Whether it is delisted as soon as it is off the book subscription.
    pub(super) evicted: bool,
}

impl Market {
    fn new(listing: Listing) -> Self {
        Self {
            listing,
            phase: listing.phase,
            settlement: None,
            fee_override: None,
            fees_unknown_ms: None,
            ended_ms: None,
            told_ms: i64::MIN,
            time_ms: None,
            book: Book::Stale,
            decide_fresh: false,
            misses: 0,
            strikes: 0,
            accused_ns: None,
            ask_after_ns: 0,
            on_book: false,
            on_trade: false,
            leaving: None,
            followed: true,
            evicted: false,
        }
    }

    /// Whether a snapshot of its book is needed.
    pub(super) fn is_followed(&self) -> bool {
        self.followed && !self.evicted && self.leaving.is_none() && self.phase != Phase::Determined
    }

    /// The frame time rule of the observation schema: the frame's own time, else the market's last, else the receive
    /// time; never earlier than the market's last. Milliseconds since the Unix epoch.
    pub(super) fn advance_time(&mut self, frame_ms: Option<i64>, received_ms: i64) -> i64 {
        let time_ms = match (frame_ms, self.time_ms) {
            (Some(frame_ms), Some(last_ms)) => frame_ms.max(last_ms),
            (Some(frame_ms), None) => frame_ms,
            (None, Some(last_ms)) => last_ms,
            (None, None) => received_ms,
        };
        self.time_ms = Some(time_ms);
        time_ms
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Markets {
    table: Vec<Option<Market>>,
    /// Hash index by ticker, with open addressing and linear probing. A slot has a position plus one, or zero if it is
    /// free. At most a quarter full.
    slots: Box<[u16]>,
}

impl Markets {
    pub(super) fn new(max_markets: usize) -> Self {
        let slots = (max_markets * 4).next_power_of_two().max(16);
        Self { table: (0..max_markets).map(|_| None).collect(), slots: vec![0; slots].into_boxed_slice() }
    }

    /// The number of positions.
    pub(super) fn capacity(&self) -> usize {
        self.table.len()
    }

    pub(super) fn get(&self, position: usize) -> Option<&Market> {
        self.table.get(position)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, position: usize) -> Option<&mut Market> {
        self.table.get_mut(position)?.as_mut()
    }

    /// Positions and markets, in ascending order of position.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Market)> {
        self.table.iter().enumerate().filter_map(|(position, market)| Some((position, market.as_ref()?)))
    }

    /// The position of the market with exactly this ticker.
    pub(super) fn find(&self, ticker: &str) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(ticker.as_bytes()) & mask;
        loop {
            let position = usize::from(self.slots[slot]).checked_sub(1)?;
            if self.table[position].as_ref().is_some_and(|m| m.listing.ticker.as_bytes() == ticker.as_bytes()) {
                return Some(position);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Puts a market at its listing's position, replacing the one there.
    pub(super) fn insert(&mut self, listing: Listing) {
        let position = listing.market.position();
        let replaced = self.table[position].replace(Market::new(listing));
        if replaced.is_some() {
            self.rebuild();
        } else {
            self.link(position, &listing.ticker);
        }
    }

    /// Removes a market from the table.
    pub(super) fn remove(&mut self, position: usize) {
        if self.table[position].take().is_some() {
            self.rebuild();
        }
    }

    /// Rebuilds the index. Removal is rare, so that is simpler than tombstones in the probe chains.
    fn rebuild(&mut self) {
        self.slots.fill(0);
        for position in 0..self.table.len() {
            if let Some(ticker) = self.table[position].as_ref().map(|market| market.listing.ticker) {
                self.link(position, &ticker);
            }
        }
    }

    fn link(&mut self, position: usize, ticker: &Ticker) {
        let mask = self.slots.len() - 1;
        let mut slot = hash(ticker.as_bytes()) & mask;
        while self.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = u16::try_from(position + 1).expect("market indexes are 16 bits with one to spare");
    }
}

/// Mixes eight bytes at a time; the last word also carries the length.
fn hash(bytes: &[u8]) -> usize {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes(chunk.try_into().expect("chunks of eight"));
        state = (state ^ word).wrapping_mul(MULTIPLIER).rotate_left(23);
    }
    let mut word = [0; 8];
    word[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    state = (state ^ u64::from_le_bytes(word)).wrapping_mul(MULTIPLIER);
    (state >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{EventKey, FeeSchedule, GridBands, MarketKey};

    fn listing(index: u16, ticker: &str) -> Listing {
        Listing {
            close_time_ms: 1,
            age_ms: 0,
            event: EventKey::default(),
            exclusive: false,
            market: MarketKey { index, generation: 1 },
            fees: FeeSchedule::QUADRATIC,
            event_length: 5,
            exchange_index: 0,
            phase: Phase::Open,
            traded: true,
            ticker: Ticker::new(ticker).unwrap(),
            bands: GridBands::cents(),
        }
    }

    #[test]
    fn every_ticker_is_found_and_no_other() {
        let mut markets = Markets::new(1_024);
        for index in 0..1_024 {
            markets.insert(listing(index, &format!("KXTEST-26NOV21-T{index}")));
        }
        for index in 0..1_024 {
            assert_eq!(markets.find(&format!("KXTEST-26NOV21-T{index}")), Some(index));
        }
        assert_eq!(markets.find("KXTEST-26NOV21-T1024"), None);
        assert_eq!(markets.find(""), None);
        markets.remove(7);
        assert_eq!(markets.find("KXTEST-26NOV21-T7"), None);
        assert_eq!(markets.find("KXTEST-26NOV21-T8"), Some(8));
        markets.insert(listing(8, "KXOTHER"));
        assert_eq!((markets.find("KXTEST-26NOV21-T8"), markets.find("KXOTHER")), (None, Some(8)));
    }

    #[test]
    fn a_market_s_time_follows_the_frame_time_rule() {
        let mut markets = Markets::new(1);
        markets.insert(listing(0, "A"));
        let market = markets.get_mut(0).unwrap();
        assert_eq!(market.advance_time(None, 500), 500, "the first frame without a time has the receive time");
        assert_eq!(market.advance_time(Some(900), 501), 900);
        assert_eq!(market.advance_time(Some(700), 502), 900, "time never runs backwards");
        assert_eq!(market.advance_time(None, 9_999), 900, "a frame without a time has the last");
    }
}
