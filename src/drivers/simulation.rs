//! The simulation driver: the whole trader and the embedded exchange in one thread on virtual time, wire encoding
//! included. The same seed gives the same run, whatever the machine does.

use std::sync::Arc;

use super::network::{Asker, Packet, Role};
pub use super::wires::SentRequest;
use super::wires::{BookItem, DecideIo, ExecuteIo, FeedIo, ReconcileIo, Wires};
use crate::clock::{NEVER_NS, Now, SessionClock};
use crate::decide::policy::Policy;
use crate::decide::{DecideStage, DecisionRecord};
use crate::exchange::Exchange;
use crate::exchange::gateway::{ExchangeNow, HttpRequest, Output, SessionId, Ticket};
use crate::execute::ExecuteStage;
use crate::feed::FeedStage;
use crate::ports::{ConnectionLost, NoAnswer};
use crate::reconcile::ReconcileStage;
use crate::wire::WS_PATH;
use crate::wire::sign::Credentials;

/// How a simulation runs.
pub struct SimulationConfig {
    /// Session time at the start and how fast it runs against virtual time.
    pub clock: SessionClock,
    /// One-way delay of every message, in virtual nanoseconds.
    pub network_latency_ns: u64,
    /// Messages in each ring.
    pub ring_capacity: usize,
    /// Buffers for snapshots.
    pub snapshot_buffers: usize,
    /// Signs the trader's requests.
    pub credentials: Arc<Credentials>,
}

/// The stages under simulation.
pub struct Stages<P: Policy> {
    /// The public feed.
    pub feed: FeedStage,
    /// Books, observation, policy.
    pub decide: DecideStage<P>,
    /// Orders and ledger.
    pub execute: ExecuteStage,
    /// The private stream and reads.
    pub reconcile: ReconcileStage,
}

/// Something done to account events on their way to the ledger, for tests that must see a fault named.
pub type Tamper = Box<dyn FnMut(crate::messages::AccountEvent) -> Vec<crate::messages::AccountEvent>>;

/// A running simulation.
pub struct Simulation<P: Policy> {
    clock: SessionClock,
    now_ns: u64,
    stages: Stages<P>,
    exchange: Exchange,
    wires: Wires,
    credentials: Arc<Credentials>,
    tamper: Option<Tamper>,
}
