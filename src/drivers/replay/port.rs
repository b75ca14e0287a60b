//! The ports of a replayed stage: what it sends is held against the record that comes next, and gets that record's fate.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::difference::{Difference, Sides};
use super::stream::{StageRecord, Stream};
use super::words::{describe, describe_parts};
use crate::clock::Now;
use crate::market::{BookLevels, MarketKey};
use crate::messages::{
    AccountEvent, BookEvent, DayState, DecisionRecord, KnownGroup, Listing, MarketStatus, OrderIntent, PortfolioUpdate,
    QueryRequest, ResyncRequest, Skip,
};
use crate::ports::{
    ConnectionId, DecidePort, ExecutePort, FeedPort, Full, NotSent, OrderRequest, ReconcilePort, RequestId, SocketPort,
};
use crate::record::Span;
use crate::record::journal::{Flags, JournalError, Kind};
use crate::tape::{LedgerWatch, RequestRecord, TopsWatch};

/// What stands behind a replayed stage.
pub(super) struct ReplayPort<'a> {
    stream: &'a mut Stream,
    verify: bool,
    /// The input in hand.
    now: Now,
    number: u64,
    segment: u32,
    outputs: BTreeMap<Kind, u64>,
    epoch: u64,
    pub(super) ledger: LedgerWatch,
    pub(super) tops: TopsWatch,
    difference: Option<Difference>,
    /// The records ended while an input was in hand, as after a crash: nothing can be said of what it led to.
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

    /// The record that comes next, for whoever drives the stage.
    pub(super) fn next_record(&mut self) -> Result<Option<StageRecord>, JournalError> {
        let record = self.stream.next()?;
        if let Some(record) = &record {
            self.check_number(record);
        }
        Ok(record)
    }

    /// Everything up to here is in a checkpoint.
    pub(super) fn begin_checkpoint(&mut self) {
        self.ledger = LedgerWatch::default();
        self.tops = TopsWatch::default();
    }

    /// An input is about to be given to the stage.
    pub(super) fn begin_input(&mut self, record: &StageRecord) {
        self.now = record.now;
    }

    /// Whether there is no point in going on.
    pub(super) fn is_over(&self) -> bool {
        self.difference.is_some() || self.ran_out
    }

    pub(super) fn differ(&mut self, difference: Difference) {
        self.difference.get_or_insert(difference);
    }

    /// The first difference, and what was sent.
    ///
    /// # Errors
    /// When the journal was found damaged while an input was in hand.
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

    /// The next record, if it is of the input in hand: something that was sent, or that the driver told.
    fn next_of_input(&mut self, wanted: impl FnOnce(&StageRecord) -> bool) -> Option<StageRecord> {
        if self.is_over() {
            return None;
        }
        let found = match self.stream.peek() {
            // A hole in the numbers comes before anything else that may be strange about what follows it.
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

    /// What the next record says of a message of this kind, for the stamps that are taken over from it.
    fn recorded<T: DeserializeOwned>(&mut self, kind: Kind) -> Option<T> {
        let record = self.stream.peek().ok()??;
        let sent = record.kind == kind && record.flags != Flags::Input;
        sent.then(|| postcard::take_from_bytes(&record.payload).ok()).flatten().map(|(message, _)| message)
    }

    /// Holds what the stage sends against the next record. Returns whether it was taken then.
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

    /// The stage sends what the recorded one did not.
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

    /// As [`sent`](Self::sent), for what no ring can refuse.
    fn told(&mut self, kind: Kind, message: &impl Serialize) {
        let number = self.number;
        if !self.sent(kind, message) && !self.is_over() {
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

    fn fate(&mut self, kind: Kind, message: &impl Serialize) -> Result<(), Full> {
        if self.sent(kind, message) { Ok(()) } else { Err(Full) }
    }

    /// An event with the one stamp of it that is not compared.
    fn stamped(&mut self, kind: Kind, event: &BookEvent) -> BookEvent {
        let recorded: Option<BookEvent> = self.recorded(kind);
        BookEvent { parsed_ns: recorded.map_or(event.parsed_ns, |recorded| recorded.parsed_ns), ..*event }
    }
}

impl SocketPort for ReplayPort<'_> {
    fn connect(&mut self, connection: ConnectionId) {
        self.told(Kind::Connect, &connection);
    }

    fn send(&mut self, connection: ConnectionId, text: &str) {
        self.told(Kind::Frame, &(connection, text));
    }

    fn close(&mut self, connection: ConnectionId) {
        self.told(Kind::Closed, &connection);
    }
}

impl FeedPort for ReplayPort<'_> {
    fn stamp_ns(&mut self) -> u64 {
        self.now.mono_ns
    }

    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        // Nothing in words: the record has no payload.
        self.sent(Kind::Buffer, &()).then(Box::default)
    }

    fn return_levels(&mut self, _levels: Box<BookLevels>) {}

    fn book(&mut self, event: &BookEvent) -> Result<(), Full> {
        let event = self.stamped(Kind::BookEvent, event);
        self.fate(Kind::BookEvent, &event)
    }

    fn snapshot(&mut self, event: &BookEvent, levels: Box<BookLevels>) -> Result<(), Box<BookLevels>> {
        let event = self.stamped(Kind::Levels, event);
        if self.sent(Kind::Levels, &(event, &*levels)) { Ok(()) } else { Err(levels) }
    }

    fn list(&mut self, event: &BookEvent, listing: &Listing) -> Result<(), Full> {
        let event = self.stamped(Kind::Listing, event);
        self.fate(Kind::Listing, &(event, listing))
    }

    fn raise_overflow(&mut self, epoch: u64) {
        self.told(Kind::OverflowEpoch, &epoch);
    }

    fn status(&mut self, status: &MarketStatus) -> Result<(), Full> {
        self.fate(Kind::MarketStatus, status)
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl DecidePort for ReplayPort<'_> {
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

    fn intent(&mut self, intent: &OrderIntent) -> Result<(), Full> {
        let mut intent = *intent;
        if let Some(OrderIntent { stamps, .. }) = self.recorded(Kind::OrderIntent) {
            intent.stamps.applied_ns = stamps.applied_ns;
            intent.stamps.observed_ns = stamps.observed_ns;
            intent.stamps.inferred_ns = stamps.inferred_ns;
            intent.stamps.decided_ns = stamps.decided_ns;
        }
        self.fate(Kind::OrderIntent, &intent)
    }

    fn resync(&mut self, request: &ResyncRequest) -> Result<(), Full> {
        self.fate(Kind::ResyncRequest, request)
    }

    fn return_levels(&mut self, _levels: Box<BookLevels>) {}

    fn decided(&mut self, record: &DecisionRecord<'_>) {
        self.told(Kind::Decision, record);
    }

    fn skipped(&mut self, market: MarketKey, time_ms: i64, reason: Skip) {
        self.told(Kind::Skipped, &(market, time_ms, reason));
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl ExecutePort for ReplayPort<'_> {
    fn stamp_ns(&mut self) -> u64 {
        self.now.mono_ns
    }

    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        let recorded: Option<RequestRecord<'static>> = self.recorded(Kind::Request);
        let written_ns = recorded.map_or(self.now.mono_ns, |recorded| recorded.written_ns);
        let taken = self.sent(Kind::Request, &RequestRecord::new(request, written_ns));
        if taken { Ok(written_ns) } else { Err(NotSent) }
    }

    fn presign(&mut self, method: &'static str, path: &str) {
        self.told(Kind::Presign, &(method, path));
    }

    fn abandon(&mut self, request: RequestId) {
        self.told(Kind::Abandon, &request);
    }

    fn portfolio(&mut self, update: &PortfolioUpdate) -> Result<(), Full> {
        self.fate(Kind::PortfolioUpdate, update)
    }

    fn query(&mut self, query: &QueryRequest) -> Result<(), Full> {
        self.fate(Kind::QueryRequest, query)
    }

    fn keep_groups(&mut self, _known: &[KnownGroup]) {}

    fn persist(&mut self, day: &DayState) {
        self.told(Kind::Day, day);
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl ReconcilePort for ReplayPort<'_> {
    fn get(&mut self, request: RequestId, path: &str) {
        self.told(Kind::Request, &(request, path));
    }

    fn account(&mut self, event: &AccountEvent) -> Result<(), Full> {
        self.fate(Kind::AccountEvent, event)
    }

    fn list(&mut self, listing: &Listing) -> Result<(), Full> {
        self.fate(Kind::Listing, listing)
    }
}
