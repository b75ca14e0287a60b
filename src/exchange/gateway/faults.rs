//! The armed faults of requests and frames, and what they did. The gateway asks before it sends and before it carries
//! out; nothing here happens by itself. Owns what is held back, and the count of each fault that took effect.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Channel, ExchangeNow, HttpResponse, Output, Refusal, SessionId, Ticket};
use crate::exchange::faults::{Fault, RefusalStatus};
use crate::market::OrderId;

/// What happens to the next order write before it reaches the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteFate {
    /// It goes its way.
    Passed,
    /// It is lost.
    Lost,
    /// It comes later.
    Delayed(i64),
    /// It comes twice.
    Doubled,
}

/// What happens to the next fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FillFate {
    /// It is sent as it is.
    Sent,
    /// It is sent with a wrong price.
    Altered,
    /// It is sent after the end of its order, or so much later.
    AfterEnd(i64),
}

/// An output that is sent later.
#[derive(Debug)]
struct Late {
    due_ms: i64,
    output: Output,
    /// Sent sooner when this order ends.
    order: Option<OrderId>,
}

/// A channel whose frames come later than those of others.
#[derive(Debug)]
struct Lag {
    channel: Channel,
    by_ms: i64,
    until_ms: i64,
    /// When the newest frame comes: none may come before it.
    newest_ms: i64,
}

/// The armed faults, in the order in which they were armed.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Fault>,
    effects: BTreeMap<&'static str, u64>,
    late: Vec<Late>,
    lags: Vec<Lag>,
    /// Until when sessions get nothing, and what waits for them.
    stalled: Option<(i64, VecDeque<Output>)>,
    sessions_refused_until_ms: Option<i64>,
    writes_refused_until_ms: Option<i64>,
    /// How far the clock of signatures is ahead, and until when.
    clock: Option<(i64, i64)>,
}

impl Faults {
    /// Arms a fault; one that lasts for a time begins now.
    pub(super) fn arm(&mut self, fault: Fault, now_ms: i64) {
        let until_ms = |for_ms: i64| now_ms.saturating_add(for_ms);
        match fault {
            Fault::StallSessions { for_ms } => {
                let (end_ms, _) = self.stalled.get_or_insert_with(|| (now_ms, VecDeque::new()));
                *end_ms = until_ms(for_ms).max(*end_ms);
                self.took_effect(fault.name());
            }
            Fault::RefuseSessions { for_ms } => self.sessions_refused_until_ms = Some(until_ms(for_ms)),
            Fault::PauseExchange { for_ms } => self.writes_refused_until_ms = Some(until_ms(for_ms)),
            Fault::OffsetClock { by_ms, for_ms } => self.clock = Some((by_ms, until_ms(for_ms))),
            Fault::DelayChannel { channel, by_ms, for_ms } => {
                self.lags.push(Lag { channel, by_ms, until_ms: until_ms(for_ms), newest_ms: now_ms });
            }
            other => self.armed.push(other),
        }
    }

    /// Forgets every armed fault and ends those that last. What is held back keeps its time.
    pub(super) fn disarm(&mut self) {
        self.armed.clear();
        for lag in &mut self.lags {
            lag.until_ms = i64::MIN;
        }
        if let Some((until_ms, _)) = &mut self.stalled {
            *until_ms = i64::MIN;
        }
        (self.sessions_refused_until_ms, self.writes_refused_until_ms, self.clock) = (None, None, None);
    }

    /// What is armed and has not acted yet.
    pub(super) fn armed(&self) -> &[Fault] {
        &self.armed
    }

    /// How often each fault took effect.
    pub(super) fn effects(&self) -> &BTreeMap<&'static str, u64> {
        &self.effects
    }

    /// Counts a fault that took effect.
    pub(super) fn took_effect(&mut self, name: &'static str) {
        *self.effects.entry(name).or_default() += 1;
    }

    /// The first armed fault that `pick` knows, which has acted then.
    fn take<T>(&mut self, pick: impl Fn(Fault) -> Option<T>) -> Option<T> {
        if self.armed.is_empty() {
            return None;
        }
        let position = self.armed.iter().position(|fault| pick(*fault).is_some())?;
        let fault = self.armed.remove(position);
        self.took_effect(fault.name());
        pick(fault)
    }

    /// Sends a frame of a channel, unless a fault wants it otherwise.
    pub(super) fn frame(
        &mut self,
        outputs: &mut VecDeque<Output>,
        channel: Channel,
        session: SessionId,
        text: Arc<[u8]>,
        now_ms: i64,
    ) {
        let frame = |text| Output::Frame { session, text };
        let fate = self.take(|fault| match fault {
            Fault::DropFrame { channel: of }
            | Fault::DoubleFrame { channel: of }
            | Fault::DelayFrame { channel: of, .. }
            | Fault::TruncateFrame { channel: of }
            | Fault::MalformFrame { channel: of } => (of == channel).then_some(fault),
            _ => None,
        });
        match fate {
            None => self.lag(outputs, channel, frame(text), now_ms),
            Some(Fault::DoubleFrame { .. }) => {
                self.lag(outputs, channel, frame(Arc::clone(&text)), now_ms);
                self.lag(outputs, channel, frame(text), now_ms);
            }
            Some(Fault::DelayFrame { by_ms, .. }) => self.hold(now_ms.saturating_add(by_ms), frame(text), None),
            Some(Fault::TruncateFrame { .. }) => outputs.push_back(frame(text[..text.len() / 2].into())),
            Some(Fault::MalformFrame { .. }) => outputs.push_back(frame(malformed(&text))),
            Some(_) => {}
        }
    }

    /// Sends now, or later when the channel lags behind.
    fn lag(&mut self, outputs: &mut VecDeque<Output>, channel: Channel, output: Output, now_ms: i64) {
        self.lags.retain(|lag| now_ms < lag.until_ms || now_ms < lag.newest_ms);
        let Some(lag) = self.lags.iter_mut().find(|lag| lag.channel == channel) else {
            outputs.push_back(output);
            return;
        };
        if now_ms < lag.until_ms {
            lag.newest_ms = lag.newest_ms.max(now_ms.saturating_add(lag.by_ms));
        }
        let due_ms = lag.newest_ms;
        self.took_effect("delay_channel");
        self.hold(due_ms, output, None);
    }

    /// Whether the channel's next number is passed over.
    pub(super) fn skips_seq(&mut self, channel: Channel) -> bool {
        self.take(|fault| (fault == Fault::SkipSeq { channel }).then_some(())).is_some()
    }

    pub(super) fn fill(&mut self) -> FillFate {
        self.take(|fault| match fault {
            Fault::AlterFill => Some(FillFate::Altered),
            Fault::CancelBeforeFill { within_ms } => Some(FillFate::AfterEnd(within_ms)),
            _ => None,
        })
        .unwrap_or(FillFate::Sent)
    }

    /// The status with which an order write is refused, if it is.
    pub(super) fn refuses_write(&mut self, now_ms: i64) -> Option<Refusal> {
        if self.writes_refused_until_ms.is_some_and(|until_ms| now_ms < until_ms) {
            return Some(refusal(RefusalStatus::Unavailable));
        }
        self.take(|fault| match fault {
            Fault::RefuseRequest { status } => Some(refusal(status)),
            _ => None,
        })
    }

    pub(super) fn write(&mut self) -> WriteFate {
        self.take(|fault| match fault {
            Fault::LoseRequest => Some(WriteFate::Lost),
            Fault::DelayRequest { by_ms } => Some(WriteFate::Delayed(by_ms)),
            Fault::DoubleRequest => Some(WriteFate::Doubled),
            _ => None,
        })
        .unwrap_or(WriteFate::Passed)
    }

    /// Gives the answer to an order write that was carried out, unless a fault wants it otherwise.
    pub(super) fn answer(
        &mut self,
        outputs: &mut VecDeque<Output>,
        ticket: Ticket,
        mut response: HttpResponse,
        now_ms: i64,
    ) {
        let fate = self.take(|fault| match fault {
            Fault::SwallowAnswer
            | Fault::CutAnswer
            | Fault::DelayAnswer { .. }
            | Fault::FailAnswer { .. }
            | Fault::TruncateAnswer => Some(fault),
            _ => None,
        });
        match fate {
            Some(Fault::CutAnswer) => outputs.push_back(Output::CutConnection { ticket }),
            Some(Fault::DelayAnswer { by_ms }) => {
                self.hold(now_ms.saturating_add(by_ms), Output::Response { ticket, response }, None);
            }
            Some(Fault::FailAnswer { status }) => {
                outputs.push_back(Output::Response { ticket, response: refusal(status).response() });
            }
            Some(Fault::TruncateAnswer) => {
                response.body.truncate(response.body.len() / 2);
                outputs.push_back(Output::Response { ticket, response });
            }
            None => outputs.push_back(Output::Response { ticket, response }),
            Some(_) => {}
        }
    }

    /// Gives the answer to a read, unless a fault wants it otherwise.
    pub(super) fn read(&mut self, outputs: &mut VecDeque<Output>, ticket: Ticket, response: HttpResponse, now_ms: i64) {
        let fate = self.take(|fault| match fault {
            Fault::RefuseRead { .. } | Fault::DelayRead { .. } | Fault::SwallowRead => Some(fault),
            _ => None,
        });
        match fate {
            Some(Fault::RefuseRead { status }) => {
                outputs.push_back(Output::Response { ticket, response: refusal(status).response() });
            }
            Some(Fault::DelayRead { by_ms }) => {
                self.hold(now_ms.saturating_add(by_ms), Output::Response { ticket, response }, None);
            }
            None => outputs.push_back(Output::Response { ticket, response }),
            Some(_) => {}
        }
    }

    /// Whether a handshake is refused.
    pub(super) fn refuses_session(&mut self, now_ms: i64) -> Option<Refusal> {
        self.sessions_refused_until_ms.filter(|until_ms| now_ms < *until_ms)?;
        self.took_effect("refuse_sessions");
        Some(refusal(RefusalStatus::Unavailable))
    }

    /// The time against which signatures are checked.
    pub(super) fn signature_clock(&self, now: ExchangeNow) -> ExchangeNow {
        match self.clock {
            Some((by_ms, until_ms)) if now.session_ms < until_ms => {
                ExchangeNow { wall_ms: now.wall_ms.saturating_add(by_ms), ..now }
            }
            _ => now,
        }
    }

    /// Keeps an output until a time, or until an order ends.
    pub(super) fn hold(&mut self, until_ms: i64, output: Output, order: Option<OrderId>) {
        let position = self.late.partition_point(|late| late.due_ms <= until_ms);
        self.late.insert(position, Late { due_ms: until_ms, output, order });
    }

    /// The next output whose time has come.
    pub(super) fn release(&mut self, now_ms: i64) -> Option<Output> {
        self.late.first().is_some_and(|late| late.due_ms <= now_ms).then(|| self.late.remove(0).output)
    }

    /// An order has ended, and its end was sent: now comes what waited for that.
    pub(super) fn order_ended(&mut self, order: OrderId, outputs: &mut VecDeque<Output>) {
        while let Some(position) = self.late.iter().position(|late| late.order == Some(order)) {
            outputs.push_back(self.late.remove(position).output);
        }
    }

    /// Drops what waits for a session.
    pub(super) fn forget(&mut self, session: SessionId) {
        let is_others = |output: &Output| output.session() != Some(session);
        self.late.retain(|late| is_others(&late.output));
        if let Some((_, waiting)) = &mut self.stalled {
            waiting.retain(is_others);
        }
    }

    /// Whether an output goes out now: it is given back, or waits behind a stall.
    pub(super) fn pass(&mut self, output: Output) -> Option<Output> {
        match &mut self.stalled {
            Some((_, waiting)) if output.session().is_some() => {
                waiting.push_back(output);
                None
            }
            _ => Some(output),
        }
    }

    /// Ends a stall whose time is over: what waited goes before everything else.
    pub(super) fn end_stall(&mut self, now_ms: i64, outputs: &mut VecDeque<Output>) {
        if let Some((_, mut waiting)) = self.stalled.take_if(|(until_ms, _)| *until_ms <= now_ms) {
            waiting.append(outputs);
            *outputs = waiting;
        }
    }

    /// When something that is held back comes.
    pub(super) fn next_deadline_ms(&self) -> Option<i64> {
        let stall = self.stalled.as_ref().map(|(until_ms, _)| *until_ms);
        self.late.first().map(|late| late.due_ms).into_iter().chain(stall).min()
    }
}

fn refusal(status: RefusalStatus) -> Refusal {
    match status {
        RefusalStatus::TooManyRequests => Refusal::too_many_requests(),
        RefusalStatus::Internal => Refusal::new(500, "internal_server_error"),
        RefusalStatus::Unavailable => Refusal::new(503, "service_unavailable"),
    }
}

/// The frame with its decimal points turned into letters: still JSON, but no numbers.
fn malformed(text: &[u8]) -> Arc<[u8]> {
    text.iter().map(|byte| if *byte == b'.' { b'x' } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response() -> HttpResponse {
        HttpResponse { status: 201, body: b"1234".to_vec() }
    }

    fn answer(faults: &mut Faults) -> VecDeque<Output> {
        let mut outputs = VecDeque::new();
        faults.answer(&mut outputs, 7, response(), 0);
        outputs
    }

    fn frames(faults: &mut Faults, channel: Channel, now_ms: i64) -> usize {
        let mut outputs = VecDeque::new();
        faults.frame(&mut outputs, channel, 1, b"{}".as_slice().into(), now_ms);
        outputs.len()
    }

    #[test]
    fn a_fault_acts_once_on_what_it_is_for_and_counts_when_it_acts() {
        let mut faults = Faults::default();
        faults.arm(Fault::DropFrame { channel: Channel::Fill }, 0);
        faults.arm(Fault::SwallowAnswer, 0);
        assert_eq!(frames(&mut faults, Channel::OrderbookDelta, 0), 1);
        assert!(faults.effects().is_empty());
        assert!(answer(&mut faults).is_empty());
        assert_eq!(answer(&mut faults).len(), 1);
        assert_eq!(frames(&mut faults, Channel::Fill, 0), 0);
        assert_eq!(frames(&mut faults, Channel::Fill, 0), 1);
        assert_eq!(faults.effects().iter().collect::<Vec<_>>(), [(&"drop_frame", &1), (&"swallow_answer", &1)]);
        assert!(faults.armed().is_empty());
    }

    #[test]
    fn held_outputs_come_out_in_the_order_of_their_times() {
        let mut faults = Faults::default();
        faults.hold(20, Output::Close { session: 2, reason: "" }, None);
        faults.hold(10, Output::Close { session: 1, reason: "" }, None);
        assert_eq!(faults.release(9), None);
        assert!(matches!(faults.release(30), Some(Output::Close { session: 1, .. })));
        assert!(matches!(faults.release(30), Some(Output::Close { session: 2, .. })));
    }

    #[test]
    fn a_lagging_channel_keeps_its_own_order_to_the_end() {
        let mut faults = Faults::default();
        faults.arm(Fault::DelayChannel { channel: Channel::Fill, by_ms: 100, for_ms: 50 }, 0);
        assert_eq!(frames(&mut faults, Channel::Ticker, 10), 1);
        assert_eq!(frames(&mut faults, Channel::Fill, 40), 0);
        // The fault is over, but this one must not overtake the one before.
        assert_eq!(frames(&mut faults, Channel::Fill, 60), 0);
        assert_eq!(faults.next_deadline_ms(), Some(140));
        assert!(faults.release(140).is_some() && faults.release(140).is_some());
        assert_eq!(frames(&mut faults, Channel::Fill, 140), 1);
    }

    #[test]
    fn a_stall_holds_sessions_back_and_nothing_else() {
        let mut faults = Faults::default();
        faults.arm(Fault::StallSessions { for_ms: 100 }, 0);
        assert!(faults.pass(Output::Ping { session: 1, payload: b"" }).is_none());
        assert!(faults.pass(Output::Response { ticket: 1, response: response() }).is_some());
        let mut outputs = VecDeque::from([Output::Close { session: 1, reason: "" }]);
        faults.end_stall(99, &mut outputs);
        assert_eq!(outputs.len(), 1);
        faults.end_stall(100, &mut outputs);
        assert!(matches!(outputs[0], Output::Ping { .. }) && outputs.len() == 2);
        assert!(faults.pass(Output::Ping { session: 1, payload: b"" }).is_some());
    }

    #[test]
    fn what_waits_for_the_end_of_an_order_comes_with_it_or_at_its_time() {
        let mut faults = Faults::default();
        let order = OrderId::from_bits(5);
        faults.hold(100, Output::Close { session: 1, reason: "" }, Some(order));
        let mut outputs = VecDeque::new();
        faults.order_ended(OrderId::from_bits(6), &mut outputs);
        assert!(outputs.is_empty());
        faults.order_ended(order, &mut outputs);
        assert_eq!((outputs.len(), faults.release(100)), (1, None));
    }

    #[test]
    fn answers_fail_in_every_way_that_is_asked_for() {
        let mut faults = Faults::default();
        for fault in [Fault::CutAnswer, Fault::FailAnswer { status: RefusalStatus::Internal }, Fault::TruncateAnswer] {
            faults.arm(fault, 0);
        }
        assert_eq!(answer(&mut faults), [Output::CutConnection { ticket: 7 }]);
        let Some(Output::Response { response, .. }) = answer(&mut faults).pop_front() else { panic!("an answer") };
        assert_eq!(response.status, 500);
        let Some(Output::Response { response, .. }) = answer(&mut faults).pop_front() else { panic!("an answer") };
        assert_eq!((response.status, response.body.as_slice()), (201, b"12".as_slice()));
    }
}
