//! Seeds in which the exchange revokes the trader's key midway. The trader has to trip when it is refused, and may only
//! send cancels from then on.

use super::START_MS;
use super::instruments::Tried;
use super::invariants::{Checked, hold};
use super::trouble::Faults;
use crate::decide::policy::Policy;
use crate::exchange::faults::Fault;

/// How long after the first refusal the trip may come, in milliseconds: after three refused reads, one of which may get
/// no answer.
const TRIP_MS: i64 = 60_000;
/// Longer than the rest of any campaign; the end of all faults restores the key.
const FOR_MS: i64 = 3_600_000;

/// Whether the key of a seed is revoked. Seeds 13, 45, 77...
pub(super) fn are_revoked(seed: u64) -> bool {
    seed % 32 == 13
}

/// The state of the key.
#[derive(Debug)]
pub(super) struct Keys {
    /// When the key will be revoked, if it has not been.
    revoke_ms: Option<i64>,
    /// When the exchange first refused a start.
    refused_ms: Option<i64>,
    /// The exchange's count of refusals when the current start began.
    refused_before: u64,
    tripped: bool,
    healed: bool,
    requests_seen: usize,
}

impl Keys {
    pub(super) fn new(seed: u64, faults: Faults, duration_ms: i64) -> Self {
        let revoked = faults != Faults::None && are_revoked(seed);
        let revoke_ms = revoked.then_some(START_MS + duration_ms / 2);
        Self { revoke_ms, refused_ms: None, refused_before: 0, tripped: false, healed: false, requests_seen: 0 }
    }

    /// When the key will be revoked, if it will.
    pub(super) fn next_ms(&self) -> Option<i64> {
        self.revoke_ms
    }

    /// Revokes the key when its time has come.
    pub(super) fn act<P: Policy>(&mut self, simulation: &mut Tried<P>) {
        let now_ms = simulation.session_ms();
        if self.revoke_ms.take_if(|revoke_ms| *revoke_ms <= now_ms).is_some() {
            simulation.instruments().note(|| "the exchange knows the trader's key no more".to_owned());
            simulation.exchange_mut().arm(Fault::RevokeKeys { for_ms: FOR_MS });
        }
    }

    /// The name of this stop, if it ended the trading.
    pub(super) fn stop(&self) -> Option<&'static str> {
        self.tripped.then_some("credentials")
    }

    /// Another start replaces a dead one, and has to be refused itself.
    pub(super) fn restarted<P: Policy>(&mut self, simulation: &Tried<P>) {
        (self.refused_ms, self.refused_before) = (None, refusals(simulation));
        self.requests_seen = simulation.instruments().sent().len();
    }

    /// The end of all faults restores the key. A trader that had too few refusals until then need not trip.
    pub(super) fn healed(&mut self) {
        self.healed = true;
    }

    /// `refusals_trip`, after every step.
    pub(super) fn step<P: Policy>(&mut self, simulation: &Tried<P>) -> Checked {
        let now_ms = simulation.session_ms();
        if simulation.is_dead() {
            return Ok(());
        }
        if self.refused_ms.is_none() && refusals(simulation) > self.refused_before {
            self.refused_ms = Some(now_ms);
        }
        let reason = simulation.stages().execute.tripped().filter(|reason| reason.starts_with("credentials refused"));
        if self.tripped && reason.is_some() {
            // Requests sent in the step of the trip were decided before it.
            let new = &simulation.instruments().sent()[self.requests_seen..];
            let risky = new.iter().find(|request| request.method == "POST" && request.path.contains("/orders"));
            hold("refusals_trip", risky.is_none(), || format!("after the trip: {risky:?}"))?;
        }
        self.requests_seen = simulation.instruments().sent().len();
        if let Some(reason) = reason {
            hold("refusals_trip", self.tripped || self.refused_ms.is_some(), || {
                format!("tripped and nothing was refused: {reason}")
            })?;
            self.tripped = true;
        }
        let late = self.refused_ms.is_some_and(|refused_ms| now_ms > refused_ms + TRIP_MS);
        hold("refusals_trip", !late || self.tripped || self.healed, || {
            format!("the key is refused for {TRIP_MS} ms and nothing has tripped")
        })
    }
}

/// How often the exchange refused the key.
fn refusals<P: Policy>(simulation: &Tried<P>) -> u64 {
    simulation.exchange().gateway().fault_effects().get("revoke_keys").copied().unwrap_or(0)
}
