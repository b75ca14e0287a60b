//! The armed faults of requests and frames, and their effects. The gateway asks here before it sends something or carries
//! something out; nothing happens by itself. Also counts how often each fault took effect.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::held::Held;
use super::strange::{asks_for_repeated, strange, with_repeated_cursor};
use super::{Channel, ExchangeNow, HttpResponse, Output, Refusal, SessionId, Ticket};
use crate::exchange::faults::{Fault, RefusalStatus};

/// A read that is being answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadAsked<'a> {
    /// The request's path and query.
    pub(super) target: &'a str,
    /// Whether its body reports the status of the exchange.
    pub(super) says_status: bool,
}

/// What happens to the next order write before it reaches the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteFate {
    /// It passes unchanged.
    Passed,
    /// It is lost.
    Lost,
    /// It arrives this many milliseconds later.
    Delayed(i64),
    /// It arrives twice.
    Doubled,
}

/// What happens to the next fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FillFate {
    /// It is sent as it is.
    Sent,
    /// It is sent with a wrong price.
    Altered,
    /// It is neither sent nor listed.
    Hidden,
    /// It is sent, and again as that of another trade.
    Forged,
    /// It is sent after the end of its order, or at the latest after this many milliseconds.
    AfterEnd(i64),
}

/// The armed faults, in the order in which they were armed.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Fault>,
    effects: BTreeMap<&'static str, u64>,
    /// What is to be sent later.
    pub(super) held: Held,
    /// Until when sessions get everything twice, and a copy waiting for its turn.
    doubled: Option<i64>,
    twin: Option<Output>,
    sessions_refused_until_ms: Option<i64>,
    strange_until_ms: Option<i64>,
    /// How far the clock for signatures is ahead, and until when.
    clock: Option<(i64, i64)>,
    /// Until when every key is rejected.
    revoked_until_ms: Option<i64>,
}

impl Faults {
    /// Arms a fault; one that lasts for some time begins now.
    pub(super) fn arm(&mut self, fault: Fault, now_ms: i64) {
        let until_ms = |for_ms: i64| now_ms.saturating_add(for_ms);
        match fault {
            Fault::StallSessions { for_ms } => {
                self.held.stall(until_ms(for_ms));
                self.took_effect(fault.name());
            }
            Fault::DoubleSessions { for_ms } => self.doubled = self.doubled.max(Some(until_ms(for_ms))),
            Fault::StrangeElements { for_ms } => self.strange_until_ms = Some(until_ms(for_ms)),
            Fault::RefuseSessions { for_ms } => self.sessions_refused_until_ms = Some(until_ms(for_ms)),
            Fault::OffsetClock { by_ms, for_ms } => self.clock = Some((by_ms, until_ms(for_ms))),
            Fault::RevokeKeys { for_ms } => self.revoked_until_ms = Some(until_ms(for_ms)),
            Fault::DelayChannel { channel, by_ms, for_ms } => {
                self.held.slow(channel, by_ms, until_ms(for_ms));
            }
            other => self.armed.push(other),
        }
    }

    /// Disarms every fault and ends those in progress. What is held back is still sent at its time.
    pub(super) fn disarm(&mut self) {
        self.armed.clear();
        self.held.calm();
        (self.doubled, self.sessions_refused_until_ms, self.clock) = (None, None, None);
        self.revoked_until_ms = None;
        self.strange_until_ms = None;
    }

    /// The armed faults that have not acted yet.
    pub(super) fn armed(&self) -> &[Fault] {
        &self.armed
    }

    /// How often each fault took effect, by name.
    pub(super) fn effects(&self) -> &BTreeMap<&'static str, u64> {
        &self.effects
    }

    /// Counts an effect of a fault.
    pub(super) fn took_effect(&mut self, name: &'static str) {
        *self.effects.entry(name).or_default() += 1;
    }

    /// Takes the first armed fault for which `pick` returns something; it counts as having acted.
    fn take<T>(&mut self, pick: impl Fn(Fault) -> Option<T>) -> Option<T> {
        if self.armed.is_empty() {
            return None;
        }
        let position = self.armed.iter().position(|fault| pick(*fault).is_some())?;
        let fault = self.armed.remove(position);
        self.took_effect(fault.name());
        pick(fault)
    }

    /// Sends a frame of a channel, subject to the armed faults.
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
            Some(Fault::DelayFrame { by_ms, .. }) => self.held.hold(now_ms.saturating_add(by_ms), frame(text), None),
            Some(Fault::TruncateFrame { .. }) => outputs.push_back(frame(text[..text.len() / 2].into())),
            Some(Fault::MalformFrame { .. }) => outputs.push_back(frame(malformed(&text))),
            Some(_) => {}
        }
    }

    /// Sends now, or later if the channel is delayed.
    fn lag(&mut self, outputs: &mut VecDeque<Output>, channel: Channel, output: Output, now_ms: i64) {
        match self.held.due_ms(channel, now_ms) {
            None => outputs.push_back(output),
            Some(due_ms) => {
                self.took_effect("delay_channel");
                self.held.hold(due_ms, output, None);
            }
        }
    }

    /// Ends doubling if its time is over.
    pub(super) fn end_doubling(&mut self, now_ms: i64) {
        self.doubled.take_if(|until_ms| *until_ms <= now_ms);
    }

    /// The copy of the last frame, which is sent before anything else.
    pub(super) fn twin(&mut self) -> Option<Output> {
        self.twin.take()
    }

    /// Keeps a copy of a frame being sent, if sessions get everything twice.
    pub(super) fn double(&mut self, output: &Output) {
        if self.doubled.is_some() && matches!(output, Output::Frame { .. }) {
            self.took_effect("double_sessions");
            self.twin = Some(output.clone());
        }
    }

    /// Whether to skip the channel's next sequence number.
    pub(super) fn skips_seq(&mut self, channel: Channel) -> bool {
        self.take(|fault| (fault == Fault::SkipSeq { channel }).then_some(())).is_some()
    }

    pub(super) fn fill(&mut self) -> FillFate {
        self.take(|fault| match fault {
            Fault::AlterFill => Some(FillFate::Altered),
            Fault::HideFill => Some(FillFate::Hidden),
            Fault::ForgeFill => Some(FillFate::Forged),
            Fault::CancelBeforeFill { within_ms } => Some(FillFate::AfterEnd(within_ms)),
            _ => None,
        })
        .unwrap_or(FillFate::Sent)
    }

    /// The error with which to refuse an order write, if a fault does.
    pub(super) fn refuses_write(&mut self) -> Option<Refusal> {
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

    /// Sends the response to an order write that was carried out, subject to the armed faults.
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
                self.held.hold(now_ms.saturating_add(by_ms), Output::Response { ticket, response }, None);
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

    /// Sends the response to a read, subject to the armed faults. If the body reports the status of the exchange, a failure
    /// has such a body too, as documented.
    pub(super) fn read(
        &mut self,
        outputs: &mut VecDeque<Output>,
        ticket: Ticket,
        response: HttpResponse,
        asked: ReadAsked<'_>,
        now_ms: i64,
    ) {
        let ReadAsked { target, says_status } = asked;
        let response = self.moved_on(target, response, now_ms);
        let fate = self.take(|fault| match fault {
            Fault::RefuseRead { .. } | Fault::DelayRead { .. } | Fault::SwallowRead => Some(fault),
            _ => None,
        });
        match fate {
            Some(Fault::RefuseRead { status }) if says_status && status != RefusalStatus::TooManyRequests => {
                let response = HttpResponse { status: status.into(), ..response };
                outputs.push_back(Output::Response { ticket, response });
            }
            Some(Fault::RefuseRead { status }) => {
                outputs.push_back(Output::Response { ticket, response: refusal(status).response() });
            }
            Some(Fault::DelayRead { by_ms }) => {
                self.held.hold(now_ms.saturating_add(by_ms), Output::Response { ticket, response }, None);
            }
            None => outputs.push_back(Output::Response { ticket, response }),
            Some(_) => {}
        }
    }

    /// The response with its lists changed as faults demand.
    fn moved_on(&mut self, target: &str, mut response: HttpResponse, now_ms: i64) -> HttpResponse {
        if response.status != 200 {
            return response;
        }
        if self.strange_until_ms.is_some_and(|until_ms| now_ms < until_ms)
            && let Some(body) = strange(&response.body)
        {
            self.took_effect("strange_elements");
            response.body = body;
        }
        let again = asks_for_repeated(target);
        if (again || self.armed.contains(&Fault::RepeatCursor))
            && let Some(body) = with_repeated_cursor(&response.body)
        {
            response.body = body;
            if !again {
                self.take(|fault| (fault == Fault::RepeatCursor).then_some(()));
            }
        }
        response
    }

    /// The error with which to refuse a handshake, if a fault does.
    pub(super) fn refuses_session(&mut self, now_ms: i64) -> Option<Refusal> {
        self.sessions_refused_until_ms.filter(|until_ms| now_ms < *until_ms)?;
        self.took_effect("refuse_sessions");
        Some(refusal(RefusalStatus::Unavailable))
    }

    /// Whether every key is rejected now.
    pub(super) fn revokes_keys(&mut self, now_ms: i64) -> bool {
        let revoked = self.revoked_until_ms.is_some_and(|until_ms| now_ms < until_ms);
        if revoked {
            self.took_effect("revoke_keys");
        }
        revoked
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
}

fn refusal(status: RefusalStatus) -> Refusal {
    match status {
        RefusalStatus::TooManyRequests => Refusal::too_many_requests(),
        RefusalStatus::Internal => Refusal::new(500, "internal_server_error"),
        RefusalStatus::Unavailable => Refusal::new(503, "service_unavailable"),
    }
}

/// The frame with its decimal points turned into letters: still JSON, but without valid numbers.
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
    fn a_lagging_channel_keeps_its_own_order_to_the_end() {
        let mut faults = Faults::default();
        faults.arm(Fault::DelayChannel { channel: Channel::Fill, by_ms: 100, for_ms: 50 }, 0);
        assert_eq!(frames(&mut faults, Channel::Ticker, 10), 1);
        assert_eq!(frames(&mut faults, Channel::Fill, 40), 0);
        // The fault is over, but this frame must not overtake the one before.
        assert_eq!(frames(&mut faults, Channel::Fill, 60), 0);
        assert_eq!(faults.held.next_deadline_ms(), Some(140));
        assert!(faults.held.release(140).is_some() && faults.held.release(140).is_some());
        assert_eq!(frames(&mut faults, Channel::Fill, 140), 1);
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
