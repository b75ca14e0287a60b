//! A policy for tests that reads its actions from a file.
//!
//! Each line has one rule, `MARKET DECISIONS ACTION`, separated by blanks:
//!
//! ```text
//! # the third market of the session: enter, wait, leave
//! pricing = aggressive
//! 2 1     buy_yes
//! 2 40..  sell_yes
//! *  5..8 hold
//! ```
//!
//! `MARKET` is the market's index in the order of the session's listing, from 0, or `*` for all. `DECISIONS` counts the
//! market's decisions from 1: a number, an inclusive range, or an open range. `ACTION` is `hold`, `buy_yes`,
//! `sell_yes`, `buy_no` or `sell_no`. If several rules match, the last one in the file applies; if none does, the
//! action is a hold. A line `NAME = VALUE` sets a term ([`ActionTerms::NAMES`]); the others have their standard values.
//! `#` begins a comment.

use std::ops::RangeInclusive;

use thiserror::Error;

use super::identity::digest_of;
use super::{
    ActionTerms, Answer, Choice, MemoryError, Policy, PolicyIdentity, PolicyTerms, TermsError, View, restore_memory,
    save_memory,
};
use crate::market::MarketKey;
use crate::messages::Action;

/// Why a script was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{file}, line {line}: {fault}")]
pub struct ScriptError {
    file: String,
    line: usize,
    fault: ScriptFault,
}

#[derive(Clone, Debug, Error, PartialEq, Eq)]
enum ScriptFault {
    #[error("`{0}`; expected `MARKET DECISIONS ACTION` or `NAME = VALUE`")]
    Shape(String),
    #[error("market `{0}`; expected an index from 0 to 65535, or *")]
    Market(String),
    #[error("decisions `{0}`; expected a number from 1, a range such as 3..5, or an open range such as 3..")]
    Decisions(String),
    #[error("action `{0}`; expected one of {names}", names = Action::ALL.map(Action::as_str).join(", "))]
    Action(String),
    #[error(transparent)]
    Term(#[from] TermsError),
}

/// Plays the actions of a script.
#[derive(Clone, Debug)]
pub struct ScriptPolicy {
    file: String,
    digest: String,
    terms: ActionTerms,
    rules: Vec<Rule>,
    /// By market index: the key that has it and how many decisions that market has had.
    decisions: Vec<(MarketKey, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// The market's index; `None` for every market.
    market: Option<u16>,
    decisions: RangeInclusive<u64>,
    action: Action,
}

impl ScriptPolicy {
    /// Reads a script.
    ///
    /// # Errors
    /// With `file` and the number of the first line that cannot be read.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScriptError> {
        let mut script = Self {
            file: file.to_owned(),
            digest: digest_of(text.as_bytes()),
            terms: ActionTerms::standard(),
            rules: Vec::new(),
            decisions: Vec::new(),
        };
        for (position, line) in text.lines().enumerate() {
            let line = line.split('#').next().expect("a split has a first part").trim();
            script.read_line(line).map_err(|fault| ScriptError { file: file.to_owned(), line: position + 1, fault })?;
        }
        Ok(script)
    }

    fn read_line(&mut self, line: &str) -> Result<(), ScriptFault> {
        if let Some((name, value)) = line.split_once('=') {
            return Ok(self.terms.set(name.trim(), value.trim())?);
        }
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next(), words.next()) {
            (None, ..) => {}
            (Some(market), Some(decisions), Some(action), None) => self.rules.push(Rule {
                market: parse_market(market)?,
                decisions: parse_decisions(decisions)?,
                action: parse_action(action)?,
            }),
            _ => return Err(ScriptFault::Shape(shortened(line))),
        }
        Ok(())
    }

    /// Counts a decision of this market and returns its number, from 1.
    fn count(&mut self, market: MarketKey) -> u64 {
        if self.decisions.len() <= market.position() {
            self.decisions.resize(market.position() + 1, (market, 0));
        }
        let (owner, count) = &mut self.decisions[market.position()];
        if *owner != market {
            (*owner, *count) = (market, 0);
        }
        *count += 1;
        *count
    }
}

impl Policy for ScriptPolicy {
    fn identity(&self) -> PolicyIdentity {
        let (file, digest) = (Some(self.file.clone()), self.digest.clone());
        PolicyIdentity { file, digest, ..PolicyIdentity::named("script") }
    }

    fn terms(&self) -> &PolicyTerms {
        &self.terms.policy
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        let decision = self.count(view.market);
        let fits = |rule: &&Rule| {
            rule.market.is_none_or(|index| index == view.market.index) && rule.decisions.contains(&decision)
        };
        let action = self.rules.iter().rev().find(fits).map_or(Action::Hold, |rule| rule.action);
        self.terms.answer(Choice::of(action), view)
    }

    fn save(&self, memory: &mut Vec<u8>) {
        save_memory(&self.decisions, memory);
    }

    fn restore(&mut self, memory: &[u8]) -> Result<(), MemoryError> {
        self.decisions = restore_memory(memory)?;
        Ok(())
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

fn parse_market(text: &str) -> Result<Option<u16>, ScriptFault> {
    match text {
        "*" => Ok(None),
        _ => text.parse().map(Some).map_err(|_| ScriptFault::Market(shortened(text))),
    }
}

fn parse_decisions(text: &str) -> Result<RangeInclusive<u64>, ScriptFault> {
    let refused = || ScriptFault::Decisions(shortened(text));
    let number = |text: &str| text.parse::<u64>().map_err(|_| refused());
    let decisions = match text.split_once("..") {
        None => number(text)?..=number(text)?,
        Some((first, "")) => number(first)?..=u64::MAX,
        Some((first, last)) => number(first)?..=number(last)?,
    };
    if *decisions.start() == 0 || decisions.is_empty() { Err(refused()) } else { Ok(decisions) }
}

fn parse_action(text: &str) -> Result<Action, ScriptFault> {
    let action = Action::ALL.into_iter().find(|action| action.as_str() == text);
    action.ok_or_else(|| ScriptFault::Action(shortened(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::policy::testing;
    use crate::messages::Pricing;

    fn actions(script: &mut ScriptPolicy, market: MarketKey, decisions: usize) -> Vec<Action> {
        let book = testing::book(&[], &[]);
        let mut next = || testing::decide_on(script, market, &book, 0, None).action.unwrap();
        (0..decisions).map(|_| next()).collect()
    }

    #[test]
    fn the_last_rule_that_fits_a_markets_decision_holds() {
        let text = "# comment\n\n* 2.. buy_no # all\n1 1 buy_yes\n1 3..4 sell_yes\n";
        let mut script = ScriptPolicy::parse("s", text).unwrap();
        let one = MarketKey { index: 1, generation: 0 };
        let expected = [Action::BuyYes, Action::BuyNo, Action::SellYes, Action::SellYes, Action::BuyNo];
        assert_eq!(actions(&mut script, one, 5), expected);
        let zero = MarketKey { index: 0, generation: 0 };
        assert_eq!(actions(&mut script, zero, 2), [Action::Hold, Action::BuyNo]);
    }

    #[test]
    fn a_market_that_takes_over_an_index_begins_at_its_first_decision() {
        let mut script = ScriptPolicy::parse("s", "0 1 buy_yes").unwrap();
        for generation in 0..3 {
            let market = MarketKey { index: 0, generation };
            assert_eq!(actions(&mut script, market, 2), [Action::BuyYes, Action::Hold]);
        }
    }

    #[test]
    fn terms_are_set_by_name_and_standard_otherwise() {
        let script = ScriptPolicy::parse("s", "pricing = aggressive\ndecide_ms=0").unwrap();
        let policy = PolicyTerms { decide_ms: 0, ..PolicyTerms::standard() };
        assert_eq!(script.terms, ActionTerms { pricing: Pricing::Aggressive, policy, ..ActionTerms::standard() });
    }

    #[test]
    fn it_goes_on_where_it_was_when_it_is_restored() {
        let mut script = ScriptPolicy::parse("s", "0 3 buy_yes").unwrap();
        let market = MarketKey { index: 0, generation: 1 };
        assert_eq!(actions(&mut script, market, 2), [Action::Hold, Action::Hold]);
        let (mut memory, mut restored) = (Vec::new(), ScriptPolicy::parse("s", "0 3 buy_yes").unwrap());
        script.save(&mut memory);
        restored.restore(&memory).unwrap();
        assert_eq!(actions(&mut restored, market, 1), [Action::BuyYes]);
        assert!(restored.restore(&memory[1..]).is_err());
    }

    #[test]
    fn a_malformed_line_is_refused_with_file_and_line() {
        let cases = [
            ("0 1", "`0 1`; expected `MARKET DECISIONS ACTION` or `NAME = VALUE`"),
            ("0 1 hold now", "`0 1 hold now`; expected `MARKET DECISIONS ACTION`"),
            ("KXA 1 hold", "market `KXA`; expected an index from 0 to 65535, or *"),
            ("65536 1 hold", "market `65536`"),
            ("0 0 hold", "decisions `0`; expected a number from 1"),
            ("0 5..3 hold", "decisions `5..3`"),
            ("0 ..3 hold", "decisions `..3`"),
            ("0 1 buy", "action `buy`; expected one of hold, buy_yes, sell_yes, buy_no, sell_no"),
            ("pricing = cheap", "`pricing` is `cheap`; expected aggressive, passive or mid"),
            ("speed = 1", "`speed` is not a term"),
        ];
        for (line, expected) in cases {
            let error = ScriptPolicy::parse("a.script", &format!("* 1 hold\n{line}\n")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("a.script, line 2: {expected}")), "{error}");
        }
    }
}
