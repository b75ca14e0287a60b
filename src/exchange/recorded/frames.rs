//! Frames files: one exchange frame a line, bare or as `{"recv_ms":N,"event":{frame}}`, plain or compressed
//! (`.zst`), or in a session's journal.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::reader::check_time;
use super::{Entry, Findings, Holes, LINE_BYTES_MAX, RecordedFrame, Step, StepBuilder, TIME_MAX_MS, read_recording};
use crate::market::{BookLevels, Price, TickerError};
use crate::wire::WireError;
use crate::wire::frame::{Lifecycle, LifecycleEvent, Message};

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
    /// A line has no end, or a very late one.
    #[error("frames file {}, line {line}: longer than {LINE_BYTES_MAX} bytes; expected one frame a line", path.display())]
    LineTooLong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// Blank lines without an end.
    #[error("frames file {}, line {line}: {max} blank lines before it; expected one frame a line", path.display())]
    Blank {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// How many there may be in a row.
        max: u64,
    },
    /// A time that no frame can have.
    #[error(
        "frames file {}, line {line}: `{key}` is {found}: expected milliseconds since 1970, from 1 to {TIME_MAX_MS}",
        path.display()
    )]
    Time {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Where it stands.
        key: &'static str,
        /// The time.
        found: i64,
    },
    /// A name that no market can have.
    #[error("frames file {}, line {line}: `market_ticker`: {source}", path.display())]
    Ticker {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        source: TickerError,
    },
    /// A frame is missing, or stands in the wrong place.
    #[error(
        "frames file {}, line {line}: sid {sid} continues with seq {found}, expected {expected}: frames are missing or out \
         of order (--ignore-seq believes those that are there)",
        path.display()
    )]
    Sequence {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The subscription.
        sid: u64,
        /// The number that was due.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// More markets than an exchange has at a time.
    #[error("frames file {}, line {line}: expected at most {max} markets in a recording", path.display())]
    TooManyMarkets {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// How many there may be.
        max: usize,
    },
    /// More frames than can be kept to be played.
    #[error("frames file {}, line {line}: expected at most {max} frames to play at once", path.display())]
    TooManyFrames {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// How many there may be.
        max: u64,
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
    /// Nothing in any of the files.
    #[error("frames files {names}: expected exchange frames, one a line; found none")]
    NoFrames {
        /// The files.
        names: String,
    },
    /// No frame of a market in any of the files.
    #[error("frames files {names}: expected an order book snapshot and what follows it, found none")]
    Empty {
        /// The files.
        names: String,
    },
}

/// Files by their names, for messages.
pub(super) fn names(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

impl FramesError {
    /// A line that is no frame.
    pub(super) fn frame((path, line): (&Path, u64), source: WireError) -> Self {
        Self::Frame { path: path.to_owned(), line, source }
    }
}

/// One market of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedMarket {
    /// Its ticker.
    pub ticker: String,
    /// Its steps, in the order of time.
    pub steps: Vec<Step>,
    /// Whether the recording ends with an empty book: what the exchange sends at the close.
    pub ended: bool,
    /// When it closes, if a frame says so.
    pub closes_ms: Option<i64>,
    /// What YES pays, if a frame says so.
    pub result: Option<Price>,
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

/// The most frames that are kept to be played.
const FRAMES_MAX: u64 = 20_000_000;

/// Reads frames files into markets, in the order of their first frames. Several files may hold parts of one market, in
/// the order of time. A market that has no snapshot is left out: nothing is known of its book.
///
/// # Errors
/// As [`read_recording`], and when there is no market in them. Frames of other types are passed over.
pub fn read_frames(paths: &[PathBuf], holes: Holes) -> Result<(Vec<RecordedMarket>, Findings), FramesError> {
    let mut readings = Readings::default();
    let mut findings = read_recording(paths, holes, |recorded, levels, _| readings.take(&recorded, levels))?;
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
    /// The file that its last frame came from.
    file: usize,
    /// The part of its subscription in which its book is known; none while it is not.
    stretch: Option<u64>,
}

impl Reading {
    fn push(&mut self, entry: Entry, stamped_ms: Option<i64>, received_ms: Option<i64>) {
        let done = self.builder.push(entry, stamped_ms, received_ms);
        self.market.steps.extend(done);
    }
}

/// What the exchange told of a market besides its book.
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
            // Nobody can trade with a book that is not known.
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
            // A trade tells nothing of its own of a book; its subscription is another one.
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
