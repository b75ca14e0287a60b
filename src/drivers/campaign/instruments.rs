//! The instruments with which a campaign observes and disturbs its simulations.

use std::fmt;
use std::sync::Arc;

use super::last_events::LastEvents;
use super::machine::Machine;
use super::probe::Probe;
use crate::clock::{Now, SessionClock};
use crate::drivers::simulation::{History, Observer, Ring, SentRequest, Simulation, Trouble, Turn};
use crate::market::MarketKey;
use crate::messages::{AccountEvent, DecisionRecord, FeedToDecide, ResyncRequest};
use crate::ports::{ConnectionId, OrderRequest};

/// A simulation of a campaign.
pub(super) type Tried<P> = Simulation<P, Instruments>;

/// The instruments of a campaign.
pub(super) struct Instruments {
    session_ms: i64,
    history: History,
    /// What the invariants look at.
    pub(super) probe: Probe,
    /// Faults of the trader's process and machine.
    pub(super) machine: Machine,
    /// The log of the last events, if one is kept.
    pub(super) events: Option<LastEvents>,
}

impl Instruments {
    pub(super) fn new(clock: &SessionClock) -> Self {
        Self {
            session_ms: 0,
            history: History::default(),
            probe: Probe::default(),
            machine: Machine::new(clock),
            events: None,
        }
    }

    /// Every decision so far.
    pub(super) fn decisions(&self) -> &[DecisionRecord<'static>] {
        self.history.decisions()
    }

    /// Every order write so far.
    pub(super) fn sent(&self) -> &[SentRequest] {
        self.history.sent()
    }

    /// Logs something that the campaign does to the simulation.
    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        if let Some(events) = &self.events {
            events.push(self.session_ms, false, &what());
        }
    }
}

impl Observer for Instruments {
    fn tick(&mut self, now: Now) {
        self.session_ms = now.session_ms;
        self.history.tick(now);
        self.machine.tick(now);
    }

    fn delivered(&mut self, public: bool, message: &dyn fmt::Display) {
        if let Some(events) = &self.events {
            events.push(self.session_ms, public, &message.to_string());
        }
    }

    fn frame(&mut self, connection: ConnectionId, text: &Arc<[u8]>) {
        self.probe.frame(connection, text);
    }

    fn decided(&mut self, record: &DecisionRecord<'_>) {
        self.history.decided(record);
        self.probe.decided(record);
    }

    fn sent(&mut self, request: &OrderRequest<'_>) {
        Observer::sent(&mut self.history, request);
    }

    fn asked(&mut self, request: &ResyncRequest) {
        self.probe.asked(request);
    }

    fn lost(&mut self, market: MarketKey) {
        self.probe.lost(market);
    }

    fn fed(&mut self, message: &FeedToDecide) {
        self.probe.fed(message);
    }

    fn handed(&mut self, event: &AccountEvent) {
        self.probe.handed(event);
    }

    fn recorded(&mut self) {
        self.machine.recorded();
    }

    fn killed(&mut self) {
        self.probe.killed();
        self.machine.killed();
    }
}

impl Trouble for Instruments {
    fn is_dead(&self) -> bool {
        self.machine.is_dead()
    }

    fn has_room(&mut self, ring: Ring) -> bool {
        self.machine.has_room(ring)
    }

    fn frozen_until_ns(&self, turn: Turn) -> u64 {
        self.machine.frozen_until_ns(turn)
    }

    fn turn(&mut self, turn: Turn, frozen: bool) {
        self.machine.turn(turn, frozen);
    }

    fn wall_offset_ms(&mut self) -> i64 {
        self.machine.wall_offset_ms()
    }

    fn disk_takes_it(&mut self) -> bool {
        self.machine.disk_takes_it()
    }
}
