//! The five actions of policy networks and scripts: the terms of a policy that chooses among them, their text form, and
//! how an action becomes a quote.
//!
//! Prices are formed from the book without our own open order: a level that consists of that order alone is not the best.

use thiserror::Error;

use super::view::reducible;
use super::{Answer, PolicyTerms, Touch, View};
use crate::decide::observation::{SCHEMAS, built_in};
use crate::market::{BookSide, Count, Grid, Price};
use crate::messages::{Action, PolicyFault, Pricing, Quote, QuoteLife, Skip, Wanted};

/// Why a term was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TermsError {
    /// There is no term with this name.
    #[error("`{0}` is not a term; expected one of {names}", names = ActionTerms::NAMES.join(", "))]
    Unknown(String),
    /// The term cannot have this value.
    #[error("`{name}` is `{found}`; expected {expected}")]
    Value {
        /// The name of the term.
        name: &'static str,
        /// The value found.
        found: String,
        /// Which values are accepted.
        expected: String,
    },
}

/// The terms of a policy that chooses among the five actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionTerms {
    /// The terms of any policy.
    pub policy: PolicyTerms,
    /// The count of each order.
    pub contracts: Count,
    /// How the price of an order is formed.
    pub pricing: Pricing,
}

/// The choice of one of the five actions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The action; a hold if there is a fault.
    pub action: Action,
    /// One number per action, of which the highest wins, if the policy computes them.
    pub logits: Option<[f32; Action::COUNT]>,
    /// Why the policy could not choose, if so.
    pub fault: Option<PolicyFault>,
}

impl Choice {
    /// Chooses an action, without logits.
    #[must_use]
    pub const fn of(action: Action) -> Self {
        Self { action, logits: None, fault: None }
    }

    /// Chooses the action with the highest logit, and the lowest id among equals. If a logit is not finite, the choice
    /// is a hold with a fault.
    #[must_use]
    pub fn from_logits(logits: [f32; Action::COUNT]) -> Self {
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Self { action: Action::Hold, logits: Some(logits), fault: Some(PolicyFault::NonFinite) };
        }
        let mut best = 0;
        for (id, logit) in logits.iter().enumerate() {
            if *logit > logits[best] {
                best = id;
            }
        }
        Self { action: Action::ALL[best], logits: Some(logits), fault: None }
    }
}

impl ActionTerms {
    /// The names of the terms in files.
    pub const NAMES: [&str; 6] = ["observation", "point_ms", "decide_ms", "contracts", "pricing", "order_ttl_ms"];

    /// The largest count of an order. The limits of the risk gate apply in addition and are lower.
    pub const CONTRACTS_MAX: Count = Count::from_contracts(1_000_000);

    /// The longest span of a term, in milliseconds: one day.
    pub const SPAN_MS_MAX: u64 = 86_400_000;

    /// The terms of the built-in policies without a model.
    #[must_use]
    pub fn standard() -> Self {
        Self { policy: PolicyTerms::standard(), contracts: Count::from_contracts(10), pricing: Pricing::Passive }
    }

    /// Sets the term of that name from its text.
    ///
    /// # Errors
    /// When there is no such term or it cannot have the value; nothing is changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TermsError> {
        let policy = &mut self.policy;
        match name {
            "observation" => {
                let known = || SCHEMAS.map(|schema| schema.to_string()).join(" or ");
                policy.schema = Some(built_in(value).ok_or_else(|| refused("observation", value, &known()))?);
            }
            "point_ms" => policy.point_ms = span("point_ms", value, 1, "1 to 86400000 milliseconds")?,
            "decide_ms" => policy.decide_ms = span("decide_ms", value, 0, "0 to 86400000 milliseconds")?,
            "contracts" => self.contracts = contracts(value)?,
            "pricing" => self.pricing = pricing(value)?,
            "order_ttl_ms" => policy.order_ttl_ms = span("order_ttl_ms", value, 1, "1 to 86400000 milliseconds")?,
            _ => return Err(TermsError::Unknown(shortened(name))),
        }
        Ok(())
    }

    /// The answer for a choice: the order that its action wants, and none on the other side. A hold leaves everything
    /// as it is, and so does an action for which no order can be formed.
    #[must_use]
    #[inline]
    pub fn answer(&self, choice: Choice, view: &View<'_>) -> Answer {
        let formed = self.form(choice.action, view.position, view.touch, view.book.grid());
        Answer {
            wanted: formed.ok().flatten().map(|(side, quote)| Wanted::one(side, quote)),
            action: Some(choice.action),
            logits: choice.logits,
            fault: choice.fault,
            unformed: formed.err(),
        }
    }

    /// The order that an action wants, a hold apart.
    fn form(
        &self,
        action: Action,
        position: Count,
        touch: Touch,
        grid: &Grid,
    ) -> Result<Option<(BookSide, Quote)>, Skip> {
        let Some(side) = action.book_side() else {
            return Ok(None);
        };
        let count = if action.reduces() { reducible(side, position).min(self.contracts) } else { self.contracts };
        if count <= Count::ZERO {
            return Err(Skip::NothingToReduce);
        }
        let price = price(self.pricing, side, touch, grid).ok_or(Skip::NoPrice)?;
        let life = if self.pricing == Pricing::Aggressive { QuoteLife::Immediate } else { QuoteLife::Resting };
        Ok(Some((side, Quote { price, count, life, reduce_only: action.reduces() })))
    }
}

/// The limit price by the pricing strategy, as a YES price on the grid.
fn price(pricing: Pricing, side: BookSide, touch: Touch, grid: &Grid) -> Option<Price> {
    let (near, far) = match side {
        BookSide::Bid => (touch.bid, touch.ask),
        BookSide::Ask => (touch.ask, touch.bid),
    };
    let limit = match pricing {
        Pricing::Aggressive => far?,
        Pricing::Passive => near?,
        Pricing::Mid => mid(side, touch.bid?, touch.ask?, grid),
    };
    grid.accepts(limit).then_some(limit)
}

/// The mid, rounded to the grid away from the other side so that the order can rest.
fn mid(side: BookSide, bid: Price, ask: Price, grid: &Grid) -> Price {
    let sum = bid.index() + ask.index();
    let units = match side {
        BookSide::Bid => sum / 2,
        BookSide::Ask => sum.div_ceil(2),
    };
    let exact = u16::try_from(units).ok().and_then(Price::from_units).expect("a mid lies between two prices");
    match side {
        BookSide::Bid => grid.floor(exact),
        BookSide::Ask => grid.ceil(exact),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

fn refused(name: &'static str, found: &str, expected: &str) -> TermsError {
    TermsError::Value { name, found: shortened(found), expected: expected.to_owned() }
}

fn span(name: &'static str, value: &str, least: u64, expected: &str) -> Result<u64, TermsError> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(span) if digits && (least..=ActionTerms::SPAN_MS_MAX).contains(&span) => Ok(span),
        _ => Err(refused(name, value, expected)),
    }
}

fn contracts(value: &str) -> Result<Count, TermsError> {
    match Count::parse(value) {
        Ok(count) if count > Count::ZERO && count <= ActionTerms::CONTRACTS_MAX => Ok(count),
        _ => Err(refused("contracts", value, "a count such as 10.00, above 0 and at most 1000000.00")),
    }
}

fn pricing(value: &str) -> Result<Pricing, TermsError> {
    match value {
        "aggressive" => Ok(Pricing::Aggressive),
        "passive" => Ok(Pricing::Passive),
        "mid" => Ok(Pricing::Mid),
        _ => Err(refused("pricing", value, "aggressive, passive or mid")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::observation::OBS52;
    use crate::market::GridBands;

    fn cents(cents: u16) -> Price {
        Price::from_cents(cents)
    }

    fn form(action: Action, position: i64, pricing: Pricing, bid: u16, ask: u16) -> Result<Option<Quote>, Skip> {
        let touch = Touch { bid: (bid > 0).then(|| cents(bid)), ask: (ask > 0).then(|| cents(ask)) };
        let terms = ActionTerms { pricing, ..ActionTerms::standard() };
        let formed = terms.form(action, Count::from_contracts(position), touch, &Grid::new(GridBands::cents()))?;
        assert_eq!(formed.map(|(side, _)| side), action.book_side());
        Ok(formed.map(|(_, quote)| quote))
    }

    fn price_of(action: Action, position: i64, pricing: Pricing, bid: u16, ask: u16) -> Price {
        form(action, position, pricing, bid, ask).unwrap().unwrap().price
    }

    #[test]
    fn each_strategy_has_its_price_on_both_sides() {
        use Pricing::{Aggressive, Mid, Passive};
        for (pricing, buy, sell) in [(Aggressive, 45, 40), (Passive, 40, 45), (Mid, 42, 43)] {
            assert_eq!(price_of(Action::BuyYes, 0, pricing, 40, 45), cents(buy), "{pricing:?}");
            assert_eq!(price_of(Action::BuyNo, 0, pricing, 40, 45), cents(sell), "{pricing:?}");
            assert_eq!(price_of(Action::SellYes, 10, pricing, 40, 45), cents(sell), "{pricing:?}");
            assert_eq!(price_of(Action::SellNo, -10, pricing, 40, 45), cents(buy), "{pricing:?}");
        }
    }

    #[test]
    fn aggressive_orders_are_immediate_and_sells_only_reduce() {
        for (pricing, life) in [
            (Pricing::Aggressive, QuoteLife::Immediate),
            (Pricing::Passive, QuoteLife::Resting),
            (Pricing::Mid, QuoteLife::Resting),
        ] {
            for (action, position, reduce_only) in [
                (Action::BuyYes, 0, false),
                (Action::BuyNo, 0, false),
                (Action::SellYes, 5, true),
                (Action::SellNo, -5, true),
            ] {
                let quote = form(action, position, pricing, 40, 45).unwrap().unwrap();
                assert_eq!((quote.life, quote.reduce_only), (life, reduce_only));
            }
        }
    }

    #[test]
    fn the_mid_of_a_one_tick_spread_is_the_own_side() {
        assert_eq!(price_of(Action::BuyYes, 0, Pricing::Mid, 40, 41), cents(40));
        assert_eq!(price_of(Action::BuyNo, 0, Pricing::Mid, 40, 41), cents(41));
    }

    #[test]
    fn without_the_price_a_strategy_needs_there_is_no_order() {
        assert_eq!(form(Action::BuyYes, 0, Pricing::Passive, 0, 45), Err(Skip::NoPrice));
        assert_eq!(form(Action::BuyYes, 0, Pricing::Aggressive, 40, 0), Err(Skip::NoPrice));
        assert_eq!(form(Action::BuyYes, 0, Pricing::Mid, 40, 0), Err(Skip::NoPrice));
        assert_eq!(price_of(Action::BuyYes, 0, Pricing::Passive, 40, 0), cents(40));
    }

    #[test]
    fn a_sell_is_for_what_is_held_at_most() {
        let count =
            |action, position| form(action, position, Pricing::Passive, 40, 45).map(|quote| quote.unwrap().count);
        assert_eq!(count(Action::SellYes, 4), Ok(Count::from_contracts(4)));
        assert_eq!(count(Action::SellYes, 40), Ok(Count::from_contracts(10)));
        assert_eq!(count(Action::SellNo, -4), Ok(Count::from_contracts(4)));
        for (action, position) in
            [(Action::SellYes, 0), (Action::SellYes, -4), (Action::SellNo, 0), (Action::SellNo, 4)]
        {
            assert_eq!(count(action, position), Err(Skip::NothingToReduce));
        }
        assert_eq!(form(Action::Hold, 4, Pricing::Passive, 40, 45), Ok(None));
    }

    #[test]
    fn the_highest_logit_wins_and_the_lowest_id_among_equals() {
        assert_eq!(Choice::from_logits([0.0, 1.0, 3.0, 2.0, -1.0]).action, Action::SellYes);
        assert_eq!(Choice::from_logits([0.0, 1.0, 3.0, 3.0, 3.0]).action, Action::SellYes);
        assert_eq!(Choice::from_logits([0.0; 5]).action, Action::Hold);
        assert_eq!(Choice::from_logits([-0.0, 0.0, 0.0, 0.0, 0.0]).action, Action::Hold);
    }

    #[test]
    fn a_logit_that_is_not_finite_is_a_hold_with_a_reason() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for position in 0..Action::COUNT {
                let mut logits = [0.0, 9.0, 1.0, 2.0, 3.0];
                logits[position] = bad;
                let choice = Choice::from_logits(logits);
                assert_eq!((choice.action, choice.fault), (Action::Hold, Some(PolicyFault::NonFinite)));
            }
        }
    }

    #[test]
    fn every_term_is_set_by_its_name() {
        let mut terms = ActionTerms::standard();
        let values = ["obs52/1", "1", "0", "2.50", "mid", "86400000"];
        for (name, value) in ActionTerms::NAMES.iter().zip(values) {
            terms.set(name, value).unwrap();
        }
        let policy = PolicyTerms { schema: Some(OBS52), point_ms: 1, decide_ms: 0, order_ttl_ms: 86_400_000 };
        let contracts = Count::parse("2.50").unwrap();
        assert_eq!(terms, ActionTerms { policy, contracts, pricing: Pricing::Mid });
    }

    #[test]
    fn a_value_that_a_term_cannot_have_is_refused_with_the_term_and_what_was_expected() {
        let cases = [
            ("observation", "obs52/2"),
            ("point_ms", "0"),
            ("point_ms", "+1"),
            ("decide_ms", "-1"),
            ("decide_ms", "86400001"),
            ("contracts", "0"),
            ("contracts", "1000000.01"),
            ("contracts", "ten"),
            ("pricing", "Passive"),
            ("order_ttl_ms", ""),
            ("order_ttl_ms", "99999999999999999999999"),
        ];
        for (name, value) in cases {
            let mut terms = ActionTerms::standard();
            let error = terms.set(name, value).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{name}` is `{value}`; expected ")), "{error}");
            assert_eq!(terms, ActionTerms::standard());
        }
        let error = ActionTerms::standard().set("decide", "1").unwrap_err().to_string();
        assert!(error.contains("`decide`") && error.contains("decide_ms"), "{error}");
    }
}
