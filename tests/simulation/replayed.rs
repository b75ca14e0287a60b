//! Replays of recorded sessions: nothing differs, each segment can be replayed alone, and later changes are found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kalshi_actor::decide::policy::{AnyPolicy, PolicySpec};
use kalshi_actor::drivers::replay::{Difference, Replay, ReplayError, replay};
use kalshi_actor::drivers::simulation::FaultRates;
use kalshi_actor::record::journal::{Flags, JournalReader, Kind, SegmentLimits, StageId, inspect};
use tempfile::TempDir;

use crate::support::{Plan, START_MS, Simulation};

/// Replays a session of a built-in policy, and compares everything.
fn verify(path: &Path, model: Option<&Path>) -> Result<Replay, ReplayError> {
    replay(path, true, |record| AnyPolicy::recorded(record, model).map_err(|error| error.to_string()))
}

/// One segment for the whole of a short session.
const WHOLE: SegmentLimits = SegmentLimits { segment_bytes: 1 << 30, total_bytes: 1 << 32 };

fn session(policy: PolicySpec, seed: u64, seconds: i64, limits: SegmentLimits, faults: FaultRates) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut simulation =
        Plan::generated(policy, seed).start_journaled(&folder.path().join("journal"), limits, (seed, faults));
    simulation.run_until(START_MS + seconds * 1_000);
    finish(simulation);
    folder
}

fn finish<P: kalshi_actor::decide::policy::Policy>(mut simulation: Simulation<P>) {
    simulation.end_network_faults();
    simulation.stop(60_000);
    let report = simulation.end_journal().unwrap();
    assert!(report.replayable, "{report:?}");
}

fn assert_no_difference(path: &Path) -> Replay {
    let replayed = verify(path, None).unwrap();
    if let Some(difference) = replayed.difference() {
        panic!("{}: {difference}", path.display());
    }
    replayed
}

#[test]
fn a_session_of_each_policy_replays_without_a_difference() {
    for (policy, seed) in [(PolicySpec::Maker, 3), (PolicySpec::Onnx, 4)] {
        let folder = session(policy, seed, 90, WHOLE, FaultRates::none());
        let replayed = assert_no_difference(folder.path());
        assert_eq!(replayed.stages.len(), 4);
        assert!(replayed.stages.iter().all(|stage| stage.ended && stage.checkpoints == 1 && stage.inputs > 50));
        let sent: BTreeSet<Kind> = replayed.stages.iter().flat_map(|stage| stage.outputs.keys().copied()).collect();
        for kind in
            [Kind::FeedToDecide, Kind::Tops, Kind::Decision, Kind::DecideToExecute, Kind::Request, Kind::FeedToExecute]
        {
            assert!(sent.contains(&kind), "{kind:?}");
        }
        for kind in
            [Kind::AccountNote, Kind::Ledger, Kind::ExecuteToReconcile, Kind::AccountEvent, Kind::ReconcileToFeed]
        {
            assert!(sent.contains(&kind), "{kind:?}");
        }
        assert!(replayed.decide.unwrap().decisions > 500 && replayed.execute.unwrap().counters().fills > 5);
    }
}

#[test]
fn sessions_under_network_faults_replay_without_a_difference_as_a_whole_and_segment_by_segment() {
    let limits = SegmentLimits { segment_bytes: 1 << 20, total_bytes: 1 << 32 };
    let mut segments = 0;
    for seed in 10..12 {
        let folder = session(PolicySpec::Maker, seed, 240, limits, FaultRates::bad_day());
        let whole = assert_no_difference(folder.path());
        assert!(whole.stages.iter().all(|stage| stage.checkpoints > 1), "each stage was restored on the way");
        for number in whole.segments.0..=whole.segments.1 {
            let alone = assert_no_difference(&folder.path().join("journal").join(format!("{number:06}.kaj")));
            assert_eq!(alone.stages.len(), 4, "segment {number}");
            segments += 1;
        }
    }
    assert!(segments >= 4, "{segments} segments");
}

#[test]
fn what_is_left_when_the_oldest_segments_were_dropped_replays() {
    let limits = SegmentLimits { segment_bytes: 1 << 20, total_bytes: 2 << 20 };
    let folder = session(PolicySpec::Maker, 21, 300, limits, FaultRates::none());
    let replayed = assert_no_difference(folder.path());
    assert!(replayed.segments.0 > 0);
    let found = inspect(folder.path()).unwrap();
    assert!(found.obstacle().is_none() && found.closing.unwrap().segments_dropped > 0);
}

#[test]
fn a_crash_leaves_a_journal_that_replays_to_its_last_record() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let mut simulation =
        Plan::generated(PolicySpec::Maker, 5).start_journaled(&journal, WHOLE, (5, FaultRates::none()));
    simulation.run_until(START_MS + 30_000);
    drop(simulation);
    let segment = journal.join("000000.kaj");
    let bytes = fs::read(&segment).unwrap();
    for cut in [bytes.len(), bytes.len() - 3, bytes.len() / 2, bytes.len() / 3 + 7] {
        fs::write(&segment, &bytes[..cut]).unwrap();
        let replayed = assert_no_difference(folder.path());
        assert!(replayed.stages.iter().all(|stage| !stage.ended));
        assert!(replayed.outputs() > 100);
    }
}

/// The position of a record in its segment, and its stage and kind.
struct Place {
    stage: StageId,
    kind: Kind,
    flags: Flags,
    number: u64,
    at: usize,
    payload_bytes: usize,
}

const HEAD_BYTES: usize = 32;
const CRC_BYTES: usize = 4;

fn places(segment: &Path, bytes: &[u8]) -> Vec<Place> {
    let mut reader = JournalReader::open(segment).unwrap();
    let mut at = 20 + reader.description().len() + CRC_BYTES;
    let mut places = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        let payload_bytes = record.payload.len();
        let (stage, kind, flags, number) = (record.stage, record.kind, record.flags, record.number);
        places.push(Place { stage, kind, flags, number, at, payload_bytes });
        at += HEAD_BYTES + payload_bytes + CRC_BYTES;
    }
    assert_eq!(at, bytes.len());
    places
}

/// A short session whose only segment is to be altered.
struct Tampered {
    _folder: TempDir,
    segment: PathBuf,
    bytes: Vec<u8>,
    places: Vec<Place>,
}

impl Tampered {
    fn new() -> Self {
        let folder = session(PolicySpec::Maker, 7, 20, WHOLE, FaultRates::none());
        let segment = folder.path().join("journal/000000.kaj");
        let bytes = fs::read(&segment).unwrap();
        let places = places(&segment, &bytes);
        Self { _folder: folder, segment, bytes, places }
    }

    /// Changes one byte of a record's payload, corrects the checksum, and replays.
    fn change(&self, place: &Place, byte: usize, flip: u8) -> Option<Difference> {
        self.try_change(place, byte, flip).unwrap()
    }

    /// As [`Tampered::change`], for a record that the change may make unreadable.
    fn try_change(&self, place: &Place, byte: usize, flip: u8) -> Result<Option<Difference>, ReplayError> {
        let mut bytes = self.bytes.clone();
        let end = place.at + HEAD_BYTES + place.payload_bytes;
        bytes[place.at + HEAD_BYTES + byte] ^= flip;
        let checksum = crc32fast::hash(&bytes[place.at..end]).to_le_bytes();
        bytes[end..end + CRC_BYTES].copy_from_slice(&checksum);
        self.try_replay(&bytes)
    }

    fn remove(&self, place: &Place) -> Option<Difference> {
        let end = place.at + HEAD_BYTES + place.payload_bytes + CRC_BYTES;
        self.replay(&[&self.bytes[..place.at], &self.bytes[end..]].concat())
    }

    fn replay(&self, bytes: &[u8]) -> Option<Difference> {
        self.try_replay(bytes).unwrap()
    }

    fn try_replay(&self, bytes: &[u8]) -> Result<Option<Difference>, ReplayError> {
        fs::write(&self.segment, bytes).unwrap();
        Ok(verify(&self.segment, None)?.difference().cloned())
    }
}

#[test]
fn one_changed_byte_of_anything_that_was_sent_is_found_in_its_record() {
    let tampered = Tampered::new();
    let mut kinds = BTreeSet::new();
    for place in &tampered.places {
        let sent = place.flags != Flags::Input && !matches!(place.kind, Kind::Checkpoint | Kind::Closing);
        if !sent || place.payload_bytes == 0 || !kinds.insert((place.stage, place.kind)) {
            continue;
        }
        // The last byte may belong to a time stamp, which is not compared; the first is an index, a number or a name.
        let difference = tampered.change(place, 0, 1).unwrap_or_else(|| panic!("{:?} {:?}", place.stage, place.kind));
        assert_eq!((difference.stage, difference.number), (place.stage, place.number), "{difference}");
        assert!(difference.what.contains(&format!("{:?}", place.kind)), "{difference}");
    }
    assert!(kinds.len() > 15, "{kinds:?}");
}

#[test]
fn a_changed_float_of_an_observation_is_shown_with_both_values() {
    let tampered = Tampered::new();
    let is_decision = |place: &&Place| place.kind == Kind::Decision;
    let place = tampered.places.iter().filter(is_decision).nth(20).unwrap();
    // The observation comes last; this is the lowest bit of its last number.
    let difference = tampered.change(place, place.payload_bytes - 4, 1).unwrap();
    assert_eq!((difference.stage, difference.number), (StageId::Decide, place.number));
    let (recorded, replayed) = (&difference.sides.recorded, &difference.sides.replayed);
    assert!(recorded.contains("observation") && replayed.contains("observation"), "{difference}");
    assert_ne!(recorded, replayed);
}

#[test]
fn a_changed_input_and_a_changed_state_are_found_where_they_show() {
    let tampered = Tampered::new();
    let last = |stage, kind| tampered.places.iter().rfind(|place| (place.stage, place.kind) == (stage, kind)).unwrap();
    for (stage, kind) in [
        (StageId::Decide, Kind::AccountNote),
        (StageId::Execute, Kind::AccountEvent),
        (StageId::Feed, Kind::ReconcileToFeed),
        (StageId::Decide, Kind::FeedToDecide),
    ] {
        // Not every changed input is visible: a state may be replaced before anything depends on it.
        let inputs = tampered.places.iter().filter(|place| (place.stage, place.kind) == (stage, kind));
        let mut inputs = inputs.filter(|place| place.flags == Flags::Input).take(20);
        let shown = inputs.find_map(|place| Some((place, tampered.change(place, 1, 1)?)));
        let (place, difference) = shown.unwrap_or_else(|| panic!("{stage:?} {kind:?}"));
        assert_eq!(difference.stage, stage);
        assert!(difference.number >= place.number, "{difference}");
    }
    for stage in StageId::STAGES {
        let place = last(stage, Kind::Checkpoint);
        let difference = tampered.change(place, place.payload_bytes - 1, 1).unwrap();
        assert_eq!((difference.stage, difference.number), (stage, place.number));
        assert!(difference.what.contains("checkpoint"), "{difference}");
    }
}

#[test]
fn a_removed_record_is_named() {
    let tampered = Tampered::new();
    for stage in StageId::STAGES {
        let of_stage: Vec<&Place> = tampered.places.iter().filter(|place| place.stage == stage).collect();
        for place in [of_stage[5], of_stage[of_stage.len() / 2]] {
            let difference = tampered.remove(place).unwrap();
            assert_eq!(difference.stage, stage);
            assert_eq!(difference.number, place.number + 1);
            assert!(difference.what.contains("missing"), "{difference}");
        }
    }
}

#[test]
fn another_policy_is_refused() {
    let folder = session(PolicySpec::Onnx, 7, 5, WHOLE, FaultRates::none());
    let model = folder.path().join("other.onnx");
    fs::write(&model, b"no model").unwrap();
    let error = verify(folder.path(), Some(&model)).unwrap_err().to_string();
    assert!(error.contains("decide stage") && error.contains("other.onnx"), "{error}");
}
