//! Segments on disk: the files of one journal's folder while it is written, and their total size.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{CRC_BYTES, FORMAT_VERSION, MAGIC, StageId};

const BUFFER_BYTES: usize = 256 << 10;

/// Size limits of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLimits {
    /// The approximate size of a segment; checkpoints are requested at seven eighths of it.
    pub segment_bytes: u64,
    /// The total size above which the oldest segments are deleted. The newest is never deleted.
    pub total_bytes: u64,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, total_bytes: 4 << 30 }
    }
}

/// A segment is not ended before it is this many times larger than its checkpoints, however small its limit.
const CHECKPOINT_SHARE: u64 = 4;

pub(super) fn segment_name(number: u32) -> String {
    format!("{number:06}.kaj")
}

/// A file being written.
#[derive(Debug)]
struct Segment {
    file: BufWriter<File>,
    path: PathBuf,
    bytes: u64,
    checkpoint_bytes: u64,
}

/// The files of a journal being written.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    limits: SegmentLimits,
    description: Vec<u8>,
    /// The number of `current`.
    number: u32,
    current: Segment,
    /// The file of the stages that have written their requested checkpoint.
    next: Option<Segment>,
    /// Which stages have moved to `next`, and which write at all.
    moved: [bool; StageId::COUNT],
    writes: [bool; StageId::COUNT],
    closed: VecDeque<(PathBuf, u64)>,
    closed_bytes: u64,
    written_bytes: u64,
    dropped: u64,
}

impl Segments {
    /// Starts a journal of these stages in a folder, which is created if needed.
    ///
    /// # Errors
    /// If the folder cannot be written or already contains a journal.
    pub(super) fn create(
        folder: &Path,
        limits: SegmentLimits,
        description: &[u8],
        stages: &[StageId],
    ) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let current = open_segment(folder, 0, description)?;
        let mut writes = [false; StageId::COUNT];
        for stage in stages {
            writes[*stage as usize] = true;
        }
        Ok(Self {
            folder: folder.to_owned(),
            limits,
            description: description.to_owned(),
            number: 0,
            written_bytes: current.bytes,
            current,
            next: None,
            moved: [false; StageId::COUNT],
            writes,
            closed: VecDeque::new(),
            closed_bytes: 0,
            dropped: 0,
        })
    }

    /// The segment that the stages should move to, once this one is nearly full.
    pub(super) fn wanted(&self) -> u32 {
        let full = self.current.bytes >= self.limits.segment_bytes / 8 * 7
            && self.current.bytes >= self.current.checkpoint_bytes.saturating_mul(CHECKPOINT_SHARE);
        self.number + u32::from(self.next.is_some() || full)
    }

    /// Appends a stage's record: head, payload and checksum.
    ///
    /// # Errors
    /// If writing fails.
    pub(super) fn append(&mut self, stage: StageId, head: &[u8], payload: &[u8]) -> io::Result<()> {
        let segment = match &mut self.next {
            Some(next) if self.moved[stage as usize] => next,
            _ => &mut self.current,
        };
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(head);
        checksum.update(payload);
        segment.file.write_all(head)?;
        segment.file.write_all(payload)?;
        segment.file.write_all(&checksum.finalize().to_le_bytes())?;
        let bytes = (head.len() + payload.len() + CRC_BYTES) as u64;
        segment.bytes += bytes;
        self.written_bytes += bytes;
        Ok(())
    }

    /// Appends a stage's checkpoint, which begins its part of segment `begins`. If that is the next segment, the stage moves on.
    ///
    /// # Errors
    /// If writing fails.
    pub(super) fn append_checkpoint(
        &mut self,
        stage: StageId,
        head: &[u8],
        payload: &[u8],
        begins: u32,
    ) -> io::Result<()> {
        if begins > self.number && !self.moved[stage as usize] {
            if self.next.is_none() {
                self.make_room()?;
                let next = open_segment(&self.folder, self.number + 1, &self.description)?;
                self.written_bytes += next.bytes;
                self.next = Some(next);
            }
            // The stage's earlier records reach the kernel before any of its records in the next file do.
            self.current.file.flush()?;
            self.moved[stage as usize] = true;
        }
        self.append(stage, head, payload)?;
        let segment = self.next.as_mut().filter(|_| self.moved[stage as usize]).unwrap_or(&mut self.current);
        segment.checkpoint_bytes += payload.len() as u64;
        self.close_if_left()
    }

    /// A stage has stopped writing, so its checkpoint is no longer waited for.
    ///
    /// # Errors
    /// If writing fails.
    pub(super) fn ended(&mut self, stage: StageId) -> io::Result<()> {
        self.writes[stage as usize] = false;
        self.close_if_left()
    }

    /// Closes the older of two open segments once every stage has left it.
    fn close_if_left(&mut self) -> io::Result<()> {
        let left = (0..StageId::COUNT).all(|stage| self.moved[stage] || !self.writes[stage]);
        if !left {
            return Ok(());
        }
        let Some(next) = self.next.take() else { return Ok(()) };
        let mut old = std::mem::replace(&mut self.current, next);
        self.number += 1;
        self.moved = [false; StageId::COUNT];
        old.file.flush()?;
        old.file.get_ref().sync_data()?;
        self.closed_bytes += old.bytes;
        self.closed.push_back((old.path, old.bytes));
        Ok(())
    }

    /// Deletes the oldest segments, so that the one being started can grow to its full size.
    fn make_room(&mut self) -> io::Result<()> {
        while self.closed_bytes + self.current.bytes + self.limits.segment_bytes > self.limits.total_bytes {
            let Some((path, bytes)) = self.closed.pop_front() else { break };
            fs::remove_file(path)?;
            self.closed_bytes -= bytes;
            self.dropped += 1;
        }
        Ok(())
    }

    /// Passes everything to the kernel, which protects it from the end of this process but not of the machine.
    ///
    /// # Errors
    /// If writing fails.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.current.file.flush()?;
        self.next.as_mut().map_or(Ok(()), |next| next.file.flush())
    }

    /// Writes everything through to the disk.
    ///
    /// # Errors
    /// If writing fails.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.current.file.get_ref().sync_data()?;
        self.next.as_ref().map_or(Ok(()), |next| next.file.get_ref().sync_data())
    }

    /// Bytes written, including those in deleted segments.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Segments begun, including deleted ones.
    pub(super) fn begun(&self) -> u64 {
        u64::from(self.number) + 1 + u64::from(self.next.is_some())
    }

    /// Segments deleted to stay within the limit.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn open_segment(folder: &Path, number: u32, description: &[u8]) -> io::Result<Segment> {
    let path = folder.join(segment_name(number));
    // A journal is never overwritten: it may be all that is left of a session.
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
    Ok(Segment { file, path, bytes: header.len() as u64, checkpoint_bytes: 0 })
}
