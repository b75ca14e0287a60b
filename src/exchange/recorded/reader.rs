//! Reads the frames of one or several files in order, each with its time and its stretch of its subscription, and with its
//! ticker checked. Everything that reads recordings uses this.

use std::collections::VecDeque;
use std::hash::Hasher;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::frames::names;
use super::lines::{Line, Lines};
use super::numbers::{Density, Numbers, Place};
use super::{Findings, FramesError};
use crate::market::{BookLevels, Ticker};
use crate::record::journal::JournalFrames;
use crate::wire::frame::{self, Frame, Message};
use crate::wire::recorded::{RecordedLine, unwrap_line, written_ms};

/// The latest time that a recording can have, in milliseconds: the end of the year 9999, the last one that dates can express.
pub const TIME_MAX_MS: i64 = 253_402_207_200_000;
/// How far to look ahead for a time, in bytes.
const AHEAD_BYTES_MAX: usize = 64 << 20;
/// The most markets of a recording.
pub const MARKETS_MAX: usize = 20_000;

/// The meaning of a missing frame in a subscription that otherwise has every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holes {
    /// The recording is rejected. Not so a journal, since its session saw the gap too and requested a snapshot.
    Refused,
    /// The place is reported, and the books of the subscription are unknown until their next snapshot.
    Told,
    /// Gaps are ignored, and the frames are taken as they are.
    Ignored,
}

/// The meaning of a file that ends in the middle of a line, or of a compressed block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The recording is rejected.
    Refused,
    /// Everything before the cut is read, and the place is reported.
    Told,
}

/// How strictly recordings are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strictness {
    /// The meaning of missing frames.
    pub holes: Holes,
    /// The meaning of files that were cut.
    pub cut: Cut,
}

impl From<Holes> for Strictness {
    fn from(holes: Holes) -> Self {
        Self { holes, cut: Cut::Refused }
    }
}

/// A frame with its position in the recording.
#[derive(Clone, Copy, Debug)]
pub struct RecordedFrame<'a> {
    /// The index of its file.
    pub file: usize,
    /// The path of its file.
    pub path: &'a Path,
    /// Its line in the file, from 1.
    pub line: u64,
    /// Its own time, in milliseconds since the Unix epoch.
    pub stamped_ms: Option<i64>,
    /// When the recorder received it, in milliseconds since the Unix epoch, if the line says so.
    pub received_ms: Option<i64>,
    /// The parsed frame.
    pub frame: &'a Frame<'a>,
    /// The stretch of its subscription, within which no frame is known to be missing.
    pub stretch: u64,
    /// The stretch that ended because of it; books that began in that stretch are unknown now.
    pub ended: Option<u64>,
}

/// Reads frames files one after the other, and calls `take` with each frame, with the levels if it is a snapshot, and with
/// access to what follows.
///
/// # Errors
/// If a file can't be read, no file contains a frame, a line is not a frame, a time or a ticker is invalid, or, with
/// [`Holes::Refused`], a frame is missing; and any error of `take`.
pub fn read_recording<E: From<FramesError>>(
    paths: &[PathBuf],
    strictness: impl Into<Strictness>,
    mut take: impl FnMut(RecordedFrame<'_>, &BookLevels, &mut Ahead) -> Result<(), E>,
) -> Result<Findings, E> {
    let Strictness { holes, cut } = strictness.into();
    let mut reader = Reader {
        holes,
        cut,
        numbers: Numbers::new(holes == Holes::Ignored),
        findings: Findings::default(),
        held: Vec::new(),
        levels: BookLevels::default(),
        markets: std::collections::HashSet::new(),
    };
    for (file, path) in paths.iter().enumerate() {
        reader.file(file, path, &mut take)?;
    }
    if reader.findings.frames == 0 {
        return Err(FramesError::NoFrames { names: names(paths) }.into());
    }
    Ok(reader.findings)
}

/// The part of a file that has not been read yet.
pub struct Ahead {
    lines: Lines,
    waiting: VecDeque<Line>,
    /// Whether the frames of this file have no time but `ts`, as determined by the first frame that could have another.
    dated: Option<bool>,
}

impl Ahead {
    fn next(&mut self, line: &mut Line) -> Result<bool, FramesError> {
        match self.waiting.pop_front() {
            Some(next) => {
                *line = next;
                Ok(true)
            }
            None => self.lines.next(line),
        }
    }

    /// The time of the next frame that has one, without consuming any frame.
    ///
    /// # Errors
    /// As for [`read_recording`].
    pub fn next_time(&mut self) -> Result<Option<i64>, FramesError> {
        let mut levels = BookLevels::default();
        let mut bytes = 0;
        for at in 0.. {
            if at == self.waiting.len() {
                let mut line = Line::default();
                if bytes > AHEAD_BYTES_MAX || !self.lines.next(&mut line)? {
                    return Ok(None);
                }
                bytes += line.bytes.len();
                self.waiting.push_back(line);
            }
            let line = &self.waiting[at];
            let place = (self.lines.path(), line.number);
            let parts = unwrap_line(line.text()).map_err(|source| FramesError::frame(place, source))?;
            let frame = frame::parse(parts.frame, &mut levels).map_err(|source| FramesError::frame(place, source))?;
            let stamped_ms = stamped(&frame, &parts, &mut self.dated, place)?;
            if let Some(time_ms) = stamped_ms.or(parts.received_ms) {
                return Ok(Some(time_ms));
            }
        }
        Ok(None)
    }
}

struct Reader {
    holes: Holes,
    cut: Cut,
    numbers: Numbers,
    findings: Findings,
    /// Repeated snapshots, with subscription and number. What follows tells whether they are just repetitions, or begin a new
    /// subscription to a market in which nothing has happened.
    held: Vec<(u64, u64, Line)>,
    levels: BookLevels,
    markets: std::collections::HashSet<Ticker>,
}

impl Reader {
    fn file<E: From<FramesError>>(
        &mut self,
        file: usize,
        path: &Path,
        take: &mut impl FnMut(RecordedFrame<'_>, &BookLevels, &mut Ahead) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut ahead = Ahead { lines: Lines::open(path)?, waiting: VecDeque::new(), dated: None };
        let mut line = Line::default();
        let (mut connection, mut is_measured) = (None, self.holes == Holes::Ignored);
        self.numbers.begin_file();
        while self.next(&mut ahead, &mut line)? {
            let place = (path, line.number);
            let is_last = self.cut == Cut::Told && line.is_open();
            let parts = match unwrap_line(line.text()) {
                Err(_) if is_last => {
                    self.findings.cut(path, line.number);
                    break;
                }
                parts => parts.map_err(|source| FramesError::frame(place, source))?,
            };
            if let Some(received_ms) = parts.received_ms {
                check_time("recv_ms", received_ms, place)?;
            }
            match (connection, parts.connection) {
                (Some(newest), Some(older)) if older < newest => {
                    self.findings.outdated += 1;
                    continue;
                }
                (before, Some(newer)) if before != Some(newer) => {
                    connection = Some(newer);
                    self.numbers.begin_connection();
                }
                _ => {}
            }
            let frame = match frame::parse(parts.frame, &mut self.levels) {
                Err(_) if is_last => {
                    self.findings.cut(path, line.number);
                    break;
                }
                frame => frame.map_err(|source| FramesError::frame(place, source))?,
            };
            self.check_market(&frame, place)?;
            let stamped_ms = stamped(&frame, &parts, &mut ahead.dated, place)?;
            let (mut stretch, mut ended) = (0, None);
            if let Message::Subscribed { sid, .. } = frame.message {
                self.numbers.announce(sid);
            } else if let (Some(sid), Some(number)) = (frame.envelope.sid, frame.envelope.seq) {
                let hash = hash_of(parts.frame);
                let mut found = self.numbers.place(sid, number, &frame.message, hash);
                if matches!(found, Place::Hole { .. }) && !is_measured {
                    is_measured = true;
                    self.measure(path);
                    found = self.numbers.place(sid, number, &frame.message, hash);
                }
                if found == Place::Repeat {
                    self.repeat(sid, number, &frame.message, place, &line);
                    continue;
                }
                if self.begins_again(sid, number, found) {
                    self.numbers.forget(sid);
                    ahead.waiting.push_front(std::mem::take(&mut line));
                    for (_, _, held) in self.held.drain(..).rev() {
                        ahead.waiting.push_front(held);
                    }
                    continue;
                }
                self.drop_held(sid, path);
                self.tell(found, sid, number, place)?;
                (stretch, ended) = self.numbers.accept(sid, number, hash, found);
            }
            self.findings.frames += 1;
            let (line, received_ms) = (line.number, parts.received_ms);
            let recorded = RecordedFrame { file, path, line, stamped_ms, received_ms, frame: &frame, stretch, ended };
            take(recorded, &self.levels, &mut ahead)?;
        }
        for sid in self.held.iter().map(|(sid, ..)| *sid).collect::<Vec<_>>() {
            self.drop_held(sid, path);
        }
        Ok(())
    }

    /// Reads the next line. Returns false at the end of the file, or where it was cut.
    fn next(&mut self, ahead: &mut Ahead, line: &mut Line) -> Result<bool, FramesError> {
        match ahead.next(line) {
            Err(FramesError::Read { path, line, source })
                if self.cut == Cut::Told && source.kind() == ErrorKind::UnexpectedEof =>
            {
                self.findings.cut(&path, line);
                Ok(false)
            }
            next => next,
        }
    }

    fn check_market(&mut self, frame: &Frame<'_>, (path, line): (&Path, u64)) -> Result<(), FramesError> {
        let Some(ticker) = market_of(frame) else { return Ok(()) };
        let market =
            Ticker::new(ticker).map_err(|source| FramesError::Ticker { path: path.to_owned(), line, source })?;
        if self.markets.insert(market) && self.markets.len() > MARKETS_MAX {
            return Err(FramesError::TooManyMarkets { path: path.to_owned(), line, max: MARKETS_MAX });
        }
        Ok(())
    }

    /// Finds out which subscriptions of a file have gaps throughout. Read errors are reported when reading gets there.
    fn measure(&mut self, path: &Path) {
        let (mut density, mut line, mut levels) = (Density::default(), Line::default(), BookLevels::default());
        if let Ok(mut lines) = Lines::open(path) {
            while matches!(lines.next(&mut line), Ok(true)) {
                let Ok(parts) = unwrap_line(line.text()) else { break };
                let Ok(frame) = frame::parse(parts.frame, &mut levels) else { break };
                density.count(&frame);
            }
        }
        let scattered = density.scattered().collect();
        self.findings.scatter(path, &scattered);
        self.numbers.scatter(scattered);
    }

    /// Handles a repeated frame. A snapshot is held until it is known what follows.
    fn repeat(&mut self, sid: u64, number: u64, message: &Message<'_>, (path, line): (&Path, u64), bytes: &Line) {
        if matches!(message, Message::Snapshot(_)) {
            self.held.push((sid, number, bytes.clone()));
        } else {
            self.drop_held(sid, path);
            self.findings.repeat(path, line, sid, number);
        }
    }

    /// Whether the held snapshots were the start of a new subscription, which this frame continues.
    fn begins_again(&self, sid: u64, number: u64, found: Place) -> bool {
        let last = self.held.iter().rev().find(|(held, ..)| *held == sid);
        match found {
            Place::First => last.is_some(),
            Place::Back { .. } => last.is_some_and(|(_, last, _)| last.checked_add(1) == Some(number)),
            Place::Next | Place::Repeat | Place::Hole { .. } => false,
        }
    }

    /// Drops a subscription's held snapshots, which turned out to be repetitions.
    fn drop_held(&mut self, sid: u64, path: &Path) {
        while let Some(index) = self.held.iter().position(|(held, ..)| *held == sid) {
            let (sid, number, line) = self.held.remove(index);
            self.findings.repeat(path, line.number, sid, number);
        }
    }

    fn tell(&mut self, found: Place, sid: u64, number: u64, (path, line): (&Path, u64)) -> Result<(), FramesError> {
        let refused = self.holes == Holes::Refused && !JournalFrames::is_journal(path);
        match found {
            Place::Hole { expected } if refused => {
                return Err(FramesError::Sequence { path: path.to_owned(), line, sid, expected, found: number });
            }
            Place::Back { last } if refused => {
                let expected = last.saturating_add(1);
                return Err(FramesError::Sequence { path: path.to_owned(), line, sid, expected, found: number });
            }
            Place::Hole { expected } => self.findings.hole(path, line, sid, expected, number),
            Place::Back { last } => self.findings.back(path, line, sid, last, number),
            Place::Next | Place::First | Place::Repeat => {}
        }
        Ok(())
    }
}

/// The market that a book or trade frame is about.
fn market_of<'a>(frame: &Frame<'a>) -> Option<&'a str> {
    match &frame.message {
        Message::Snapshot(snapshot) => Some(snapshot.ticker),
        Message::Delta(delta) => Some(delta.ticker),
        Message::Trade(trade) => Some(trade.ticker),
        _ => None,
    }
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// A frame's own time, checked. For recordings from before frames had `ts_ms`, it is taken from `ts`.
fn stamped(
    frame: &Frame<'_>,
    parts: &RecordedLine<'_>,
    dated: &mut Option<bool>,
    place: (&Path, u64),
) -> Result<Option<i64>, FramesError> {
    let (own, can_be_dated) = match &frame.message {
        Message::Delta(delta) => (delta.ts_ms, true),
        Message::Trade(trade) => (trade.ts_ms, true),
        Message::Fill(fill) => (fill.ts_ms, false),
        _ => (None, false),
    };
    let sent = frame.envelope.sending_ts_ms;
    if can_be_dated && dated.is_none() {
        *dated = Some(own.or(sent).or(parts.received_ms).is_none());
    }
    if let Some(ts_ms) = own {
        return check_time("ts_ms", ts_ms, place).map(Some);
    }
    if let Some(sending_ts_ms) = sent {
        return check_time("sending_ts_ms", sending_ts_ms, place).map(Some);
    }
    if !can_be_dated || *dated != Some(true) {
        return Ok(None);
    }
    let written = written_ms(parts.frame).map_err(|source| FramesError::frame(place, source))?;
    written.map(|ts_ms| check_time("ts", ts_ms, place)).transpose()
}

/// Checks that a time is one that a frame can have.
pub(super) fn check_time(key: &'static str, time_ms: i64, (path, line): (&Path, u64)) -> Result<i64, FramesError> {
    if (1..=TIME_MAX_MS).contains(&time_ms) {
        Ok(time_ms)
    } else {
        Err(FramesError::Time { path: path.to_owned(), line, key, found: time_ms })
    }
}
