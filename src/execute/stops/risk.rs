//! The risk gate: one question about one order, answered with the first rule that refuses it. Owns no state: what it is
//! asked contains everything, worst cases of unknown orders included.

use crate::execute::config::RiskLimits;
use crate::market::{Count, Money, Price};
use crate::messages::{Phase, Verdict};

/// An order, or an amend of one, and all that the rules need to know.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one fact a rule")]
pub struct Question {
    /// Whether any of it would open a position rather than close one.
    pub opens: bool,
    /// Whether it is a new order rather than an amend.
    pub creates: bool,
    /// Its limit.
    pub price: Price,
    /// Its size.
    pub count: Count,
    /// The best bid without our own orders.
    pub best_bid: Option<Price>,
    /// The best ask without our own orders.
    pub best_ask: Option<Price>,
    /// The market's phase.
    pub phase: Phase,
    /// Whether its book is right.
    pub fresh: bool,
    /// When it closes.
    pub close_time_ms: i64,
    /// Now, in session time.
    pub session_ms: i64,
    /// Whether the daily loss stop was hit.
    pub loss_stopped: bool,
    /// Whether the actor stops or has tripped.
    pub stopping: bool,
    /// Whether the stream, the shard or an order of the market is in doubt.
    pub degraded: bool,
    /// Whether the market's breaker is open.
    pub breaker_open: bool,
    /// The position if this and everything open on its side filled, without sign.
    pub furthest: Count,
    /// Orders of ours that would be open or unknown.
    pub open_orders: usize,
    /// What it would reserve beyond what is reserved now.
    pub reserves: Money,
    /// Free cash on its shard.
    pub available: Money,
    /// Money in positions and open orders now.
    pub at_risk: Money,
    /// Whether the write buckets allow it and still all cancels.
    pub tokens: bool,
    /// Whether the configuration forbids orders in the market.
    pub restricted: bool,
    /// Whether the drawdown stop holds.
    pub drawn_down: bool,
    /// Whether the stop on repeated execution holds.
    pub repeated: bool,
    /// Whether it is a new order that was placed in just this form a moment ago.
    pub duplicate: bool,
    /// What its event could lose at worst with it, open and unknown orders at their worst.
    pub event_loss: Money,
    /// What its event could lose at worst without it.
    pub event_loss_now: Money,
    /// Whether the message rates allow one more message.
    pub messages: bool,
}

/// Passes an order or names the rule that refuses it.
///
/// # Errors
/// The refusal.
pub fn check(limits: &RiskLimits, order: &Question) -> Result<(), Verdict> {
    let refuse = |when: bool, verdict| if when { Err(verdict) } else { Ok(()) };
    refuse(order.loss_stopped && order.opens, Verdict::RefusedLossStop)?;
    refuse(order.drawn_down && order.opens, Verdict::RefusedDrawdown)?;
    refuse(order.repeated && order.opens, Verdict::RefusedRepeated)?;
    refuse(order.stopping, Verdict::RefusedStopping)?;
    refuse(order.restricted, Verdict::RefusedRestricted)?;
    refuse(order.phase != Phase::Open, Verdict::RefusedPhase)?;
    let too_late_ms = order.close_time_ms.saturating_sub(if order.opens { limits.stop_before_close_ms } else { 0 });
    refuse(order.session_ms >= too_late_ms, Verdict::RefusedCloseTime)?;
    let (Some(bid), Some(ask)) = (order.best_bid, order.best_ask) else { return Err(Verdict::RefusedBook) };
    refuse(!order.fresh || bid >= ask, Verdict::RefusedBook)?;
    refuse(order.degraded, Verdict::RefusedDegraded)?;
    refuse(order.breaker_open, Verdict::RefusedBreaker)?;
    refuse(order.count <= Count::ZERO || order.count > limits.order_size_max, Verdict::RefusedOrderSize)?;
    // Both sides doubled: the mid of two ticks may lie between ticks.
    let from_mid_doubled = if planted!(CollarFromTheTouch) {
        2 * (order.price.units() - bid.units()).abs().min((order.price.units() - ask.units()).abs())
    } else {
        (2 * order.price.units() - bid.units() - ask.units()).abs()
    };
    let outside = order.price <= Price::ZERO || order.price >= Price::ONE;
    refuse(outside || from_mid_doubled > 2 * limits.collar.units(), Verdict::RefusedCollar)?;
    refuse(order.opens && order.furthest > limits.position_max, Verdict::RefusedPosition)?;
    refuse(order.creates && order.open_orders > limits.open_orders_max, Verdict::RefusedOpenOrders)?;
    let more = order.reserves > Money::ZERO;
    refuse(more && order.at_risk + order.reserves > limits.cash_at_risk_max, Verdict::RefusedCashAtRisk)?;
    refuse(more && order.reserves > order.available, Verdict::RefusedBalance)?;
    // Also for an order that closes: of an event's hedged positions, the one that is closed may be the hedge.
    let worse = order.event_loss > order.event_loss_now;
    refuse(worse && order.event_loss > limits.event_loss_max, Verdict::RefusedEventLoss)?;
    refuse(order.duplicate, Verdict::RefusedDuplicate)?;
    refuse(!order.messages, Verdict::RefusedMessageRate)?;
    refuse(!order.tokens, Verdict::RefusedRate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Question {
        Question {
            opens: true,
            creates: true,
            price: Price::from_cents(40),
            count: Count::from_contracts(10),
            best_bid: Some(Price::from_cents(40)),
            best_ask: Some(Price::from_cents(44)),
            phase: Phase::Open,
            fresh: true,
            close_time_ms: 1_000_000,
            session_ms: 0,
            loss_stopped: false,
            stopping: false,
            degraded: false,
            breaker_open: false,
            furthest: Count::from_contracts(30),
            open_orders: 100,
            reserves: Money::from_dollars(5),
            available: Money::from_dollars(5),
            at_risk: Money::from_dollars(95),
            tokens: true,
            restricted: false,
            drawn_down: false,
            repeated: false,
            duplicate: false,
            event_loss: Money::from_dollars(60),
            event_loss_now: Money::from_dollars(55),
            messages: true,
        }
    }

    fn verdict(change: impl Fn(&mut Question)) -> Result<(), Verdict> {
        let mut question = good();
        change(&mut question);
        check(&RiskLimits::default(), &question)
    }

    #[test]
    fn an_order_at_every_limit_passes() {
        assert_eq!(verdict(|_| ()), Ok(()));
    }

    #[test]
    fn each_rule_refuses_with_its_own_reason() {
        type Change = fn(&mut Question);
        let rules: [(Verdict, Change); 27] = [
            (Verdict::RefusedLossStop, |q| q.loss_stopped = true),
            (Verdict::RefusedStopping, |q| q.stopping = true),
            (Verdict::RefusedPhase, |q| q.phase = Phase::Listed),
            (Verdict::RefusedPhase, |q| q.phase = Phase::Paused),
            (Verdict::RefusedPhase, |q| q.phase = Phase::Closed),
            (Verdict::RefusedPhase, |q| q.phase = Phase::Determined),
            (Verdict::RefusedDrawdown, |q| q.drawn_down = true),
            (Verdict::RefusedRepeated, |q| q.repeated = true),
            (Verdict::RefusedRestricted, |q| q.restricted = true),
            (Verdict::RefusedDuplicate, |q| q.duplicate = true),
            (Verdict::RefusedMessageRate, |q| q.messages = false),
            (Verdict::RefusedEventLoss, |q| q.event_loss += Money::from_micros(1)),
            (Verdict::RefusedCloseTime, |q| q.session_ms = 940_000),
            (Verdict::RefusedBook, |q| q.fresh = false),
            (Verdict::RefusedBook, |q| q.best_bid = None),
            (Verdict::RefusedBook, |q| q.best_ask = None),
            (Verdict::RefusedBook, |q| q.best_ask = q.best_bid),
            (Verdict::RefusedDegraded, |q| q.degraded = true),
            (Verdict::RefusedBreaker, |q| q.breaker_open = true),
            (Verdict::RefusedOrderSize, |q| q.count = Count::from_units(1_001)),
            (Verdict::RefusedOrderSize, |q| q.count = Count::ZERO),
            (Verdict::RefusedCollar, |q| q.price = Price::from_units(6_201).unwrap()),
            (Verdict::RefusedPosition, |q| q.furthest = Count::from_units(3_001)),
            (Verdict::RefusedOpenOrders, |q| q.open_orders = 101),
            (Verdict::RefusedCashAtRisk, |q| q.at_risk += Money::from_micros(1)),
            (Verdict::RefusedBalance, |q| q.available = Money::from_micros(4_999_999)),
            (Verdict::RefusedRate, |q| q.tokens = false),
        ];
        for (expected, change) in rules {
            assert_eq!(verdict(change), Err(expected));
        }
    }

    #[test]
    fn a_closing_order_may_still_go_out_when_no_opening_one_may() {
        assert_eq!(verdict(|q| (q.opens, q.loss_stopped) = (false, true)), Ok(()));
        assert_eq!(verdict(|q| (q.opens, q.session_ms) = (false, 999_999)), Ok(()));
        assert_eq!(verdict(|q| (q.opens, q.session_ms) = (false, 1_000_000)), Err(Verdict::RefusedCloseTime));
        assert_eq!(verdict(|q| (q.opens, q.furthest) = (false, Count::from_contracts(40))), Ok(()));
        assert_eq!(
            verdict(|q| (q.opens, q.reserves, q.available) = (false, Money::ZERO, Money::from_dollars(-1))),
            Ok(())
        );
    }

    #[test]
    fn an_event_beyond_its_limit_takes_what_makes_it_no_worse() {
        let beyond = |change: fn(&mut Question)| {
            verdict(move |q| {
                (q.event_loss, q.event_loss_now) = (Money::from_dollars(70), Money::from_dollars(70));
                change(q);
            })
        };
        assert_eq!(beyond(|_| ()), Ok(()));
        assert_eq!(beyond(|q| q.event_loss_now = Money::from_dollars(69)), Err(Verdict::RefusedEventLoss));
        // Closing the hedge makes the event worse, too.
        assert_eq!(beyond(|q| (q.opens, q.event_loss_now) = (false, Money::ZERO)), Err(Verdict::RefusedEventLoss));
    }

    #[test]
    fn a_closing_order_goes_out_under_the_stops_and_not_in_a_restricted_market() {
        assert_eq!(verdict(|q| (q.opens, q.drawn_down, q.repeated) = (false, true, true)), Ok(()));
        assert_eq!(verdict(|q| (q.opens, q.restricted) = (false, true)), Err(Verdict::RefusedRestricted));
    }

    #[test]
    fn a_mid_between_ticks_is_not_rounded() {
        let odd = |price| verdict(move |q| (q.best_ask, q.price) = (Some(Price::from_cents(41)), price));
        assert_eq!(odd(Price::from_units(6_050).unwrap()), Ok(()));
        assert_eq!(odd(Price::from_units(6_051).unwrap()), Err(Verdict::RefusedCollar));
    }
}
