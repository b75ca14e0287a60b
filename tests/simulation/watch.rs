//! What the simulations of these tests are watched and disturbed with.

use std::sync::Arc;

use kalshi_actor::clock::Now;
use kalshi_actor::drivers::simulation::{History, Observer, SentRequest, Trouble};
use kalshi_actor::messages::{AccountEvent, DecisionRecord};
use kalshi_actor::ports::{ConnectionId, OrderRequest};

/// Something done to facts about the account on their way to the ledger.
pub type Tamper = Box<dyn FnMut(AccountEvent) -> Vec<AccountEvent>>;

/// A frame as it reached the feed stage.
pub struct ReceivedFrame {
    /// When, in session milliseconds.
    pub session_ms: i64,
    /// The frame.
    pub text: Arc<[u8]>,
    /// How many decisions had been taken before it came.
    pub decisions_before: usize,
}

/// Keeps decisions, order writes and public frames, and changes facts about the account if it was told how.
#[derive(Default)]
pub struct Watch {
    history: History,
    session_ms: i64,
    frames: Vec<ReceivedFrame>,
    tamper: Option<Tamper>,
}

impl Watch {
    pub fn new(tamper: Option<Tamper>) -> Self {
        Self { tamper, ..Self::default() }
    }

    pub fn decisions(&self) -> &[DecisionRecord<'static>] {
        self.history.decisions()
    }

    pub fn sent(&self) -> &[SentRequest] {
        self.history.sent()
    }

    pub fn frames(&self) -> &[ReceivedFrame] {
        &self.frames
    }
}

impl Observer for Watch {
    fn tick(&mut self, now: Now) {
        self.session_ms = now.session_ms;
        self.history.tick(now);
    }

    fn frame(&mut self, _connection: ConnectionId, text: &Arc<[u8]>) {
        let decisions_before = self.history.decisions().len();
        self.frames.push(ReceivedFrame { session_ms: self.session_ms, text: Arc::clone(text), decisions_before });
    }

    fn decided(&mut self, record: &DecisionRecord<'_>) {
        self.history.decided(record);
    }

    fn sent(&mut self, request: &OrderRequest<'_>) {
        Observer::sent(&mut self.history, request);
    }
}

impl Trouble for Watch {
    fn facts(&mut self, event: AccountEvent) -> Vec<AccountEvent> {
        match &mut self.tamper {
            Some(tamper) => tamper(event),
            None => vec![event],
        }
    }
}
