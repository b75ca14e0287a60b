//! Segments on disk. Owns the files of one journal's folder while it is written, and their total size.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{CRC_BYTES, FORMAT_VERSION, MAGIC};

const BUFFER_BYTES: usize = 256 << 10;

/// How large a journal may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLimits {
    /// A segment ends when the next record would make it larger.
    pub segment_bytes: u64,
    /// The oldest segments are deleted when all together would be larger. The newest is never deleted.
    pub total_bytes: u64,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, total_bytes: 4 << 30 }
    }
}

/// The file name of a segment.
pub(super) fn segment_name(number: u32) -> String {
    format!("{number:06}.kaj")
}

/// The files of a journal that is being written.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    limits: SegmentLimits,
    description: Vec<u8>,
    file: BufWriter<File>,
    number: u32,
    file_bytes: u64,
    closed: VecDeque<(PathBuf, u64)>,
    closed_bytes: u64,
    written_bytes: u64,
    dropped: u64,
}

impl Segments {
    /// Starts a journal in a folder, which is made if needed.
    ///
    /// # Errors
    /// When the folder cannot be written or already has a journal.
    pub(super) fn create(folder: &Path, limits: SegmentLimits, description: &[u8]) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (file, file_bytes) = open_segment(folder, 0, description)?;
        Ok(Self {
            folder: folder.to_owned(),
            limits,
            description: description.to_owned(),
            file,
            number: 0,
            file_bytes,
            closed: VecDeque::new(),
            closed_bytes: 0,
            written_bytes: file_bytes,
            dropped: 0,
        })
    }

    /// Appends a record, head and payload, and its checksum.
    ///
    /// # Errors
    /// What the disk said.
    pub(super) fn append(&mut self, record: &[u8]) -> io::Result<()> {
        let bytes = (record.len() + CRC_BYTES) as u64;
        if self.file_bytes + bytes > self.limits.segment_bytes && self.file_bytes > self.header_bytes() {
            self.rotate()?;
        }
        self.file.write_all(record)?;
        self.file.write_all(&crc32fast::hash(record).to_le_bytes())?;
        self.file_bytes += bytes;
        self.written_bytes += bytes;
        Ok(())
    }

    /// Hands everything to the kernel: it survives the end of this process, not that of the machine.
    ///
    /// # Errors
    /// What the disk said.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Hands everything to the disk.
    ///
    /// # Errors
    /// What the disk said.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_data()
    }

    /// Bytes written, deleted segments included.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Segments deleted to stay within the limit.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn header_bytes(&self) -> u64 {
        header_bytes(&self.description)
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.sync()?;
        self.closed.push_back((self.folder.join(segment_name(self.number)), self.file_bytes));
        self.closed_bytes += self.file_bytes;
        self.number += 1;
        (self.file, self.file_bytes) = open_segment(&self.folder, self.number, &self.description)?;
        self.written_bytes += self.file_bytes;
        // The new segment may grow to its full size before this is looked at again.
        while self.closed_bytes + self.limits.segment_bytes > self.limits.total_bytes {
            let Some((path, bytes)) = self.closed.pop_front() else { break };
            fs::remove_file(path)?;
            self.closed_bytes -= bytes;
            self.dropped += 1;
        }
        Ok(())
    }
}

fn header_bytes(description: &[u8]) -> u64 {
    (MAGIC.len() + 12 + description.len() + CRC_BYTES) as u64
}

fn open_segment(folder: &Path, number: u32, description: &[u8]) -> io::Result<(BufWriter<File>, u64)> {
    let path = folder.join(segment_name(number));
    // A journal is never overwritten: it may be the only memory of a session.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
    let mut header = Vec::new();
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    header.extend_from_slice(&number.to_le_bytes());
    header.extend_from_slice(&u32::try_from(description.len()).map_err(io::Error::other)?.to_le_bytes());
    header.extend_from_slice(description);
    header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
    file.write_all(&header)?;
    Ok((file, header.len() as u64))
}
