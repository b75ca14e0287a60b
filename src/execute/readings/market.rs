//! What was read of one market, and how far asking about its orders has come.

use serde::{Deserialize, Serialize};

use super::{PATIENCE_NS, more_patience};
use crate::clock::{NEVER_NS, Now};
use crate::market::{Count, Money};

/// Where asking the exchange about a market's orders stands.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::execute) struct Resolve {
    /// The query whose answer is awaited, and when it was asked in session milliseconds and monotonic nanoseconds.
    asked: Option<(u32, i64, u64)>,
    due_ns: u64,
    /// How long the one after will wait.
    wait_ns: u64,
    /// How long an answer is waited for.
    patience_ns: u64,
}

/// Whether a market is to be asked about now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::execute) enum AskAbout {
    Now,
    /// Not before; never when there is nothing to ask.
    At(u64),
}

impl Resolve {
    /// Nothing to ask.
    pub fn new() -> Self {
        Self { asked: None, due_ns: NEVER_NS, wait_ns: 0, patience_ns: PATIENCE_NS }
    }

    /// When the query was asked, if it is the one whose answer is awaited.
    pub fn asked_ms(&self, query: u32) -> Option<i64> {
        self.asked.filter(|asked| asked.0 == query).map(|(_, asked_ms, _)| asked_ms)
    }

    /// When to ask, unless that is scheduled: after `first_ns`, or longer after a look that settled nothing.
    pub fn later_ns(&self, first_ns: u64, mono_ns: u64) -> Option<u64> {
        let free = self.due_ns == NEVER_NS && self.asked.is_none();
        free.then(|| mono_ns.saturating_add(self.wait_ns.max(first_ns)))
    }

    /// Asks at that time at the latest.
    pub fn by(&mut self, at_ns: u64) {
        self.due_ns = self.due_ns.min(at_ns);
    }

    /// Whether to ask now. An answer that is overdue is given up.
    pub fn next(&mut self, open_end: bool, mono_ns: u64) -> AskAbout {
        if let Some((_, _, asked_ns)) = self.asked {
            let again_ns = asked_ns.saturating_add(self.patience_ns);
            if mono_ns < again_ns {
                return AskAbout::At(again_ns);
            }
            self.patience_ns = more_patience(self.patience_ns);
            self.asked = None;
            self.due_ns = mono_ns;
        }
        if !open_end {
            self.due_ns = NEVER_NS;
            self.wait_ns = 0;
            return AskAbout::At(NEVER_NS);
        }
        if self.due_ns > mono_ns { AskAbout::At(self.due_ns) } else { AskAbout::Now }
    }

    /// It was asked. Returns until when the answer is waited for.
    pub fn ask(&mut self, query: u32, now: Now) -> u64 {
        self.asked = Some((query, now.session_ms, now.mono_ns));
        self.due_ns = NEVER_NS;
        now.mono_ns.saturating_add(self.patience_ns)
    }

    /// The answer came. Returns when to ask again if it left an open end.
    pub fn answered(&mut self, open_end: bool, wait_ns: std::ops::RangeInclusive<u64>, mono_ns: u64) -> Option<u64> {
        self.asked = None;
        self.patience_ns = PATIENCE_NS;
        self.wait_ns = if open_end { (self.wait_ns * 2).clamp(*wait_ns.start(), *wait_ns.end()) } else { 0 };
        self.due_ns = NEVER_NS;
        open_end.then(|| mono_ns.saturating_add(self.wait_ns))
    }
}

/// What was read of a market. Readings are told apart by their numbers, which begin at one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::execute) struct MarketReading {
    pub resolve: Resolve,
    /// The position, its cost, and the reading that showed them.
    position: (u32, Count, Money),
    /// The last reading in which something of the market could not be read, and whether that was more than a fill.
    unread: (u32, bool),
    /// Since such a reading the market takes no order, until one without agrees.
    pub withheld: bool,
    /// Its position is no part of the baseline: it could not be read then.
    pub unadopted: bool,
}

impl MarketReading {
    /// Nothing was read.
    pub fn new() -> Self {
        Self {
            resolve: Resolve::new(),
            position: (0, Count::ZERO, Money::ZERO),
            unread: (0, false),
            withheld: false,
            unadopted: false,
        }
    }

    /// A reading shows a position and what it cost.
    pub fn show(&mut self, reading: u32, contracts: Count, cost: Money) {
        self.position = (reading, contracts, cost);
    }

    /// The position that a reading showed.
    pub fn position_in(&self, reading: u32) -> Option<Count> {
        (self.position.0 == reading).then_some(self.position.1)
    }

    /// What the position that was read last had cost.
    pub fn cost(&self) -> Money {
        self.position.2
    }

    /// Something could not be read in a reading, only a fill or more. Returns whether the market has to be withheld from
    /// now on.
    pub fn miss(&mut self, reading: u32, more_than_a_fill: bool) -> bool {
        let before = self.lacks(reading);
        self.unread = (reading, before || more_than_a_fill);
        !std::mem::replace(&mut self.withheld, true)
    }

    /// Whether anything could not be read in a reading.
    pub fn misses(&self, reading: u32) -> bool {
        self.unread.0 == reading
    }

    /// Whether more than a fill could not be read in a reading.
    pub fn lacks(&self, reading: u32) -> bool {
        self.unread == (reading, true)
    }
}
