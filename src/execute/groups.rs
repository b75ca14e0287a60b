//! One order group for each shard: every order of ours is in it, and the exchange cancels all of them at once when more
//! contracts trade within 15 seconds than the limits of the risk gate explain, or when the kill line says so. Owns which
//! groups are ours and where each is in its life.
//!
//! A shard takes new risk only while its group is known to be active. A group is made after the first reading of the
//! account, or found again by the id that the last run left. A triggered group is reset after a while, if the
//! configuration allows that; its orders end as the exchange reports them, and whatever it does not report is cancelled.
//! Where the configuration does not, a group that the last run left triggered is reset by this start, which somebody wanted.
//! A making whose answer is lost is made again: an empty group costs nothing.

use serde::{Deserialize, Serialize};

use super::ExecuteStage;
use super::requests::{Request, RequestKind};
use super::tokens::Charge;
use crate::clock::{NEVER_NS, Now};
use crate::market::{Count, MarketKey, OrderGroupId};
use crate::messages::{GroupReport, GroupState, KnownGroup, Source};
use crate::ports::{ExecuteEffect, ExecutePort, OrderRequest, RequestId};
use crate::wire::error::ErrorBody;
use crate::wire::order_groups::{
    CREATE_GROUP_PATH, CreatedGroup, set_group_path, write_create_group, write_limit_group,
};

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
    /// How long a triggered group stays so before it is reset, in session milliseconds; none for as long as the run in
    /// which it was triggered.
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
    /// There is none.
    Missing,
    /// It has cancelled its orders and takes none.
    Triggered {
        /// When it is reset, in session milliseconds; none when nothing resets it.
        reset_ms: Option<i64>,
    },
}

/// Where a group is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// The last run left it; the exchange has not been asked yet.
    Unread,
    /// There is none.
    Missing,
    /// It takes orders.
    Active,
    /// It has cancelled its orders and takes none.
    Triggered,
}

/// A write about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Write {
    Create(Count),
    Limit(Count),
    Reset,
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
    in_flight: Option<(RequestId, Write)>,
    retry_at_ns: u64,
    retry_wait_ns: u64,
}

/// The groups of the shards that are traded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Groups {
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

    /// When a triggered group is reset, in session milliseconds; none for not in this run.
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
    pub fn need(&mut self, exchange_index: u8) {
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
}

impl ExecuteStage {
    /// The groups that the last run left. Before the first input.
    pub fn know_groups(&mut self, known: &[KnownGroup]) {
        self.groups.known = known.to_vec();
    }

    /// The groups of the shards that are traded.
    pub fn groups(&self) -> impl Iterator<Item = GroupView> {
        self.groups.shards.iter().map(|group| GroupView {
            exchange_index: group.exchange_index,
            group: group.id,
            limit: group.limit,
            active: group.phase == Phase::Active,
        })
    }

    /// What the exchange says of a group. Those of others are none of our business.
    pub(super) fn group_reported(&mut self, report: &GroupReport, now: Now) {
        let position = self.groups.shards.iter().position(|group| group.id == Some(report.group));
        let Some(position) = position else { return };
        let (reading, asked_ms) = (self.readings.reading(), self.readings.asked_ms());
        let group = &mut self.groups.shards[position];
        if report.source == Source::Read {
            group.seen_in = reading;
            let shows_ms = asked_ms.map_or(i64::MIN, |asked_ms| asked_ms.saturating_sub(self.config.read_lag_ms));
            if shows_ms < group.since_ms {
                return;
            }
        }
        group.limit = report.limit.unwrap_or(group.limit);
        let phase = match report.state {
            GroupState::Active => Phase::Active,
            GroupState::Triggered => Phase::Triggered,
            GroupState::Gone => Phase::Missing,
        };
        self.group_is(position, phase, now);
        self.groups.wake();
    }

    /// A complete reading of the account: a group that it does not show is gone.
    pub(super) fn groups_read(&mut self, query: u32, asked_ms: i64, now: Now) {
        let shows_ms = asked_ms.saturating_sub(self.config.read_lag_ms);
        for position in 0..self.groups.shards.len() {
            let group = &self.groups.shards[position];
            if group.id.is_some() && group.seen_in != query && shows_ms >= group.since_ms {
                self.group_is(position, Phase::Missing, now);
            }
        }
        self.groups.wake();
    }

    /// A create was refused: perhaps because of its group.
    pub(super) fn group_refused(&mut self, key: MarketKey, body: &[u8], now: Now) {
        let phase = match ErrorBody::parse(409, body).code.as_str() {
            GROUP_TRIGGERED => Phase::Triggered,
            GROUP_NOT_FOUND => Phase::Missing,
            _ => return,
        };
        let exchange_index = self.place_of(key).1;
        let position = self.groups.shards.iter().position(|group| group.exchange_index == exchange_index);
        if let Some(position) = position {
            self.group_is(position, phase, now);
        }
    }

    fn group_is(&mut self, position: usize, phase: Phase, now: Now) {
        let taken_for_active = planted!(TriggeredIsActive) && phase == Phase::Triggered;
        let phase = if taken_for_active { Phase::Active } else { phase };
        let group = &mut self.groups.shards[position];
        if group.phase == phase {
            return;
        }
        group.left_triggered = group.phase == Phase::Unread && phase == Phase::Triggered;
        group.phase = phase;
        group.since_ms = now.session_ms;
        group.retry_at_ns = 0;
        if phase == Phase::Missing {
            group.id = None;
        }
        let exchange_index = group.exchange_index;
        self.groups.wake();
        self.counters.groups_triggered += u64::from(phase == Phase::Triggered);
        if phase != Phase::Active {
            self.await_group_cancels(exchange_index, now);
        }
        self.all_conditions_changed(now);
    }

    /// The exchange cancels the orders of the group by itself and says so: what it has not reported after a while is
    /// cancelled like any order that has to go.
    fn await_group_cancels(&mut self, exchange_index: u8, now: Now) {
        let at_ns = now.mono_ns.saturating_add(self.config.retry_first_ns);
        for slot in 0..self.orders.slots() {
            let Some(at) = self.orders.at(slot) else { continue };
            let order = self.orders.get(at).expect("listed just now");
            let concerned = order.is_ours() && order.state.is_open() && !order.want_cancel;
            if concerned && self.place_of(order.market).1 == exchange_index {
                let order = self.orders.get_mut(at).expect("listed just now");
                order.want_cancel = true;
                order.retry_at_ns = order.retry_at_ns.max(at_ns);
                self.cancels_due(at_ns);
            }
        }
    }

    /// Makes, limits and resets groups where that is due.
    pub(super) fn tend_groups(&mut self, now: Now, port: &mut impl ExecutePort) {
        if !self.groups.config.enabled || !self.readings.is_synced() || self.ending.is_stopping() {
            return;
        }
        if self.groups.due_ns > now.mono_ns {
            return self.arm(self.groups.due_ns);
        }
        self.groups.due_ns = NEVER_NS;
        for position in 0..self.groups.shards.len() {
            let due_ns = self.tend_group(position, now, port);
            self.groups.due_ns = self.groups.due_ns.min(due_ns);
        }
        self.arm(self.groups.due_ns);
    }

    /// Does what one group needs. Returns when to look again; never, when an event will tell.
    fn tend_group(&mut self, position: usize, now: Now, port: &mut impl ExecutePort) -> u64 {
        let group = self.groups.shards[position];
        if group.in_flight.is_some() {
            return NEVER_NS;
        }
        let limit = self.group_limit(group.exchange_index);
        let write = match (group.phase, self.groups.reset_ms(&group)) {
            (Phase::Missing, _) => Write::Create(limit),
            // Raised when markets came; lowered only by the next making, so that it does not follow every close.
            (Phase::Active, _) if group.limit < limit => Write::Limit(limit),
            (Phase::Triggered, Some(reset_ms)) if !planted!(GroupNeverReset) => {
                if now.session_ms < reset_ms {
                    return self.clock.mono_ns(reset_ms);
                }
                Write::Reset
            }
            _ => return NEVER_NS,
        };
        if group.retry_at_ns > now.mono_ns {
            return group.retry_at_ns;
        }
        let (cost, open) = (self.tokens.budget().create, self.orders.ours_open());
        let sent =
            self.tokens.allows(0, cost, open, now.mono_ns) && self.write_group(position, write, now, port).is_some();
        if sent { NEVER_NS } else { now.mono_ns.saturating_add(self.config.retry_first_ns) }
    }

    fn group_limit(&self, exchange_index: u8) -> Count {
        let config = &self.groups.config;
        if config.limit > Count::ZERO {
            return config.limit.min(LIMIT_MAX);
        }
        let traded = |market: &&super::directory::Market| {
            market.traded && !market.is_over() && market.exchange_index == exchange_index
        };
        let markets = self.directory.iter().filter(traded).count().clamp(1, self.config.limits.open_orders_max.max(1));
        let markets = i64::try_from(markets).unwrap_or(i64::MAX);
        let units = self.config.limits.order_size_max.units().saturating_mul(markets).saturating_mul(WINDOW_S);
        Count::from_units(units).clamp(Count::from_contracts(1), LIMIT_MAX)
    }

    fn write_group(
        &mut self,
        position: usize,
        write: Write,
        now: Now,
        port: &mut impl ExecutePort,
    ) -> Option<RequestId> {
        if self.requests.is_full() {
            return None;
        }
        let Group { id, exchange_index, .. } = self.groups.shards[position];
        self.body.clear();
        let method = match (write, id) {
            (Write::Create(limit), _) => {
                CREATE_GROUP_PATH.clone_into(&mut self.path);
                write_create_group(&mut self.body, limit, exchange_index);
                "POST"
            }
            (Write::Limit(limit), Some(id)) => {
                set_group_path(&mut self.path, id, "limit", exchange_index);
                write_limit_group(&mut self.body, limit);
                "PUT"
            }
            (Write::Reset, Some(id)) => {
                set_group_path(&mut self.path, id, "reset", exchange_index);
                "PUT"
            }
            (Write::Limit(_) | Write::Reset, None) => return None,
        };
        // Groups of every shard are paid for by the account.
        let charge = Charge { exchange_index: 0, tokens: self.tokens.budget().create };
        let mut request = Request::new(self.requests.next_id(), RequestKind::Group, charge, &[]);
        let sent = OrderRequest { id: request.id, method, path: &self.path, body: &self.body, cancels: false };
        request.written_ns = port.request(&sent).ok()?;
        request.timeout_ns = now.mono_ns.saturating_add(self.config.answer_timeout_ns);
        self.arm(request.timeout_ns);
        self.requests.push(&request);
        self.tokens.take(charge, now.mono_ns);
        self.groups.shards[position].in_flight = Some((request.id, write));
        Some(request.id)
    }

    /// The answer to a write about a group; no status when there is none.
    pub(super) fn group_answered(
        &mut self,
        request: RequestId,
        http_status: Option<u16>,
        body: &[u8],
        now: Now,
        port: &mut impl ExecutePort,
    ) {
        let in_flight = |group: &Group| group.in_flight.is_some_and(|(id, _)| id == request);
        let Some(position) = self.groups.shards.iter().position(in_flight) else { return };
        let group = &mut self.groups.shards[position];
        let (_, write) = group.in_flight.take().expect("found by it");
        self.groups.due_ns = 0;
        let made = || serde_json::from_slice::<CreatedGroup>(body).ok();
        match (write, http_status) {
            (Write::Create(limit), Some(200 | 201)) if let Some(made) = made() => {
                (group.id, group.limit) = (Some(made.order_group_id), limit);
                self.group_is(position, Phase::Active, now);
                self.keep_groups(port);
            }
            (Write::Limit(limit), Some(200)) => group.limit = limit,
            (Write::Reset, Some(200)) => {
                self.counters.groups_reset += 1;
                self.group_is(position, Phase::Active, now);
            }
            (Write::Limit(_) | Write::Reset, Some(404)) => self.group_is(position, Phase::Missing, now),
            _ => {
                let (first_ns, max_ns) = (self.config.retry_first_ns, self.config.retry_max_ns);
                group.retry_wait_ns = (group.retry_wait_ns * 2).clamp(first_ns, max_ns);
                group.retry_at_ns = now.mono_ns.saturating_add(group.retry_wait_ns);
                return;
            }
        }
        self.groups.shards[position].retry_wait_ns = 0;
    }

    fn keep_groups(&mut self, port: &mut impl ExecutePort) {
        let of = |group: &Group| group.id.map(|id| KnownGroup { exchange_index: group.exchange_index, group: id });
        let mut known: Vec<KnownGroup> = self.groups.shards.iter().filter_map(of).collect();
        // Shards that are not traded today keep theirs.
        let others =
            self.groups.known.iter().filter(|old| !known.iter().any(|k| k.exchange_index == old.exchange_index));
        let others: Vec<KnownGroup> = others.copied().collect();
        known.extend(others);
        port.tell(ExecuteEffect::Groups(&known));
        self.groups.known = known;
    }
}

/// The code of a create's refusal because its group is triggered.
pub(super) const GROUP_TRIGGERED: &str = "EXCEEDED_ORDER_GROUP_RISK_LIMIT";
/// The code of a create's refusal because there is no such group.
pub(super) const GROUP_NOT_FOUND: &str = "ORDER_GROUP_NOT_FOUND";
