//! The life of an order as a table: states, events, next state, and what the step does to the order's claim on the
//! ledger. Total: every event is defined in every state, and one that cannot change a state leaves it alone, so that
//! late and doubled news are harmless. Owns no data; [`Order::advance`](super::order::Order::advance) is the one place
//! that runs it, and `docs/order-life-cycle.md` is this table, which a test compares.
//!
//! Only the exchange's word moves an order out of an unknown state. [`OrderEvent::NeverApplied`] is such a word: a
//! complete read, newer than the send by the time a signature stays valid, that does not show the write's effect.

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// Where an order is in its life, as far as the exchange has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum OrderState {
    /// The create was written; nothing is known.
    Creating = 0,
    /// The create was written and the exchange has reported the order; the answer is still due.
    CreatingSeen,
    /// In the book.
    Resting,
    /// In the book, an amend written.
    Amending,
    /// In the book, a cancel written.
    Canceling,
    /// A cancel written while the outcome of an amend is unknown.
    CancelingUnknown,
    /// Whether the create was accepted is unknown.
    UnknownCreate,
    /// Whether the amend was applied is unknown; the order is known to exist.
    UnknownAmend,
    /// Whether the order still rests is unknown.
    UnknownRest,
    /// Not in the book any more, or never was. How much it filled, or the fills themselves with their prices, may still
    /// be on their way: *filled, price pending*.
    Ended,
    /// Ended, and every fill is booked: it leaves the table of orders.
    Done,
}

impl OrderState {
    /// How many states there are.
    pub const COUNT: usize = Self::Done as usize + 1;
    /// All states, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Creating,
        Self::CreatingSeen,
        Self::Resting,
        Self::Amending,
        Self::Canceling,
        Self::CancelingUnknown,
        Self::UnknownCreate,
        Self::UnknownAmend,
        Self::UnknownRest,
        Self::Ended,
        Self::Done,
    ];

    /// Whether the exchange has to be asked before anything else may happen.
    #[must_use]
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::UnknownCreate | Self::UnknownAmend | Self::UnknownRest | Self::CancelingUnknown)
    }

    /// Whether the order may be in the book.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Ended | Self::Done)
    }

    /// Whether a write of this order waits for its answer.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::Creating | Self::CreatingSeen | Self::Amending | Self::Canceling | Self::CancelingUnknown)
    }
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OrderEvent {
    /// The answer: accepted, something rests.
    AcceptedResting = 0,
    /// The answer: accepted, nothing rests.
    AcceptedEnded,
    /// The answer to an amend, or a report that settles it: applied, something rests.
    AmendedResting,
    /// The answer to an amend, or a report that settles it: applied, nothing rests.
    AmendedEnded,
    /// The answer to a cancel: something was cancelled.
    Canceled,
    /// The answer to an amend or cancel: no such open order. It may have filled or been cancelled before.
    NotFound,
    /// The answer: rejected, nothing changed.
    Rejected,
    /// No answer, or one that does not tell.
    NoOutcome,
    /// An amend was written.
    AmendSent,
    /// A cancel was written.
    CancelSent,
    /// The request could not be written after all.
    NotSent,
    /// The exchange reports the order in the book, and the report settles the open question.
    SeenResting,
    /// The exchange reports that it ended: filled, or cancelled for whatever [`EndReason`](crate::market::EndReason).
    SeenEnded,
    /// A read of the book's orders does not show it.
    Missing,
    /// A read that must show it if it had been accepted or applied does not.
    NeverApplied,
    /// A fill of it was booked.
    FillBooked,
    /// The fills that were booked make up all it could fill.
    FilledWhole,
    /// It has ended, the exchange has told how much it filled, and that was booked.
    AllBooked,
}

impl OrderEvent {
    /// How many events there are.
    pub const COUNT: usize = Self::AllBooked as usize + 1;
    /// All events, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::AcceptedResting,
        Self::AcceptedEnded,
        Self::AmendedResting,
        Self::AmendedEnded,
        Self::Canceled,
        Self::NotFound,
        Self::Rejected,
        Self::NoOutcome,
        Self::AmendSent,
        Self::CancelSent,
        Self::NotSent,
        Self::SeenResting,
        Self::SeenEnded,
        Self::Missing,
        Self::NeverApplied,
        Self::FillBooked,
        Self::FilledWhole,
        Self::AllBooked,
    ];
}

/// What a step does to the order's claim on the ledger. The claim is what it reserves: see `exposure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Effect {
    /// Nothing: what was reserved stays reserved.
    Keep = 0,
    /// Old and new terms are both possible: the larger claim is held.
    HoldBoth,
    /// The amend was applied: its terms replace the old ones.
    TakeNew,
    /// The amend was not applied: its terms are forgotten.
    TakeOld,
    /// Nothing fills any more: what the exchange says was not filled is returned. Fills that it told and that were not
    /// booked stay reserved; so does everything while it has not told how much it filled.
    Return,
    /// What was booked is all that filled: everything else is returned.
    ReturnRest,
    /// A fill was booked: its part goes from reserved to spent at the true price, the improvement is returned.
    Spend,
    /// Nothing is reserved any more; the order leaves.
    Leave,
}

impl Effect {
    /// How many effects there are.
    pub const COUNT: usize = Self::Leave as usize + 1;
    /// All effects, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Keep,
        Self::HoldBoth,
        Self::TakeNew,
        Self::TakeOld,
        Self::Return,
        Self::ReturnRest,
        Self::Spend,
        Self::Leave,
    ];
}

/// One entry of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state after the event.
    pub next: OrderState,
    /// What happens to the order's claim.
    pub effect: Effect,
}

const fn to(next: OrderState, effect: Effect) -> Transition {
    Transition { next, effect }
}

use Effect::{HoldBoth, Keep, Leave, Return, ReturnRest, Spend, TakeNew, TakeOld};
use OrderEvent as On;
use OrderState as Is;

/// The table.
#[must_use]
pub const fn transition(state: OrderState, event: OrderEvent) -> Transition {
    match state {
        Is::Creating => creating(event),
        Is::CreatingSeen => creating_seen(event),
        Is::Resting => resting(event),
        Is::Amending => amending(event),
        Is::Canceling => canceling(event),
        Is::CancelingUnknown => canceling_unknown(event),
        Is::UnknownCreate => unknown_create(event),
        Is::UnknownAmend => unknown_amend(event),
        Is::UnknownRest => unknown_rest(event),
        Is::Ended => ended(event),
        Is::Done => to(Is::Done, Keep),
    }
}

/// The next state alone.
#[must_use]
pub const fn next(state: OrderState, event: OrderEvent) -> OrderState {
    transition(state, event).next
}

const fn creating(event: OrderEvent) -> Transition {
    match event {
        On::AcceptedResting => to(Is::Resting, Keep),
        On::AcceptedEnded | On::SeenEnded => to(Is::Ended, Return),
        On::Rejected | On::NotSent | On::FilledWhole => to(Is::Ended, ReturnRest),
        On::NoOutcome => to(Is::UnknownCreate, Keep),
        On::SeenResting => to(Is::CreatingSeen, Keep),
        On::FillBooked => to(Is::Creating, Spend),
        On::AmendedResting
        | On::AmendedEnded
        | On::Canceled
        | On::NotFound
        | On::AmendSent
        | On::CancelSent
        | On::Missing
        | On::NeverApplied
        | On::AllBooked => to(Is::Creating, Keep),
    }
}

const fn creating_seen(event: OrderEvent) -> Transition {
    match event {
        // The exchange has reported the order: whatever the answer says or fails to say, it was accepted.
        On::AcceptedResting | On::Rejected | On::NoOutcome | On::NotSent => to(Is::Resting, Keep),
        On::AcceptedEnded | On::SeenEnded => to(Is::Ended, Return),
        On::FilledWhole => to(Is::Ended, ReturnRest),
        On::FillBooked => to(Is::CreatingSeen, Spend),
        On::AmendedResting
        | On::AmendedEnded
        | On::Canceled
        | On::NotFound
        | On::AmendSent
        | On::CancelSent
        | On::SeenResting
        | On::Missing
        | On::NeverApplied
        | On::AllBooked => to(Is::CreatingSeen, Keep),
    }
}

const fn resting(event: OrderEvent) -> Transition {
    match event {
        On::AmendSent => to(Is::Amending, HoldBoth),
        On::CancelSent => to(Is::Canceling, Keep),
        On::AcceptedEnded | On::Canceled | On::SeenEnded => to(Is::Ended, Return),
        On::FilledWhole => to(Is::Ended, ReturnRest),
        On::Missing => to(Is::UnknownRest, Keep),
        On::FillBooked => to(Is::Resting, Spend),
        On::AcceptedResting
        | On::AmendedResting
        | On::AmendedEnded
        | On::NotFound
        | On::Rejected
        | On::NoOutcome
        | On::NotSent
        | On::SeenResting
        | On::NeverApplied
        | On::AllBooked => to(Is::Resting, Keep),
    }
}

const fn amending(event: OrderEvent) -> Transition {
    match event {
        On::AmendedResting => to(Is::Resting, TakeNew),
        // How much it filled is not in the answer: all of the new terms stays reserved until the exchange tells.
        On::AmendedEnded => to(Is::Ended, TakeNew),
        On::Rejected | On::NotSent => to(Is::Resting, TakeOld),
        // No such open order, so the amend was not applied; whether it filled or was cancelled is not said.
        On::NotFound => to(Is::UnknownRest, TakeOld),
        On::NoOutcome => to(Is::UnknownAmend, Keep),
        On::SeenEnded => to(Is::Ended, Return),
        On::FilledWhole => to(Is::Ended, ReturnRest),
        On::FillBooked => to(Is::Amending, Spend),
        // A report of the book may be from before the amend: the answer is near.
        On::AcceptedResting
        | On::AcceptedEnded
        | On::Canceled
        | On::AmendSent
        | On::CancelSent
        | On::SeenResting
        | On::Missing
        | On::NeverApplied
        | On::AllBooked => to(Is::Amending, Keep),
    }
}

const fn canceling(event: OrderEvent) -> Transition {
    match event {
        On::Canceled | On::SeenEnded => to(Is::Ended, Return),
        // A 404 is not a cancel: it may have filled.
        On::NotFound | On::NoOutcome => to(Is::UnknownRest, Keep),
        On::Rejected | On::NotSent => to(Is::Resting, Keep),
        On::FilledWhole => to(Is::Ended, ReturnRest),
        On::FillBooked => to(Is::Canceling, Spend),
        On::AcceptedResting
        | On::AcceptedEnded
        | On::AmendedResting
        | On::AmendedEnded
        | On::AmendSent
        | On::CancelSent
        | On::SeenResting
        | On::Missing
        | On::NeverApplied
        | On::AllBooked => to(Is::Canceling, Keep),
    }
}

const fn canceling_unknown(event: OrderEvent) -> Transition {
    match event {
        On::Canceled | On::SeenEnded => to(Is::Ended, Return),
        On::AmendedResting => to(Is::Canceling, TakeNew),
        On::AmendedEnded => to(Is::Ended, TakeNew),
        On::NeverApplied => to(Is::Canceling, TakeOld),
        On::NotFound => to(Is::UnknownRest, Keep),
        On::Rejected | On::NoOutcome | On::NotSent => to(Is::UnknownAmend, Keep),
        On::FilledWhole => to(Is::Ended, ReturnRest),
        On::FillBooked => to(Is::CancelingUnknown, Spend),
        On::AcceptedResting
        | On::AcceptedEnded
        | On::AmendSent
        | On::CancelSent
        | On::SeenResting
        | On::Missing
        | On::AllBooked => to(Is::CancelingUnknown, Keep),
    }
}

const fn unknown_create(event: OrderEvent) -> Transition {
    match event {
        // However late it was delivered: the exchange has it.
        On::AcceptedResting | On::SeenResting => to(Is::Resting, Keep),
        On::AcceptedEnded | On::SeenEnded => to(Is::Ended, Return),
        On::NeverApplied | On::FilledWhole => to(Is::Ended, ReturnRest),
        On::FillBooked => to(Is::UnknownCreate, Spend),
        On::AmendedResting
        | On::AmendedEnded
        | On::Canceled
        | On::NotFound
        | On::Rejected
        | On::NoOutcome
        | On::AmendSent
        | On::CancelSent
        | On::NotSent
        | On::Missing
        | On::AllBooked => to(Is::UnknownCreate, Keep),
    }
}

const fn unknown_amend(event: OrderEvent) -> Transition {
    match event {
        On::AmendedResting => to(Is::Resting, TakeNew),
        On::AmendedEnded => to(Is::Ended, TakeNew),
        On::SeenResting | On::NeverApplied => to(Is::Resting, TakeOld),
        On::Canceled | On::SeenEnded => to(Is::Ended, Return),
        On::CancelSent => to(Is::CancelingUnknown, Keep),
        On::NotFound | On::Missing => to(Is::UnknownRest, Keep),
        On::FilledWhole => to(Is::Ended, ReturnRest),
        On::FillBooked => to(Is::UnknownAmend, Spend),
        On::AcceptedResting
        | On::AcceptedEnded
        | On::Rejected
        | On::NoOutcome
        | On::AmendSent
        | On::NotSent
        | On::AllBooked => to(Is::UnknownAmend, Keep),
    }
}

const fn unknown_rest(event: OrderEvent) -> Transition {
    match event {
        On::AmendedResting => to(Is::Resting, TakeNew),
        On::SeenResting => to(Is::Resting, TakeOld),
        On::NeverApplied => to(Is::UnknownRest, TakeOld),
        On::Canceled | On::SeenEnded => to(Is::Ended, Return),
        On::FilledWhole => to(Is::Ended, ReturnRest),
        On::FillBooked => to(Is::UnknownRest, Spend),
        On::AcceptedResting
        | On::AcceptedEnded
        | On::AmendedEnded
        | On::NotFound
        | On::Rejected
        | On::NoOutcome
        | On::AmendSent
        | On::CancelSent
        | On::NotSent
        | On::Missing
        | On::AllBooked => to(Is::UnknownRest, Keep),
    }
}

const fn ended(event: OrderEvent) -> Transition {
    match event {
        On::AllBooked => to(Is::Done, Leave),
        // After a cancel, too: a fill is a fact.
        On::FillBooked => to(Is::Ended, Spend),
        On::FilledWhole => to(Is::Ended, ReturnRest),
        // The exchange tells, perhaps once more, how much it filled.
        On::SeenEnded | On::Canceled => to(Is::Ended, Return),
        // The answer to an amend that was overtaken by the order's end.
        On::AmendedResting | On::AmendedEnded => to(Is::Ended, TakeNew),
        On::NotFound | On::Rejected => to(Is::Ended, TakeOld),
        On::AcceptedResting
        | On::AcceptedEnded
        | On::NoOutcome
        | On::AmendSent
        | On::CancelSent
        | On::NotSent
        | On::SeenResting
        | On::Missing
        | On::NeverApplied => to(Is::Ended, Keep),
    }
}
