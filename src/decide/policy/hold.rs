//! The policy that never trades, for watching markets and for measuring everything but orders.

use super::{ActionTerms, Answer, Choice, Policy, PolicyIdentity, PolicyTerms, View};
use crate::messages::Action;

/// Always holds.
#[derive(Clone, Debug)]
pub struct HoldPolicy {
    terms: ActionTerms,
}

impl HoldPolicy {
    /// Creates the policy with the standard terms.
    #[must_use]
    pub fn new() -> Self {
        Self { terms: ActionTerms::standard() }
    }
}

impl Default for HoldPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy for HoldPolicy {
    fn identity(&self) -> PolicyIdentity {
        PolicyIdentity::named("hold")
    }

    fn terms(&self) -> &PolicyTerms {
        &self.terms.policy
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        self.terms.answer(Choice::of(Action::Hold), view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::policy::testing;

    #[test]
    fn it_holds_whatever_the_book_and_the_position() {
        let book = testing::book(&[(40, 900)], &[(60, 1)]);
        let mut policy = HoldPolicy::new();
        for position in [-10, 0, 10] {
            let answer = testing::decide(&mut policy, &book, position, None);
            assert_eq!(answer, Answer { action: Some(Action::Hold), ..Answer::leave() });
        }
    }
}
