//! The rings between the stages, as bounded queues within one thread.

use std::collections::VecDeque;

use crate::market::BookLevels;
use crate::messages::{
    AccountEvent, AccountNote, DecideToExecute, DecideToFeed, ExecuteToReconcile, FeedToDecide, FeedToExecute,
    ReconcileToFeed,
};

/// A ring between stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Book events, `feed` to `decide`.
    Books,
    /// Requests for snapshots, `decide` to `feed`.
    Resyncs,
    /// Market statuses, `feed` to `execute`.
    Statuses,
    /// Intents, `decide` to `execute`.
    Intents,
    /// Notes on the account, `execute` to `decide`.
    Portfolios,
    /// Queries, `execute` to `reconcile`.
    Queries,
    /// Facts about the account, `reconcile` to `execute`.
    Facts,
    /// Listings, `reconcile` to `feed`.
    Listings,
}

impl Ring {
    /// Every ring.
    pub const ALL: [Self; 8] = [
        Self::Books,
        Self::Resyncs,
        Self::Statuses,
        Self::Intents,
        Self::Portfolios,
        Self::Queries,
        Self::Facts,
        Self::Listings,
    ];
}

/// A bounded queue.
pub(super) struct Queue<T> {
    items: VecDeque<T>,
    capacity: usize,
}

impl<T> Queue<T> {
    fn new(capacity: usize) -> Self {
        Self { items: VecDeque::with_capacity(capacity), capacity }
    }

    /// Appends an item, or returns it if the queue is full.
    pub(super) fn push(&mut self, item: T) -> Result<(), T> {
        if self.items.len() >= self.capacity {
            return Err(item);
        }
        self.items.push_back(item);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.items.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// All rings, with the snapshot pool of the ring from `feed` to `decide`.
pub(super) struct Rings {
    pub(super) feed_to_decide: Queue<FeedToDecide>,
    pub(super) decide_to_feed: Queue<DecideToFeed>,
    pub(super) feed_to_execute: Queue<FeedToExecute>,
    pub(super) decide_to_execute: Queue<DecideToExecute>,
    pub(super) execute_to_decide: Queue<AccountNote>,
    pub(super) execute_to_reconcile: Queue<ExecuteToReconcile>,
    pub(super) reconcile_to_execute: Queue<AccountEvent>,
    pub(super) reconcile_to_feed: Queue<ReconcileToFeed>,
    /// Buffers for snapshots.
    #[expect(clippy::vec_box, reason = "a snapshot moves between stages as a pointer, as over the rings")]
    pub(super) pool: Vec<Box<BookLevels>>,
    pub(super) overflow_epoch: u64,
}

impl Rings {
    pub(super) fn new(capacity: usize, snapshot_buffers: usize) -> Self {
        Self {
            feed_to_decide: Queue::new(capacity),
            decide_to_feed: Queue::new(capacity),
            feed_to_execute: Queue::new(capacity),
            decide_to_execute: Queue::new(capacity),
            execute_to_decide: Queue::new(capacity),
            execute_to_reconcile: Queue::new(capacity),
            reconcile_to_execute: Queue::new(capacity),
            reconcile_to_feed: Queue::new(capacity),
            pool: (0..snapshot_buffers).map(|_| Box::default()).collect(),
            overflow_epoch: 0,
        }
    }
}
