//! Books that are crossed for an instant: nothing is decided on them, and those that stay crossed are marked stale.

use crate::clock::{NEVER_NS, Now};
use crate::messages::ResyncReason;
use crate::ports::DecidePort;

use super::State;

impl State {
    /// A frame left a market's book crossed, which is tolerated until `until_ns`. `is_first` says that it is the first
    /// such state of its instant.
    #[cold]
    pub(super) fn note_crossed(&mut self, position: usize, is_first: bool, until_ns: u64) {
        self.counters.crossed_states += 1;
        self.counters.crossed_steps += u64::from(is_first);
        self.crossed[position / 64] |= 1 << (position % 64);
        self.crossed_deadline_ns = self.crossed_deadline_ns.min(until_ns);
    }

    /// Gives up books that are still crossed after their grace. Call this only when the ring is empty, since a waiting
    /// event may end a crossing.
    pub(super) fn end_crossings(&mut self, now: Now, port: &mut impl DecidePort) {
        self.crossed_deadline_ns = NEVER_NS;
        for word in 0..self.crossed.len() {
            let mut bits = std::mem::take(&mut self.crossed[word]);
            while bits != 0 {
                let bit = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let position = word * 64 + bit;
                let deadline_ns = self.markets[position].as_ref().and_then(|market| market.crossing.deadline());
                match deadline_ns {
                    None => {}
                    Some(deadline_ns) if deadline_ns <= now.mono_ns => {
                        self.give_up(position, ResyncReason::Crossed, now, port);
                    }
                    Some(deadline_ns) => {
                        self.crossed[word] |= 1 << bit;
                        self.crossed_deadline_ns = self.crossed_deadline_ns.min(deadline_ns);
                    }
                }
            }
        }
    }
}
