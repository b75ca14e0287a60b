//! The record thread's part of the journal. It owns the reading ends of the byte rings and the files, and is not pinned, so it
//! takes the CPU time that the hot threads leave. A failing disk ends the journal and is reported to the caller; the
//! consequences for the session are not decided here.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::segments::{SegmentLimits, Segments};
use super::writer::{DrainEnds, JournalWriter, Shared};
use super::{Closing, Flags, HEAD_BYTES, Head, Kind, StageId};

/// How long the thread sleeps when every ring is empty.
const NAP: Duration = Duration::from_millis(1);
/// How long a record may wait before it is passed to the kernel.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// How long a record may wait before it is written through to the disk.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// The most bytes taken from one ring before it is the next one's turn.
const TURN_BYTES: usize = 1 << 20;

/// The outcome of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalReport {
    /// Bytes written, including those in deleted segments.
    pub bytes: u64,
    pub records: u64,
    /// Records lost because a ring had no room or the disk had failed.
    pub lost: u64,
    /// Segments begun, including deleted ones.
    pub segments: u64,
    /// Segments deleted to stay within the limit.
    pub segments_dropped: u64,
    /// The size at which the oldest segments are deleted, in bytes.
    pub bytes_max: u64,
    /// Whether what was kept of the session can be replayed.
    pub replayable: bool,
    /// The error with which the disk failed.
    pub error: Option<String>,
}

#[derive(Debug)]
pub struct JournalHandle {
    thread: JoinHandle<JournalReport>,
    shared: Arc<Shared>,
}

impl JournalHandle {
    /// Whether the thread has ended; while there are writers, it can only have panicked.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// The disk's error, if it has ended the journal.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.shared.problem.get().cloned()
    }

    /// Waits until every writer is dropped and everything is on disk.
    #[must_use]
    pub fn finish(self) -> JournalReport {
        self.thread.join().unwrap_or_else(|_| unfinished("the record thread panicked"))
    }

    /// Like [`JournalHandle::finish`], but waits no longer than until a deadline.
    #[must_use]
    pub fn finish_by(self, until: Instant) -> JournalReport {
        while !self.thread.is_finished() {
            if Instant::now() >= until {
                return unfinished("the record thread did not end in time");
            }
            std::thread::sleep(NAP);
        }
        self.finish()
    }
}

fn unfinished(error: &str) -> JournalReport {
    JournalReport { error: Some(error.to_owned()), ..JournalReport::default() }
}

/// Starts a journal in a folder that has none, with a ring of `ring_bytes` for each stage. `description` identifies the session
/// and must not contain secrets. The writers are returned in the order of `stages`.
///
/// # Errors
/// If the folder cannot be written or already contains a journal, or if no thread can be started.
pub fn start_journal<const N: usize>(
    folder: &Path,
    limits: SegmentLimits,
    description: &[u8],
    ring_bytes: usize,
    stages: [StageId; N],
) -> io::Result<([JournalWriter; N], JournalHandle)> {
    let (writers, scribe) = create_journal(folder, limits, description, ring_bytes, stages)?;
    let shared = Arc::clone(&scribe.shared);
    let thread = std::thread::Builder::new().name("record".to_owned()).spawn(move || scribe.run())?;
    Ok((writers, JournalHandle { thread, shared }))
}

/// Like [`start_journal`] without a thread: the caller gives the [`Scribe`] its turns.
///
/// # Errors
/// If the folder cannot be written or already contains a journal.
pub fn create_journal<const N: usize>(
    folder: &Path,
    limits: SegmentLimits,
    description: &[u8],
    ring_bytes: usize,
    stages: [StageId; N],
) -> io::Result<([JournalWriter; N], Scribe)> {
    let segments = Segments::create(folder, limits, description, &stages)?;
    let shared = Arc::new(Shared::default());
    let mut drains = Vec::with_capacity(N);
    let writers = stages.map(|stage| {
        let (writer, ends) = JournalWriter::new(stage, ring_bytes, Arc::clone(&shared));
        drains.push(Drain { stage, ends, bytes: Vec::with_capacity(2 * TURN_BYTES), over: false });
        writer
    });
    Ok((writers, Scribe { segments, limits, drains, shared, records: 0, failed: 0, error: None }))
}

/// One stage's ring, and the bytes taken from it that are not yet a complete record.
#[derive(Debug)]
struct Drain {
    stage: StageId,
    ends: DrainEnds,
    bytes: Vec<u8>,
    /// The writer was dropped and everything was taken.
    over: bool,
}

/// Moves records from the rings to the files.
#[derive(Debug)]
pub struct Scribe {
    segments: Segments,
    limits: SegmentLimits,
    drains: Vec<Drain>,
    shared: Arc<Shared>,
    records: u64,
    /// The number of records that could not be written.
    failed: u64,
    error: Option<String>,
}

impl Scribe {
    fn run(mut self) -> JournalReport {
        let (mut flushed, mut synced) = (Instant::now(), Instant::now());
        loop {
            let moved = self.turn();
            if self.is_over() {
                return self.close();
            }
            if synced.elapsed() >= SYNC_EVERY {
                let result = self.segments.sync();
                self.note(result);
                (flushed, synced) = (Instant::now(), Instant::now());
            } else if flushed.elapsed() >= FLUSH_EVERY {
                let result = self.segments.flush();
                self.note(result);
                flushed = Instant::now();
            }
            if !moved {
                std::thread::sleep(NAP);
            }
        }
    }

    /// Takes what is waiting in the rings, and requests checkpoints when the segment is nearly full. Returns whether there was
    /// anything to take.
    pub fn turn(&mut self) -> bool {
        // Checked before draining, so that what a writer wrote before it was dropped is still found.
        let gone: Vec<bool> = self.drains.iter().map(|drain| drain.ends.bytes.is_abandoned()).collect();
        let moved = self.drain_all();
        for (index, gone) in gone.into_iter().enumerate() {
            let drain = &mut self.drains[index];
            if gone && !drain.over && drain.ends.bytes.is_empty() {
                drain.over = true;
                let result = self.segments.ended(drain.stage);
                self.note(result);
            }
        }
        // Relaxed: see `JournalWriter::checkpoint_due`.
        self.shared.wanted_segment.store(self.segments.wanted(), Ordering::Relaxed);
        moved
    }

    /// Whether every writer was dropped and everything was taken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.drains.iter().all(|drain| drain.over)
    }

    /// Takes what is left and ends the journal. All writers must have been dropped.
    #[must_use]
    pub fn finish(mut self) -> JournalReport {
        while !self.is_over() && self.turn() {}
        self.close()
    }

    /// Returns whether there was anything to take.
    fn drain_all(&mut self) -> bool {
        let mut moved = false;
        for index in 0..self.drains.len() {
            let drain = &mut self.drains[index];
            let waiting = drain.ends.bytes.slots().min(TURN_BYTES);
            if waiting == 0 {
                continue;
            }
            moved = true;
            let chunk = drain.ends.bytes.read_chunk(waiting).expect("this many bytes were waiting");
            let (first, second) = chunk.as_slices();
            drain.bytes.extend_from_slice(first);
            drain.bytes.extend_from_slice(second);
            chunk.commit_all();
            self.write_whole_records(index);
        }
        moved
    }

    fn write_whole_records(&mut self, index: usize) {
        let mut bytes = std::mem::take(&mut self.drains[index].bytes);
        let mut at = 0;
        while let Some(head_bytes) = bytes[at..].first_chunk::<HEAD_BYTES>() {
            let head = Head::decode(head_bytes).expect("a writer encoded this head in this process");
            if head.kind == Kind::Checkpoint {
                self.write_checkpoint(index, head_bytes);
                at += HEAD_BYTES;
                continue;
            }
            let record_bytes = HEAD_BYTES + head.payload_bytes as usize;
            let Some(record) = bytes.get(at..at + record_bytes) else { break };
            let (head_bytes, payload) = record.split_at(HEAD_BYTES);
            self.append(|segments| segments.append(head.stage, head_bytes, payload));
            at += record_bytes;
        }
        bytes.drain(..at);
        self.drains[index].bytes = bytes;
    }

    /// Writes the checkpoint whose head was found; its body is waiting in a ring of its own.
    fn write_checkpoint(&mut self, index: usize, head: &[u8]) {
        let drain = &mut self.drains[index];
        let stage = drain.stage;
        let (begins, body) = drain.ends.checkpoints.pop().expect("a writer sends the body before the head");
        self.append(|segments| segments.append_checkpoint(stage, head, &body, begins));
        // If there is no room, the buffer is freed here, at no cost for the stage.
        let _ = self.drains[index].ends.returned.push(body);
    }

    fn append(&mut self, write: impl FnOnce(&mut Segments) -> io::Result<()>) {
        if self.error.is_some() {
            self.failed += 1;
            return;
        }
        let result = write(&mut self.segments);
        if result.is_ok() {
            self.records += 1;
        } else {
            self.failed += 1;
        }
        self.note(result);
    }

    /// The first error ends the journal, because nothing after a gap could be trusted.
    fn note(&mut self, result: io::Result<()>) {
        if let (Err(error), None) = (result, &self.error) {
            tracing::error!(%error, "the journal ends here: its disk failed");
            let problem = error.to_string();
            self.error = Some(problem.clone());
            // This thread is the only writer, and gets here once.
            self.shared.problem.get_or_init(|| problem);
        }
    }

    fn close(mut self) -> JournalReport {
        // Relaxed: the writers are gone, which was observed with acquire ordering.
        let lost = self.shared.lost.load(Ordering::Relaxed) + self.failed;
        let closing = Closing { lost, segments_dropped: self.segments.dropped(), replayable: lost == 0 };
        let payload = postcard::to_stdvec(&closing).expect("three plain fields can be encoded");
        let head = Head {
            payload_bytes: u32::try_from(payload.len()).expect("three plain fields are short"),
            stage: StageId::Journal,
            kind: Kind::Closing,
            flags: Flags::Output,
            number: 0,
            mono_ns: 0,
            session_ms: 0,
        };
        self.append(|segments| segments.append(StageId::Journal, &head.encode(), &payload));
        if self.error.is_none() {
            let result = self.segments.sync();
            self.note(result);
        }
        JournalReport {
            bytes: self.segments.written_bytes(),
            records: self.records,
            lost,
            segments: self.segments.begun(),
            segments_dropped: self.segments.dropped(),
            bytes_max: self.limits.total_bytes,
            replayable: closing.replayable && self.error.is_none(),
            error: self.error,
        }
    }
}
