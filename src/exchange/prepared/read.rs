//! Reads a prepared file, which is mapped into memory and checked completely before any of it is used.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use memmap2::{Advice, Mmap};

use super::layout::{BLOCK_RECORDS, MAGIC, PREFIX_BYTES, Prefix, RECORD_BYTES, VERSION};
use super::{Head, PreparedError, Record};
use crate::exchange::recorded::{STEP_WAIT_MS, TIME_MAX_MS};
use crate::files;
use crate::market::{Count, Grid};

/// An open prepared file.
#[derive(Debug)]
pub struct Prepared {
    map: Mmap,
    records: Range<usize>,
    head: Head,
}

/// A step of a prepared file.
#[derive(Clone, Copy, Debug)]
pub struct PreparedStep<'a> {
    /// The number of the market.
    pub market: u16,
    /// The time of the step, in milliseconds since the Unix epoch.
    pub ts_ms: i64,
    /// When it was known that no more frames with that time follow, in milliseconds since the Unix epoch.
    pub complete_ms: i64,
    /// The number of recorded frames in the step.
    pub frames: u16,
    records: &'a [[u8; RECORD_BYTES]],
}

impl PreparedStep<'_> {
    /// The step's trades, then its changes.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        self.records.iter().map(read_checked)
    }
}

/// A record of a file that was checked when it was opened.
#[inline]
fn read_checked(bytes: &[u8; RECORD_BYTES]) -> Record {
    Record::read(bytes).expect("records were checked when the file was opened")
}

impl Prepared {
    /// Whether a file begins like a prepared file.
    #[must_use]
    pub fn is_prepared(path: &Path) -> bool {
        use std::io::Read;
        let mut begin = [0; MAGIC.len()];
        files::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == MAGIC
    }

    /// Opens a file and checks all of it.
    ///
    /// # Errors
    /// If it can't be read, is not a prepared file or has another layout, was cut, or has invalid content; the error names
    /// the byte.
    pub fn open(path: &Path) -> Result<Self, PreparedError> {
        let named = |source| PreparedError::Open { path: path.to_owned(), source };
        let file = files::open(path).map_err(named)?;
        // SAFETY: prepared files are written under another name and then renamed, and never changed. So the mapped bytes do
        // not change unless somebody damages the file while it is open.
        let map = unsafe { Mmap::map(&file) }.map_err(named)?;
        // Only a hint: without it the file is read more slowly.
        let _ = map.advise(Advice::Sequential);
        let foreign = || PreparedError::Foreign { path: path.to_owned() };
        if !map.starts_with(&MAGIC) {
            return Err(foreign());
        }
        let damaged = |what, range: Range<usize>| PreparedError::Damaged {
            path: path.to_owned(),
            what,
            from: range.start as u64,
            until: range.end as u64,
        };
        let length = map.len() as u64;
        let short = PreparedError::Length { path: path.to_owned(), found: length, expected: PREFIX_BYTES as u64 };
        let prefix: &[u8; PREFIX_BYTES] = map.first_chunk().ok_or(short)?;
        let (prefix, is_whole) = Prefix::read(prefix);
        if prefix.version != VERSION {
            return Err(PreparedError::Version { path: path.to_owned(), found: prefix.version, expected: VERSION });
        }
        if !is_whole {
            return Err(damaged("the prefix", 0..PREFIX_BYTES));
        }
        let expected = prefix.file_bytes().unwrap_or(u64::MAX);
        if length != expected {
            return Err(PreparedError::Length { path: path.to_owned(), found: length, expected });
        }
        let head = map.len() - prefix.head_bytes as usize..map.len();
        if crc32fast::hash(&map[head.clone()]) != prefix.head_crc {
            return Err(damaged("the head", head));
        }
        let table_bytes = usize::try_from(prefix.blocks() * 4).map_err(|_| foreign())?;
        let table = head.start - table_bytes..head.start;
        if crc32fast::hash(&map[table.clone()]) != prefix.table_crc {
            return Err(damaged("the table of checksums", table));
        }
        let records = PREFIX_BYTES..table.start;
        let blocks = map[records.clone()].chunks(BLOCK_RECORDS * RECORD_BYTES);
        for (number, (block, crc)) in blocks.zip(map[table.clone()].chunks_exact(4)).enumerate() {
            if crc32fast::hash(block).to_le_bytes() != crc {
                let from = records.start + number * BLOCK_RECORDS * RECORD_BYTES;
                return Err(damaged("a block of records", from..from + block.len()));
            }
        }
        let content = |at: usize, what: String| PreparedError::Content { path: path.to_owned(), at: at as u64, what };
        let decoded = postcard::from_bytes(&map[head.clone()]);
        let decoded: Head = decoded.map_err(|error| content(head.start, format!("the head can't be read: {error}")))?;
        let prepared = Self { map, records, head: decoded };
        prepared.check().map_err(|(at, what)| content(PREFIX_BYTES + at * RECORD_BYTES, what))?;
        Ok(prepared)
    }

    /// The file's description of itself.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The steps of all markets, in the order of completion.
    pub fn steps(&self) -> impl Iterator<Item = PreparedStep<'_>> {
        let mut rest = self.raw();
        std::iter::from_fn(move || {
            let (first, after) = rest.split_first()?;
            let Record::Step { market, ts_ms, wait_ms, frames } = read_checked(first) else {
                unreachable!("a step's records end at the next step");
            };
            let length = after.iter().position(Record::is_step).unwrap_or(after.len());
            let (records, next) = after.split_at(length);
            rest = next;
            Some(PreparedStep { market, ts_ms, complete_ms: ts_ms + i64::from(wait_ms), frames, records })
        })
    }

    fn raw(&self) -> &[[u8; RECORD_BYTES]] {
        self.map[self.records.clone()].as_chunks().0
    }

    /// Checks every record. An error has the number of the invalid record.
    fn check(&self) -> Result<(), (usize, String)> {
        let grids: Vec<Arc<Grid>> = self.head.markets.iter().map(|market| Grid::new(market.terms.spec.bands)).collect();
        let (mut current, mut last_ms) = (None, i64::MIN);
        for (at, bytes) in self.raw().iter().enumerate() {
            let wrong = |what: String| Err((at, what));
            let Some(record) = Record::read(bytes) else {
                return wrong(format!("{bytes:02x?} is not a record"));
            };
            let (market, price, count) = match record {
                Record::Step { market, ts_ms, wait_ms, .. } => {
                    let complete_ms = ts_ms.saturating_add(i64::from(wait_ms));
                    if !(1..=TIME_MAX_MS).contains(&ts_ms) || i64::from(wait_ms) > STEP_WAIT_MS {
                        return wrong(format!("a step at {ts_ms} ms, complete {wait_ms} ms later: expected a time"));
                    }
                    if complete_ms < last_ms {
                        return wrong(format!(
                            "a step complete at {complete_ms} ms follows one complete at {last_ms} ms"
                        ));
                    }
                    if usize::from(market) >= grids.len() {
                        return wrong(format!("market {market}, expected one of {}", grids.len()));
                    }
                    (current, last_ms) = (Some(market), complete_ms);
                    continue;
                }
                Record::Change { market, price, change, .. } => (market, price, change),
                Record::Trade { market, price, count, .. } => (market, price, count),
            };
            if current != Some(market) {
                return wrong(format!("market {market} in a step of another"));
            }
            let is_trade = matches!(record, Record::Trade { .. });
            if count.is_zero() && !is_trade || count.units().unsigned_abs() > Count::LIMIT.units().unsigned_abs() * 2 {
                return wrong(format!("a change of {count}, expected one other than zero"));
            }
            if !is_trade && grids[usize::from(market)].slot(price).is_none() {
                return wrong(format!("{price} is not on the grid of market {market}"));
            }
        }
        Ok(())
    }
}
