//! Loads the recordings for a session: frames files, and journals of earlier sessions with the market terms in them.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::exchange::recorded::Strictness;
use crate::exchange::recordings::{GivenResult, KnownTerms, Recordings, RecordingsError};
use crate::feed::FeedStage;
use crate::messages::{Listing, ReconcileToFeed};
use crate::record::journal::{Flags, JournalFrames, JournalProblem, JournalReader, Kind, StageId, journal_of};
use crate::tape::FeedInput;

/// Reads frames files and the journals of sessions: see [`Recordings::load`].
///
/// # Errors
/// When a file, record or journal cannot be read; the error names it.
pub fn load_recordings(
    paths: &[PathBuf],
    given: Option<GivenResult>,
    strictness: impl Into<Strictness>,
) -> Result<Recordings, RecordingsError> {
    Recordings::load(paths, given, strictness, &journal_terms(paths)?)
}

/// The market terms in the journals that are to be played.
fn journal_terms(paths: &[PathBuf]) -> Result<HashMap<String, KnownTerms>, RecordingsError> {
    let mut known = HashMap::new();
    for path in paths.iter().filter(|path| JournalFrames::is_journal(path)) {
        let mut reader = JournalReader::open(&journal_of(path))?;
        loop {
            let record = match reader.next_record() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) if matches!(error.problem, JournalProblem::TornTail) => break,
                Err(error) => return Err(error.into()),
            };
            match (record.stage, record.kind, record.flags) {
                (StageId::Feed, Kind::ReconcileToFeed, Flags::Input) => {
                    if let Ok(FeedInput::Reconcile(ReconcileToFeed::Listing(listing))) =
                        FeedInput::read(record.kind, record.payload)
                    {
                        known.extend([terms(&listing)]);
                    }
                }
                (StageId::Feed, Kind::Checkpoint, _) => {
                    // A checkpoint by another version of the stage cannot be read; its listings may follow later.
                    if let Ok(stage) = postcard::from_bytes::<FeedStage>(record.payload) {
                        known.extend(stage.listings().map(terms));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(known)
}

fn terms(listing: &Listing) -> (String, KnownTerms) {
    let terms = KnownTerms {
        bands: listing.bands,
        fees: listing.fees,
        exclusive: listing.exclusive,
        exchange_index: listing.exchange_index,
        close_ms: listing.close_time_ms,
    };
    (listing.ticker.as_str().to_owned(), terms)
}
