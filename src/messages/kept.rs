//! What `execute` has kept beyond a run, so that the next one goes on from it.

use serde::{Deserialize, Serialize};

use crate::market::{Money, OrderGroupId};

/// What must survive a restart, or stopping and starting again would be a way around the stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayState {
    /// The UTC day, counted from 1970-01-01.
    pub day: i64,
    /// Realised on that day, net of fees, over all runs.
    pub realized: Money,
    /// Whether the stop was hit on that day.
    pub stopped: bool,
    /// The stops that outlast the day.
    #[serde(default)]
    pub sticky: Sticky,
}

impl DayState {
    /// A person has looked and lifts the stops that outlast the day. The daily loss stop stays until its day is over.
    #[must_use]
    pub fn resumed(self) -> Self {
        Self { sticky: Sticky::default(), ..self }
    }
}

/// What the stops remember.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sticky {
    /// Realised net of fees over all runs since the last `resume`.
    pub result: Money,
    /// The most that has ever been.
    pub high_water: Money,
    /// Whether the drawdown stop was hit.
    pub drawn_down: bool,
    /// Whether a market was executed in too often.
    pub repeated: bool,
}

/// A group that a run leaves to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownGroup {
    /// Its shard.
    pub exchange_index: u8,
    /// Its id.
    pub group: OrderGroupId,
}
