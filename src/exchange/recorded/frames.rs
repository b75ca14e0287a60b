//! Frames files: one exchange frame per line, bare or as `{"recv_ms":N,"event":{frame}}`, in plain text, compressed
//! (`.zst`), or in a session's journal.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::reader::check_time;
use super::{
    Entry, Findings, LINE_BYTES_MAX, RecordedFrame, Step, StepBuilder, Strictness, TIME_MAX_MS, read_recording,
};
use crate::market::{BookLevels, Price, TickerError};
use crate::wire::WireError;
use crate::wire::frame::{Lifecycle, LifecycleEvent, Message};

/// Why a frames file was rejected.
#[derive(Debug, Error)]
pub enum FramesError {
    /// It can't be opened.
    #[error("frames file {}: {source}", path.display())]
    Open {
        /// The frames file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It can't be read further, for example because a `.zst` file is damaged or truncated.
    #[error("frames file {}, line {line}: {source}; expected one frame a line", path.display())]
    Read {
        /// The frames file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The error of the system or the decompressor.
        source: std::io::Error,
    },
    /// A line is not a frame.
    #[error("frames file {}, line {line}: {source}", path.display())]
    Frame {
        /// The frames file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with the line.
        source: WireError,
    },
    /// A line is too long.
    #[error("frames file {}, line {line}: longer than {LINE_BYTES_MAX} bytes; expected one frame a line", path.display())]
    LineTooLong {
        /// The frames file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// There are too many blank lines in a row.
    #[error("frames file {}, line {line}: {max} blank lines before it; expected one frame a line", path.display())]
    Blank {
        /// The frames file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// How many there may be in a row.
        max: u64,
    },
    /// A time is outside the range that a frame can have.
    #[error(
        "frames file {}, line {line}: `{key}` is {found}: expected milliseconds since 1970, from 1 to {TIME_MAX_MS}",
        path.display()
    )]
    Time {
        /// The frames file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The key of the time.
        key: &'static str,
        /// The invalid time.
        found: i64,
    },
    /// A ticker is not valid.
    #[error("frames file {}, line {line}: `market_ticker`: {source}", path.display())]
    Ticker {
        /// The frames file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with the ticker.
        source: TickerError,
    },
    /// A frame is missing or out of order.
    #[error(
        "frames file {}, line {line}: sid {sid} continues with seq {found}, expected {expected}: frames are missing or out \
         of order (--ignore-seq accepts the frames as they are)",
        path.display()
    )]
    Sequence {
        /// The frames file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The sid of the subscription.
        sid: u64,
        /// The expected sequence number.
        expected: u64,
        /// The sequence number found.
        found: u64,
    },
    /// There are more markets than an exchange has at a time.
    #[error("frames file {}, line {line}: expected at most {max} markets in a recording", path.display())]
    TooManyMarkets {
        /// The frames file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// How many there may be.
        max: usize,
    },
    /// There are more frames than can be kept for playing.
    #[error("frames file {}, line {line}: expected at most {max} frames to play at once", path.display())]
    TooManyFrames {
        /// The frames file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// How many there may be.
        max: u64,
    },
    /// A file with frames of a market begins before the previous file ends.
    #[error("frames file {} begins {by_ms} ms before the end of the frames of {ticker} named before it: expected the files of a market in the order of time", path.display())]
    OutOfOrder {
        /// The frames file.
        path: PathBuf,
        /// The ticker of the market.
        ticker: String,
        /// By how much, in milliseconds.
        by_ms: i64,
    },
    /// None of the files contains a frame.
    #[error("frames files {names}: expected exchange frames, one a line; found none")]
    NoFrames {
        /// The names of the files.
        names: String,
    },
    /// None of the files contains a market's frames.
    #[error("frames files {names}: expected an order book snapshot and what follows it, found none")]
    Empty {
        /// The names of the files.
        names: String,
    },
}

/// The names of files, for messages.
pub(super) fn names(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

impl FramesError {
    /// The error for a line that is not a frame.
    pub(super) fn frame((path, line): (&Path, u64), source: WireError) -> Self {
        Self::Frame { path: path.to_owned(), line, source }
    }
}

/// One market of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedMarket {
    /// The market's ticker.
    pub ticker: String,
    /// The market's steps, in the order of time.
    pub steps: Vec<Step>,
    /// Whether the recording ends with an empty book, which is what the exchange sends at the close.
    pub ended: bool,
    /// When the market closes, in session milliseconds, if a frame says so.
    pub closes_ms: Option<i64>,
    /// The payout of a YES contract, if a frame says so.
    pub result: Option<Price>,
}

impl RecordedMarket {
    /// The time of the first step, in session milliseconds.
    #[must_use]
    pub fn first_ms(&self) -> Option<i64> {
        self.steps.first().map(|step| step.ts_ms)
    }

    /// The time of the last step, in session milliseconds.
    #[must_use]
    pub fn last_ms(&self) -> Option<i64> {
        self.steps.last().map(|step| step.ts_ms)
    }
}

/// The most frames that are kept for playing.
const FRAMES_MAX: u64 = 20_000_000;

/// Reads frames files into markets, in the order of their first frames. Several files may contain parts of one market, in the
/// order of time. A market without a snapshot is left out, because its book is unknown.
///
/// # Errors
/// As for [`read_recording`], and if the files contain no market. Frames of other types are skipped.
pub fn read_frames(
    paths: &[PathBuf],
    strictness: impl Into<Strictness>,
) -> Result<(Vec<RecordedMarket>, Findings), FramesError> {
    let mut readings = Readings::default();
    let mut findings = read_recording(paths, strictness, |recorded, levels, _| readings.take(&recorded, levels))?;
    findings.add(std::mem::take(&mut readings.findings));
    let markets = readings.finish();
    if markets.is_empty() {
        return Err(FramesError::Empty { names: names(paths) });
    }
    Ok((markets, findings))
}

/// A market being read.
struct Reading {
    market: RecordedMarket,
    builder: StepBuilder,
    last_ms: Option<i64>,
    /// The file with its last frame.
    file: usize,
    /// The stretch of its subscription in which its book is known; `None` while it is unknown.
    stretch: Option<u64>,
}

impl Reading {
    fn push(&mut self, entry: Entry, stamped_ms: Option<i64>, received_ms: Option<i64>) {
        let done = self.builder.push(entry, stamped_ms, received_ms);
        self.market.steps.extend(done);
    }
}

/// What frames say about a market besides its book.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    closes_ms: Option<i64>,
    result: Option<Price>,
}

#[derive(Default)]
struct Readings {
    markets: Vec<Reading>,
    positions: HashMap<String, usize>,
    told: HashMap<String, Told>,
    kept: u64,
    findings: Findings,
}

impl Readings {
    fn take(&mut self, recorded: &RecordedFrame<'_>, levels: &BookLevels) -> Result<(), FramesError> {
        let &RecordedFrame { file, path, line, stamped_ms, received_ms, frame, stretch, ended } = recorded;
        if let Some(ended) = ended {
            // A book that is unknown can't be traded.
            for reading in self.markets.iter_mut().filter(|reading| reading.stretch == Some(ended)) {
                reading.stretch = None;
                reading.push(Entry::Snapshot(Box::default()), stamped_ms, received_ms);
            }
        }
        if let Message::Lifecycle(lifecycle) = &frame.message {
            return self.lifecycle(lifecycle, (path, line));
        }
        let Some((ticker, entry)) = Entry::from_frame(frame, levels) else { return Ok(()) };
        let position = match self.positions.get(ticker) {
            Some(position) => *position,
            None => self.add(ticker, file),
        };
        let reading = &mut self.markets[position];
        if reading.file != file {
            reading.file = file;
            if let (Some(last_ms), Some(first_ms)) = (reading.last_ms, stamped_ms.or(received_ms))
                && first_ms < last_ms
            {
                let by_ms = last_ms - first_ms;
                return Err(FramesError::OutOfOrder { path: path.to_owned(), ticker: ticker.to_owned(), by_ms });
            }
        }
        if let (Some(last_ms), Some(now_ms)) = (reading.last_ms, stamped_ms)
            && now_ms < last_ms
        {
            self.findings.earlier(path, line, ticker, last_ms - now_ms);
        }
        reading.last_ms = reading.last_ms.max(stamped_ms);
        match &entry {
            Entry::Snapshot(levels) => {
                reading.stretch = Some(stretch);
                reading.market.ended = levels.yes.is_empty() && levels.no.is_empty();
            }
            // A trade says nothing about a book, and comes on another subscription.
            Entry::Trade { .. } if reading.stretch.is_some() => reading.market.ended = false,
            Entry::Delta { .. } if reading.stretch == Some(stretch) => reading.market.ended = false,
            Entry::Trade { .. } | Entry::Delta { .. } => {
                self.findings.unusable += 1;
                return Ok(());
            }
        }
        reading.push(entry, stamped_ms, received_ms);
        self.kept += 1;
        if self.kept > FRAMES_MAX {
            return Err(FramesError::TooManyFrames { path: path.to_owned(), line, max: FRAMES_MAX });
        }
        Ok(())
    }

    fn add(&mut self, ticker: &str, file: usize) -> usize {
        let market = RecordedMarket { ticker: ticker.to_owned(), ..RecordedMarket::default() };
        self.markets.push(Reading { market, builder: StepBuilder::default(), last_ms: None, file, stretch: None });
        self.positions.insert(ticker.to_owned(), self.markets.len() - 1);
        self.markets.len() - 1
    }

    fn lifecycle(&mut self, lifecycle: &Lifecycle<'_>, place: (&Path, u64)) -> Result<(), FramesError> {
        let told = match &lifecycle.event {
            LifecycleEvent::Created { close_ts, .. } | LifecycleEvent::CloseDateUpdated { close_ts } => {
                let closes_ms = check_time("close_ts", close_ts.saturating_mul(1_000), place)?;
                Told { closes_ms: Some(closes_ms), result: None }
            }
            LifecycleEvent::Determined { settlement_value } => {
                Told { closes_ms: None, result: Some(*settlement_value) }
            }
            _ => return Ok(()),
        };
        let known = self.told.entry(lifecycle.ticker.to_owned()).or_default();
        *known = Told { closes_ms: told.closes_ms.or(known.closes_ms), result: told.result.or(known.result) };
        Ok(())
    }

    fn finish(self) -> Vec<RecordedMarket> {
        let told = self.told;
        let markets = self.markets.into_iter().map(|mut reading| {
            reading.market.steps.extend(reading.builder.finish());
            let told = told.get(&reading.market.ticker).copied().unwrap_or_default();
            RecordedMarket { closes_ms: told.closes_ms, result: told.result, ..reading.market }
        });
        markets.filter(|market| !market.steps.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests;
