//! A session's decisions, read back from its journal as JSON lines.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use thiserror::Error;

use super::journal::{JournalError, JournalReader, Kind, StageId, journal_of};
use crate::market::{MarketKey, Price, Ticker};
use crate::messages::{DecisionRecord, FeedToDecide};

/// Why a session's decisions cannot be written.
#[derive(Debug, Error)]
pub enum DecisionsError {
    /// The journal cannot be read, or only in part.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The payload of a record is not what its kind says.
    #[error("journal record {number} of the decide stage is not a valid {expected}: {reason}")]
    Record {
        /// The record's number within the stage.
        number: u64,
        /// What the payload should be.
        expected: &'static str,
        /// Why it is not.
        reason: String,
    },
    /// The output failed.
    #[error("cannot write the decisions: {0}")]
    Write(#[from] std::io::Error),
}

/// One line of the output.
#[derive(Serialize)]
struct Line<'a> {
    ts_ms: i64,
    market: Option<&'a str>,
    /// The id of the policy's choice among the five actions, if it chooses among them.
    action: Option<u8>,
    /// Why a wanted order led to no intent.
    withheld: Option<&'a str>,
    /// The limit of the wanted order, as a YES price.
    price: Option<Price>,
    logits: Option<&'a [f32]>,
    observation: &'a [f32],
}

/// Writes one JSON line for each decision of the session in folder `session`, in the order in which they were taken, and
/// returns their number.
///
/// # Errors
/// If the journal is missing or damaged (decisions before the damage will have been written), or if writing fails.
pub fn write_decisions(session: &Path, output: &mut impl Write) -> Result<u64, DecisionsError> {
    let mut reader = JournalReader::open(&journal_of(session))?;
    let mut tickers: BTreeMap<MarketKey, Ticker> = BTreeMap::new();
    let mut count = 0;
    while let Some(record) = reader.next_record()? {
        if record.stage != StageId::Decide {
            continue;
        }
        let number = record.number;
        let bad = |expected| {
            move |error: postcard::Error| DecisionsError::Record { number, expected, reason: error.to_string() }
        };
        match record.kind {
            Kind::FeedToDecide => {
                let message = postcard::from_bytes(record.payload).map_err(bad("FeedToDecide"))?;
                if let FeedToDecide::Listed(_, listing) = message {
                    tickers.insert(listing.market, listing.ticker);
                }
            }
            Kind::Decision => {
                let decision: DecisionRecord<'_> =
                    postcard::from_bytes(record.payload).map_err(bad("DecisionRecord"))?;
                let line = Line {
                    ts_ms: decision.time_ms,
                    market: tickers.get(&decision.market).map(Ticker::as_str),
                    action: decision.action.map(|action| action as u8),
                    withheld: decision.withheld.map(crate::messages::Skip::as_str),
                    price: decision.price,
                    logits: decision.logits.as_ref().map(<[f32; 5]>::as_slice),
                    observation: &decision.observation,
                };
                serde_json::to_writer(&mut *output, &line).map_err(std::io::Error::from)?;
                output.write_all(b"\n")?;
                count += 1;
            }
            _ => {}
        }
    }
    Ok(count)
}
