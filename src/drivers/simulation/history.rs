//! Records what a simulation decided and sent.

use super::{Observer, Trouble};
use crate::clock::Now;
use crate::messages::DecisionRecord;
use crate::ports::OrderRequest;

/// An order write as it left the execute stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRequest {
    /// When it was sent, in session milliseconds.
    pub session_ms: i64,
    /// `POST` or `DELETE`.
    pub method: &'static str,
    /// The path from the root, without the host.
    pub path: String,
    /// The JSON body; empty if there is none.
    pub body: String,
}

/// Keeps every decision and every order write of a simulation. It grows as long as the simulation runs.
#[derive(Debug, Default)]
pub struct History {
    session_ms: i64,
    decisions: Vec<DecisionRecord<'static>>,
    sent: Vec<SentRequest>,
}

impl History {
    /// The decisions so far.
    #[must_use]
    pub fn decisions(&self) -> &[DecisionRecord<'static>] {
        &self.decisions
    }

    /// The order writes so far.
    #[must_use]
    pub fn sent(&self) -> &[SentRequest] {
        &self.sent
    }
}

impl Observer for History {
    fn tick(&mut self, now: Now) {
        self.session_ms = now.session_ms;
    }

    fn decided(&mut self, record: &DecisionRecord<'_>) {
        self.decisions.push(record.clone().into_owned());
    }

    fn sent(&mut self, request: &OrderRequest<'_>) {
        self.sent.push(SentRequest {
            session_ms: self.session_ms,
            method: request.method,
            path: request.path.to_owned(),
            body: String::from_utf8_lossy(request.body).into_owned(),
        });
    }
}

impl Trouble for History {}
