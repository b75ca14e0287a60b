//! Exports prepared markets in the form that hftbacktest reads: an `.npz` with one array `data` of its event type, with the
//! depth and trades of one market, times in nanoseconds and prices in dollars on the YES scale.
//!
//! The layout is that of hftbacktest 2: `ev` (flags and kind), `exch_ts`, `local_ts`, `px`, `qty`, `order_id`, `ival`,
//! `fval`, eight bytes each. A change carries the resulting size of its level. The local time is the one at which the step
//! was known to be complete.

use std::collections::HashMap;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::place::replace;
use super::{Prepared, PreparedError, PreparedStep, Record};
use crate::market::{BookSide, Count, Outcome, Price};

/// The most events of a market, because the archive format is limited to four gigabytes.
pub const NPZ_EVENTS_MAX: u64 = 67_000_000;

const DEPTH: u64 = 1;
const TRADE: u64 = 2;
/// Seen by the exchange and, later, by the trader.
const EVERYWHERE: u64 = 1 << 31 | 1 << 30;
const BUY: u64 = 1 << 29;
const SELL: u64 = 1 << 28;

const EVENT_BYTES: u64 = 64;
const MEMBER: &[u8] = b"data.npy";
/// The date in the archive, where the time does not matter: the first day of 1980.
const DOS_DATE: [u8; 4] = [0, 0, 0x21, 0];

/// Writes the events of a market to a file, and returns their number.
///
/// # Errors
/// If there are too many events, or the file can't be written.
pub fn export_npz(prepared: &Prepared, market: u16, out: &Path) -> Result<u64, PreparedError> {
    let steps = || prepared.steps().filter(move |step| step.market == market);
    let events: u64 = steps().map(|step| step.records().count() as u64).sum();
    if events > NPZ_EVENTS_MAX {
        let what = format!("{events} events of a market, expected at most {NPZ_EVENTS_MAX}");
        return Err(PreparedError::TooMuch { path: out.to_owned(), what });
    }
    replace(out, |file| write(steps(), events, BufWriter::new(file)).map_err(PreparedError::write(out)))?;
    Ok(events)
}

fn write<'a>(steps: impl Iterator<Item = PreparedStep<'a>>, events: u64, to: impl Write + Seek) -> io::Result<()> {
    let mut archive = Archive { to, crc: crc32fast::Hasher::new() };
    let mut sizes: HashMap<(Outcome, Price), Count> = HashMap::new();
    let header = npy_header(events);
    let bytes = header.len() as u64 + events * EVENT_BYTES;
    archive.begin(bytes)?;
    archive.write(&header)?;
    for step in steps {
        for record in step.records() {
            let (kind, side, price, quantity) = match record {
                Record::Step { .. } => continue,
                Record::Trade { price, count, taker, .. } => (TRADE, taker, price, count),
                Record::Change { side, price, change, .. } => {
                    let size = sizes.entry((side, price)).or_default();
                    *size += change;
                    let side = side.book_side();
                    (DEPTH, side, if side == BookSide::Bid { price } else { price.complement() }, *size)
                }
            };
            let flag = if side == BookSide::Bid { BUY } else { SELL };
            archive.event(kind | EVERYWHERE | flag, (step.ts_ms, step.complete_ms), price, quantity)?;
        }
    }
    archive.finish(bytes)
}

/// The header of an array of events, in version 1 of the format.
fn npy_header(events: u64) -> Vec<u8> {
    let fields = ["ev", "exch_ts", "local_ts", "px", "qty", "order_id", "ival", "fval"];
    let types = ["<u8", "<i8", "<i8", "<f8", "<f8", "<u8", "<i8", "<f8"];
    let fields: Vec<_> = fields.iter().zip(types).map(|(name, kind)| format!("('{name}', '{kind}')")).collect();
    let text = format!("{{'descr': [{}], 'fortran_order': False, 'shape': ({events},), }}", fields.join(", "));
    let begin = 10;
    // Padded so that the events are aligned, with a line break at the end.
    let padded = (begin + text.len() + 1).next_multiple_of(64) - begin;
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&u16::try_from(padded).expect("a header of some 200 bytes").to_le_bytes());
    header.extend_from_slice(format!("{text:<width$}\n", width = padded - 1).as_bytes());
    header
}

/// A zip archive with one uncompressed member.
struct Archive<W> {
    to: W,
    crc: crc32fast::Hasher,
}

impl<W: Write + Seek> Archive<W> {
    /// Writes the member's header, whose checksum is filled in at the end.
    fn begin(&mut self, bytes: u64) -> io::Result<()> {
        self.to.write_all(b"PK\x03\x04\x14\x00")?;
        self.member(0, bytes)?;
        self.to.write_all(&[u8::try_from(MEMBER.len()).unwrap_or(0), 0, 0, 0])?;
        self.to.write_all(MEMBER)
    }

    /// The fields that both headers of the member contain: flags, method, date, checksum and both sizes.
    fn member(&mut self, crc: u32, bytes: u64) -> io::Result<()> {
        let bytes = u32::try_from(bytes).map_err(io::Error::other)?.to_le_bytes();
        self.to.write_all(&[0; 4])?;
        self.to.write_all(&DOS_DATE)?;
        self.to.write_all(&crc.to_le_bytes())?;
        self.to.write_all(&bytes)?;
        self.to.write_all(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.to.write_all(bytes)
    }

    fn event(&mut self, ev: u64, (exchange_ms, local_ms): (i64, i64), price: Price, count: Count) -> io::Result<()> {
        const NS_PER_MS: i64 = 1_000_000;
        let mut event = [0; 64];
        event[..8].copy_from_slice(&ev.to_le_bytes());
        event[8..16].copy_from_slice(&exchange_ms.saturating_mul(NS_PER_MS).to_le_bytes());
        event[16..24].copy_from_slice(&local_ms.saturating_mul(NS_PER_MS).to_le_bytes());
        event[24..32].copy_from_slice(&(price.units() as f64 / 10_000.0).to_le_bytes());
        event[32..40].copy_from_slice(&(count.units() as f64 / 100.0).to_le_bytes());
        self.write(&event)
    }

    /// Writes the archive's directory, and fills in the checksum.
    fn finish(&mut self, bytes: u64) -> io::Result<()> {
        let crc = self.crc.clone().finalize();
        let directory = self.to.stream_position()?;
        self.to.write_all(b"PK\x01\x02\x14\x00\x14\x00")?;
        self.member(crc, bytes)?;
        self.to.write_all(&[u8::try_from(MEMBER.len()).unwrap_or(0), 0])?;
        self.to.write_all(&[0; 16])?;
        self.to.write_all(MEMBER)?;
        let end = self.to.stream_position()?;
        let narrow = |value: u64| u32::try_from(value).map_err(io::Error::other);
        self.to.write_all(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00")?;
        self.to.write_all(&narrow(end - directory)?.to_le_bytes())?;
        self.to.write_all(&narrow(directory)?.to_le_bytes())?;
        self.to.write_all(&[0; 2])?;
        self.to.seek(SeekFrom::Start(14))?;
        self.to.write_all(&crc.to_le_bytes())?;
        self.to.flush()
    }
}
