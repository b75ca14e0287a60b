//! The turns of the stages. A stage that the instruments have frozen takes nothing from its rings, its connections keep
//! what has arrived, and its timers are late, as if another program had its core.

use std::collections::VecDeque;

use super::network::{Asker, Packet, Role};
use super::trouble::{Instruments, Trouble};
use super::wires::Wires;
use crate::clock::NEVER_NS;

/// A stage, as far as turns go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Turn {
    /// The public feed.
    Feed = 0,
    /// Books and decisions.
    Decide,
    /// Orders and the ledger.
    Execute,
    /// The private stream and reads.
    Reconcile,
}

impl Turn {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Feed, Self::Decide, Self::Execute, Self::Reconcile];

    /// The stage that receives a message.
    fn of<I: Instruments>(packet: &Packet, wires: &Wires<I>) -> Option<Self> {
        match packet {
            Packet::Opened { role, .. }
            | Packet::Lost { role, .. }
            | Packet::Frame { role, .. }
            | Packet::Ping { role, .. } => Some(match role {
                Role::Feed => Self::Feed,
                Role::Reconcile => Self::Reconcile,
            }),
            Packet::Answer { ticket, .. } | Packet::NoAnswer { ticket, .. } => match wires.link.asker(*ticket)? {
                Asker::Execute(_) => Some(Self::Execute),
                Asker::Reconcile(_) => Some(Self::Reconcile),
            },
            Packet::Open { .. } | Packet::Text { .. } | Packet::HungUp { .. } | Packet::Request { .. } => None,
        }
    }
}

/// Messages for stages that are frozen or have not caught up.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: [VecDeque<Packet>; Turn::ALL.len()],
    /// Whether `decide` has received events since it was last told that its ring is empty.
    pub(super) fed: bool,
}

/// Whether a stage is frozen now.
pub(super) fn is_frozen(trouble: &impl Trouble, turn: Turn, now_ns: u64) -> bool {
    trouble.frozen_until_ns(turn) > now_ns
}

/// When something that is due for a stage can be done, given that it may be frozen.
pub(super) fn not_before(trouble: &impl Trouble, turn: Turn, due_ns: u64) -> u64 {
    due_ns.max(trouble.frozen_until_ns(turn))
}

impl Turns {
    /// When the next stage is unfrozen or has a message waiting.
    pub(super) fn next_ns(&self, trouble: &impl Trouble, now_ns: u64) -> u64 {
        let waiting = |turn: &Turn| !self.waiting[*turn as usize].is_empty();
        let due = |turn: Turn| not_before(trouble, turn, now_ns);
        let thaws = Turn::ALL.into_iter().map(due).filter(|due_ns| *due_ns > now_ns);
        let waits = Turn::ALL.into_iter().filter(waiting).map(due);
        thaws.chain(waits).min().unwrap_or(NEVER_NS)
    }

    /// Holds a message for a stage that is frozen or has not caught up. Returns it otherwise.
    pub(super) fn hold_back<I: Instruments>(
        &mut self,
        packet: Packet,
        wires: &Wires<I>,
        now_ns: u64,
    ) -> Option<Packet> {
        match Turn::of(&packet, wires) {
            Some(turn) if is_frozen(&wires.instruments, turn, now_ns) || !self.waiting[turn as usize].is_empty() => {
                self.waiting[turn as usize].push_back(packet);
                None
            }
            _ => Some(packet),
        }
    }

    /// The next message for a stage that is no longer frozen.
    pub(super) fn next_waiting(&mut self, trouble: &impl Trouble, now_ns: u64) -> Option<Packet> {
        let mut thawed = Turn::ALL.into_iter().filter(|turn| !is_frozen(trouble, *turn, now_ns));
        let turn = thawed.find(|turn| !self.waiting[*turn as usize].is_empty())?;
        self.waiting[turn as usize].pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::Network;
    use super::super::network_faults::{FaultRates, NetworkFaults};
    use super::super::observer::Observer;
    use super::super::rings::Rings;
    use super::*;

    /// The feed stage is frozen until 100 ns.
    struct FrozenFeed;

    impl Observer for FrozenFeed {}

    impl Trouble for FrozenFeed {
        fn frozen_until_ns(&self, turn: Turn) -> u64 {
            if turn == Turn::Feed { 100 } else { 0 }
        }
    }

    #[test]
    fn what_comes_for_a_frozen_stage_waits_in_order_and_others_go_on() {
        let network = Network::new(0, NetworkFaults::new(1, FaultRates::none()));
        let wires = Wires::new(Rings::new(4, 1), network, FrozenFeed);
        let mut turns = Turns::default();
        let ping = |role, connection| Packet::Ping { role, connection };
        assert!(turns.hold_back(ping(Role::Feed, 1), &wires, 10).is_none());
        assert!(turns.hold_back(ping(Role::Reconcile, 2), &wires, 10).is_some());
        assert_eq!((turns.next_ns(&FrozenFeed, 10), not_before(&FrozenFeed, Turn::Feed, 20)), (100, 100));
        assert!(turns.next_waiting(&FrozenFeed, 99).is_none());
        assert!(turns.hold_back(ping(Role::Feed, 3), &wires, 100).is_none(), "behind what waits");
        assert_eq!(turns.next_ns(&FrozenFeed, 100), 100);
        let connections: Vec<_> = std::iter::from_fn(|| turns.next_waiting(&FrozenFeed, 100))
            .map(|packet| if let Packet::Ping { connection, .. } = packet { connection } else { 0 })
            .collect();
        assert_eq!(connections, [1, 3]);
        assert_eq!(turns.next_ns(&FrozenFeed, 100), NEVER_NS);
    }
}
