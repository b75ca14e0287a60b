//! Faults of the trader's process and machine: death after a given record, frozen stages, full rings, clock jumps and a
//! full disk, and how often each took effect.

use crate::clock::{Now, SessionClock};
use crate::drivers::simulation::{Observer, Ring, Trouble, Turn};

/// How far a signature's time may differ from the exchange's, by the exchange's default settings.
const CLOCK_TOLERANCE_MS: i64 = 10_000;

/// How often each kind of trouble took effect.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effects {
    /// Messages that a full ring refused.
    pub(super) refused_by_rings: u64,
    /// Signatures made with a clock that was off by more than the exchange tolerates.
    pub(super) signed_beyond: u64,
    /// Signatures made with a clock that was off by less.
    pub(super) signed_within: u64,
    /// Writes that a full disk refused.
    pub(super) not_written: u64,
}

/// The current faults of the machine, and until when they last, in monotonic nanoseconds.
#[derive(Debug)]
pub(super) struct Machine {
    clock: SessionClock,
    now_ns: u64,
    /// Inputs and outputs of the trader so far, which is the number of records that a journal would have.
    records: u64,
    /// The number of records after which the process dies.
    dies_after: u64,
    frozen_until_ns: [u64; Turn::ALL.len()],
    /// Whether events may be waiting for `decide` since it froze; the next field says whether they have been handled.
    backlog: bool,
    worked_off: bool,
    full_ring: Option<(Ring, u64)>,
    /// How far the wall clock is off, and until when.
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

    /// Lets the process die as soon as its journal would have this many records since the start. Nothing leaves it
    /// after that.
    pub(super) fn die_after(&mut self, records: u64) {
        self.dies_after = records;
    }

    /// Records so far.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Freezes a stage for this long. Its rings fill, and its connections wait.
    pub(super) fn freeze(&mut self, turn: Turn, for_ms: u64) {
        self.frozen_until_ns[turn as usize] = self.until_ns(for_ms);
    }

    /// Whether, since the last call, `decide` has handled what had waited while it was frozen.
    pub(super) fn take_worked_off(&mut self) -> bool {
        std::mem::take(&mut self.worked_off)
    }

    /// Makes a ring refuse everything for this long, as if its reader had let it fill. An earlier one has room again.
    pub(super) fn fill_ring(&mut self, ring: Ring, for_ms: u64) {
        self.full_ring = Some((ring, self.until_ns(for_ms)));
    }

    /// Sets the wall clock off by this much, for this long.
    pub(super) fn jump_clock(&mut self, by_ms: i64, for_ms: u64) {
        self.clock_jump = Some((by_ms, self.until_ns(for_ms)));
    }

    /// Makes writes to the disk fail for this long.
    pub(super) fn fill_disk(&mut self, for_ms: u64) {
        self.disk_full_until_ns = self.until_ns(for_ms);
    }

    /// How often each fault has taken effect so far.
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

    /// Another process starts on the same machine, with running stages and empty rings.
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
