//! The life of an order as a table: states, events, next state. Total: every event is defined in every state, and an
//! event that cannot change a state leaves it alone, so that late and doubled news are harmless. Owns no data; what an
//! order is and what it reserves is in `table` and `ledger`.
//!
//! Only the exchange's word moves an order out of an unknown state. [`OrderEvent::NeverApplied`] is such a word: a
//! complete read, newer than the send by the time a signature stays valid, that does not show the write's effect.

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
    /// Not in the book any more, or never was. Fills of it may still be on their way.
    Ended,
}

impl OrderState {
    /// All states, in the order of their numbers.
    pub const ALL: [Self; 10] = [
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
    ];

    /// Whether the exchange has to be asked before anything else may happen.
    #[must_use]
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::UnknownCreate | Self::UnknownAmend | Self::UnknownRest | Self::CancelingUnknown)
    }

    /// Whether the order may be in the book.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Ended)
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
    /// The answer to an amend: applied, something rests.
    AmendedResting,
    /// The answer to an amend: applied, nothing rests.
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
    /// The exchange reports that it ended.
    SeenEnded,
    /// A read of the book's orders does not show it.
    Missing,
    /// A read that must show it if it had been accepted or applied does not.
    NeverApplied,
}

impl OrderEvent {
    /// All events, in the order of their numbers.
    pub const ALL: [Self; 15] = [
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
    ];
}

/// The next state of every state (row) on every event (column, in the order of [`OrderEvent::ALL`]).
#[rustfmt::skip]
const TABLE: [[OrderState; 15]; 10] = {
    use OrderState::{Amending as A, Canceling as C, CancelingUnknown as CU, Creating as N, CreatingSeen as NS,
        Ended as E, Resting as R, UnknownAmend as UA, UnknownCreate as UN, UnknownRest as UR};
    [
        //             AccR AccE AmdR AmdE Cncl NFnd Rejd NoOu AmdS CncS NotS SeeR SeeE Miss Never
        /* Creating */ [R,  E,   N,   N,   N,   N,   E,   UN,  N,   N,   E,   NS,  E,   N,   N ],
        /* Seen     */ [R,  E,   NS,  NS,  NS,  NS,  R,   R,   NS,  NS,  R,   NS,  E,   NS,  NS],
        /* Resting  */ [R,  E,   R,   R,   E,   R,   R,   R,   A,   C,   R,   R,   E,   UR,  R ],
        /* Amending */ [A,  A,   R,   E,   A,   UR,  R,   UA,  A,   A,   R,   A,   E,   A,   A ],
        /* Canceling*/ [C,  C,   C,   C,   E,   UR,  R,   UR,  C,   C,   R,   C,   E,   C,   C ],
        /* CancelUnk*/ [CU, CU,  CU,  CU,  E,   UR,  UA,  UA,  CU,  CU,  UA,  CU,  E,   CU,  CU],
        /* UnkCreate*/ [R,  E,   UN,  UN,  UN,  UN,  UN,  UN,  UN,  UN,  UN,  R,   E,   UN,  E ],
        /* UnkAmend */ [UA, UA,  R,   E,   E,   UR,  UA,  UA,  UA,  CU,  UA,  R,   E,   UR,  R ],
        /* UnkRest  */ [UR, UR,  UR,  UR,  E,   UR,  UR,  UR,  UR,  UR,  UR,  R,   E,   UR,  UR],
        /* Ended    */ [E,  E,   E,   E,   E,   E,   E,   E,   E,   E,   E,   E,   E,   E,   E ],
    ]
};

/// The next state.
#[must_use]
pub const fn next(state: OrderState, event: OrderEvent) -> OrderState {
    TABLE[state as usize][event as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> impl Iterator<Item = (OrderState, OrderEvent, OrderState)> {
        OrderState::ALL
            .into_iter()
            .flat_map(|state| OrderEvent::ALL.into_iter().map(move |event| (state, event, next(state, event))))
    }

    #[test]
    fn rows_and_columns_stand_in_the_order_of_their_numbers() {
        for (position, state) in OrderState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, position);
        }
        for (position, event) in OrderEvent::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, position);
        }
    }

    #[test]
    fn an_ended_order_never_lives_again() {
        for (state, event, after) in pairs() {
            if state == OrderState::Ended {
                assert_eq!(after, OrderState::Ended, "{event:?}");
            }
        }
    }

    #[test]
    fn the_exchanges_report_of_an_end_ends_an_order_in_every_state() {
        for state in OrderState::ALL {
            assert_eq!(next(state, OrderEvent::SeenEnded), OrderState::Ended, "{state:?}");
        }
    }

    #[test]
    fn only_the_exchanges_word_resolves_an_unknown_outcome() {
        for (state, event, after) in pairs() {
            if state.is_unknown() && !after.is_unknown() {
                assert!(
                    matches!(
                        event,
                        OrderEvent::AcceptedResting
                            | OrderEvent::AcceptedEnded
                            | OrderEvent::AmendedResting
                            | OrderEvent::AmendedEnded
                            | OrderEvent::Canceled
                            | OrderEvent::SeenResting
                            | OrderEvent::SeenEnded
                            | OrderEvent::NeverApplied
                    ),
                    "{state:?} left by {event:?}"
                );
            }
        }
    }

    #[test]
    fn not_found_never_means_cancelled() {
        for (state, event, after) in pairs() {
            if event == OrderEvent::NotFound && state != OrderState::Ended {
                assert_ne!(after, OrderState::Ended, "{state:?}");
            }
        }
    }

    #[test]
    fn a_write_starts_only_from_a_state_without_one() {
        for (state, event, after) in pairs() {
            if matches!(event, OrderEvent::AmendSent | OrderEvent::CancelSent) && after != state {
                assert!(!state.is_in_flight(), "{state:?} {event:?}");
                assert!(after.is_in_flight(), "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn a_missing_answer_is_unknown_unless_the_exchange_reported_the_order() {
        assert_eq!(next(OrderState::Creating, OrderEvent::NoOutcome), OrderState::UnknownCreate);
        assert_eq!(next(OrderState::CreatingSeen, OrderEvent::NoOutcome), OrderState::Resting);
        assert_eq!(next(OrderState::Amending, OrderEvent::NoOutcome), OrderState::UnknownAmend);
        assert_eq!(next(OrderState::Canceling, OrderEvent::NoOutcome), OrderState::UnknownRest);
    }

    #[test]
    fn every_state_can_be_left_for_the_end() {
        for state in OrderState::ALL {
            assert!(OrderEvent::ALL.into_iter().any(|event| next(state, event) == OrderState::Ended), "{state:?}");
        }
    }
}
