//! The byte layout of a prepared file: its prefix and its records.

use crate::market::{BookSide, Count, Outcome, Price};

/// The first bytes of a prepared file.
pub(super) const MAGIC: [u8; 8] = *b"KAEVENTS";
/// The version of the layout that is written, and the only one that is read.
pub(super) const VERSION: u32 = 1;
pub(super) const PREFIX_BYTES: usize = 64;
pub(super) const RECORD_BYTES: usize = 16;
/// The number of records covered by one checksum.
pub(super) const BLOCK_RECORDS: usize = 4_096;
/// The largest number of markets, which are numbered in 16 bits.
pub(super) const MARKETS_MAX: usize = 1 << 16;

/// The fixed-size beginning of a prepared file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    pub(super) version: u32,
    pub(super) records: u64,
    pub(super) head_bytes: u32,
    pub(super) head_crc: u32,
    pub(super) table_crc: u32,
}

impl Prefix {
    pub(super) fn bytes(self) -> [u8; PREFIX_BYTES] {
        let mut bytes = [0; PREFIX_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.head_bytes.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.records.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.head_crc.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.table_crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Parses the fields, and returns whether the checksum matches.
    pub(super) fn read(bytes: &[u8; PREFIX_BYTES]) -> (Self, bool) {
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let prefix = Self {
            version: u32_at(8),
            head_bytes: u32_at(12),
            records: u64::from(u32_at(16)) | u64::from(u32_at(20)) << 32,
            head_crc: u32_at(24),
            table_crc: u32_at(28),
        };
        (prefix, u32_at(60) == crc32fast::hash(&bytes[..60]))
    }

    /// The number of checksums of records.
    pub(super) fn blocks(&self) -> u64 {
        self.records.div_ceil(BLOCK_RECORDS as u64)
    }

    /// The length of the whole file in bytes; `None` if it overflows.
    pub(super) fn file_bytes(&self) -> Option<u64> {
        let records = self.records.checked_mul(RECORD_BYTES as u64)?;
        let table = self.blocks().checked_mul(4)?;
        records.checked_add(table)?.checked_add(u64::from(self.head_bytes))?.checked_add(PREFIX_BYTES as u64)
    }
}

/// One record of a prepared file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// Begins a step of a market. The records up to the next step belong to it: trades first, then changes.
    Step {
        /// The number of the market.
        market: u16,
        /// The time of the step, in milliseconds since the Unix epoch.
        ts_ms: i64,
        /// How much later it was known to be complete, in milliseconds.
        wait_ms: u16,
        /// The number of recorded frames in the step. If there are more than fit, another step with the same time has the
        /// rest.
        frames: u16,
    },
    /// A level of the recorded book changed.
    Change {
        /// The number of the market.
        market: u16,
        /// The outcome that the level bids for.
        side: Outcome,
        /// The level's price, on that outcome's scale.
        price: Price,
        /// The change of the level's size, never zero.
        change: Count,
    },
    /// A trade was printed.
    Trade {
        /// The number of the market.
        market: u16,
        /// The YES price.
        price: Price,
        /// The number of contracts.
        count: Count,
        /// The taker's side of the YES book.
        taker: BookSide,
    },
}

const STEP: u8 = 1;
const CHANGE: u8 = 2;
const TRADE: u8 = 3;

impl Record {
    /// The record's bytes: kind, side, price or wait, market, frames, and the value.
    pub(super) fn bytes(self) -> [u8; RECORD_BYTES] {
        let units = |price: Price| u16::try_from(price.index()).expect("a price has at most 10,000 units");
        let (kind, side, narrow, market, frames, value) = match self {
            Self::Step { market, ts_ms, wait_ms, frames } => (STEP, 0, wait_ms, market, frames, ts_ms),
            Self::Change { market, side, price, change } => {
                (CHANGE, side as u8, units(price), market, 0, change.units())
            }
            Self::Trade { market, price, count, taker } => (TRADE, taker as u8, units(price), market, 0, count.units()),
        };
        let mut bytes = [0; RECORD_BYTES];
        (bytes[0], bytes[1]) = (kind, side);
        bytes[2..4].copy_from_slice(&narrow.to_le_bytes());
        bytes[4..6].copy_from_slice(&market.to_le_bytes());
        bytes[6..8].copy_from_slice(&frames.to_le_bytes());
        bytes[8..].copy_from_slice(&value.to_le_bytes());
        bytes
    }

    /// Whether the bytes are the beginning of a step.
    #[inline]
    pub(super) fn is_step(bytes: &[u8; RECORD_BYTES]) -> bool {
        bytes[0] == STEP
    }

    /// Parses a record; `None` if the bytes are not a valid one.
    #[inline]
    pub(super) fn read(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let (side, narrow, market, frames) = (bytes[1], u16_at(2), u16_at(4), u16_at(6));
        let value = i64::from_le_bytes(*bytes.last_chunk()?);
        match (bytes[0], side, frames) {
            (STEP, 0, _) => Some(Self::Step { market, ts_ms: value, wait_ms: narrow, frames }),
            (CHANGE, side, 0) => {
                let side = match side {
                    0 => Outcome::Yes,
                    1 => Outcome::No,
                    _ => return None,
                };
                Some(Self::Change { market, side, price: Price::from_units(narrow)?, change: Count::from_units(value) })
            }
            (TRADE, taker, 0) => {
                let taker = match taker {
                    0 => BookSide::Bid,
                    1 => BookSide::Ask,
                    _ => return None,
                };
                Some(Self::Trade { market, price: Price::from_units(narrow)?, count: Count::from_units(value), taker })
            }
            _ => None,
        }
    }
}
