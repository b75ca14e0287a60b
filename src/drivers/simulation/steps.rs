//! Virtual time: finds the next instant, and handles everything that happens in it.

use super::trouble::Instruments;
use super::turns::not_before;
use super::{Simulation, Turn};
use crate::clock::{NEVER_NS, Now};
use crate::decide::policy::Policy;
use crate::tape::{DecideInput, ExecuteInput, FeedInput, ReconcileInput};

/// The most steps at one instant. A run without latency needs some thousands at its start; a stage whose deadline stays
/// in the past would loop forever.
pub(super) const STEPS_AT_ONE_INSTANT_MAX: u32 = 100_000;

impl<P: Policy, I: Instruments> Simulation<P, I> {
    /// Handles everything at this instant and advances to the next one. Returns `false` if that is after `end_ns`.
    pub(in super::super) fn step(&mut self, end_ns: u64) -> bool {
        self.wires.decisions.clear();
        self.settle();
        let next_ns = self.next_ns();
        if next_ns > end_ns || next_ns == NEVER_NS {
            return false;
        }
        self.move_to(next_ns);
        let now = self.tick();
        self.exchange.advance(self.exchange_now());
        self.flush_exchange();
        let arrived = match self.turns.next_waiting(&self.wires.instruments, now.mono_ns) {
            Some(packet) => Some(packet),
            None => self
                .wires
                .link
                .network
                .arrived(now.mono_ns)
                .and_then(|packet| self.turns.hold_back(packet, &self.wires, now.mono_ns)),
        };
        if let Some(packet) = arrived {
            self.deliver(packet, now);
        }
        self.fire_timers(now);
        self.write_journal();
        true
    }

    /// Advances to the next instant. One in the past is handled now.
    ///
    /// # Panics
    /// When time does not advance because something that is due is never done.
    pub(super) fn move_to(&mut self, next_ns: u64) {
        if next_ns > self.now_ns {
            self.now_ns = next_ns;
            self.steps_at_instant = 0;
            return;
        }
        self.steps_at_instant += 1;
        if self.steps_at_instant > STEPS_AT_ONE_INSTANT_MAX {
            let due: Vec<_> = self.deadlines().into_iter().filter(|(_, due_ns)| *due_ns <= self.now_ns).collect();
            panic!("virtual time stands still at {} ns: {due:?} ns stay due and never get done", self.now_ns);
        }
    }

    /// The next instant at which anything happens.
    fn next_ns(&self) -> u64 {
        self.deadlines().into_iter().map(|(_, due_ns)| due_ns).min().unwrap_or(NEVER_NS)
    }

    /// When something is next due in each part.
    fn deadlines(&self) -> [(&'static str, u64); 7] {
        let exchange_ms = self.exchange.next_deadline_ms().into_iter().chain(self.exchange.next_ping_wall_ms()).min();
        let dead = self.wires.is_dead();
        let due = |turn, due_ns| if dead { NEVER_NS } else { not_before(&self.wires.instruments, turn, due_ns) };
        [
            ("network", self.wires.link.network.next_ns().unwrap_or(NEVER_NS)),
            ("exchange", exchange_ms.map_or(NEVER_NS, |session_ms| self.clock.mono_ns(session_ms))),
            ("thaw", self.turns.next_ns(&self.wires.instruments, self.now_ns)),
            ("feed", due(Turn::Feed, self.stages.feed.deadline_ns())),
            ("decide", due(Turn::Decide, self.stages.decide.deadline_ns())),
            ("execute", due(Turn::Execute, self.stages.execute.deadline_ns())),
            ("reconcile", due(Turn::Reconcile, self.stages.reconcile.deadline_ns())),
        ]
    }

    fn is_due(&self, turn: Turn, due_ns: u64, now: Now) -> bool {
        not_before(&self.wires.instruments, turn, due_ns) <= now.mono_ns
    }

    fn fire_timers(&mut self, now: Now) {
        if self.wires.is_dead() {
            return;
        }
        if self.is_due(Turn::Feed, self.stages.feed.deadline_ns(), now) {
            self.feed(FeedInput::Timer, now);
        }
        if self.is_due(Turn::Decide, self.stages.decide.deadline_ns(), now) {
            // As in a live thread, what waited while the stage was frozen is handled before its timer.
            self.settle();
        }
        if self.is_due(Turn::Decide, self.stages.decide.deadline_ns(), now) {
            self.decide(DecideInput::Timer, now);
        }
        if self.is_due(Turn::Execute, self.stages.execute.deadline_ns(), now) {
            self.execute(ExecuteInput::Timer, now);
        }
        if self.is_due(Turn::Reconcile, self.stages.reconcile.deadline_ns(), now) {
            self.reconcile(ReconcileInput::Timer, now);
        }
    }

    pub(super) fn tick(&mut self) -> Now {
        let now = self.clock.now(self.now_ns);
        self.wires.set_time(now);
        now
    }
}
