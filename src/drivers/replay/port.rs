//! The ports of a replayed stage: every output is compared with the next record, and meets that record's outcome.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::difference::{Difference, Sides};
use super::stream::{StageRecord, Stream};
use super::words::{describe, describe_parts};
use crate::clock::Now;
use crate::market::BookLevels;
use crate::messages::{DecideToExecute, FeedToDecide};
use crate::ports::{
    DecideEffect, DecideMessage, DecidePort, ExecuteEffect, ExecuteMessage, ExecutePort, FeedEffect, FeedMessage,
    FeedPort, Full, NotSent, OrderRequest, ReconcileEffect, ReconcileMessage, ReconcilePort, Refused,
};
use crate::record::Span;
use crate::record::journal::{Flags, JournalError, Kind};
use crate::tape::{LedgerWatch, Noted, RequestRecord, TopsWatch};

/// The driver as a replayed stage sees it.
pub(super) struct ReplayPort<'a> {
    stream: &'a mut Stream,
    verify: bool,
    /// The time of the input that is being handled.
    now: Now,
    number: u64,
    segment: u32,
    outputs: BTreeMap<Kind, u64>,
    epoch: u64,
    pub(super) ledger: LedgerWatch,
    pub(super) tops: TopsWatch,
    difference: Option<Difference>,
    /// Whether the records ended while an input was being handled, as after a crash, so that its outputs cannot be judged.
    ran_out: bool,
    error: Option<JournalError>,
    scratch: Vec<u8>,
}

impl<'a> ReplayPort<'a> {
    pub(super) fn new(stream: &'a mut Stream, verify: bool) -> Self {
        Self {
            stream,
            verify,
            now: Now::default(),
            number: 0,
            segment: 0,
            outputs: BTreeMap::new(),
            epoch: 0,
            ledger: LedgerWatch::default(),
            tops: TopsWatch::default(),
            difference: None,
            ran_out: false,
            error: None,
            scratch: Vec::new(),
        }
    }

    /// Takes the next record.
    pub(super) fn next_record(&mut self) -> Result<Option<StageRecord>, JournalError> {
        let record = self.stream.next()?;
        if let Some(record) = &record {
            self.check_number(record);
        }
        Ok(record)
    }

    /// A checkpoint includes everything up to here.
    pub(super) fn begin_checkpoint(&mut self) {
        self.ledger = LedgerWatch::default();
        self.tops = TopsWatch::default();
    }

    /// Called before an input is given to the stage.
    pub(super) fn begin_input(&mut self, record: &StageRecord) {
        self.now = record.now;
    }

    /// Whether there is no point in continuing.
    pub(super) fn is_over(&self) -> bool {
        self.difference.is_some() || self.ran_out
    }

    pub(super) fn differ(&mut self, difference: Difference) {
        self.difference.get_or_insert(difference);
    }

    /// The first difference, and the number of outputs by kind.
    ///
    /// # Errors
    /// When the journal was found to be damaged while an input was being handled.
    pub(super) fn finish(self) -> Result<(Option<Difference>, BTreeMap<Kind, u64>), JournalError> {
        self.error.map_or(Ok((self.difference, self.outputs)), Err)
    }

    fn check_number(&mut self, record: &StageRecord) {
        let expected = self.number;
        let first = expected == 0;
        self.number = record.number.saturating_add(1);
        self.segment = record.segment;
        if !first && record.number != expected {
            let sides = Sides::new(
                format!("record {}, which is {}", record.number, describe(self.stream.stage(), record)),
                format!("record {expected}, which is missing"),
            );
            self.differ(Difference::new(self.stream.stage(), record, "records are missing", sides));
        }
    }

    /// The next record, if it is an output of the current input or a value that the driver returned.
    fn next_of_input(&mut self, wanted: impl FnOnce(&StageRecord) -> bool) -> Option<StageRecord> {
        if self.is_over() {
            return None;
        }
        let found = match self.stream.peek() {
            // A gap in the numbers takes precedence over anything wrong with the record after it.
            Ok(Some(record)) if record.number != self.number => true,
            Ok(Some(record)) => wanted(record),
            Ok(None) => {
                self.ran_out = true;
                return None;
            }
            Err(error) => {
                (self.error, self.ran_out) = (Some(error), true);
                return None;
            }
        };
        if !found {
            return None;
        }
        match self.stream.next() {
            Ok(record) => {
                if let Some(record) = &record {
                    self.check_number(record);
                }
                record.filter(|_| !self.is_over())
            }
            Err(error) => {
                (self.error, self.ran_out) = (Some(error), true);
                None
            }
        }
    }

    /// The next record as a message of this kind, from which time stamps are taken.
    fn recorded<T: DeserializeOwned>(&mut self, kind: Kind) -> Option<T> {
        let record = self.stream.peek().ok()??;
        let sent = record.kind == kind && record.flags != Flags::Input;
        sent.then(|| postcard::take_from_bytes(&record.payload).ok()).flatten().map(|(message, _)| message)
    }

    /// Compares an output with the next record. Returns whether it was accepted in the recording.
    pub(super) fn sent(&mut self, kind: Kind, message: &impl Serialize) -> bool {
        *self.outputs.entry(kind).or_default() += 1;
        let mut ours = std::mem::take(&mut self.scratch);
        ours.clear();
        let ours = postcard::to_extend(message, ours).expect("what was recorded can be encoded");
        let taken = match self.next_of_input(|record| record.flags != Flags::Input) {
            Some(record) => self.hold(kind, &ours, &record),
            None => self.nothing_sent(kind, &ours),
        };
        self.scratch = ours;
        taken
    }

    fn hold(&mut self, kind: Kind, ours: &[u8], record: &StageRecord) -> bool {
        let stage = self.stream.stage();
        if record.kind != kind {
            let replayed = describe_parts(stage, kind, Flags::Output, ours);
            let sides = Sides::new(describe(stage, record), replayed);
            let what = format!("the recorded stage sent a {:?}, the replayed one a {kind:?}", record.kind);
            self.differ(Difference::new(stage, record, what, sides));
        } else if self.verify && record.payload != ours {
            let (recorded, replayed) = (describe(stage, record), describe_parts(stage, kind, record.flags, ours));
            let what = format!("a {kind:?} that was sent");
            self.differ(Difference::new(stage, record, what, Sides::of_states(&recorded, &replayed)));
        }
        record.flags == Flags::Output
    }

    /// The stage sent something that the recorded one did not.
    fn nothing_sent(&mut self, kind: Kind, ours: &[u8]) -> bool {
        if self.is_over() {
            return true;
        }
        let stage = self.stream.stage();
        if let Ok(Some(next)) = self.stream.peek() {
            let next = next.clone();
            let recorded = format!("nothing more; the next input is {}", describe(stage, &next));
            let sides = Sides::new(recorded, describe_parts(stage, kind, Flags::Output, ours));
            let what = format!("the replayed stage sends a {kind:?}, the recorded one did not");
            self.differ(Difference::new(stage, &next, what, sides));
        }
        true
    }

    /// As [`sent`](Self::sent), for a message to another stage.
    fn pushed(&mut self, message: &impl Noted) -> bool {
        message.kind().is_none_or(|kind| self.sent(kind, message))
    }

    fn fate(&mut self, message: &impl Noted) -> Result<(), Full> {
        if self.pushed(message) { Ok(()) } else { Err(Full) }
    }

    /// As [`sent`](Self::sent), for an output that cannot be refused.
    fn told(&mut self, effect: &impl Noted) {
        let Some(kind) = effect.kind() else { return };
        let number = self.number;
        if !self.sent(kind, effect) && !self.is_over() {
            let record = StageRecord {
                kind,
                flags: Flags::Refused,
                number,
                segment: self.segment,
                now: self.now,
                payload: Vec::new(),
            };
            let sides = Sides::new("refused", "cannot be refused");
            self.differ(Difference::new(self.stream.stage(), &record, format!("a {kind:?} that was sent"), sides));
        }
    }
}

impl FeedPort for ReplayPort<'_> {
    fn push(&mut self, mut message: FeedMessage) -> Result<(), Refused> {
        if let FeedMessage::Decide(message) = &mut message
            && let Some(recorded) = self.recorded::<FeedToDecide>(Kind::FeedToDecide)
        {
            message.event_mut().parsed_ns = recorded.event().parsed_ns;
        }
        if self.pushed(&message) {
            return Ok(());
        }
        Err(match message {
            FeedMessage::Decide(message) => message.into(),
            FeedMessage::Execute(_) => Full.into(),
        })
    }

    fn tell(&mut self, effect: FeedEffect<'_>) {
        self.told(&effect);
    }

    fn stamp_ns(&mut self) -> u64 {
        self.now.mono_ns
    }

    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        // Nothing in words: the record has no payload.
        self.sent(Kind::Buffer, &()).then(Box::default)
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl DecidePort for ReplayPort<'_> {
    fn push(&mut self, mut message: DecideMessage) -> Result<(), Full> {
        if let DecideMessage::Execute(DecideToExecute::Intent(intent)) = &mut message
            && let Some(DecideToExecute::Intent(recorded)) = self.recorded(Kind::DecideToExecute)
        {
            intent.stamps.applied_ns = recorded.stamps.applied_ns;
            intent.stamps.observed_ns = recorded.stamps.observed_ns;
            intent.stamps.inferred_ns = recorded.stamps.inferred_ns;
            intent.stamps.decided_ns = recorded.stamps.decided_ns;
        }
        self.fate(&message)
    }

    fn tell(&mut self, effect: DecideEffect<'_>) {
        self.told(&effect);
    }

    fn stamp_ns(&mut self) -> u64 {
        self.now.mono_ns
    }

    fn overflow_epoch(&mut self) -> u64 {
        let read = |record: &StageRecord| (record.kind, record.flags) == (Kind::OverflowEpoch, Flags::Input);
        if let Some(record) = self.next_of_input(read)
            && let Ok(epoch) = postcard::from_bytes(&record.payload)
        {
            self.epoch = epoch;
        }
        self.epoch
    }

    fn return_levels(&mut self, _levels: Box<BookLevels>) {}

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl ExecutePort for ReplayPort<'_> {
    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full> {
        self.fate(&message)
    }

    fn tell(&mut self, effect: ExecuteEffect<'_>) {
        self.told(&effect);
    }

    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        let recorded: Option<RequestRecord<'static>> = self.recorded(Kind::Request);
        let written_ns = recorded.map_or(self.now.mono_ns, |recorded| recorded.written_ns);
        let taken = self.sent(Kind::Request, &RequestRecord::new(request, written_ns));
        if taken { Ok(written_ns) } else { Err(NotSent) }
    }

    fn stamp_ns(&mut self) -> u64 {
        self.now.mono_ns
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl ReconcilePort for ReplayPort<'_> {
    fn push(&mut self, message: ReconcileMessage) -> Result<(), Full> {
        self.fate(&message)
    }

    fn tell(&mut self, effect: ReconcileEffect<'_>) {
        self.told(&effect);
    }
}
