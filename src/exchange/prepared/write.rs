//! Writes a prepared file, under another name until it is complete.

use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::flatten::Flattener;
use super::layout::{BLOCK_RECORDS, MARKETS_MAX, PREFIX_BYTES, Prefix, RECORD_BYTES, VERSION};
use super::place::replace;
use super::sources::{Source, code};
use super::{Head, PreparedError};
use crate::exchange::recordings::Recordings;

/// Writes recordings as a prepared file, and returns its head.
///
/// # Errors
/// If there are more markets than a prepared file can have, or the file can't be written. An existing file is then unchanged.
pub fn prepare(recordings: Recordings, sources: Vec<Source>, out: &Path) -> Result<Head, PreparedError> {
    let Recordings { markets, start_ms, end_ms, is_cut, notes } = recordings;
    if markets.len() > MARKETS_MAX {
        let what = format!("{} markets, expected at most {MARKETS_MAX}", markets.len());
        return Err(PreparedError::TooMuch { path: out.to_owned(), what });
    }
    replace(out, |file| {
        let named = PreparedError::write(out);
        let mut blocks = Blocks::new(BufWriter::new(&mut *file));
        blocks.to.write_all(&[0; PREFIX_BYTES]).map_err(&named)?;
        let mut flattener = Flattener::new(markets);
        let mut step = Vec::new();
        while flattener.next(&mut step) {
            for record in step.drain(..) {
                blocks.push(record.bytes()).map_err(&named)?;
            }
        }
        let markets = flattener.finish();
        let head = Head { code: code(), sources, markets, is_cut, notes, start_ms, end_ms };
        let prefix = blocks.finish(out, &head)?;
        let begun = file.seek(SeekFrom::Start(0));
        begun.and_then(|_| file.write_all(&prefix.bytes())).map_err(&named)?;
        Ok(head)
    })
}

/// Writes records to a file, with a checksum for every block.
struct Blocks<W> {
    to: W,
    block: Vec<u8>,
    table: Vec<u8>,
    records: u64,
}

impl<W: Write> Blocks<W> {
    fn new(to: W) -> Self {
        Self { to, block: Vec::with_capacity(BLOCK_RECORDS * RECORD_BYTES), table: Vec::new(), records: 0 }
    }

    fn push(&mut self, record: [u8; RECORD_BYTES]) -> std::io::Result<()> {
        self.block.extend_from_slice(&record);
        self.records += 1;
        if self.block.len() == BLOCK_RECORDS * RECORD_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> std::io::Result<()> {
        self.table.extend_from_slice(&crc32fast::hash(&self.block).to_le_bytes());
        self.to.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self, out: &Path, head: &Head) -> Result<Prefix, PreparedError> {
        let named = PreparedError::write(out);
        if !self.block.is_empty() {
            self.end_block().map_err(&named)?;
        }
        let head = postcard::to_allocvec(head).map_err(|error| named(std::io::Error::other(error)))?;
        let head_bytes = u32::try_from(head.len()).map_err(|_| {
            let what = format!("{} bytes of markets and notes, expected at most {}", head.len(), u32::MAX);
            PreparedError::TooMuch { path: out.to_owned(), what }
        })?;
        let written = self.to.write_all(&self.table).and_then(|()| self.to.write_all(&head));
        written.and_then(|()| self.to.flush()).map_err(&named)?;
        Ok(Prefix {
            version: VERSION,
            records: self.records,
            head_bytes,
            head_crc: crc32fast::hash(&head),
            table_crc: crc32fast::hash(&self.table),
        })
    }
}
