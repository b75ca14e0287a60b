//! Frames files: one exchange frame a line, bare or as `{"recv_ms":N,"event":{frame}}`, plain or compressed
//! (`.zst`), or in a session's journal.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Entry, Step, StepBuilder};
use crate::market::BookLevels;
use crate::record::journal::JournalFrames;
use crate::wire::WireError;
use crate::wire::frame::{self, Message};
use crate::wire::recorded::unwrap_line;

/// Why a frames file was refused.
#[derive(Debug, Error)]
pub enum FramesError {
    /// It could not be opened.
    #[error("frames file {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It could not be read on: a damaged or truncated `.zst`, for one.
    #[error("frames file {}, line {line}: {source}; expected one frame a line", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What the system or the decompressor says.
        source: std::io::Error,
    },
    /// A line is no frame.
    #[error("frames file {}, line {line}: {source}", path.display())]
    Frame {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        source: WireError,
    },
    /// A file of a market begins before the file named before it ends.
    #[error("frames file {} begins {by_ms} ms before the end of the frames of {ticker} named before it: expected the files of a market in the order of time", path.display())]
    OutOfOrder {
        /// The file.
        path: PathBuf,
        /// The market.
        ticker: String,
        /// By how much.
        by_ms: i64,
    },
    /// No frame of a market in any of the files.
    #[error("frames files {names}: expected order book or trade frames, found none")]
    Empty {
        /// The files.
        names: String,
    },
}

/// One line of a frames file.
#[derive(Clone, Copy, Debug)]
pub struct FrameLine<'a> {
    /// Its number, from 1.
    pub line: u64,
    /// When the recorder received it, if it says so.
    pub received_ms: Option<i64>,
    /// The frame.
    pub frame: &'a [u8],
}

/// Opens a frames file for reading. One that ends in `.zst` is decompressed; of a session's folder, a journal's folder or
/// a segment the public frames are read.
///
/// # Errors
/// When it can't be opened.
pub fn open_frames(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if JournalFrames::is_journal(path) {
        return Ok(Box::new(JournalFrames::open(path)?));
    }
    let file = File::open(path)?;
    Ok(if path.extension().is_some_and(|extension| extension == "zst") {
        Box::new(BufReader::new(zstd::Decoder::new(file)?))
    } else {
        Box::new(BufReader::new(file))
    })
}

/// Reads a frames file line by line.
pub struct FrameLines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    buffer: Vec<u8>,
    line: u64,
}

impl FrameLines {
    /// Opens a file. One that ends in `.zst` is decompressed.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open(path: &Path) -> Result<Self, FramesError> {
        let reader = open_frames(path).map_err(|source| FramesError::Open { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), reader, buffer: Vec::new(), line: 0 })
    }

    /// The next line that is not blank. None at the end.
    ///
    /// # Errors
    /// When the file can't be read on, or a wrapped line is no JSON. The error names file and line.
    pub fn next_line(&mut self) -> Result<Option<FrameLine<'_>>, FramesError> {
        loop {
            self.buffer.clear();
            self.line += 1;
            let read = self.reader.read_until(b'\n', &mut self.buffer);
            let length =
                read.map_err(|source| FramesError::Read { path: self.path.clone(), line: self.line, source })?;
            if length == 0 {
                return Ok(None);
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        let (received_ms, frame) = match unwrap_line(self.buffer.trim_ascii()) {
            Ok(parts) => parts,
            Err(source) => return Err(FramesError::Frame { path: self.path.clone(), line: self.line, source }),
        };
        Ok(Some(FrameLine { line: self.line, received_ms, frame }))
    }
}

/// One market of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedMarket {
    /// Its ticker.
    pub ticker: String,
    /// Its steps, in the order of time.
    pub steps: Vec<Step>,
    /// Whether the recording ends with an empty book: what the exchange sends at the close.
    pub ended: bool,
}

impl RecordedMarket {
    /// The time of the first step.
    #[must_use]
    pub fn first_ms(&self) -> Option<i64> {
        self.steps.first().map(|step| step.ts_ms)
    }

    /// The time of the last step.
    #[must_use]
    pub fn last_ms(&self) -> Option<i64> {
        self.steps.last().map(|step| step.ts_ms)
    }
}

/// A market being read.
struct Reading {
    market: RecordedMarket,
    builder: StepBuilder,
    last_ms: Option<i64>,
    /// The file that its last frame came from.
    file: usize,
}

/// Reads frames files into markets, in the order of their first frames. Several files may hold parts of one market, in
/// the order of time. `seq` is not looked at: recordings of single markets have holes by nature.
///
/// # Errors
/// When a file can't be read, a line is no frame, or nothing is in them. Frames of other types are passed over.
pub fn read_frames(paths: &[PathBuf]) -> Result<Vec<RecordedMarket>, FramesError> {
    let mut readings: Vec<Reading> = Vec::new();
    for (file, path) in paths.iter().enumerate() {
        read_file(path, file, &mut readings)?;
    }
    if readings.is_empty() {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(FramesError::Empty { names: names.join(", ") });
    }
    Ok(readings.into_iter().map(Reading::finish).collect())
}

fn read_file(path: &Path, file: usize, readings: &mut Vec<Reading>) -> Result<(), FramesError> {
    let mut lines = FrameLines::open(path)?;
    let mut levels = BookLevels::default();
    while let Some(FrameLine { line, received_ms, frame }) = lines.next_line()? {
        let parsed = frame::parse(frame, &mut levels).map_err(|source| FramesError::Frame {
            path: path.to_owned(),
            line,
            source,
        })?;
        let Some((ticker, stamped_ms, entry)) = Entry::from_frame(&parsed, &levels) else { continue };
        let reading = Reading::of(readings, ticker, file);
        if reading.file != file {
            reading.file = file;
            if let (Some(last_ms), Some(first_ms)) = (reading.last_ms, stamped_ms.or(received_ms))
                && first_ms < last_ms
            {
                let by_ms = last_ms - first_ms;
                return Err(FramesError::OutOfOrder { path: path.to_owned(), ticker: ticker.to_owned(), by_ms });
            }
        }
        reading.last_ms = reading.last_ms.max(stamped_ms);
        let is_empty = |levels: &BookLevels| levels.yes.is_empty() && levels.no.is_empty();
        reading.market.ended = matches!(parsed.message, Message::Snapshot(_)) && is_empty(&levels);
        let done = reading.builder.push(entry, stamped_ms, received_ms);
        reading.market.steps.extend(done);
    }
    Ok(())
}

impl Reading {
    fn of<'r>(readings: &'r mut Vec<Self>, ticker: &str, file: usize) -> &'r mut Self {
        let found = readings.iter().position(|reading| reading.market.ticker == ticker);
        let index = found.unwrap_or_else(|| {
            let market = RecordedMarket { ticker: ticker.to_owned(), steps: Vec::new(), ended: false };
            readings.push(Self { market, builder: StepBuilder::default(), last_ms: None, file });
            readings.len() - 1
        });
        &mut readings[index]
    }

    fn finish(mut self) -> RecordedMarket {
        self.market.steps.extend(self.builder.finish());
        self.market
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const SNAPSHOT: &str = r#"{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"A","yes_dollars_fp":[["0.4000","5.00"]]}}"#;
    const EMPTY: &str = r#"{"type":"orderbook_snapshot","sid":1,"seq":9,"msg":{"market_ticker":"A"}}"#;

    fn delta(ticker: &str, ts_ms: i64) -> String {
        format!(
            r#"{{"type":"orderbook_delta","sid":1,"seq":2,"msg":{{"market_ticker":"{ticker}","price_dollars":"0.4100","delta_fp":"3.00","side":"yes","ts_ms":{ts_ms}}}}}"#
        )
    }

    fn wrapped(received_ms: i64, frame: &str) -> String {
        format!(r#"{{"recv_ms":{received_ms},"event":{frame}}}"#)
    }

    fn file(directory: &tempfile::TempDir, name: &str, lines: &[&str]) -> PathBuf {
        let path = directory.path().join(name);
        std::fs::write(&path, lines.join("\n")).unwrap();
        path
    }

    #[test]
    fn bare_wrapped_and_compressed_lines_read_alike() {
        let directory = tempfile::tempdir().unwrap();
        let bare = file(&directory, "a.jsonl", &[SNAPSHOT, "", &delta("A", 1_000), EMPTY]);
        let wrapped_lines = [wrapped(990, &delta("A", 1_000)), wrapped(1_500, EMPTY)];
        let wrapped = file(&directory, "b.jsonl", &[SNAPSHOT, &wrapped_lines[0], &wrapped_lines[1]]);
        let packed = directory.path().join("c.jsonl.zst");
        let mut encoder = zstd::Encoder::new(File::create(&packed).unwrap(), 1).unwrap();
        encoder.write_all(&std::fs::read(&bare).unwrap()).unwrap();
        encoder.finish().unwrap();
        let expected = read_frames(&[bare]).unwrap();
        assert_eq!((expected.len(), expected[0].steps.len(), expected[0].ended), (1, 1, true));
        assert_eq!(expected[0].steps[0].entries.len(), 3);
        assert_eq!(read_frames(&[wrapped]).unwrap(), expected);
        assert_eq!(read_frames(&[packed]).unwrap(), expected);
    }

    #[test]
    fn several_files_hold_several_markets_and_parts_of_one() {
        let directory = tempfile::tempdir().unwrap();
        let first = file(&directory, "1", &[&delta("A", 1_000), &delta("B", 1_100)]);
        let second = file(&directory, "2", &[&delta("A", 2_000)]);
        let markets = read_frames(&[first.clone(), second.clone()]).unwrap();
        let shape: Vec<_> = markets.iter().map(|market| (market.ticker.as_str(), market.steps.len())).collect();
        assert_eq!(shape, [("A", 2), ("B", 1)]);
        let error = read_frames(&[second, first]).unwrap_err().to_string();
        assert!(error.contains("begins 1000 ms before the end of the frames of A"), "{error}");
    }

    #[test]
    fn damaged_files_are_refused_by_name_and_line() {
        let directory = tempfile::tempdir().unwrap();
        let good = delta("A", 1_000);
        let cut = file(&directory, "cut.jsonl", &[&good, &good[..60]]);
        let error = read_frames(&[cut]).unwrap_err().to_string();
        assert!(error.contains("cut.jsonl, line 2: "), "{error}");
        let junk = file(&directory, "junk.jsonl.zst", &[&good]);
        assert!(read_frames(&[junk]).unwrap_err().to_string().contains("junk.jsonl.zst"));
        let nothing = file(&directory, "none.jsonl", &[]);
        assert!(read_frames(&[nothing]).unwrap_err().to_string().contains("found none"));
        let missing = directory.path().join("missing.jsonl");
        assert!(read_frames(&[missing]).unwrap_err().to_string().contains("missing.jsonl"));
    }

    #[test]
    fn a_truncated_zst_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let text: String = (0..2_000).map(|n| delta("A", 1_000 + n) + "\n").collect();
        let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
        let path = directory.path().join("cut.jsonl.zst");
        std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        let error = read_frames(&[path]).unwrap_err().to_string();
        assert!(error.contains("cut.jsonl.zst, line "), "{error}");
    }
}
