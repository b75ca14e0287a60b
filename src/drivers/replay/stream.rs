//! The records of one stage, in order, with one record of look-ahead.

use std::path::Path;

use crate::clock::Now;
use crate::record::journal::{Flags, JournalError, JournalProblem, JournalReader, Kind, StageId};

#[derive(Clone, Debug)]
pub(super) struct StageRecord {
    pub(super) kind: Kind,
    pub(super) flags: Flags,
    pub(super) number: u64,
    pub(super) segment: u32,
    pub(super) now: Now,
    pub(super) payload: Vec<u8>,
}

/// How the records end.
pub(super) enum StreamEnd {
    /// Where the journal does.
    Whole,
    /// Within a record, after a crash.
    Torn(JournalError),
}

pub(super) struct Stream {
    reader: JournalReader,
    stage: StageId,
    ahead: Option<StageRecord>,
    over: bool,
    torn: Option<JournalError>,
}

impl Stream {
    pub(super) fn open(path: &Path, stage: StageId) -> Result<Self, JournalError> {
        Ok(Self { reader: JournalReader::open(path)?, stage, ahead: None, over: false, torn: None })
    }

    pub(super) fn stage(&self) -> StageId {
        self.stage
    }

    /// The next record, without taking it.
    pub(super) fn peek(&mut self) -> Result<Option<&StageRecord>, JournalError> {
        if self.ahead.is_none() {
            self.ahead = self.read()?;
        }
        Ok(self.ahead.as_ref())
    }

    pub(super) fn next(&mut self) -> Result<Option<StageRecord>, JournalError> {
        match self.ahead.take() {
            Some(record) => Ok(Some(record)),
            None => self.read(),
        }
    }

    /// How the records ended, as far as they have been read.
    pub(super) fn end(mut self) -> StreamEnd {
        match self.torn.take().or_else(|| self.reader.take_torn()) {
            Some(torn) => StreamEnd::Torn(torn),
            None => StreamEnd::Whole,
        }
    }

    fn read(&mut self) -> Result<Option<StageRecord>, JournalError> {
        while !self.over {
            let record = match self.reader.next_record() {
                Ok(Some(record)) => record,
                Ok(None) => {
                    self.over = true;
                    break;
                }
                Err(error) if matches!(error.problem, JournalProblem::TornTail) => {
                    (self.over, self.torn) = (true, Some(error));
                    break;
                }
                Err(error) => return Err(error),
            };
            if record.stage == self.stage {
                let (kind, flags, number, now) = (record.kind, record.flags, record.number, record.now);
                let payload = record.payload.to_vec();
                let segment = self.reader.segment();
                return Ok(Some(StageRecord { kind, flags, number, segment, now, payload }));
            }
        }
        Ok(None)
    }
}
