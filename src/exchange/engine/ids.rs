//! Identifiers of orders, trades and order groups.

use crate::market::{OrderGroupId, OrderId, TradeId};

/// The 62 bits of a UUID below its variant.
const LOW_MASK: u64 = (1 << 62) - 1;
/// An odd multiplier that spreads consecutive numbers.
const SPREAD: u64 = 0x2545_f491_4f6c_dd1d;

/// The number of an identifier in the order in which they were drawn.
pub(in crate::exchange) const fn number_of(id: u128) -> u64 {
    // Newton's iteration for the inverse: each step doubles the number of correct low bits, of which the first value has three.
    let mut inverse = SPREAD;
    let mut step = 0;
    while step < 5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(SPREAD.wrapping_mul(inverse)));
        step += 1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
    let low = id as u64;
    low.wrapping_mul(inverse) & LOW_MASK
}

/// Generates identifiers that look like version-4 UUIDs, never repeat, and depend only on the seed.
#[derive(Debug)]
pub(super) struct IdSource {
    state: u64,
    counter: u64,
}

impl IdSource {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed, counter: 0 }
    }

    pub(super) fn order(&mut self) -> OrderId {
        OrderId::from_bits(self.next())
    }

    pub(super) fn trade(&mut self) -> TradeId {
        TradeId::from_bits(self.next())
    }

    pub(super) fn group(&mut self) -> OrderGroupId {
        OrderGroupId::from_bits(self.next())
    }

    fn next(&mut self) -> u128 {
        self.counter += 1;
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let high = mix(self.state) & !0xf000 | 0x4000;
        // Multiplication by an odd number permutes the 62-bit numbers, so the low half alone is always different.
        let low = self.counter.wrapping_mul(SPREAD) & LOW_MASK | 1 << 63;
        u128::from(high) << 64 | u128::from(low)
    }
}

/// The output function of splitmix64.
const fn mix(state: u64) -> u64 {
    let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_look_like_version_4_uuids_and_never_repeat() {
        let mut source = IdSource::new(7);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let text = source.order().to_string();
            assert_eq!(text.as_bytes()[14], b'4', "{text}");
            assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{text}");
            assert!(seen.insert(text));
        }
    }

    #[test]
    fn an_identifier_tells_its_number() {
        let mut source = IdSource::new(7);
        for number in 1..=10_000 {
            assert_eq!(number_of(source.order().bits()), number);
        }
    }

    #[test]
    fn the_seed_decides_the_identifiers() {
        assert_eq!(IdSource::new(3).order(), IdSource::new(3).order());
        assert_ne!(IdSource::new(3).order(), IdSource::new(4).order());
    }
}
