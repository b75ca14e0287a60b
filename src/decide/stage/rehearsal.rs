//! Rehearsals: in idle moments a decision is computed and discarded, so that the code, the policy's weights and the
//! market's state are in the processor's caches for the next real one. Nothing that a decision reads is written.

use std::hint::black_box;

use super::super::market::Trust;
use super::super::observation::ObservationInput;
use super::super::policy::Policy;
use super::super::wanted::honour;
use super::DecideStage;
use super::decision::view;
use crate::market::Count;
use crate::messages::{Quote, Wanted};

/// How many slots of the market table one rehearsal searches for a market.
const PLACES: usize = 64;

impl<P: Policy> DecideStage<P> {
    /// Rehearses a decision on the next market that could have one. This has no effect on the stage's results.
    pub fn rehearse(&mut self) {
        let state = &mut self.state;
        for _ in 0..PLACES.min(state.markets.len()) {
            state.rehearsed = (state.rehearsed + 1) % state.markets.len();
            let Some(market) = &state.markets[state.rehearsed] else { continue };
            if !market.traded || market.trust != Trust::Fresh || market.crossing.is_open() {
                continue;
            }
            let account = &state.accounts[state.rehearsed];
            let input = ObservationInput {
                time_ms: market.time_ms,
                hour: state.zone.hour(market.time_ms),
                book: &market.book,
                points: &market.points,
                portfolio: &state.portfolio,
                position: account.position,
                orders: account.open_order.into(),
                close_time_ms: Some(market.close_time_ms),
            };
            if let Some(schema) = state.terms.schema {
                schema.observe(&input, &mut self.seen.rehearsal);
            }
            let view = view(state, market, account, &self.seen.rehearsal);
            self.policy.rehearse(&view);
            let bid = view.touch.bid.map(|price| Quote::resting(price, Count::from_contracts(1)));
            let wanted = Wanted { bid, ask: None };
            let _ = black_box(honour(&wanted, account.position, None, view.touch, market.book.grid()));
            return;
        }
    }
}
