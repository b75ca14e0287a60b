//! Predicts the fee booked for a fill (fee rounding page as read on 2026-09-18), with the accumulator each order keeps.
//! Booked fees come from the fill; a prediction that is off is counted, so that a changed rule is noticed. The
//! exchange's own copy of these rules is written separately on purpose.

use serde::{Deserialize, Serialize};

use crate::market::Money;

/// The rounding fees that an order has paid beyond whole balance steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeAccumulator {
    owed: Money,
}

impl FeeAccumulator {
    /// The net fee of one fill, given its trade fee and how it moves cash before fees.
    ///
    /// The balance moves by whole steps, rounded against the account; what that costs is collected for the order and
    /// returned in whole steps, never more than the fee itself.
    pub fn net_fee(&mut self, cash: Money, trade_fee: Money, balance_step: Money) -> Money {
        let change = cash - trade_fee;
        let rounding = change - change.floor_to(balance_step);
        self.owed += rounding;
        let charged = trade_fee + rounding;
        let rebate = self.owed.floor_to(balance_step).min(charged.floor_to(balance_step));
        self.owed += -rebate;
        charged - rebate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(micros: i64) -> Money {
        Money::from_micros(micros)
    }

    #[test]
    fn the_worked_example_of_a_direct_member_comes_out() {
        // Buy 1 at 0.52: trade fee 0.017472, booked 0.0175.
        let fee = FeeAccumulator::default().net_fee(micros(-520_000), micros(17_472), micros(100));
        assert_eq!(fee, micros(17_500));
    }

    #[test]
    fn the_worked_example_of_a_cent_balance_comes_out() {
        // Buy 1 at 0.055: trade fee 0.003639, rounding 0.001361, the balance moves by 0.06.
        let fee = FeeAccumulator::default().net_fee(micros(-55_000), micros(3_639), micros(10_000));
        assert_eq!(fee, micros(5_000));
    }

    #[test]
    fn rounding_comes_back_once_it_adds_up_to_a_step() {
        let mut order = FeeAccumulator::default();
        let fees: Vec<i64> =
            (0..4).map(|_| order.net_fee(micros(-520_000), micros(17_472), micros(100)).micros()).collect();
        // 28 micro-dollars of rounding each: the fourth fill brings 112 and returns one step.
        assert_eq!(fees, [17_500, 17_500, 17_500, 17_400]);
    }

    proptest::proptest! {
        #[test]
        fn the_balance_moves_by_whole_steps_and_the_total_is_within_a_step_of_the_trade_fees(
            fills in proptest::collection::vec((-1_000_000i64..1_000_000, 0i64..20_000), 1..40)
        ) {
            let step = micros(100);
            let mut order = FeeAccumulator::default();
            let (mut net, mut trade) = (Money::ZERO, Money::ZERO);
            for (cash, fee) in fills {
                let booked = order.net_fee(micros(cash), micros(fee), step);
                proptest::prop_assert!(booked >= Money::ZERO);
                proptest::prop_assert_eq!((micros(cash) - booked).micros().rem_euclid(100), 0);
                net += booked;
                trade += micros(fee);
            }
            proptest::prop_assert!(net >= trade);
        }
    }
}
