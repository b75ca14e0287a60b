//! Who gets a turn: a frozen stage takes nothing from its rings, its connections wait with what has arrived, and its
//! timers are late, as if another program had its core.

use std::collections::VecDeque;

use super::super::network::{Asker, Packet, Role};
use super::super::wires::Wires;
use crate::clock::NEVER_NS;

/// A stage, as far as turns go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Turn {
    /// The public feed.
    Feed = 0,
    /// Books and decisions.
    Decide,
    /// Orders and ledger.
    Execute,
    /// The private stream and reads.
    Reconcile,
}

impl Turn {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Feed, Self::Decide, Self::Execute, Self::Reconcile];

    /// The stage that gets a message.
    fn of(packet: &Packet, wires: &Wires) -> Option<Self> {
        match packet {
            Packet::Opened { role, .. }
            | Packet::Lost { role, .. }
            | Packet::Frame { role, .. }
            | Packet::Ping { role, .. } => Some(match role {
                Role::Feed => Self::Feed,
                Role::Reconcile => Self::Reconcile,
            }),
            Packet::Answer { ticket, .. } | Packet::NoAnswer { ticket, .. } => match wires.tickets.get(ticket)? {
                Asker::Execute(_) => Some(Self::Execute),
                Asker::Reconcile(_) => Some(Self::Reconcile),
            },
            Packet::Open { .. } | Packet::Text { .. } | Packet::HungUp { .. } | Packet::Request { .. } => None,
        }
    }
}

/// Which stages are frozen, and what waits for them.
#[derive(Debug, Default)]
pub(super) struct Turns {
    until_ns: [u64; Turn::ALL.len()],
    waiting: [VecDeque<Packet>; Turn::ALL.len()],
    /// Whether `decide` has had events since it was last told that its ring is empty.
    pub(super) fed: bool,
    /// Whether something may be waiting for `decide` since it froze.
    pub(super) backlog: bool,
    /// Whether that has been worked off.
    pub(super) worked_off: bool,
}

impl Turns {
    pub(super) fn freeze(&mut self, turn: Turn, until_ns: u64) {
        self.until_ns[turn as usize] = until_ns;
    }

    pub(super) fn is_frozen(&self, turn: Turn, now_ns: u64) -> bool {
        self.until_ns[turn as usize] > now_ns
    }

    /// When something that is due for a stage can be done.
    pub(super) fn not_before(&self, turn: Turn, due_ns: u64) -> u64 {
        due_ns.max(self.until_ns[turn as usize])
    }

    /// When the next stage thaws or has something waiting.
    pub(super) fn next_ns(&self, now_ns: u64) -> u64 {
        let waiting = |turn: &Turn| !self.waiting[*turn as usize].is_empty();
        let due = |turn: Turn| self.not_before(turn, now_ns);
        let thaws = Turn::ALL.into_iter().map(due).filter(|due_ns| *due_ns > now_ns);
        let waits = Turn::ALL.into_iter().filter(waiting).map(due);
        thaws.chain(waits).min().unwrap_or(NEVER_NS)
    }

    /// Keeps a message back for a stage that is frozen or has not caught up. Returns it otherwise.
    pub(super) fn hold_back(&mut self, packet: Packet, wires: &Wires, now_ns: u64) -> Option<Packet> {
        match Turn::of(&packet, wires) {
            Some(turn) if self.is_frozen(turn, now_ns) || !self.waiting[turn as usize].is_empty() => {
                self.waiting[turn as usize].push_back(packet);
                None
            }
            _ => Some(packet),
        }
    }

    /// The next message for a stage that has thawed.
    pub(super) fn next_waiting(&mut self, now_ns: u64) -> Option<Packet> {
        let mut thawed = Turn::ALL.into_iter().filter(|turn| self.until_ns[*turn as usize] <= now_ns);
        let turn = thawed.find(|turn| !self.waiting[*turn as usize].is_empty())?;
        self.waiting[turn as usize].pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::network::Network;
    use crate::drivers::network_faults::{FaultRates, NetworkFaults};

    #[test]
    fn what_comes_for_a_frozen_stage_waits_in_order_and_others_go_on() {
        let wires = Wires::new(4, 1, Network::new(0, NetworkFaults::new(1, FaultRates::none())));
        let mut turns = Turns::default();
        turns.freeze(Turn::Feed, 100);
        let ping = |role, connection| Packet::Ping { role, connection };
        assert!(turns.hold_back(ping(Role::Feed, 1), &wires, 10).is_none());
        assert!(turns.hold_back(ping(Role::Reconcile, 2), &wires, 10).is_some());
        assert_eq!((turns.next_ns(10), turns.not_before(Turn::Feed, 20)), (100, 100));
        assert!(turns.next_waiting(99).is_none());
        assert!(turns.hold_back(ping(Role::Feed, 3), &wires, 100).is_none(), "behind what waits");
        assert_eq!(turns.next_ns(100), 100);
        let connections: Vec<_> = std::iter::from_fn(|| turns.next_waiting(100))
            .map(|packet| if let Packet::Ping { connection, .. } = packet { connection } else { 0 })
            .collect();
        assert_eq!(connections, [1, 3]);
        assert_eq!(turns.next_ns(100), NEVER_NS);
    }
}
