//! Journals: a folder whose segments are the input. If the first byte is even, the rest is the bytes of segments,
//! separated by `|||`. If it is odd, the rest is records that are given correct checksums, so that the code behind the
//! checksums is reached.

use std::io::BufRead;
use std::path::Path;

use kalshi_actor::messages::{
    AccountEvent, AccountNote, DecideToExecute, DecisionRecord, FeedToDecide, FeedToExecute, ReconcileToFeed,
};
use kalshi_actor::record::journal::{FORMAT_VERSION, JournalFrames, JournalProblem, JournalReader, Record, inspect};
use kalshi_actor::tape::{DecideInput, ExecuteInput, FeedInput, ReconcileInput, RequestRecord, recorded_frame};

const HEAD_BYTES: usize = 32;

pub fn run(data: &[u8]) {
    let Some((form, rest)) = data.split_first() else { return };
    let folder = tempfile::tempdir().expect("a folder for the journal");
    if form % 2 == 0 {
        let mut segments = Vec::new();
        let mut from = 0;
        while let Some(at) = rest[from..].windows(3).position(|window| window == b"|||") {
            segments.push(&rest[from..from + at]);
            from += at + 3;
        }
        segments.push(&rest[from..]);
        for (number, segment) in segments.into_iter().take(4).enumerate() {
            write(folder.path(), number, segment);
        }
    } else {
        let (first, second) = rest.split_at(rest.len() / 2);
        write(folder.path(), 0, &whole_segment(0, first));
        write(folder.path(), 1, &whole_segment(1, second));
    }
    read(folder.path());
}

fn write(folder: &Path, number: usize, segment: &[u8]) {
    std::fs::write(folder.join(format!("{number:06}.kaj")), segment).expect("the folder takes a file");
}

/// A segment with correct checksums, from pieces of the input as heads and payloads of records.
fn whole_segment(number: u32, mut pieces: &[u8]) -> Vec<u8> {
    let mut segment = b"KALSHIAJ".to_vec();
    segment.extend(FORMAT_VERSION.to_le_bytes());
    segment.extend(number.to_le_bytes());
    segment.extend(4u32.to_le_bytes());
    segment.extend(b"fuzz");
    segment.extend(crc32fast::hash(&segment).to_le_bytes());
    while let Some((&length, rest)) = pieces.split_first() {
        let (head, rest) = rest.split_at(rest.len().min(HEAD_BYTES - 4));
        let (payload, rest) = rest.split_at(rest.len().min(usize::from(length)));
        let begin = segment.len();
        segment.extend(u32::try_from(payload.len()).expect("a byte's worth").to_le_bytes());
        segment.extend(head);
        segment.resize(begin + HEAD_BYTES, 0);
        segment.extend(payload);
        segment.extend(crc32fast::hash(&segment[begin..]).to_le_bytes());
        pieces = rest;
    }
    segment
}

/// Reads to the end or to the first damage, after which nothing more may come.
fn read(folder: &Path) {
    let mut reader = match JournalReader::open(folder) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(error.to_string().contains("version") || error.to_string().contains("expected"), "{error}");
            return;
        }
    };
    let mut records = 0;
    loop {
        match reader.next_record() {
            Ok(Some(record)) => decode(&record),
            Ok(None) => break,
            Err(error) => {
                let length = std::fs::metadata(&error.segment).map_or(0, |file| file.len());
                let is_io = matches!(error.problem, JournalProblem::Io(_));
                assert!(is_io || error.offset <= length, "byte {} of {length}", error.offset);
                assert!(reader.next_record().is_ok_and(|record| record.is_none()), "nothing follows damage");
                break;
            }
        }
        records += 1;
    }
    let _ = (reader.missing(), reader.is_gapless(), reader.closing());
    let inspection = inspect(folder).expect("what can be opened can be inspected");
    assert_eq!(inspection.counts.values().sum::<u64>(), records, "an inspection counts what is read");
    let frames = JournalFrames::open(folder).expect("what can be opened can be played");
    assert!(frames.lines().map_while(Result::ok).count() as u64 <= records);
}

/// Decodes a payload as every kind of message and every input of a stage.
fn decode(record: &Record<'_>) {
    let (kind, payload) = (record.kind, record.payload);
    let _ = postcard::from_bytes::<FeedToDecide>(payload);
    let _ = postcard::from_bytes::<ReconcileToFeed>(payload);
    let _ = postcard::from_bytes::<FeedToExecute>(payload);
    let _ = postcard::from_bytes::<DecideToExecute>(payload);
    let _ = postcard::from_bytes::<AccountNote>(payload);
    let _ = postcard::from_bytes::<AccountEvent>(payload);
    let _ = postcard::from_bytes::<DecisionRecord<'_>>(payload);
    let _ = postcard::from_bytes::<RequestRecord<'_>>(payload);
    let _ = FeedInput::read(kind, payload);
    let _ = DecideInput::read(kind, payload);
    let _ = ExecuteInput::read(kind, payload);
    let _ = ReconcileInput::read(kind, payload);
    let _ = recorded_frame(payload);
}
