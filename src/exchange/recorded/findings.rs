//! Irregularities of a recording: what occurs twice, what is missing and where, and what does not fit.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How many places of each kind are reported.
const PLACES_MAX: u64 = 10;

/// The counts of irregularities, and the first places of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The number of frames read.
    pub frames: u64,
    /// Frames that occurred before, on the same connection and subscription and with the same number. They were dropped.
    pub repeats: u64,
    /// Places with missing numbers, in subscriptions that otherwise have every number.
    pub holes: u64,
    /// How many frames are missing there, by their numbers.
    pub missing: u64,
    /// Frames with a lower number than the one before that do not begin a subscription.
    pub out_of_order: u64,
    /// Frames of a connection after the first frame of the next connection. They were dropped.
    pub outdated: u64,
    /// Frames with an earlier time than their market had reached. They count as of that time.
    pub earlier: u64,
    /// Changes rejected by a book: a level would become negative, or can't exist.
    pub refused: u64,
    /// Changes of books without a snapshot since the start, since a missing frame, or since a rejected change.
    pub unusable: u64,
    /// Files that end in the middle of a line or of a compressed block. Everything before that was read.
    #[serde(default)]
    pub cut: u64,
    /// The subscriptions with gaps throughout, because other markets share them.
    pub scattered: BTreeSet<u64>,
    /// Descriptions of the first places of each kind.
    pub places: Vec<String>,
}

impl Findings {
    fn tell(&mut self, count: u64, path: &Path, line: u64, what: fmt::Arguments<'_>) {
        if count <= PLACES_MAX {
            self.places.push(format!("{}, line {line}: {what}", path.display()));
        }
    }

    pub(super) fn repeat(&mut self, path: &Path, line: u64, sid: u64, number: u64) {
        self.repeats += 1;
        self.tell(self.repeats, path, line, format_args!("sid {sid} seq {number} is repeated: the frame is dropped"));
    }

    pub(super) fn hole(&mut self, path: &Path, line: u64, sid: u64, expected: u64, found: u64) {
        self.holes += 1;
        self.missing = self.missing.saturating_add(found - expected);
        self.tell(
            self.holes,
            path,
            line,
            format_args!(
                "sid {sid} continues with seq {found}, expected {expected}: its books count as unknown until their next \
                 snapshot"
            ),
        );
    }

    pub(super) fn back(&mut self, path: &Path, line: u64, sid: u64, last: u64, found: u64) {
        self.out_of_order += 1;
        self.tell(
            self.out_of_order,
            path,
            line,
            format_args!(
                "sid {sid} goes back from seq {last} to {found}: its books count as unknown until their next snapshot"
            ),
        );
    }

    pub(super) fn cut(&mut self, path: &Path, line: u64) {
        self.cut += 1;
        self.tell(self.cut, path, line, format_args!("the file was cut here: everything before was read"));
    }

    /// A market's time runs backwards.
    pub fn earlier(&mut self, path: &Path, line: u64, market: &str, by_ms: i64) {
        self.earlier += 1;
        self.tell(
            self.earlier,
            path,
            line,
            format_args!("{market}: {by_ms} ms earlier than a frame before it: it counts as of the later time"),
        );
    }

    /// A book rejected a change.
    pub fn refused(&mut self, path: &Path, line: u64, market: &str, why: &dyn fmt::Display) {
        self.refused += 1;
        self.tell(
            self.refused,
            path,
            line,
            format_args!("{market}: {why}: the book counts as unknown until its next snapshot"),
        );
    }

    pub(super) fn scatter(&mut self, path: &Path, sids: &BTreeSet<u64>) {
        for sid in sids.iter().filter(|sid| !self.scattered.contains(sid)) {
            self.places.push(format!(
                "{}: the numbers of sid {sid} have gaps throughout, as if other markets shared the subscription: lost frames \
                 can't be distinguished from theirs",
                path.display()
            ));
        }
        self.scattered.extend(sids);
    }

    /// Adds the findings of another recording.
    pub fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.repeats += other.repeats;
        self.holes += other.holes;
        self.missing = self.missing.saturating_add(other.missing);
        self.out_of_order += other.out_of_order;
        self.outdated += other.outdated;
        self.earlier += other.earlier;
        self.refused += other.refused;
        self.unusable += other.unusable;
        self.cut += other.cut;
        self.scattered.extend(other.scattered);
        self.places.extend(other.places);
    }
}

/// Prints all counts in one line.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, repeats, holes, missing, out_of_order, outdated, earlier, refused, unusable, cut, .. } =
            self;
        write!(
            f,
            "{frames} frames; {repeats} repeated and dropped, {missing} missing in {holes} places, {out_of_order} out of \
             order, {outdated} of closed connections, {earlier} earlier than their market's time, {refused} changes \
             refused, {unusable} changes of unknown books"
        )?;
        if *cut > 0 {
            write!(f, "; {cut} files were cut")?;
        }
        Ok(())
    }
}
