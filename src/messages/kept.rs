//! The state of `execute` that outlives a run.

use serde::{Deserialize, Serialize};

use crate::market::{Money, OrderGroupId};

/// Loss stops and their figures. They survive a restart; otherwise restarting would circumvent the stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayState {
    /// The UTC day, counted from 1970-01-01.
    pub day: i64,
    /// The result realised on that day, net of fees, over all runs.
    pub realized: Money,
    /// Whether the daily loss stop was hit on that day.
    pub stopped: bool,
    /// The stops that outlast the day.
    #[serde(default)]
    pub sticky: Sticky,
}

impl DayState {
    /// Lifts the stops that outlast the day, after a person has looked. The daily loss stop stays until its day is over.
    #[must_use]
    pub fn resumed(self) -> Self {
        Self { sticky: Sticky::default(), ..self }
    }
}

/// Stops that last until a `resume`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sticky {
    /// The result realised since the last `resume`, net of fees, over all runs.
    pub result: Money,
    /// The highest value `result` has had.
    pub high_water: Money,
    /// Whether the drawdown stop was hit.
    pub drawn_down: bool,
    /// Whether the limit on repeated executions in a market was hit.
    pub repeated: bool,
}

/// An order group that a run passes on to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownGroup {
    pub exchange_index: u8,
    pub group: OrderGroupId,
}
