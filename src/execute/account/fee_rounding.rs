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
    use std::path::PathBuf;

    use super::*;
    use crate::execute::account::position::own_price;
    use crate::market::{BookSide, Count, FeeSchedule, FeeType, Liquidity, Price};

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

    /// The fee that a direct member's fill was booked with in the summer of 2026, when trade fees were still rounded up to
    /// $0.0001 and rounding came back by the cent, which no order of a few fills collects.
    fn booked_in_summer(side: BookSide, price: Price, count: Count, liquidity: Liquidity, fees: FeeSchedule) -> Money {
        let exact = fees.trade_fee(count, price, liquidity);
        let trade_fee = -(-exact).floor_to(micros(100));
        // Whether it opened or closed does not matter: that is a dollar a contract, which is whole steps.
        FeeAccumulator::default().net_fee(-own_price(side, price).times(count), trade_fee, micros(100))
    }

    #[test]
    fn real_fills_come_out_as_takers_as_makers_and_as_slices() {
        let with_maker_fees = FeeSchedule::of(FeeType::QuadraticWithMakerFees, 10_000);
        let plain = FeeSchedule::QUADRATIC;
        for (price, count, liquidity, fees, booked) in [
            ("0.3", "1", Liquidity::Taker, plain, 14_700),
            ("0.977", "5", Liquidity::Taker, plain, 7_900),
            // Slices at sub-cent prices: the balance step adds what the formula does not.
            ("0.976", "9.24", Liquidity::Taker, plain, 15_260),
            ("0.962", "0.01", Liquidity::Taker, plain, 180),
            ("0.08", "3", Liquidity::Maker, plain, 0),
            ("0.093", "0.35", Liquidity::Maker, plain, 50),
            ("0.52", "5", Liquidity::Maker, with_maker_fees, 21_900),
            ("0.52", "5", Liquidity::Taker, with_maker_fees, 87_400),
            ("0.1", "10", Liquidity::Maker, with_maker_fees, 15_800),
        ] {
            let (price, count) = (Price::parse(price).unwrap(), Count::parse(count).unwrap());
            let fee = booked_in_summer(BookSide::Bid, price, count, liquidity, fees);
            assert_eq!(fee, micros(booked), "{count} at {price}, {liquidity:?}");
        }
    }

    /// Series of that data whose makers paid, by the fee schedule of 2026-07-07.
    const WITH_MAKER_FEES: [&str; 4] = ["KXATPMATCH", "KXMLBGAME", "KXWNBAGAME", "KXWTAMATCH"];

    #[test]
    fn every_recorded_fill_of_the_summer_comes_out_to_the_micro_dollar() {
        let root = std::env::var_os("KALSHI_REAL_DATA").map_or_else(|| "../shared/data/real".into(), PathBuf::from);
        let path = root.join("orders_prod_crypto15m_2026-07/fills.jsonl.zst");
        let Ok(file) = std::fs::File::open(&path) else {
            println!("skipped: no {}; KALSHI_REAL_DATA names the folder of recorded data", path.display());
            return;
        };
        let text = std::io::read_to_string(zstd::Decoder::new(file).unwrap()).unwrap();
        let (mut takers, mut makers, mut makers_that_paid) = (0, 0, 0);
        for line in text.lines() {
            let fill: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| fill[key].as_str().unwrap();
            let series = text("ticker").split('-').next().unwrap();
            let makers_pay = WITH_MAKER_FEES.contains(&series);
            let fee_type = if makers_pay { FeeType::QuadraticWithMakerFees } else { FeeType::Quadratic };
            let side = if text("book_side") == "bid" { BookSide::Bid } else { BookSide::Ask };
            let (price, count) =
                (Price::parse(text("yes_price_dollars")).unwrap(), Count::parse(text("count_fp")).unwrap());
            let is_taker = fill["is_taker"].as_bool().unwrap();
            let liquidity = if is_taker { Liquidity::Taker } else { Liquidity::Maker };
            let fee = booked_in_summer(side, price, count, liquidity, FeeSchedule::of(fee_type, 10_000));
            assert_eq!(fee, Money::parse(text("fee_cost")).unwrap(), "{line}");
            takers += u32::from(is_taker);
            makers += u32::from(!is_taker);
            makers_that_paid += u32::from(!is_taker && makers_pay);
        }
        assert_eq!((takers, takers + makers), (353, 1_902));
        assert!(makers_that_paid > 20, "{makers_that_paid}");
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
