//! The rings: messages between the stages, moved until none is left, in a fixed order of the stages.

use super::steps::STEPS_AT_ONE_INSTANT_MAX;
use super::{Simulation, Turn};
use crate::clock::Now;
use crate::decide::policy::Policy;
use crate::tape::{DecideInput, ExecuteInput, FeedInput, ReconcileInput};

impl<P: Policy> Simulation<P> {
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

    fn settle_feed(&mut self, now: Now) -> bool {
        let mut moved = false;
        if self.turns.is_frozen(Turn::Feed, self.now_ns) {
            return moved;
        }
        while let Some(message) = self.wires.reconcile_to_feed.pop() {
            self.feed(FeedInput::Reconcile(message), now);
            moved = true;
        }
        while let Some(message) = self.wires.decide_to_feed.pop() {
            self.feed(FeedInput::Decide(message), now);
            moved = true;
        }
        moved
    }

    fn settle_reconcile(&mut self, now: Now) -> bool {
        let mut moved = false;
        if self.turns.is_frozen(Turn::Reconcile, self.now_ns) {
            return moved;
        }
        while let Some(message) = self.wires.execute_to_reconcile.pop() {
            self.reconcile(ReconcileInput::Execute(message), now);
            moved = true;
        }
        moved
    }

    fn settle_decide(&mut self, now: Now) -> bool {
        if self.turns.is_frozen(Turn::Decide, self.now_ns) {
            self.turns.backlog = true;
            return false;
        }
        self.turns.worked_off |= std::mem::take(&mut self.turns.backlog);
        let mut moved = false;
        while let Some(note) = self.wires.execute_to_decide.pop() {
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
        if self.turns.is_frozen(Turn::Execute, self.now_ns) {
            return false;
        }
        let mut moved = false;
        while let Some(message) = self.wires.feed_to_execute.pop() {
            self.execute(ExecuteInput::Feed(message), now);
            moved = true;
        }
        while let Some(event) = self.wires.reconcile_to_execute.pop() {
            let events = match &mut self.tamper {
                None => vec![event],
                Some(tamper) => tamper(event),
            };
            for event in events {
                self.wires.note_handed(&event);
                self.execute(ExecuteInput::Reconcile(event), now);
            }
            moved = true;
        }
        while let Some(message) = self.wires.decide_to_execute.pop() {
            self.execute(ExecuteInput::Decide(message), now);
            moved = true;
        }
        moved
    }
}
