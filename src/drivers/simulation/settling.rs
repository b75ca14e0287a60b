//! Moves messages between the stages until none is left, in a fixed order of the stages.

use super::steps::STEPS_AT_ONE_INSTANT_MAX;
use super::trouble::Instruments;
use super::turns::is_frozen;
use super::{Simulation, Turn};
use crate::clock::Now;
use crate::decide::policy::Policy;
use crate::tape::{DecideInput, ExecuteInput, FeedInput, ReconcileInput};

impl<P: Policy, I: Instruments> Simulation<P, I> {
    /// Moves messages between the stages until all rings are empty.
    pub(super) fn settle(&mut self) {
        let now = self.tick();
        if self.wires.is_dead() {
            return;
        }
        for _ in 0..STEPS_AT_ONE_INSTANT_MAX {
            let mut moved = self.settle_decide(now);
            moved |= self.settle_execute(now);
            moved |= self.settle_feed(now);
            moved |= self.settle_reconcile(now);
            if !moved {
                return;
            }
        }
        panic!("the stages never stop sending each other messages at {} ns", now.mono_ns);
    }

    /// Whether a stage may read its rings now.
    fn takes_turn(&mut self, turn: Turn) -> bool {
        let frozen = is_frozen(&self.wires.instruments, turn, self.now_ns);
        self.wires.instruments.turn(turn, frozen);
        !frozen
    }

    fn settle_feed(&mut self, now: Now) -> bool {
        let mut moved = false;
        if !self.takes_turn(Turn::Feed) {
            return moved;
        }
        while let Some(message) = self.wires.rings.reconcile_to_feed.pop() {
            self.feed(FeedInput::Reconcile(message), now);
            moved = true;
        }
        while let Some(message) = self.wires.rings.decide_to_feed.pop() {
            self.feed(FeedInput::Decide(message), now);
            moved = true;
        }
        moved
    }

    fn settle_reconcile(&mut self, now: Now) -> bool {
        let mut moved = false;
        if !self.takes_turn(Turn::Reconcile) {
            return moved;
        }
        while let Some(message) = self.wires.rings.execute_to_reconcile.pop() {
            self.reconcile(ReconcileInput::Execute(message), now);
            moved = true;
        }
        moved
    }

    fn settle_decide(&mut self, now: Now) -> bool {
        if !self.takes_turn(Turn::Decide) {
            return false;
        }
        let mut moved = false;
        while let Some(note) = self.wires.rings.execute_to_decide.pop() {
            self.decide(DecideInput::Execute(note), now);
            moved = true;
        }
        while let Some(message) = self.wires.next_for_decide() {
            self.decide(DecideInput::Feed(message), now);
            self.turns.fed = true;
            moved = true;
        }
        if std::mem::take(&mut self.turns.fed) {
            self.decide(DecideInput::Drained, now);
        }
        moved
    }

    fn settle_execute(&mut self, now: Now) -> bool {
        if !self.takes_turn(Turn::Execute) {
            return false;
        }
        let mut moved = false;
        while let Some(message) = self.wires.rings.feed_to_execute.pop() {
            self.execute(ExecuteInput::Feed(message), now);
            moved = true;
        }
        while let Some(event) = self.wires.rings.reconcile_to_execute.pop() {
            for event in self.wires.instruments.facts(event) {
                self.wires.instruments.handed(&event);
                self.execute(ExecuteInput::Reconcile(event), now);
            }
            moved = true;
        }
        while let Some(message) = self.wires.rings.decide_to_execute.pop() {
            self.execute(ExecuteInput::Decide(message), now);
            moved = true;
        }
        moved
    }
}
