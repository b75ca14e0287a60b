//! What faults hold back: outputs that are sent later, channels that are delayed, and everything for sessions while they are
//! stalled. It keeps the order: what is held back of a channel or a session comes out as it went in.

use std::collections::VecDeque;

use super::{Channel, Output, SessionId};
use crate::market::OrderId;

/// An output that is sent later.
#[derive(Debug)]
struct Late {
    due_ms: i64,
    output: Output,
    /// If set, the output is sent earlier if this order ends.
    order: Option<OrderId>,
}

/// A channel whose frames are delayed.
#[derive(Debug)]
struct Lag {
    channel: Channel,
    by_ms: i64,
    until_ms: i64,
    /// When the newest frame is due; no later frame may be due before it.
    newest_ms: i64,
}

/// Everything that is held back.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Sorted by time.
    late: Vec<Late>,
    lags: Vec<Lag>,
    /// Until when sessions get nothing, and what is waiting for them.
    stalled: Option<(i64, VecDeque<Output>)>,
}

impl Held {
    /// Stalls sessions until a time.
    pub(super) fn stall(&mut self, until_ms: i64) {
        let (end_ms, _) = self.stalled.get_or_insert_with(|| (until_ms, VecDeque::new()));
        *end_ms = until_ms.max(*end_ms);
    }

    /// Delays frames of a channel until a time.
    pub(super) fn slow(&mut self, channel: Channel, by_ms: i64, until_ms: i64) {
        self.lags.push(Lag { channel, by_ms, until_ms, newest_ms: i64::MIN });
    }

    /// Ends stalls and delays. What is held back is still sent at its time.
    pub(super) fn calm(&mut self) {
        for lag in &mut self.lags {
            lag.until_ms = i64::MIN;
        }
        if let Some((until_ms, _)) = &mut self.stalled {
            *until_ms = i64::MIN;
        }
    }

    /// When a frame of a channel is due; `None` if it is not delayed.
    pub(super) fn due_ms(&mut self, channel: Channel, now_ms: i64) -> Option<i64> {
        self.lags.retain(|lag| now_ms < lag.until_ms || now_ms < lag.newest_ms);
        let lag = self.lags.iter_mut().find(|lag| lag.channel == channel)?;
        if now_ms < lag.until_ms {
            lag.newest_ms = lag.newest_ms.max(now_ms.saturating_add(lag.by_ms));
        }
        Some(lag.newest_ms)
    }

    /// Holds an output until a time, or until an order ends.
    pub(super) fn hold(&mut self, until_ms: i64, output: Output, order: Option<OrderId>) {
        let position = self.late.partition_point(|late| late.due_ms <= until_ms);
        self.late.insert(position, Late { due_ms: until_ms, output, order });
    }

    /// The next output that is due, if any.
    pub(super) fn release(&mut self, now_ms: i64) -> Option<Output> {
        self.late.first().is_some_and(|late| late.due_ms <= now_ms).then(|| self.late.remove(0).output)
    }

    /// Releases what was waiting for the end of an order, which has just been sent.
    pub(super) fn order_ended(&mut self, order: OrderId, outputs: &mut VecDeque<Output>) {
        while let Some(position) = self.late.iter().position(|late| late.order == Some(order)) {
            outputs.push_back(self.late.remove(position).output);
        }
    }

    /// Drops what is waiting for a session.
    pub(super) fn forget(&mut self, session: SessionId) {
        let is_others = |output: &Output| output.session() != Some(session);
        self.late.retain(|late| is_others(&late.output));
        if let Some((_, waiting)) = &mut self.stalled {
            waiting.retain(is_others);
        }
    }

    /// Returns an output that may be sent now, or keeps it while sessions are stalled.
    pub(super) fn pass(&mut self, output: Output) -> Option<Output> {
        match &mut self.stalled {
            Some((_, waiting)) if output.session().is_some() => {
                waiting.push_back(output);
                None
            }
            _ => Some(output),
        }
    }

    /// Ends a stall whose time is over; what was waiting is sent before everything else.
    pub(super) fn end_stall(&mut self, now_ms: i64, outputs: &mut VecDeque<Output>) {
        if let Some((_, mut waiting)) = self.stalled.take_if(|(until_ms, _)| *until_ms <= now_ms) {
            waiting.append(outputs);
            *outputs = waiting;
        }
    }

    /// When the next held output is due.
    pub(super) fn next_deadline_ms(&self) -> Option<i64> {
        let stall = self.stalled.as_ref().map(|(until_ms, _)| *until_ms);
        self.late.first().map(|late| late.due_ms).into_iter().chain(stall).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::gateway::HttpResponse;

    #[test]
    fn held_outputs_come_out_in_the_order_of_their_times() {
        let mut held = Held::default();
        held.hold(20, Output::Close { session: 2, reason: "" }, None);
        held.hold(10, Output::Close { session: 1, reason: "" }, None);
        assert_eq!(held.release(9), None);
        assert!(matches!(held.release(30), Some(Output::Close { session: 1, .. })));
        assert!(matches!(held.release(30), Some(Output::Close { session: 2, .. })));
    }

    #[test]
    fn a_stall_holds_sessions_back_and_nothing_else() {
        let mut held = Held::default();
        held.stall(100);
        assert!(held.pass(Output::Ping { session: 1, payload: b"" }).is_none());
        assert!(
            held.pass(Output::Response { ticket: 1, response: HttpResponse { status: 200, body: Vec::new() } })
                .is_some()
        );
        let mut outputs = VecDeque::from([Output::Close { session: 1, reason: "" }]);
        held.end_stall(99, &mut outputs);
        assert_eq!(outputs.len(), 1);
        held.end_stall(100, &mut outputs);
        assert!(matches!(outputs[0], Output::Ping { .. }) && outputs.len() == 2);
        assert!(held.pass(Output::Ping { session: 1, payload: b"" }).is_some());
    }

    #[test]
    fn what_waits_for_the_end_of_an_order_comes_with_it_or_at_its_time() {
        let mut held = Held::default();
        let order = OrderId::from_bits(5);
        held.hold(100, Output::Close { session: 1, reason: "" }, Some(order));
        let mut outputs = VecDeque::new();
        held.order_ended(OrderId::from_bits(6), &mut outputs);
        assert!(outputs.is_empty());
        held.order_ended(order, &mut outputs);
        assert_eq!((outputs.len(), held.release(100)), (1, None));
    }
}
