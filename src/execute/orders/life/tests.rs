//! The table, pair by pair: what holds for every state and event, and what each step does to an order's reservation.

use super::*;
use crate::execute::account::exposure::{Exposure, reserve_all};
use crate::execute::account::position::Position;
use crate::execute::orders::order::{Order, Whose};
use crate::execute::orders::table::OrderTable;
use crate::market::{BookSide, ClientOrderId, Count, FeeSchedule, MarketKey, Money, Price};

fn pairs() -> impl Iterator<Item = (OrderState, OrderEvent, Transition)> {
    OrderState::ALL
        .into_iter()
        .flat_map(|state| OrderEvent::ALL.into_iter().map(move |event| (state, event, transition(state, event))))
}

#[test]
fn states_and_events_stand_in_the_order_of_their_numbers() {
    assert!(OrderState::ALL.into_iter().enumerate().all(|(position, state)| state as usize == position));
    assert!(OrderEvent::ALL.into_iter().enumerate().all(|(position, event)| event as usize == position));
    assert!(Effect::ALL.into_iter().enumerate().all(|(position, effect)| effect as usize == position));
    assert_eq!(pairs().count(), OrderState::COUNT * OrderEvent::COUNT);
}

#[test]
fn an_order_that_is_not_in_the_book_never_gets_there_again() {
    for (state, event, found) in pairs().filter(|(state, ..)| !state.is_open()) {
        assert!(!found.next.is_open(), "{state:?} {event:?}");
    }
}

#[test]
fn only_all_bookings_end_an_ended_order() {
    for (state, event, found) in pairs().filter(|(.., found)| found.next == OrderState::Done) {
        assert!(state == OrderState::Done || (state, event) == (OrderState::Ended, OrderEvent::AllBooked));
        assert!(state == OrderState::Done || found.effect == Effect::Leave, "{state:?} {event:?}");
    }
}

#[test]
fn the_exchanges_report_of_an_end_ends_an_order_in_every_state() {
    for state in OrderState::ALL {
        assert!(!next(state, OrderEvent::SeenEnded).is_open(), "{state:?}");
    }
}

#[test]
fn only_the_exchanges_word_resolves_an_unknown_outcome() {
    for (state, event, found) in pairs() {
        if state.is_unknown() && !found.next.is_unknown() {
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
                        | OrderEvent::FilledWhole
                        | OrderEvent::NeverApplied
                ),
                "{state:?} left by {event:?}"
            );
        }
    }
}

#[test]
fn not_found_and_a_missing_answer_never_mean_cancelled() {
    for (state, event, found) in pairs().filter(|(state, ..)| state.is_open()) {
        if matches!(event, OrderEvent::NotFound | OrderEvent::NoOutcome | OrderEvent::Missing) {
            assert!(found.next.is_open(), "{state:?} {event:?}");
            assert!(matches!(found.effect, Effect::Keep | Effect::TakeOld), "{state:?} {event:?}");
        }
    }
}

#[test]
fn a_write_starts_only_from_a_state_without_one() {
    for (state, event, found) in pairs() {
        if matches!(event, OrderEvent::AmendSent | OrderEvent::CancelSent) && found.next != state {
            assert!(!state.is_in_flight(), "{state:?} {event:?}");
            assert!(found.next.is_in_flight(), "{state:?} {event:?}");
        }
    }
}

#[test]
fn a_fill_is_spent_in_every_state_that_has_a_claim_and_changes_none() {
    for state in OrderState::ALL.into_iter().filter(|&state| state != OrderState::Done) {
        let expected = Transition { next: state, effect: Effect::Spend };
        assert_eq!(transition(state, OrderEvent::FillBooked), expected, "{state:?}");
    }
}

#[test]
fn both_terms_of_an_amend_are_held_until_the_exchange_decides_between_them() {
    use OrderState::{Amending, CancelingUnknown, UnknownAmend, UnknownRest};
    for (state, event, found) in pairs() {
        if found.effect == Effect::HoldBoth {
            assert_eq!((state, event, found.next), (OrderState::Resting, OrderEvent::AmendSent, Amending));
        }
        let undecided = [Amending, CancelingUnknown, UnknownAmend];
        let leaves = undecided.contains(&state) && found.next.is_open() && !undecided.contains(&found.next);
        // An order that may be gone keeps both: it may have been amended before it went.
        if leaves && found.next != UnknownRest {
            assert!(matches!(found.effect, Effect::TakeNew | Effect::TakeOld), "{state:?} {event:?}");
        }
    }
}

#[test]
fn a_missing_answer_is_unknown_unless_the_exchange_reported_the_order() {
    assert_eq!(next(OrderState::Creating, OrderEvent::NoOutcome), OrderState::UnknownCreate);
    assert_eq!(next(OrderState::CreatingSeen, OrderEvent::NoOutcome), OrderState::Resting);
    assert_eq!(next(OrderState::Amending, OrderEvent::NoOutcome), OrderState::UnknownAmend);
    assert_eq!(next(OrderState::Canceling, OrderEvent::NoOutcome), OrderState::UnknownRest);
    assert_eq!(next(OrderState::CancelingUnknown, OrderEvent::NoOutcome), OrderState::UnknownAmend);
}

#[test]
fn every_state_can_be_left_for_the_end() {
    for state in OrderState::ALL.into_iter().filter(|state| state.is_open()) {
        assert!(OrderEvent::ALL.into_iter().any(|event| next(state, event) == OrderState::Ended), "{state:?}");
    }
}

/// An order of ten contracts of which two have filled, in a state as it would be there.
fn order_in(state: OrderState) -> Order {
    let whose = Whose::Ours(ClientOrderId { nonce: 1, counter: 1 });
    let (market, price) = (MarketKey::default(), Price::from_cents(40));
    let mut order = Order::new(whose, market, BookSide::Bid, price, Count::from_contracts(10), state);
    order.filled = Count::from_contracts(2);
    if matches!(state, OrderState::Amending | OrderState::UnknownAmend | OrderState::CancelingUnknown) {
        order.amend = Some((Price::from_cents(42), Count::from_contracts(8)));
    }
    if state == OrderState::Done {
        order.final_filled = Some(order.filled);
    }
    order
}

/// What the exchange tells with an event, as the stage notes it before the step.
fn tell(order: &mut Order, event: OrderEvent) {
    match event {
        // Five filled, three of which have not come.
        OrderEvent::AcceptedEnded | OrderEvent::SeenEnded | OrderEvent::Canceled => {
            order.final_filled = order.final_filled.or(Some(Count::from_contracts(5)));
        }
        OrderEvent::AmendSent if order.amend.is_none() => {
            order.amend = Some((Price::from_cents(42), Count::from_contracts(8)));
        }
        OrderEvent::FillBooked => order.filled += Count::from_contracts(1),
        OrderEvent::FilledWhole => order.filled = order.most(),
        OrderEvent::AllBooked => order.final_filled = Some(order.filled),
        _ => (),
    }
}

fn reserved(order: &Order) -> Money {
    let at = OrderTable::new(1, 1).insert(*order).expect("there is room");
    let step = Money::from_micros(100);
    reserve_all(&mut [Exposure::of(at, order)], Position::default(), FeeSchedule::QUADRATIC, step)
}

/// What `count` contracts reserve at `cents`.
fn claim(cents: u16, count: i64) -> Money {
    let (whose, price) = (Whose::Foreign, Price::from_cents(cents));
    let count = Count::from_contracts(count);
    reserved(&Order::new(whose, MarketKey::default(), BookSide::Bid, price, count, OrderState::Resting))
}

#[test]
fn every_step_does_to_the_reservation_what_the_table_says() {
    for (state, event, found) in pairs() {
        let mut order = order_in(state);
        let before = reserved(&order);
        // A cancel in a state that never wrote one is not heard of: only what moves is told.
        if found.effect != Effect::Keep || found.next != state {
            tell(&mut order, event);
        }
        let both_possible = order.amend.is_some();
        assert_eq!(order.advance(event), found.effect);
        assert_eq!(order.state, found.next);
        let after = reserved(&order);
        let at = format!("{state:?} {event:?}: {before} became {after}");
        match found.effect {
            Effect::Keep => assert_eq!(after, before, "{at}"),
            Effect::HoldBoth => assert_eq!(after, claim(40, 8).max(claim(42, 6)), "{at}"),
            Effect::TakeNew if both_possible => assert_eq!(after, claim(42, 6), "{at}"),
            Effect::TakeNew | Effect::TakeOld => assert_eq!(after, claim(40, 8), "{at}"),
            Effect::Return if both_possible => assert_eq!(after, claim(40, 3).max(claim(42, 3)), "{at}"),
            Effect::Return => assert_eq!(after, claim(40, 3), "{at}"),
            Effect::Spend if both_possible => assert_eq!(after, claim(40, 7).max(claim(42, 5)), "{at}"),
            Effect::Spend => assert_eq!(after, claim(40, 7), "{at}"),
            Effect::ReturnRest | Effect::Leave => assert_eq!(after, Money::ZERO, "{at}"),
        }
        assert!(order.amend.is_none() || !matches!(found.effect, Effect::TakeNew | Effect::TakeOld), "{at}");
    }
}
