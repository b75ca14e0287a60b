//! The stops that a restart does not lift: drawdown and repeated automated execution. Their state is part of
//! [`DayState`](crate::messages::DayState), which is kept where the daily loss is; `kalshi-actor resume` clears it.
//!
//! The drawdown is counted from the high-water mark of what all runs realised net of fees since the last `resume`. Open
//! gains do not raise the mark, since they can only be told once every position has a price again after a restart; open
//! losses count.

use crate::market::Money;
use crate::messages::Sticky;

impl Sticky {
    /// Takes in what was realised since the last call and what open positions are worth beyond their cost. A limit of
    /// zero never stops.
    pub fn mark(&mut self, realized: Money, unrealized: Money, drawdown_max: Money) {
        self.result += realized;
        self.high_water = self.high_water.max(self.result);
        self.drawn_down |= drawdown_max > Money::ZERO && self.drawdown(unrealized) >= drawdown_max;
    }

    /// How far the result is below its best.
    #[must_use]
    pub fn drawdown(&self, unrealized: Money) -> Money {
        let high_water = if planted!(DrawdownFromZero) { Money::ZERO } else { self.high_water };
        high_water - self.result - unrealized.min(Money::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(dollars: i64) -> Money {
        Money::from_dollars(dollars)
    }

    #[test]
    fn the_drawdown_is_counted_from_the_best_result_and_never_taken_back() {
        let mut sticky = Sticky::default();
        sticky.mark(dollars(40), Money::ZERO, dollars(75));
        sticky.mark(dollars(-60), dollars(-14), dollars(75));
        assert!(!sticky.drawn_down);
        assert_eq!(sticky.drawdown(dollars(-14)), dollars(74));
        sticky.mark(Money::ZERO, dollars(-15), dollars(75));
        assert!(sticky.drawn_down);
        sticky.mark(dollars(500), Money::ZERO, dollars(75));
        assert!(sticky.drawn_down);
    }

    #[test]
    fn open_gains_neither_raise_the_mark_nor_hide_a_loss() {
        let mut sticky = Sticky::default();
        sticky.mark(Money::ZERO, dollars(100), dollars(75));
        assert_eq!(sticky.high_water, Money::ZERO);
        sticky.mark(dollars(-75), dollars(100), dollars(75));
        assert!(sticky.drawn_down);
    }

    #[test]
    fn a_limit_of_zero_is_none_and_a_file_without_the_stops_is_read() {
        let mut sticky = Sticky::default();
        sticky.mark(dollars(-1_000), Money::ZERO, Money::ZERO);
        assert!(!sticky.drawn_down);
        let day: crate::messages::DayState =
            serde_json::from_str(r#"{"day":3,"realized":"-1.5000","stopped":false}"#).unwrap();
        assert_eq!((day.day, day.sticky), (3, Sticky::default()));
    }
}
