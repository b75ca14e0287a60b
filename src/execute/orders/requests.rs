//! Order writes that wait for their answer. Owns the slots; what an answer means is decided in `answers`.

use serde::{Deserialize, Serialize};

use super::table::OrderRef;
use super::tokens::Charge;
use crate::market::{MarketKey, OrderId};
use crate::ports::RequestId;

/// The most orders of one batched cancel.
pub(in crate::execute) const CANCEL_BATCH_MAX: usize = 20;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::execute) enum RequestKind {
    Create,
    Amend,
    Cancel,
    /// About an order group.
    Group,
}

/// An order that a request is about. The key and id outlive the order, which may end before the answer comes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::execute) struct RequestItem {
    pub at: OrderRef,
    pub market: MarketKey,
    pub id: OrderId,
}

/// A write without its answer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::execute) struct Request {
    pub id: RequestId,
    pub kind: RequestKind,
    pub charge: Charge,
    items: [Option<RequestItem>; CANCEL_BATCH_MAX],
    pub written_ns: u64,
    timeout_ns: u64,
}

impl Request {
    pub fn new(id: RequestId, kind: RequestKind, charge: Charge, items: &[RequestItem]) -> Self {
        let mut slots = [None; CANCEL_BATCH_MAX];
        for (slot, item) in slots.iter_mut().zip(items) {
            *slot = Some(*item);
        }
        Self { id, kind, charge, items: slots, written_ns: 0, timeout_ns: u64::MAX }
    }

    pub fn items(&self) -> impl Iterator<Item = RequestItem> {
        self.items.into_iter().flatten()
    }
}

/// The writes in flight.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::execute) struct Requests {
    waiting: Vec<Request>,
    bound: usize,
    timeout_ns: u64,
    next_id: RequestId,
}

impl Requests {
    /// Room for so many. An answer is overdue after the time-out.
    pub fn new(bound: usize, timeout_ns: u64) -> Self {
        Self { waiting: Vec::with_capacity(bound), bound, timeout_ns, next_id: 1 }
    }

    pub fn is_full(&self) -> bool {
        self.waiting.len() >= self.bound
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn next_id(&mut self) -> RequestId {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        id
    }

    /// Waits for an answer from now on. Returns when it will be overdue.
    pub fn push(&mut self, mut request: Request, mono_ns: u64) -> u64 {
        assert!(!self.is_full(), "a request is written only while there is a slot");
        request.timeout_ns = mono_ns.saturating_add(self.timeout_ns);
        let timeout_ns = request.timeout_ns;
        self.waiting.push(request);
        timeout_ns
    }

    pub fn take(&mut self, id: RequestId) -> Option<Request> {
        let position = self.waiting.iter().position(|request| request.id == id)?;
        Some(self.waiting.swap_remove(position))
    }

    /// A request whose answer is overdue.
    pub fn overdue(&self, mono_ns: u64) -> Option<RequestId> {
        self.waiting.iter().filter(|request| request.timeout_ns <= mono_ns).map(|request| request.id).min()
    }

    /// When the next answer will be overdue.
    pub fn next_timeout_ns(&self) -> Option<u64> {
        self.waiting.iter().map(|request| request.timeout_ns).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_once_and_overdue_ones_are_found() {
        let mut requests = Requests::new(4, 5);
        for written_ns in [25, 5, 15] {
            let id = requests.next_id();
            let overdue_ns = requests.push(Request::new(id, RequestKind::Create, Charge::default(), &[]), written_ns);
            assert_eq!(overdue_ns, written_ns + 5);
        }
        assert_eq!(requests.next_timeout_ns(), Some(10));
        assert_eq!(requests.overdue(9), None);
        assert_eq!(requests.overdue(20), Some(2));
        assert!(requests.take(2).is_some());
        assert!(requests.take(2).is_none());
        assert_eq!(requests.overdue(20), Some(3));
    }
}
