//! Death at any record: the trader dies after a given number of records of its journal and is restarted at once or
//! later, and everything that must hold after a crash is checked.

use super::invariants::{Checked, hold};
use super::{Campaign, Run, START_MS, SeedReport, Violation};
use crate::decide::policy::Policy;
use crate::exchange::keys::IssuedKey;

/// How late the exchange may end a lease, in milliseconds.
const LAG_MS: i64 = 1_000;

/// A trader that dies once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The number of records in its journal after which it dies.
    pub after_records: u64,
    /// Whether it is restarted only after its leases are over rather than at once.
    pub absent: bool,
}

impl<P: Policy + Clone + Send + Sync> Campaign<P> {
    /// Runs one seed in which the trader dies. [`SeedReport::records`] is the number of records it had reached, and
    /// [`SeedReport::resting_ms`] how long an order of the dead trader rested after its death.
    #[must_use]
    pub fn recover(&self, seed: u64, key: &IssuedKey, recovery: Recovery) -> SeedReport {
        self.examine(seed, key, &move |run, report| run.die_and_recover(recovery, report))
    }
}

impl<P: Policy + Clone + Send + Sync> Run<'_, P> {
    fn die_and_recover(&mut self, recovery: Recovery, report: &mut SeedReport) -> Checked {
        self.simulation.instruments_mut().machine.die_after(recovery.after_records);
        let end_ns = self.clock.mono_ns(START_MS + self.campaign.duration_ms);
        while !self.simulation.is_dead() && self.simulation.step(end_ns) {
            self.after_step(report)?;
        }
        report.records = self.simulation.instruments().machine.records();
        self.die()?;
        let died_ms = self.simulation.session_ms();
        if recovery.absent {
            let lease_ms = self.checker.lease_ms();
            report.resting_ms = self.watch_the_rest(lease_ms + LAG_MS, report)?;
            hold("leases_hold", self.resting() == 0, || {
                format!("orders rest {} ms after the trader died", self.simulation.session_ms() - died_ms)
            })?;
        }
        self.start_again();
        self.heal_and_stop(report)
    }

    /// Lets time pass, and returns how long any of our orders rested.
    fn watch_the_rest(&mut self, for_ms: i64, report: &mut SeedReport) -> Result<i64, Violation> {
        let began_ms = self.simulation.session_ms();
        let until_ns = self.clock.mono_ns(began_ms + for_ms);
        let mut rested_ms = 0;
        while self.simulation.step(until_ns) {
            self.after_step(report)?;
            if self.resting() > 0 {
                rested_ms = self.simulation.session_ms() - began_ms;
            }
        }
        self.simulation.run_until(began_ms + for_ms);
        Ok(rested_ms)
    }

    fn resting(&self) -> usize {
        let exchange = self.simulation.exchange();
        exchange.engine().open_orders_of(exchange.clients()[0]).count()
    }
}
