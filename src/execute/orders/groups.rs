//! One order group for each shard: every order of ours is in it, and the exchange cancels all of them at once when more
//! contracts trade within 15 seconds than the limits of the risk gate explain, or when the kill line says so. Owns which
//! groups are ours and where each is in its life.
//!
//! A shard takes new risk only while its group is known to be active. A group is made after the first reading of the
//! account, or found again by the id that the last run left. A triggered group is reset after a while, if the
//! configuration allows that; its orders end as the exchange reports them, and whatever it does not report is cancelled.
//! Where the configuration does not, a group that the last run left triggered is reset by this start, since a person decided to start.
//! A making whose answer is lost is made again: an empty group costs nothing.

use serde::{Deserialize, Serialize};

use crate::clock::{Now, SessionClock};
use crate::market::{Count, OrderGroupId};
use crate::messages::{GroupReport, GroupState, KnownGroup, Source};
use crate::ports::RequestId;
use crate::wire::order_groups::CreatedGroup;

/// Seconds of the exchange's window (protocol page, 3.5).
const WINDOW_S: i64 = 15;
/// What the exchange takes as a limit.
const LIMIT_MAX: Count = Count::from_contracts(1_000_000);

/// Whether and how groups are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupConfig {
    /// Whether orders belong to a group at all.
    pub enabled: bool,
    /// Contracts that may trade on a shard within 15 seconds; zero derives it from the risk limits: an order of full size
    /// in every market, once a second.
    pub limit: Count,
    /// How long a triggered group stays so before it is reset, in session milliseconds. Without a time it stays so
    /// until the run ends in which it was triggered.
    pub reset_after_ms: Option<i64>,
}

impl Default for GroupConfig {
    /// Without groups.
    fn default() -> Self {
        Self { enabled: false, limit: Count::ZERO, reset_after_ms: Some(60_000) }
    }
}

/// A shard's group, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// The shard.
    pub exchange_index: u8,
    /// The group, once there is one.
    pub group: Option<OrderGroupId>,
    /// Contracts that may trade within 15 seconds.
    pub limit: Count,
    /// Whether it takes orders.
    pub active: bool,
}

/// What keeps the order group of a shard from taking orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupBlock {
    /// The last run left it; the exchange has not been asked yet.
    Unread,
    /// No group exists.
    Missing,
    /// It has cancelled its orders and takes none.
    Triggered {
        /// When it is reset, in session milliseconds, if it is.
        reset_ms: Option<i64>,
    },
}

/// Where a group is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// The last run left it; the exchange has not been asked yet.
    Unread,
    /// No group exists.
    Missing,
    /// It takes orders.
    Active,
    /// It has cancelled its orders and takes none.
    Triggered,
}

/// A write about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::execute) enum GroupWrite {
    Create(Count),
    Limit(Count),
    Reset,
}

/// A group began or ceased to take orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::execute) struct GroupChange {
    pub exchange_index: u8,
    pub takes_orders: bool,
    pub triggered: bool,
}

/// What a group needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::execute) enum GroupNeed {
    Write(GroupWrite),
    /// Nothing before that monotonic time.
    At(u64),
    /// Nothing until an event tells.
    Nothing,
}

/// What the answer to a write about a group says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::execute) struct GroupAnswer {
    pub change: Option<GroupChange>,
    /// A group was made: its id is worth keeping.
    pub made: bool,
    pub reset: bool,
}

/// A shard's group.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Group {
    exchange_index: u8,
    id: Option<OrderGroupId>,
    phase: Phase,
    /// Whether it was triggered before this run.
    left_triggered: bool,
    limit: Count,
    /// Since when it is in its phase, in session milliseconds.
    since_ms: i64,
    /// The last reading that showed it.
    seen_in: u32,
    in_flight: Option<(RequestId, GroupWrite)>,
    retry_at_ns: u64,
    retry_wait_ns: u64,
}

/// The groups of the shards that are traded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::execute) struct Groups {
    config: GroupConfig,
    known: Vec<KnownGroup>,
    shards: Vec<Group>,
    /// Nothing is to be done before.
    due_ns: u64,
}

impl Groups {
    pub fn new(config: GroupConfig) -> Self {
        Self { config, known: Vec::new(), shards: Vec::new(), due_ns: 0 }
    }

    /// What keeps a shard from taking orders, as far as its group is concerned.
    pub fn block(&self, exchange_index: u8) -> Option<GroupBlock> {
        if !self.config.enabled {
            return None;
        }
        let Some(group) = self.of(exchange_index) else { return Some(GroupBlock::Missing) };
        match group.phase {
            Phase::Active => None,
            Phase::Unread => Some(GroupBlock::Unread),
            Phase::Missing => Some(GroupBlock::Missing),
            Phase::Triggered => Some(GroupBlock::Triggered { reset_ms: self.reset_ms(group) }),
        }
    }

    /// When a triggered group is reset in this run, in session milliseconds, if it is.
    fn reset_ms(&self, group: &Group) -> Option<i64> {
        let after_ms = self.config.reset_after_ms.or(group.left_triggered.then_some(0));
        after_ms.map(|after_ms| group.since_ms.saturating_add(after_ms))
    }

    /// The group that an order on a shard belongs to.
    pub fn id(&self, exchange_index: u8) -> Option<OrderGroupId> {
        self.of(exchange_index)?.id
    }

    fn of(&self, exchange_index: u8) -> Option<&Group> {
        self.shards.iter().find(|group| group.exchange_index == exchange_index)
    }

    /// A market of that shard is traded.
    pub fn trade(&mut self, exchange_index: u8) {
        if !self.config.enabled || self.of(exchange_index).is_some() {
            return;
        }
        let known = self.known.iter().find(|known| known.exchange_index == exchange_index);
        let id = known.map(|known| known.group);
        self.shards.push(Group {
            exchange_index,
            id,
            phase: if id.is_some() { Phase::Unread } else { Phase::Missing },
            left_triggered: false,
            limit: Count::ZERO,
            since_ms: i64::MIN,
            seen_in: 0,
            in_flight: None,
            retry_at_ns: 0,
            retry_wait_ns: 0,
        });
        self.due_ns = 0;
    }

    /// Makes sure that what is to be done is done at the next opportunity.
    pub fn wake(&mut self) {
        self.due_ns = 0;
    }

    /// The groups that the last run left.
    pub fn know(&mut self, known: &[KnownGroup]) {
        self.known = known.to_vec();
    }

    pub fn is_enabled(&self) -> bool {
        self.config.enabled
    }

    pub fn len(&self) -> usize {
        self.shards.len()
    }

    /// Before that monotonic time nothing is to be done.
    pub fn due_ns(&self) -> u64 {
        self.due_ns
    }

    pub fn set_due_ns(&mut self, due_ns: u64) {
        self.due_ns = due_ns;
    }

    /// The groups of the shards that are traded.
    pub fn views(&self) -> impl Iterator<Item = GroupView> {
        self.shards.iter().map(|group| GroupView {
            exchange_index: group.exchange_index,
            group: group.id,
            limit: group.limit,
            active: group.phase == Phase::Active,
        })
    }

    /// A group's id, once it has one, and its shard.
    pub fn address(&self, position: usize) -> (Option<OrderGroupId>, u8) {
        let group = &self.shards[position];
        (group.id, group.exchange_index)
    }

    /// The exchange says something of a group; groups of others are ignored. `reading` is the account-wide read in
    /// progress, and what is read was true at `shows_ms` at the earliest.
    pub fn reported(&mut self, report: &GroupReport, reading: u32, shows_ms: i64, now: Now) -> Option<GroupChange> {
        let position = self.shards.iter().position(|group| group.id == Some(report.group))?;
        let group = &mut self.shards[position];
        if report.source == Source::Read {
            group.seen_in = reading;
            if shows_ms < group.since_ms {
                return None;
            }
        }
        group.limit = report.limit.unwrap_or(group.limit);
        let phase = match report.state {
            GroupState::Active => Phase::Active,
            GroupState::Triggered => Phase::Triggered,
            GroupState::Gone => Phase::Missing,
        };
        self.wake();
        self.enter(position, phase, now)
    }

    /// A complete reading of the account, true at `shows_ms` at the earliest, is over: a group that it does not show is gone.
    pub fn miss(&mut self, position: usize, reading: u32, shows_ms: i64, now: Now) -> Option<GroupChange> {
        let group = &self.shards[position];
        let missed = group.id.is_some() && group.seen_in != reading && shows_ms >= group.since_ms;
        if missed { self.enter(position, Phase::Missing, now) } else { None }
    }

    /// A create on a shard was refused with this code: perhaps because of its group.
    pub fn refused(&mut self, exchange_index: u8, code: &str, now: Now) -> Option<GroupChange> {
        let phase = match code {
            GROUP_TRIGGERED => Phase::Triggered,
            GROUP_NOT_FOUND => Phase::Missing,
            _ => return None,
        };
        let position = self.shards.iter().position(|group| group.exchange_index == exchange_index)?;
        self.enter(position, phase, now)
    }

    fn enter(&mut self, position: usize, phase: Phase, now: Now) -> Option<GroupChange> {
        let taken_for_active = planted!(TriggeredIsActive) && phase == Phase::Triggered;
        let phase = if taken_for_active { Phase::Active } else { phase };
        let group = &mut self.shards[position];
        if group.phase == phase {
            return None;
        }
        group.left_triggered = group.phase == Phase::Unread && phase == Phase::Triggered;
        group.phase = phase;
        group.since_ms = now.session_ms;
        group.retry_at_ns = 0;
        if phase == Phase::Missing {
            group.id = None;
        }
        let exchange_index = group.exchange_index;
        self.wake();
        let (takes_orders, triggered) = (phase == Phase::Active, phase == Phase::Triggered);
        Some(GroupChange { exchange_index, takes_orders, triggered })
    }

    /// What a group needs. `limit` is what the risk limits explain for its markets.
    pub fn need(&self, position: usize, limit: Count, now: Now, clock: &SessionClock) -> GroupNeed {
        let group = &self.shards[position];
        if group.in_flight.is_some() {
            return GroupNeed::Nothing;
        }
        let write = match (group.phase, self.reset_ms(group)) {
            (Phase::Missing, _) => GroupWrite::Create(limit),
            // Raised when markets came; lowered only by the next making, so that it does not follow every close.
            (Phase::Active, _) if group.limit < limit => GroupWrite::Limit(limit),
            (Phase::Triggered, Some(reset_ms)) if !planted!(GroupNeverReset) => {
                if now.session_ms < reset_ms {
                    return GroupNeed::At(clock.mono_ns(reset_ms));
                }
                GroupWrite::Reset
            }
            _ => return GroupNeed::Nothing,
        };
        if group.retry_at_ns > now.mono_ns { GroupNeed::At(group.retry_at_ns) } else { GroupNeed::Write(write) }
    }

    /// Contracts that may trade within the exchange's window in so many markets whose orders have at most that size.
    pub fn limit(&self, markets: usize, order_size_max: Count) -> Count {
        if self.config.limit > Count::ZERO {
            return self.config.limit.min(LIMIT_MAX);
        }
        let markets = i64::try_from(markets).unwrap_or(i64::MAX);
        let units = order_size_max.units().saturating_mul(markets).saturating_mul(WINDOW_S);
        Count::from_units(units).clamp(Count::from_contracts(1), LIMIT_MAX)
    }

    /// A write about a group was handed over.
    pub fn written(&mut self, position: usize, request: RequestId, write: GroupWrite) {
        self.shards[position].in_flight = Some((request, write));
    }

    /// The answer to a write about a group; without a status when none came. What fails is tried again after a while within
    /// `wait_ns`, which grows.
    pub fn answered(
        &mut self,
        request: RequestId,
        http_status: Option<u16>,
        body: &[u8],
        wait_ns: std::ops::RangeInclusive<u64>,
        now: Now,
    ) -> GroupAnswer {
        let in_flight = |group: &Group| group.in_flight.is_some_and(|(id, _)| id == request);
        let Some(position) = self.shards.iter().position(in_flight) else { return GroupAnswer::default() };
        self.wake();
        let group = &mut self.shards[position];
        let (_, write) = group.in_flight.take().expect("found by it");
        let made = || serde_json::from_slice::<CreatedGroup>(body).ok();
        let mut answer = GroupAnswer::default();
        match (write, http_status) {
            (GroupWrite::Create(limit), Some(200 | 201)) if let Some(made) = made() => {
                (group.id, group.limit) = (Some(made.order_group_id), limit);
                answer = GroupAnswer { change: self.enter(position, Phase::Active, now), made: true, reset: false };
            }
            (GroupWrite::Limit(limit), Some(200)) => group.limit = limit,
            (GroupWrite::Reset, Some(200)) => {
                answer = GroupAnswer { change: self.enter(position, Phase::Active, now), made: false, reset: true };
            }
            (GroupWrite::Limit(_) | GroupWrite::Reset, Some(404)) => {
                answer.change = self.enter(position, Phase::Missing, now);
            }
            _ => {
                group.retry_wait_ns = (group.retry_wait_ns * 2).clamp(*wait_ns.start(), *wait_ns.end());
                group.retry_at_ns = now.mono_ns.saturating_add(group.retry_wait_ns);
                return answer;
            }
        }
        self.shards[position].retry_wait_ns = 0;
        answer
    }

    /// The groups for the next run to find again: those of this one, and of shards that are not traded today what was
    /// known.
    pub fn keep(&mut self) -> &[KnownGroup] {
        let of = |group: &Group| group.id.map(|id| KnownGroup { exchange_index: group.exchange_index, group: id });
        let mut known: Vec<KnownGroup> = self.shards.iter().filter_map(of).collect();
        let others = self.known.iter().filter(|old| !known.iter().any(|k| k.exchange_index == old.exchange_index));
        let others: Vec<KnownGroup> = others.copied().collect();
        known.extend(others);
        self.known = known;
        &self.known
    }
}

/// The code of a create's refusal because its group is triggered.
pub(in crate::execute) const GROUP_TRIGGERED: &str = "EXCEEDED_ORDER_GROUP_RISK_LIMIT";
/// The code of a create's refusal because there is no such group.
pub(in crate::execute) const GROUP_NOT_FOUND: &str = "ORDER_GROUP_NOT_FOUND";
