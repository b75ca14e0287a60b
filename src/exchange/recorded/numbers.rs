//! The sequence numbers of a recording's subscriptions: the expected number of each subscription's next frame, and the
//! meaning of any other number.
//!
//! A *stretch* is a part of a subscription in which no frame is known to be missing; a book that began with a snapshot is
//! correct as long as its stretch lasts. If other markets share the subscription, a recording of one market has gaps by
//! nature. Such a subscription is *scattered*: its gaps mean nothing, and only repeated frames can be detected.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::wire::frame::{Frame, Message};

/// How many frames of a subscription are remembered, to detect repetitions.
const REMEMBERED_MAX: usize = 1 << 20;

/// The meaning of a frame's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The expected number.
    Next,
    /// The first number of a subscription, which may be a new one with the same sid.
    First,
    /// The same frame occurred before.
    Repeat,
    /// Numbers are missing before it.
    Hole {
        /// The expected number.
        expected: u64,
    },
    /// A number that has passed already, on a different frame.
    Back {
        /// The last number.
        last: u64,
    },
}

/// What may come next on a subscription besides the expected number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Also {
    Nothing,
    /// Lower numbers of a new subscription, because another file began or another subscription restarted.
    Lower,
    /// Any number of a new subscription, because one was announced.
    Any,
}

#[derive(Debug)]
struct Subscription {
    last: u64,
    stretch: u64,
    also: Also,
    /// The numbers and hashes of frames, in ascending order.
    seen: VecDeque<(u64, u64)>,
}

impl Subscription {
    fn has_seen(&self, number: u64, hash: u64) -> bool {
        let found = self.seen.binary_search_by_key(&number, |&(number, _)| number);
        found.is_ok_and(|index| self.seen[index].1 == hash)
    }
}

/// The expected numbers of all subscriptions.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    subscriptions: BTreeMap<u64, Subscription>,
    stretches: u64,
    scattered: BTreeSet<u64>,
    all_scattered: bool,
}

impl Numbers {
    /// With `all_scattered`, numbers serve only to detect repeated frames.
    pub(super) fn new(all_scattered: bool) -> Self {
        Self { all_scattered, ..Self::default() }
    }

    /// Another file begins, which may continue where the last one ended.
    pub(super) fn begin_file(&mut self) {
        self.subscriptions.values_mut().for_each(|subscription| subscription.also = Also::Lower);
    }

    /// Another connection begins.
    pub(super) fn begin_connection(&mut self) {
        self.subscriptions.clear();
    }

    /// A subscription is announced.
    pub(super) fn announce(&mut self, sid: u64) {
        if let Some(subscription) = self.subscriptions.get_mut(&sid) {
            subscription.also = Also::Any;
        }
    }

    /// From now on, gaps in these subscriptions mean nothing.
    pub(super) fn scatter(&mut self, sids: impl IntoIterator<Item = u64>) {
        self.scattered.extend(sids);
    }

    /// The meaning of a frame's number, judged by its type and content.
    pub(super) fn place(&self, sid: u64, number: u64, message: &Message<'_>, hash: u64) -> Place {
        let Some(subscription) = self.subscriptions.get(&sid) else { return Place::First };
        let last = subscription.last;
        if last.checked_add(1) == Some(number) {
            return Place::Next;
        }
        if number <= last && subscription.has_seen(number, hash) {
            return Place::Repeat;
        }
        let is_first = match subscription.also {
            Also::Any => true,
            Also::Lower => number <= last,
            // A reconnect of which nothing else is recorded. Not for a delta, which needs a snapshot before it.
            Also::Nothing => number <= last && !matches!(message, Message::Delta(_)),
        };
        if is_first {
            Place::First
        } else if self.all_scattered {
            Place::Next
        } else if number <= last {
            Place::Back { last }
        } else if self.scattered.contains(&sid) {
            Place::Next
        } else {
            Place::Hole { expected: last + 1 }
        }
    }

    /// Records a frame. Returns its stretch, and the stretch that ended because of it.
    pub(super) fn accept(&mut self, sid: u64, number: u64, hash: u64, place: Place) -> (u64, Option<u64>) {
        let fresh = self.stretches + 1;
        let subscription = self.subscriptions.entry(sid).or_insert_with(|| Subscription {
            last: number,
            stretch: fresh,
            also: Also::Nothing,
            seen: VecDeque::new(),
        });
        let (mut ended, also) = (None, subscription.also);
        if place != Place::Next {
            self.stretches = fresh;
            ended = Some(subscription.stretch).filter(|stretch| *stretch != fresh);
            subscription.stretch = fresh;
        }
        if number <= subscription.last {
            subscription.seen.clear();
        }
        if subscription.seen.len() == REMEMBERED_MAX {
            subscription.seen.pop_front();
        }
        subscription.seen.push_back((number, hash));
        (subscription.last, subscription.also) = (number, Also::Nothing);
        let stretch = subscription.stretch;
        if place == Place::First && ended.is_some() && also == Also::Nothing {
            // A reconnect: the other subscriptions of the connection restart as well.
            let others = self.subscriptions.iter_mut().filter(|(other, _)| **other != sid);
            others.for_each(|(_, subscription)| subscription.also = Also::Lower);
        }
        (stretch, ended)
    }

    /// Forgets a subscription, so that its next frame is the first.
    pub(super) fn forget(&mut self, sid: u64) {
        self.subscriptions.remove(&sid);
    }
}

/// Distinguishes dense subscriptions from scattered ones, by all the numbers in a file.
#[derive(Debug, Default)]
pub(super) struct Density {
    tallies: BTreeMap<u64, Tally>,
}

#[derive(Debug)]
struct Tally {
    last: u64,
    frames: u64,
    holes: u64,
    missing: u64,
}

impl Density {
    pub(super) fn count(&mut self, frame: &Frame<'_>) {
        if let Message::Subscribed { sid, .. } = frame.message
            && let Some(tally) = self.tallies.get_mut(&sid)
        {
            tally.last = u64::MAX;
        }
        let (Some(sid), Some(number)) = (frame.envelope.sid, frame.envelope.seq) else { return };
        let tally = self.tallies.entry(sid).or_insert(Tally { last: u64::MAX, frames: 0, holes: 0, missing: 0 });
        tally.frames += 1;
        if let Some(missing) = number.checked_sub(tally.last.saturating_add(1)).filter(|missing| *missing > 0) {
            tally.holes += 1;
            tally.missing = tally.missing.saturating_add(missing);
        }
        tally.last = number;
    }

    /// The subscriptions with gaps throughout: at twenty frames or more and at least one in ten; or, in a short recording, at
    /// half of the frames or more and with more numbers missing than present.
    pub(super) fn scattered(&self) -> impl Iterator<Item = u64> {
        let scattered = |tally: &&Tally| {
            let Tally { frames, holes, missing, .. } = **tally;
            (holes >= 20 && holes * 10 >= frames) || (holes >= 3 && holes * 2 >= frames && missing > frames)
        };
        self.tallies.iter().filter(move |(_, tally)| scattered(tally)).map(|(sid, _)| *sid)
    }
}
