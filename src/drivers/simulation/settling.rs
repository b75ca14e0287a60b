//! The rings: messages between the stages, moved until none is left, in a fixed order of the stages.

use super::super::wires::BookItem;
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
        while let Some(listing) = self.wires.listings.pop() {
            self.feed(FeedInput::Listing(listing), now);
            moved = true;
        }
        while let Some(request) = self.wires.resyncs.pop() {
            self.feed(FeedInput::Resync(request), now);
            moved = true;
        }
        moved
    }

    fn settle_reconcile(&mut self, now: Now) -> bool {
        let mut moved = false;
        if self.turns.is_frozen(Turn::Reconcile, self.now_ns) {
            return moved;
        }
        while let Some(query) = self.wires.queries.pop() {
            self.reconcile(ReconcileInput::Query(query), now);
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
        while let Some(update) = self.wires.portfolio.pop() {
            self.decide(DecideInput::Portfolio(update), now);
            moved = true;
        }
        while let Some(item) = self.wires.next_book_item() {
            let input = match item {
                BookItem::Event(event) => DecideInput::Event(event),
                BookItem::Snapshot(event, levels) => DecideInput::Snapshot(event, levels),
                BookItem::Listing(event, listing) => DecideInput::Listed(event, *listing),
            };
            self.decide(input, now);
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
        while let Some(status) = self.wires.statuses.pop() {
            self.execute(ExecuteInput::Status(status), now);
            moved = true;
        }
        while let Some(event) = self.wires.account.pop() {
            let events = match &mut self.tamper {
                None => vec![event],
                Some(tamper) => tamper(event),
            };
            for event in events {
                self.wires.note_handed(&event);
                self.execute(ExecuteInput::Account(event), now);
            }
            moved = true;
        }
        while let Some(intent) = self.wires.intents.pop() {
            self.execute(ExecuteInput::Intent(intent), now);
            moved = true;
        }
        moved
    }
}
