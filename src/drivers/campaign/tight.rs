//! Seeds with limits tight enough to refuse orders. The default limits have ample room for ten contracts at a time, so
//! campaigns would not exercise them otherwise.

use std::fmt::Write;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::config::RiskConfig;
use crate::decide::policy::ScriptPolicy;
use crate::exchange::participants::World;
use crate::market::{Count, Money, Price};
use crate::messages::Action;

/// What is tight in a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tight {
    /// Messages, duplicates, a restricted market, and the loss of events with several markets. Seeds 7, 15, 23, ...
    Messages,
    /// Positions and the price collar, with a policy that accumulates positions. Seeds 3, 19, 35, ...
    Positions,
    /// Cash at risk, open orders and the price collar. Seeds 11, 27, 43, ...
    Cash,
    /// Write tokens: those of a new account, in many markets, with a policy that decides on every frame. Seeds 9, 41,
    /// 73, ...
    Tokens,
    /// Repeated automated execution, with a policy that takes whatever it sees, until it trips. Seeds 1, 33, 65, ...
    Executions,
    /// Drawdown, with a policy that loses and wins, and trips in most seeds. Seeds 5, 37, 69, ...
    Drawdown,
}

/// The most decisions per market that a script covers. A market has four per second, or some tens.
const SCRIPTED: u64 = 20_000;
/// The actions that a script draws from: it adds to a position more often than it reduces one.
const DRAWN: [Action; 8] = [
    Action::BuyYes,
    Action::BuyYes,
    Action::BuyYes,
    Action::SellYes,
    Action::BuyNo,
    Action::BuyNo,
    Action::SellNo,
    Action::Hold,
];

impl Tight {
    /// What is tight in a seed, if anything is.
    #[must_use]
    pub fn of(seed: u64) -> Option<Self> {
        match seed % 32 {
            1 => Some(Self::Executions),
            5 => Some(Self::Drawdown),
            9 => Some(Self::Tokens),
            rest if rest % 8 == 7 => Some(Self::Messages),
            rest if rest % 16 == 3 => Some(Self::Positions),
            rest if rest % 16 == 11 => Some(Self::Cash),
            _ => None,
        }
    }

    /// Tightens the limits.
    pub(super) fn limit(self, risk: &mut RiskConfig) {
        match self {
            Self::Messages => {
                risk.max_event_loss = Money::from_dollars(7);
                (risk.max_messages_per_s, risk.max_messages_per_min) = (2, 30);
                risk.duplicate_window_ms = 5_000;
                risk.restricted = vec!["KXSIMTAPER*".parse().expect("a beginning of tickers is a pattern")];
            }
            Self::Positions => {
                risk.max_position_contracts = Count::from_contracts(15);
                risk.price_collar = Price::from_units(60).expect("less than a cent is a price");
                // Accumulating positions would hit the daily loss stop, which these seeds do not test.
                risk.daily_loss_stop = Money::from_dollars(500);
                risk.max_drawdown = Money::ZERO;
            }
            Self::Cash => {
                risk.max_cash_at_risk = Money::from_dollars(9);
                risk.max_open_orders = 2;
                risk.price_collar = Price::from_units(60).expect("less than a cent is a price");
            }
            Self::Tokens => {
                (risk.max_messages_per_s, risk.max_messages_per_min, risk.max_executions) = (0, 0, 0);
                risk.daily_loss_stop = Money::from_dollars(500);
                risk.max_drawdown = Money::ZERO;
            }
            Self::Executions => risk.max_executions = 12,
            Self::Drawdown => risk.max_drawdown = Money::from_dollars(2),
        }
    }

    /// The number of markets, given that of the campaign.
    pub(super) fn markets(self, usual: usize) -> usize {
        if self == Self::Tokens { usual.max(16) } else { usual }
    }

    /// The script that replaces the campaign's policy, if one does.
    pub(super) fn script(self, seed: u64) -> Option<ScriptPolicy> {
        let (pricing, decide_ms) = match self {
            Self::Positions | Self::Drawdown => ("passive", 250),
            Self::Tokens => ("passive", 0),
            Self::Executions => ("aggressive", 250),
            Self::Messages | Self::Cash => return None,
        };
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x7469_6768);
        let mut text = format!("pricing = {pricing}\ndecide_ms = {decide_ms}\ncontracts = 6.00\n");
        let mut first = 1;
        while first < SCRIPTED {
            let (last, action) = (first + random.random_range(2..12), DRAWN[random.random_range(0..DRAWN.len())]);
            writeln!(text, "* {first}..{last} {}", action.as_str()).expect("writing to a String cannot fail");
            first = last + 1;
        }
        Some(ScriptPolicy::parse("campaign", &text).expect("the script follows its own rules"))
    }

    /// Puts the markets of each shard that outlast the campaign into one event, which is exclusive in every second of
    /// these seeds.
    pub(super) fn share_events(self, seed: u64, world: &mut World, until_ms: i64) {
        if self != Self::Messages {
            return;
        }
        for market in world.markets.iter_mut().filter(|market| market.spec.close_ms > until_ms) {
            market.spec.event_ticker = format!("KXSIMSHARED-{}", market.spec.exchange_index);
            market.spec.exclusive = seed % 16 == 15;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_seeds_and_two_of_three_seeds_have_none() {
        let of = |tight| (0..64).filter(|seed| Tight::of(*seed) == Some(tight)).collect::<Vec<u64>>();
        assert_eq!(of(Tight::Executions), [1, 33]);
        assert_eq!(of(Tight::Drawdown), [5, 37]);
        assert_eq!(of(Tight::Tokens), [9, 41]);
        assert_eq!(of(Tight::Positions), [3, 19, 35, 51]);
        assert_eq!(of(Tight::Cash), [11, 27, 43, 59]);
        assert_eq!(of(Tight::Messages).len(), 8);
        assert_eq!((0..64).filter(|seed| Tight::of(*seed).is_none()).count(), 42);
    }

    #[test]
    fn a_script_is_the_same_for_the_same_seed_and_takes_only_where_it_should() {
        for (tight, pricing) in [(Tight::Positions, "Passive"), (Tight::Executions, "Aggressive")] {
            let text = |seed| format!("{:?}", tight.script(seed).unwrap());
            assert_eq!(text(3), text(3));
            assert_ne!(text(3), text(4));
            assert!(text(3).contains(pricing), "{pricing}");
        }
        assert!(Tight::Cash.script(3).is_none());
    }
}
