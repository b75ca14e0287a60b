//! The rings from `feed` to `decide`: book events, listings and snapshots that are too large for an event, and the
//! return of snapshot buffers. Memory is allocated only when the rings are created.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::utils::CachePadded;

use crate::host::ring::{Receiver, Sender, ring};
use crate::market::BookLevels;
use crate::messages::{BookEvent, BookEventKind, FeedToDecide, Listing};
use crate::ports::Refused;

/// What accompanies a [`BookEvent`] because it is too large for a message.
#[derive(Debug)]
enum Rider {
    Listing(Listing),
    Levels(Box<BookLevels>),
}

fn has_rider(kind: BookEventKind) -> bool {
    matches!(kind, BookEventKind::Listed | BookEventKind::Snapshot)
}

/// The sizes of the rings from `feed` to `decide`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookRingSizes {
    /// Book events.
    pub events: usize,
    /// Listings and snapshots that may wait at the same time.
    pub riders: usize,
    /// Snapshot buffers in the pool.
    pub buffers: usize,
    /// The initial capacity of each buffer, in levels per side.
    pub levels: usize,
}

/// Creates the rings from `feed` to `decide`: the ring of events, the side ring of listings and snapshot buffers in the
/// same order, the ring on which the buffers return, and the overflow epoch.
///
/// # Panics
/// When a size is zero, which the configuration refuses.
#[must_use]
pub fn book_rings(sizes: BookRingSizes) -> (BookSender, BookReceiver) {
    let (events_in, events_out) = ring(sizes.events);
    let (riders_in, riders_out) = ring(sizes.riders);
    let (returned_in, returned_out) = ring(sizes.buffers);
    let epoch = Arc::new(CachePadded::new(AtomicU64::new(0)));
    let spare = (0..sizes.buffers).map(|_| Box::new(BookLevels::with_capacity(sizes.levels))).collect();
    (
        BookSender {
            events: events_in,
            riders: riders_in,
            returned: returned_out,
            spare,
            overflow_epoch: Arc::clone(&epoch),
        },
        BookReceiver { events: events_out, riders: riders_out, returned: returned_in, overflow_epoch: epoch },
    )
}

/// `feed`'s end of the rings to `decide`.
#[derive(Debug)]
pub struct BookSender {
    events: Sender<BookEvent>,
    riders: Sender<Rider>,
    returned: Receiver<Box<BookLevels>>,
    #[expect(clippy::vec_box, reason = "the boxes travel through the rings as they are")]
    spare: Vec<Box<BookLevels>>,
    overflow_epoch: Arc<CachePadded<AtomicU64>>,
}

impl BookSender {
    /// Takes an empty snapshot buffer from the pool; `None` when all are in use.
    pub fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        let mut levels = self.spare.pop().or_else(|| self.returned.pop())?;
        levels.clear();
        Some(levels)
    }

    /// # Errors
    /// [`Refused`] when one of the rings has no room, with the snapshot's buffer if there is one.
    #[inline]
    pub fn push(&mut self, message: FeedToDecide) -> Result<(), Refused> {
        match message {
            FeedToDecide::Event(event) => {
                debug_assert!(!has_rider(event.kind), "its rider is missing");
                Ok(self.events.push(event)?)
            }
            FeedToDecide::Snapshot(..) | FeedToDecide::Listed(..) if self.events.is_full() || self.riders.is_full() => {
                Err(message.into())
            }
            FeedToDecide::Snapshot(event, levels) => {
                debug_assert_eq!(event.kind, BookEventKind::Snapshot);
                self.send_pair(event, Rider::Levels(levels));
                Ok(())
            }
            FeedToDecide::Listed(event, listing) => {
                debug_assert_eq!(event.kind, BookEventKind::Listed);
                self.send_pair(event, Rider::Listing(listing));
                Ok(())
            }
        }
    }

    /// Sends the rider first, so that the receiver of the event finds it.
    fn send_pair(&mut self, event: BookEvent, rider: Rider) {
        self.riders.push(rider).expect("room was seen, and this is the only sender");
        self.events.push(event).expect("room was seen, and this is the only sender");
    }

    /// Raises the overflow epoch.
    pub fn raise_overflow(&mut self, epoch: u64) {
        // Release ordering: a thread that reads the epoch also sees every event sent before the one that found no room.
        self.overflow_epoch.store(epoch, Ordering::Release);
    }
}

/// `decide`'s end of the rings from `feed`.
#[derive(Debug)]
pub struct BookReceiver {
    events: Receiver<BookEvent>,
    riders: Receiver<Rider>,
    returned: Sender<Box<BookLevels>>,
    overflow_epoch: Arc<CachePadded<AtomicU64>>,
}

impl BookReceiver {
    /// Takes the oldest message: an event with its rider, if it has one.
    #[inline]
    pub fn pop(&mut self) -> Option<FeedToDecide> {
        let event = self.events.pop()?;
        if !has_rider(event.kind) {
            return Some(FeedToDecide::Event(event));
        }
        Some(match self.riders.pop().expect("a rider is sent before its event") {
            Rider::Listing(listing) => FeedToDecide::Listed(event, listing),
            Rider::Levels(levels) => FeedToDecide::Snapshot(event, levels),
        })
    }

    /// Gives a snapshot's buffer back to the pool.
    pub fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.returned.push(levels).expect("the back ring has room for every buffer in existence");
    }

    /// The latest overflow epoch.
    #[must_use]
    pub fn overflow_epoch(&self) -> u64 {
        // Acquire ordering, which pairs with the release in `raise_overflow`.
        self.overflow_epoch.load(Ordering::Acquire)
    }

    /// How many events are waiting.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.events.waiting()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Count, Outcome, Price};

    fn event(kind: BookEventKind, seq: u64) -> BookEvent {
        BookEvent {
            market: crate::market::MarketKey::default(),
            kind,
            side: Outcome::Yes,
            price: Price::ZERO,
            change: Count::ZERO,
            time_ms: 0,
            exchange_ms: crate::messages::NO_TIME_MS,
            clock: 0,
            seq,
            read_ns: 0,
            parsed_ns: 0,
        }
    }

    fn plain(kind: BookEventKind, seq: u64) -> FeedToDecide {
        FeedToDecide::Event(event(kind, seq))
    }

    fn snapshot(seq: u64, levels: Box<BookLevels>) -> FeedToDecide {
        FeedToDecide::Snapshot(event(BookEventKind::Snapshot, seq), levels)
    }

    const SIZES: BookRingSizes = BookRingSizes { events: 4, riders: 2, buffers: 2, levels: 8 };

    #[test]
    fn snapshots_ride_beside_their_events_in_the_order_of_the_wire() {
        let (mut sender, mut receiver) = book_rings(SIZES);
        let mut levels = sender.take_levels().unwrap();
        levels.yes.push((Price::ZERO, Count::ZERO));
        sender.push(plain(BookEventKind::Delta, 1)).unwrap();
        sender.push(snapshot(2, levels)).unwrap();
        sender.push(plain(BookEventKind::Trade, 3)).unwrap();

        assert!(matches!(receiver.pop(), Some(FeedToDecide::Event(e)) if e.seq == 1));
        let Some(FeedToDecide::Snapshot(e, levels)) = receiver.pop() else { panic!("the snapshot is second") };
        assert_eq!((e.seq, levels.yes.len()), (2, 1));
        receiver.return_levels(levels);
        assert!(matches!(receiver.pop(), Some(FeedToDecide::Event(e)) if e.seq == 3));
    }

    #[test]
    fn a_snapshot_that_finds_no_room_hands_its_buffer_back_and_leaves_no_rider_behind() {
        let (mut sender, mut receiver) = book_rings(SIZES);
        for seq in 0..4 {
            sender.push(plain(BookEventKind::Delta, seq)).unwrap();
        }
        let levels = sender.take_levels().unwrap();
        let Err(Refused(Some(levels))) = sender.push(snapshot(4, levels)) else { panic!("the ring is full") };
        receiver.pop().unwrap();
        sender.push(snapshot(5, levels)).unwrap();
        let newest = std::iter::from_fn(|| receiver.pop()).last();
        assert!(matches!(newest, Some(FeedToDecide::Snapshot(e, _)) if e.seq == 5));
    }

    #[test]
    fn buffers_come_from_a_fixed_pool_and_return_empty() {
        let (mut sender, mut receiver) = book_rings(SIZES);
        let mut first = sender.take_levels().unwrap();
        let second = sender.take_levels().unwrap();
        assert!(sender.take_levels().is_none());
        first.no.push((Price::ZERO, Count::ZERO));
        sender.push(snapshot(1, first)).unwrap();
        sender.push(snapshot(2, second)).unwrap();
        let Some(FeedToDecide::Snapshot(_, levels)) = receiver.pop() else { panic!("a snapshot was sent") };
        receiver.return_levels(levels);
        let Some(FeedToDecide::Snapshot(_, levels)) = receiver.pop() else { panic!("two snapshots were sent") };
        receiver.return_levels(levels);
        let both = [sender.take_levels().unwrap(), sender.take_levels().unwrap()];
        assert!(both.iter().all(|levels| **levels == BookLevels::default()));
    }

    #[test]
    fn the_overflow_epoch_is_seen_by_decide() {
        let (mut sender, receiver) = book_rings(SIZES);
        assert_eq!(receiver.overflow_epoch(), 0);
        sender.raise_overflow(3);
        assert_eq!(receiver.overflow_epoch(), 3);
    }
}
