//! The lines of frames files. Files are opened according to their content; lines are bounded in length and numbered.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::FramesError;
use crate::record::journal::{JournalFrames, PAYLOAD_BYTES_MAX};

/// The longest line in bytes: a little more than the longest frame that a journal keeps, in its wrapper.
pub const LINE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + (64 << 10);

/// With more blank lines than this in a row, a file is not a recording.
const BLANK_LINES_MAX: u64 = 1_000_000;

/// The first bytes of a file compressed with zstd.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The first bytes of a file compressed with gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What some editors write before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Opens a frames file for reading. A file whose name ends in `.zst`, or that begins like one, is decompressed; for a
/// session's folder, a journal's folder or a segment, the public frames are read.
fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let kind = std::fs::metadata(path)?;
    if !kind.is_dir() && !kind.is_file() {
        let expected = "expected a file, a session's folder or a journal's segment, found a pipe, a socket or a device: \
                        a recording may have to be read twice";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, expected));
    }
    if JournalFrames::is_journal(path) {
        return Ok(Box::new(JournalFrames::open(path)?));
    }
    let mut file = BufReader::new(File::open(path)?);
    let is_named = path.extension().is_some_and(|extension| extension == "zst");
    let begin = file.fill_buf()?;
    if begin.starts_with(&GZIP) {
        let expected = "expected plain text or one compressed by zstd, found one compressed by gzip";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, expected));
    }
    Ok(if is_named || begin.starts_with(&ZSTD) {
        Box::new(BufReader::new(zstd::Decoder::with_buffer(file)?))
    } else {
        Box::new(file)
    })
}

/// A line and its number, from 1.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
}

impl Line {
    /// Whether the file ends before its line break.
    pub(super) fn is_open(&self) -> bool {
        !self.bytes.ends_with(b"\n")
    }

    /// The content of the line, without surrounding white space.
    pub(super) fn text(&self) -> &[u8] {
        self.bytes.trim_ascii()
    }
}

/// Reads a frames file line by line.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    number: u64,
}

impl Lines {
    /// Opens a file.
    ///
    /// # Errors
    /// If it can't be opened, or can't be read twice.
    pub(super) fn open(path: &Path) -> Result<Self, FramesError> {
        let reader = open(path).map_err(|source| FramesError::Open { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), reader, number: 0 })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the next line that is not blank. Returns false at the end.
    ///
    /// # Errors
    /// If the file can't be read further, the line is longer than [`LINE_BYTES_MAX`], or there are too many blank lines.
    pub(super) fn next(&mut self, line: &mut Line) -> Result<bool, FramesError> {
        for _ in 0..=BLANK_LINES_MAX {
            line.bytes.clear();
            self.number += 1;
            line.number = self.number;
            if !self.fill(&mut line.bytes)? {
                return Ok(false);
            }
            if self.number == 1 && line.bytes.starts_with(BYTE_ORDER_MARK) {
                line.bytes.drain(..BYTE_ORDER_MARK.len());
            }
            if !line.text().is_empty() {
                return Ok(true);
            }
        }
        Err(FramesError::Blank { path: self.path.clone(), line: self.number, max: BLANK_LINES_MAX })
    }

    /// Reads up to the next line break or the end. Returns false if nothing was left.
    fn fill(&mut self, bytes: &mut Vec<u8>) -> Result<bool, FramesError> {
        let (path, line) = (&self.path, self.number);
        loop {
            let found = match self.reader.fill_buf() {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(FramesError::Read { path: path.clone(), line, source }),
            };
            if found.is_empty() {
                return Ok(!bytes.is_empty());
            }
            let (length, ended) = memchr::memchr(b'\n', found).map_or((found.len(), false), |at| (at + 1, true));
            if bytes.len() + length > LINE_BYTES_MAX {
                return Err(FramesError::LineTooLong { path: path.clone(), line });
            }
            bytes.extend_from_slice(&found[..length]);
            self.reader.consume(length);
            if ended {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(path: &Path) -> Result<Vec<(u64, String)>, FramesError> {
        let (mut lines, mut line, mut found) = (Lines::open(path)?, Line::default(), Vec::new());
        while lines.next(&mut line)? {
            found.push((line.number, String::from_utf8_lossy(line.text()).into_owned()));
        }
        Ok(found)
    }

    #[test]
    fn lines_have_their_numbers_whatever_ends_them_and_blank_ones_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, "\u{feff}one\r\n\r\n  \n two \nthree").unwrap();
        let expected = [(1, "one".to_owned()), (4, "two".to_owned()), (5, "three".to_owned())];
        assert_eq!(lines(&path).unwrap(), expected);
        let packed = folder.path().join("packed");
        std::fs::write(&packed, zstd::encode_all(&*std::fs::read(&path).unwrap(), 1).unwrap()).unwrap();
        assert_eq!(lines(&packed).unwrap(), expected, "it is known by its first bytes");
    }

    #[test]
    fn an_endless_line_is_rejected_before_it_fills_the_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("endless.jsonl.zst");
        let mut encoder = zstd::Encoder::new(File::create(&path).unwrap(), 1).unwrap();
        encoder.write_all(b"{}\n").unwrap();
        let block = vec![b'x'; 1 << 20];
        for _ in 0..=LINE_BYTES_MAX >> 20 {
            encoder.write_all(&block).unwrap();
        }
        encoder.finish().unwrap();
        let error = lines(&path).unwrap_err().to_string();
        assert!(error.contains("endless.jsonl.zst, line 2: longer than"), "{error}");
    }

    #[test]
    fn endless_blank_lines_and_other_compressions_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blank.jsonl.zst");
        let blank = vec![b'\n'; usize::try_from(BLANK_LINES_MAX).unwrap() + 2];
        std::fs::write(&path, zstd::encode_all(&*blank, 1).unwrap()).unwrap();
        let error = lines(&path).unwrap_err().to_string();
        assert!(error.contains("blank.jsonl.zst, line 1000001: 1000000 blank lines"), "{error}");
        let path = folder.path().join("a.jsonl.gz");
        std::fs::write(&path, [0x1f, 0x8b, 8, 0]).unwrap();
        let error = lines(&path).unwrap_err().to_string();
        assert!(error.contains("a.jsonl.gz: expected plain text or one compressed by zstd"), "{error}");
    }

    #[test]
    fn something_that_is_not_a_file_is_rejected_without_waiting_for_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["pipe.jsonl", "pipe.jsonl.zst", "pipe.kaj"] {
            let path = folder.path().join(name);
            assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
            let error = lines(&path).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("expected a file"), "{error}");
        }
    }
}
