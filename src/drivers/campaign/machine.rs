//! The trader's process and machine: death after a given record, frozen stages, full rings, clock jumps, a full disk; and
//! how often each took effect.

use crate::clock::{Now, SessionClock};
use crate::drivers::simulation::{Observer, Ring, Trouble, Turn};

/// How far a signature's time may be from the exchange's, by its default settings.
const CLOCK_TOLERANCE_MS: i64 = 10_000;

/// How often each kind of trouble took effect.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effects {
    /// Messages that a full ring refused.
    pub(super) refused_by_rings: u64,
    /// Signatures of a clock that was off by more than the exchange tolerates.
    pub(super) signed_beyond: u64,
    /// Signatures of one that was off by less.
    pub(super) signed_within: u64,
    /// Writes that a full disk refused.
    pub(super) not_written: u64,
}

/// What is wrong with the machine, and until when, in monotonic nanoseconds.
#[derive(Debug)]
pub(super) struct Machine {
    clock: SessionClock,
    now_ns: u64,
    /// Inputs and outputs of the trader so far: the records that a journal would have.
    records: u64,
    /// The process dies after so many of them.
    dies_after: u64,
    frozen_until_ns: [u64; Turn::ALL.len()],
    /// Whether something may be waiting for `decide` since it froze, and whether that has been worked off.
    backlog: bool,
    worked_off: bool,
    full_ring: Option<(Ring, u64)>,
    /// By how much the wall clock is off, and until when.
    clock_jump: Option<(i64, u64)>,
    disk_full_until_ns: u64,
    effects: Effects,
}

impl Machine {
    pub(super) fn new(clock: &SessionClock) -> Self {
        Self {
            clock: *clock,
            now_ns: 0,
            records: 0,
            dies_after: u64::MAX,
            frozen_until_ns: [0; Turn::ALL.len()],
            backlog: false,
            worked_off: false,
            full_ring: None,
            clock_jump: None,
            disk_full_until_ns: 0,
            effects: Effects::default(),
        }
    }

    fn until_ns(&self, for_ms: u64) -> u64 {
        self.now_ns + self.clock.duration_ns(for_ms)
    }

    /// The process dies as soon as its journal would have so many records since the start: nothing leaves it after that.
    pub(super) fn die_after(&mut self, records: u64) {
        self.dies_after = records;
    }

    /// Records so far.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// A stage does nothing for so long. Its rings fill, and its connections wait.
    pub(super) fn freeze(&mut self, turn: Turn, for_ms: u64) {
        self.frozen_until_ns[turn as usize] = self.until_ns(for_ms);
    }

    /// Whether `decide` has worked off, since the last call, what had waited while it was frozen.
    pub(super) fn take_worked_off(&mut self) -> bool {
        std::mem::take(&mut self.worked_off)
    }

    /// A ring refuses everything for so long, as if its reader had let it fill. The one before it has room again.
    pub(super) fn fill_ring(&mut self, ring: Ring, for_ms: u64) {
        self.full_ring = Some((ring, self.until_ns(for_ms)));
    }

    /// The wall clock is off by so much, for so long.
    pub(super) fn jump_clock(&mut self, by_ms: i64, for_ms: u64) {
        self.clock_jump = Some((by_ms, self.until_ns(for_ms)));
    }

    /// Nothing can be written to the disk for so long.
    pub(super) fn fill_disk(&mut self, for_ms: u64) {
        self.disk_full_until_ns = self.until_ns(for_ms);
    }

    /// What has taken effect so far.
    pub(super) fn effects(&self) -> Effects {
        self.effects
    }
}

impl Observer for Machine {
    fn tick(&mut self, now: Now) {
        self.now_ns = now.mono_ns;
    }

    fn recorded(&mut self) {
        self.records += 1;
    }

    /// Another process starts with stages that run and rings that have room, on the same machine.
    fn killed(&mut self) {
        self.dies_after = u64::MAX;
        self.frozen_until_ns = [0; Turn::ALL.len()];
        (self.backlog, self.worked_off) = (false, false);
        self.full_ring = None;
    }
}

impl Trouble for Machine {
    fn is_dead(&self) -> bool {
        self.records >= self.dies_after
    }

    fn has_room(&mut self, ring: Ring) -> bool {
        let full = self.full_ring.is_some_and(|(full, until_ns)| full == ring && until_ns > self.now_ns);
        self.effects.refused_by_rings += u64::from(full);
        !full
    }

    fn frozen_until_ns(&self, turn: Turn) -> u64 {
        self.frozen_until_ns[turn as usize]
    }

    fn turn(&mut self, turn: Turn, frozen: bool) {
        if turn != Turn::Decide {
            return;
        }
        if frozen {
            self.backlog = true;
        } else {
            self.worked_off |= std::mem::take(&mut self.backlog);
        }
    }

    fn wall_offset_ms(&mut self) -> i64 {
        let Some((by_ms, _)) = self.clock_jump.filter(|(_, until_ns)| *until_ns > self.now_ns) else { return 0 };
        let beyond = by_ms.abs() > CLOCK_TOLERANCE_MS;
        self.effects.signed_beyond += u64::from(beyond);
        self.effects.signed_within += u64::from(by_ms != 0 && !beyond);
        by_ms
    }

    fn disk_takes_it(&mut self) -> bool {
        let full = self.disk_full_until_ns > self.now_ns;
        self.effects.not_written += u64::from(full);
        !full
    }
}
