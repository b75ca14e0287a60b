//! The policy that never trades: for watching, and for measuring everything but orders.

use super::{Policy, PolicyInput, PolicyMemory, PolicyOutput, PolicyTerms};
use crate::messages::Action;

/// Holds, always.
#[derive(Clone, Debug)]
pub struct HoldPolicy {
    terms: PolicyTerms,
}

impl HoldPolicy {
    /// A policy that holds on the standard terms.
    #[must_use]
    pub fn new() -> Self {
        Self { terms: PolicyTerms::standard() }
    }
}

impl Default for HoldPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy for HoldPolicy {
    fn act(&mut self, _input: &PolicyInput<'_>) -> PolicyOutput {
        PolicyOutput::chosen(Action::Hold)
    }

    fn terms(&self) -> &PolicyTerms {
        &self.terms
    }

    fn memory(&self) -> PolicyMemory {
        PolicyMemory::of("hold", &self.terms)
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
            assert_eq!(policy.act(&testing::input(&book, position, None)), PolicyOutput::chosen(Action::Hold));
        }
    }
}
