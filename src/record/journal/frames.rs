//! A journal's public frames in the form of a frames file: one line `{"recv_ms":N,"connection":N,"event":{frame}}` per frame,
//! in the order in which the feed stage received them. Through this, whatever reads recordings can also read the journal of
//! a session.

use std::io::{self, BufRead, Read};
use std::path::Path;

use super::{Flags, JournalProblem, JournalReader, Kind, StageId, journal_of};

/// The length of the prefix of an incoming frame's bytes: its connection, and when it was read.
pub const FRAME_PREFIX_BYTES: usize = 12;

/// Reads a journal as the text of a frames file.
#[derive(Debug)]
pub struct JournalFrames {
    reader: JournalReader,
    line: Vec<u8>,
    at: usize,
}

impl JournalFrames {
    /// Whether a path is a journal (a folder, or a segment) rather than a frames file.
    #[must_use]
    pub fn is_journal(path: &Path) -> bool {
        path.is_dir() || path.extension().is_some_and(|extension| extension == "kaj")
    }

    /// Opens the journal in a session's folder, a journal's folder, or one segment.
    ///
    /// # Errors
    /// If there is no readable journal.
    pub fn open(path: &Path) -> io::Result<Self> {
        let reader = JournalReader::open(&journal_of(path)).map_err(io::Error::other)?;
        Ok(Self { reader, line: Vec::new(), at: 0 })
    }

    /// Builds the next frame's line; an empty one at the end of the journal, which may be where the session crashed.
    fn advance(&mut self) -> io::Result<()> {
        (self.at, self.line) = (0, Vec::new());
        loop {
            let record = match self.reader.next_record() {
                Ok(Some(record)) => record,
                Ok(None) => return Ok(()),
                Err(error) if matches!(error.problem, JournalProblem::TornTail) => return Ok(()),
                Err(error) => return Err(io::Error::other(error)),
            };
            if (record.stage, record.kind, record.flags) != (StageId::Feed, Kind::Frame, Flags::Input) {
                continue;
            }
            let Some((prefix, frame)) = record.payload.split_first_chunk::<FRAME_PREFIX_BYTES>() else { continue };
            let connection = u32::from_le_bytes([prefix[0], prefix[1], prefix[2], prefix[3]]);
            let received_ms = record.now.session_ms;
            let wrapped = format!("{{\"recv_ms\":{received_ms},\"connection\":{connection},\"event\":");
            self.line.extend_from_slice(wrapped.as_bytes());
            // A line break inside a frame is whitespace between its tokens.
            self.line.extend(frame.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }));
            self.line.extend_from_slice(b"}\n");
            return Ok(());
        }
    }
}

impl BufRead for JournalFrames {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.line.len() {
            self.advance()?;
        }
        Ok(&self.line[self.at..])
    }

    fn consume(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.line.len());
    }
}

impl Read for JournalFrames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let waiting = self.fill_buf()?;
        let bytes = waiting.len().min(buffer.len());
        buffer[..bytes].copy_from_slice(&waiting[..bytes]);
        self.consume(bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SegmentLimits, create_journal};
    use super::*;
    use crate::clock::Now;

    #[test]
    fn only_public_frames_become_lines_with_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let stages = [StageId::Feed, StageId::Reconcile];
        let session = folder.path().join("journal");
        let ([mut feed, mut reconcile], mut scribe) =
            create_journal(&session, SegmentLimits::default(), b"", 1 << 16, stages).unwrap();
        let at = |session_ms| Now { mono_ns: 1, session_ms };
        feed.checkpoint(at(1), &());
        feed.bytes(Kind::Frame, Flags::Input, at(1_000), &[0; FRAME_PREFIX_BYTES], b"{\"type\":\n\"ok\"}");
        feed.message(Kind::Frame, Flags::Output, at(1_001), &(1_u32, "{\"cmd\":1}"));
        reconcile.bytes(Kind::Frame, Flags::Input, at(1_002), &[0; FRAME_PREFIX_BYTES], b"{\"private\":1}");
        feed.bytes(Kind::Frame, Flags::Input, at(2_000), &[9; FRAME_PREFIX_BYTES], b"{}");
        drop((feed, reconcile));
        scribe.turn();
        assert!(scribe.finish().error.is_none());
        let expected = "{\"recv_ms\":1000,\"connection\":0,\"event\":{\"type\": \"ok\"}}\n\
                        {\"recv_ms\":2000,\"connection\":151587081,\"event\":{}}\n";
        for path in [folder.path().to_owned(), session.clone(), session.join("000000.kaj")] {
            assert!(JournalFrames::is_journal(&path));
            let mut text = String::new();
            JournalFrames::open(&path).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_folder_without_a_journal_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = JournalFrames::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&folder.path().display().to_string()), "{error}");
    }
}
