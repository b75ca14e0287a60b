//! Faults on demand: what can go wrong between the engine and a client, armed one by one. The gateway asks before it
//! sends; nothing here happens by itself.

use super::Output;

/// A fault to arm. Each acts once, on the next thing it applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Ends every WebSocket session at once.
    CutSessions,
    /// Loses the next order-book frame: its seq is used up.
    DropBookFrame,
    /// Carries out the next order write and never answers it.
    SwallowAnswer,
    /// Answers the next order write that much later (session milliseconds) than what it caused is published.
    DelayAnswer {
        /// By how much.
        by_ms: i64,
    },
    /// Sends the next fill twice.
    DoubleFill,
    /// Loses the next fill.
    DropFill,
    /// Sends the next fill with another price.
    AlterFill,
    /// Sends the next fill that much later (session milliseconds), after the answer to its order.
    DelayFill {
        /// By how much.
        by_ms: i64,
    },
}

/// What happens to the next fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FillFate {
    /// It is sent as it is.
    Sent,
    /// It is lost.
    Lost,
    /// It is sent twice.
    Doubled,
    /// It is sent with a wrong price.
    Altered,
    /// It is sent later.
    Delayed(i64),
}

/// What happens to the next answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerFate {
    /// It is given.
    Given,
    /// It never comes.
    Swallowed,
    /// It is given later.
    Delayed(i64),
}

/// The armed faults, in the order in which they were armed.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Fault>,
    late: Vec<(i64, Output)>,
}

impl Faults {
    pub(super) fn arm(&mut self, fault: Fault) {
        self.armed.push(fault);
    }

    fn take<T>(&mut self, pick: impl Fn(Fault) -> Option<T>) -> Option<T> {
        let position = self.armed.iter().position(|fault| pick(*fault).is_some())?;
        pick(self.armed.remove(position))
    }

    pub(super) fn loses_book_frame(&mut self) -> bool {
        !self.armed.is_empty() && self.take(|fault| (fault == Fault::DropBookFrame).then_some(())).is_some()
    }

    pub(super) fn fill(&mut self) -> FillFate {
        self.take(|fault| match fault {
            Fault::DropFill => Some(FillFate::Lost),
            Fault::DoubleFill => Some(FillFate::Doubled),
            Fault::AlterFill => Some(FillFate::Altered),
            Fault::DelayFill { by_ms } => Some(FillFate::Delayed(by_ms)),
            _ => None,
        })
        .unwrap_or(FillFate::Sent)
    }

    pub(super) fn answer(&mut self) -> AnswerFate {
        self.take(|fault| match fault {
            Fault::SwallowAnswer => Some(AnswerFate::Swallowed),
            Fault::DelayAnswer { by_ms } => Some(AnswerFate::Delayed(by_ms)),
            _ => None,
        })
        .unwrap_or(AnswerFate::Given)
    }

    /// Keeps an output until a time.
    pub(super) fn hold(&mut self, until_ms: i64, output: Output) {
        let position = self.late.partition_point(|(due_ms, _)| *due_ms <= until_ms);
        self.late.insert(position, (until_ms, output));
    }

    /// The next output whose time has come.
    pub(super) fn release(&mut self, now_ms: i64) -> Option<Output> {
        self.late.first().is_some_and(|(due_ms, _)| *due_ms <= now_ms).then(|| self.late.remove(0).1)
    }

    pub(super) fn next_deadline_ms(&self) -> Option<i64> {
        self.late.first().map(|(due_ms, _)| *due_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_acts_once_and_only_on_what_it_is_for() {
        let mut faults = Faults::default();
        faults.arm(Fault::DropFill);
        faults.arm(Fault::SwallowAnswer);
        assert!(!faults.loses_book_frame());
        assert_eq!(faults.answer(), AnswerFate::Swallowed);
        assert_eq!(faults.answer(), AnswerFate::Given);
        assert_eq!(faults.fill(), FillFate::Lost);
        assert_eq!(faults.fill(), FillFate::Sent);
    }

    #[test]
    fn held_outputs_come_out_in_the_order_of_their_times() {
        let mut faults = Faults::default();
        faults.hold(20, Output::Close { session: 2, reason: "" });
        faults.hold(10, Output::Close { session: 1, reason: "" });
        assert_eq!(faults.release(9), None);
        assert!(matches!(faults.release(30), Some(Output::Close { session: 1, .. })));
        assert!(matches!(faults.release(30), Some(Output::Close { session: 2, .. })));
    }
}
