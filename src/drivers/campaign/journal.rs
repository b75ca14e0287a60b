//! The journals of a seed, one for each start: written during the run, torn where a crash ends it, and replayed up to
//! the tear. Only some seeds have them, since they double the cost.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use tempfile::TempDir;

use super::invariants::{Checked, hold};
use crate::decide::policy::Policy;
use crate::drivers::replay::replay;
use crate::record::journal::SegmentLimits;

/// One in this many seeds has journals.
const ONE_SEED_OF: u64 = 4;
/// Small segments, so that most journals have several.
pub(super) const LIMITS: SegmentLimits = SegmentLimits { segment_bytes: 2 << 20, total_bytes: 16 << 20 };

/// The journal of a start, in a temporary folder that is removed on drop.
#[derive(Debug)]
pub(super) struct StartJournal {
    folder: TempDir,
    /// Seeds the place at which a crash tears the journal.
    mark: u64,
}

impl StartJournal {
    /// Creates the folder for the journal of a start with this nonce, if the seed has journals. Builds with planted
    /// bugs have none, since a bug is active in one thread only and a replay has threads of its own.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub(super) fn of(seed: u64, mark: u64) -> io::Result<Option<Self>> {
        let has_one = seed % ONE_SEED_OF == ONE_SEED_OF / 2 && !cfg!(feature = "planted");
        has_one.then(|| Ok(Self { folder: tempfile::tempdir()?, mark })).transpose()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Tears the last segment somewhere in its second half, as a crash may.
    ///
    /// # Errors
    /// When the segment cannot be read or truncated.
    pub(super) fn tear(&self) -> io::Result<()> {
        let mut segments =
            fs::read_dir(self.folder())?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        segments.sort();
        let Some(last) = segments.last() else { return Ok(()) };
        let file = OpenOptions::new().write(true).open(last)?;
        let bytes = file.metadata()?.len();
        let torn_off = self.mark.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (bytes / 2).max(1);
        file.set_len(bytes - torn_off)
    }

    /// `journal_replays`: a replay of the recorded inputs gives the recorded outputs, up to the end or the tear, with
    /// the policy as it was at the start.
    pub(super) fn replays<P: Policy + Clone + Send + Sync>(&self, fresh: &P) -> Checked {
        match replay(self.folder(), true, |_| Ok(fresh.clone())) {
            Ok(replayed) => {
                let difference = replayed.difference();
                hold("journal_replays", difference.is_none(), || {
                    difference.map(ToString::to_string).unwrap_or_default()
                })
            }
            Err(error) => hold("journal_replays", false, || error.to_string()),
        }
    }
}
