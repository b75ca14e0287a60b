//! The record thread's part in the journal. Owns the reading ends of the byte rings and the files; unpinned, so that it
//! takes what the hot threads leave of the machine. Trouble with the disk ends the journal and is told to whoever asks; what
//! becomes of the session is not decided here.

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
/// How long a record may wait before it is handed to the kernel.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// How long before it is handed to the disk.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// The most that is taken from one ring before the next has its turn.
const TURN_BYTES: usize = 1 << 20;

/// What became of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalReport {
    /// Bytes written, deleted segments included.
    pub bytes: u64,
    /// Records written.
    pub records: u64,
    /// Records lost: no room in a ring, or no disk to write on.
    pub lost: u64,
    /// Segments begun, deleted ones included.
    pub segments: u64,
    /// Segments deleted to stay within the limit.
    pub segments_dropped: u64,
    /// The most bytes that are kept, which is when the oldest segments are deleted.
    pub bytes_max: u64,
    /// Whether what was kept of the session can be replayed.
    pub replayable: bool,
    /// What the disk said when it failed.
    pub error: Option<String>,
}

/// The running record thread.
#[derive(Debug)]
pub struct JournalHandle {
    thread: JoinHandle<JournalReport>,
    shared: Arc<Shared>,
}

impl JournalHandle {
    /// Whether the thread has ended: by a panic, while there are writers.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// What the disk said, when nothing is written any more.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.shared.problem.get().cloned()
    }

    /// Waits until every writer is dropped and everything is on disk.
    #[must_use]
    pub fn finish(self) -> JournalReport {
        self.thread.join().unwrap_or_else(|_| unfinished("the record thread panicked"))
    }

    /// As [`JournalHandle::finish`], but not longer than until then.
    #[must_use]
    pub fn finish_by(self, until: Instant) -> JournalReport {
        while !self.thread.is_finished() {
            if Instant::now() >= until {
                return unfinished("the record thread does not end");
            }
            std::thread::sleep(NAP);
        }
        self.finish()
    }
}

fn unfinished(error: &str) -> JournalReport {
    JournalReport { error: Some(error.to_owned()), ..JournalReport::default() }
}

/// Starts a journal in a folder that has none, with a ring of `ring_bytes` for each stage. `description` says what
/// session this is and must hold no secret. The writers come back in the order of `stages`.
///
/// # Errors
/// When the folder cannot be written or has a journal already, or when no thread can be started.
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

/// As [`start_journal`], without a thread: the caller gives the [`Scribe`] its turns.
///
/// # Errors
/// When the folder cannot be written or has a journal already.
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

/// One stage's ring, and the bytes that were taken from it but make no whole record yet.
#[derive(Debug)]
struct Drain {
    stage: StageId,
    ends: DrainEnds,
    bytes: Vec<u8>,
    /// Its writer is gone and everything was taken.
    over: bool,
}

/// What moves records from the rings to the files.
#[derive(Debug)]
pub struct Scribe {
    segments: Segments,
    limits: SegmentLimits,
    drains: Vec<Drain>,
    shared: Arc<Shared>,
    records: u64,
    /// Records that the disk refused.
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

    /// Takes what waits in the rings and asks for checkpoints when the segment is nearly full. Whether there was
    /// anything.
    pub fn turn(&mut self) -> bool {
        // Asked before draining: what was written before a writer went is still found.
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

    /// Whether every writer is gone and everything was taken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.drains.iter().all(|drain| drain.over)
    }

    /// Takes what is left and ends the journal. The writers have been dropped.
    #[must_use]
    pub fn finish(mut self) -> JournalReport {
        while !self.is_over() && self.turn() {}
        self.close()
    }

    /// Whether there was anything.
    fn drain_all(&mut self) -> bool {
        let mut moved = false;
        for index in 0..self.drains.len() {
            let drain = &mut self.drains[index];
            let waiting = drain.ends.bytes.slots().min(TURN_BYTES);
            if waiting == 0 {
                continue;
            }
            moved = true;
            let chunk = drain.ends.bytes.read_chunk(waiting).expect("that many bytes were seen waiting");
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

    /// Writes the checkpoint whose head was found; its body waits in a ring of its own.
    fn write_checkpoint(&mut self, index: usize, head: &[u8]) {
        let drain = &mut self.drains[index];
        let stage = drain.stage;
        let (begins, body) = drain.ends.checkpoints.pop().expect("a writer sends the body before the head");
        self.append(|segments| segments.append_checkpoint(stage, head, &body, begins));
        // Without room the buffer is freed here, which costs the stage nothing.
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

    /// The first trouble ends the journal: what came after a hole could not be trusted.
    fn note(&mut self, result: io::Result<()>) {
        if let (Err(error), None) = (result, &self.error) {
            tracing::error!(%error, "the journal ends here: its disk failed");
            let problem = error.to_string();
            self.error = Some(problem.clone());
            // This is the only writer, and it gets here once.
            self.shared.problem.get_or_init(|| problem);
        }
    }

    fn close(mut self) -> JournalReport {
        // Relaxed: the writers are gone, and their going was seen with acquire.
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
