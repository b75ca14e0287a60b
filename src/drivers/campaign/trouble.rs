//! Draws what goes wrong besides the network, and when: faults of the exchange, frozen stages, crashes of the trader.

use std::collections::BTreeMap;
use std::str::FromStr;

use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp1};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::START_MS;
use super::instruments::Tried;
use super::starts::{START_PAUSED, START_TRIGGERED, START_UNREAD};
use crate::decide::policy::Policy;
use crate::drivers::simulation::{Ring, Turn};
use crate::exchange::engine::{GroupCommand, GroupRecord, GroupTarget, MarketIndex, MarketState};
use crate::exchange::faults::{Fault, RefusalStatus};
use crate::exchange::gateway::Channel;

/// The level of faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Faults {
    /// No faults.
    None,
    /// Faults as on a bad day.
    #[default]
    Default,
    /// Several things at a time, all the time.
    Hell,
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "default" => Ok(Self::Default),
            "hell" => Ok(Self::Hell),
            _ => Err(format!("faults `{text}`; expected none, default or hell")),
        }
    }
}

impl Faults {
    /// The mean time between two faults, in milliseconds.
    fn mean_ms(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Default => Some(8_000.0),
            Self::Hell => Some(1_500.0),
        }
    }
}

/// How often each kind of fault took effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubles(BTreeMap<&'static str, u64>);

impl Troubles {
    /// Adds to the count of a kind. A kind that did not happen is kept with zero, so that its absence shows.
    pub fn add(&mut self, kind: &'static str, count: u64) {
        *self.0.entry(kind).or_default() += count;
    }

    /// Adds the counts of another run.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(kind, count)| self.add(kind, count));
    }

    /// The kinds that never took effect.
    #[must_use]
    pub fn absent(&self) -> Vec<&'static str> {
        self.iter().filter(|(_, count)| *count == 0).map(|(kind, _)| kind).collect()
    }

    /// Every kind with its count, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }
}

/// What the run itself has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Done,
    /// Kill the trader after this many steps, and restart it after this time.
    Crash {
        after_steps: u32,
        absent_ms: i64,
    },
}

/// What can go wrong, with its weight. These are all faults of the exchange's catalog except a duplicated connection,
/// whose frames are duplicated here one by one, and those that falsify a fill, which have to end in a difference.
const KINDS: [(&str, u32); 40] = [
    ("cut_sessions", 2),
    ("stall_sessions", 2),
    ("refuse_sessions", 1),
    ("drop_frame", 6),
    ("double_frame", 6),
    ("delay_frame", 6),
    ("truncate_frame", 3),
    ("malform_frame", 3),
    ("skip_seq", 2),
    ("delay_channel", 3),
    ("cancel_before_fill", 4),
    ("lose_request", 4),
    ("delay_request", 3),
    ("double_request", 3),
    ("refuse_request", 4),
    ("swallow_answer", 4),
    ("cut_answer", 4),
    ("delay_answer", 4),
    ("fail_answer", 4),
    ("truncate_answer", 3),
    ("cut_order_connections", 2),
    ("refuse_read", 3),
    ("delay_read", 3),
    ("swallow_read", 3),
    ("strange_elements", 3),
    ("repeat_cursor", 3),
    ("pause_trading", 1),
    ("pause_exchange", 1),
    ("offset_clock", 1),
    (SLOW[Turn::Feed as usize], 2),
    (SLOW[Turn::Decide as usize], 5),
    (SLOW[Turn::Execute as usize], 2),
    (SLOW[Turn::Reconcile as usize], 2),
    (RING_FULL, 4),
    (CLOCK_JUMP, 1),
    (CLOCK_OFF, 1),
    (DISK_FULL, 4),
    (TRIGGER_GROUP, 2),
    (MARKET_PAUSED, 3),
    (CRASH, 2),
];
/// A stage is frozen for some time.
const SLOW: [&str; Turn::ALL.len()] = ["feed_slow", "decide_slow", "execute_slow", "reconcile_slow"];
const RING_FULL: &str = "ring_full";
const CLOCK_JUMP: &str = "clock_jump";
const CLOCK_OFF: &str = "clock_off";
const DISK_FULL: &str = "disk_full";
pub(super) const CRASH: &str = "crash";
const TRIGGER_GROUP: &str = "trigger_group";
/// The exchange takes no orders in one market for some time.
const MARKET_PAUSED: &str = "market_paused";
/// The journal is torn, as in some crashes.
pub(super) const JOURNAL_TORN: &str = "journal_torn";
/// The most steps of the simulation from the draw of a crash to the crash, which may come between any two steps.
const CRASH_STEPS: u32 = 500;
/// After one in this many crashes the trader stays away, possibly for longer than a lease; after the others it is
/// restarted at once.
const ONE_ABSENCE_OF: u32 = 3;
/// The longest absence, in milliseconds.
const ABSENT_MS: i64 = 40_000;
/// The channels whose frames the trader reads.
const CHANNELS: [Channel; 6] = [
    Channel::OrderbookDelta,
    Channel::Trade,
    Channel::Fill,
    Channel::UserOrders,
    Channel::MarketPositions,
    Channel::MarketLifecycle,
];
const STATUSES: [RefusalStatus; 3] =
    [RefusalStatus::TooManyRequests, RefusalStatus::Internal, RefusalStatus::Unavailable];

/// The source of faults of one run.
#[derive(Debug)]
pub(super) struct Trouble {
    faults: Faults,
    random: Xoshiro256PlusPlus,
    next_ms: Option<i64>,
    /// Paused markets, and until when they are paused.
    paused: Vec<(i64, MarketIndex)>,
    counts: Troubles,
    /// Whether the exchange's lists have unknown elements and fields from the start to the end, as after a change of
    /// its API.
    strange: bool,
}

/// One in this many seeds has such lists for the whole run instead of for the duration of a fault.
const ONE_STRANGE_OF: u64 = 4;
/// Longer than any seed.
const STRANGE_MS: i64 = 3_600_000;

impl Trouble {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let random = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x7472_6f75);
        let mut counts = Troubles::default();
        for (kind, _) in KINDS {
            counts.add(kind, 0);
        }
        for kind in [START_PAUSED, START_TRIGGERED, START_UNREAD] {
            counts.add(kind, 0);
        }
        if !cfg!(feature = "planted") {
            counts.add(JOURNAL_TORN, 0);
        }
        let strange = faults != Faults::None && seed % ONE_STRANGE_OF == 3;
        let mut this = Self { faults, random, next_ms: None, paused: Vec::new(), counts, strange };
        this.plan(START_MS);
        this
    }

    fn plan(&mut self, now_ms: i64) {
        let draw: f64 = Exp1.sample(&mut self.random);
        #[expect(clippy::cast_possible_truncation, reason = "some seconds; saturates")]
        let pause = |mean_ms: f64| (draw * mean_ms) as i64 + 1;
        self.next_ms = self.faults.mean_ms().map(|mean_ms| now_ms + pause(mean_ms));
    }

    pub(super) fn next_ms(&self) -> Option<i64> {
        let ends_ms = self.paused.iter().map(|(until_ms, _)| *until_ms);
        self.next_ms.into_iter().chain(ends_ms).min()
    }

    /// Whether more faults will come.
    pub(super) fn goes_on(&self) -> bool {
        self.next_ms.is_some()
    }

    /// Arms the faults that last from the start.
    pub(super) fn begin<P: Policy>(&self, simulation: &mut Tried<P>) {
        if self.strange {
            simulation.exchange_mut().arm(Fault::StrangeElements { for_ms: STRANGE_MS });
        }
    }

    /// Ends all faults except strange lists that last for the whole run.
    pub(super) fn end<P: Policy>(&mut self, simulation: &mut Tried<P>) {
        self.faults = Faults::None;
        self.next_ms = None;
        self.end_pauses(i64::MAX, simulation);
        simulation.exchange_mut().disarm();
        self.begin(simulation);
        simulation.instruments_mut().machine.fill_disk(0);
        simulation.instruments_mut().machine.jump_clock(0, 0);
    }

    /// How often each kind took effect; faults of the exchange by its own count.
    pub(super) fn counts<P: Policy>(&self, simulation: &Tried<P>) -> Troubles {
        let mut counts = self.counts.clone();
        for (kind, count) in simulation.exchange().gateway().fault_effects() {
            counts.add(kind, *count);
        }
        let effects = simulation.instruments().machine.effects();
        counts.add(RING_FULL, effects.refused_by_rings);
        counts.add(CLOCK_JUMP, effects.signed_beyond);
        counts.add(CLOCK_OFF, effects.signed_within);
        counts.add(DISK_FULL, effects.not_written);
        counts
    }

    /// Carries out one fault.
    pub(super) fn act<P: Policy>(&mut self, simulation: &mut Tried<P>) -> Act {
        let now_ms = simulation.session_ms();
        if self.next_ms.is_none_or(|next_ms| next_ms > now_ms) {
            self.end_pauses(now_ms, simulation);
            return Act::Done;
        }
        self.plan(now_ms);
        match self.draw() {
            CRASH => {
                let after_steps = self.random.random_range(0..CRASH_STEPS);
                let away = self.random.random_range(0..ONE_ABSENCE_OF) == 0;
                let absent_ms = if away { self.random.random_range(0..ABSENT_MS) } else { 0 };
                return Act::Crash { after_steps, absent_ms };
            }
            TRIGGER_GROUP => self.trigger_group(simulation),
            MARKET_PAUSED => self.pause_market(simulation),
            RING_FULL => {
                let (ring, for_ms) = (self.one_of(&Ring::ALL), self.random.random_range(5..=500));
                simulation.instruments().note(|| format!("the ring of {ring:?} is full for {for_ms} ms"));
                simulation.instruments_mut().machine.fill_ring(ring, for_ms);
            }
            CLOCK_JUMP => {
                // More than the exchange tolerates, in either direction.
                let by_ms = self.random.random_range(40_000..=120_000) * self.one_of(&[-1, 1]);
                let for_ms = self.random.random_range(500..=10_000);
                simulation
                    .instruments()
                    .note(|| format!("the trader's wall clock is off by {by_ms} ms for {for_ms} ms"));
                simulation.instruments_mut().machine.jump_clock(by_ms, for_ms);
            }
            CLOCK_OFF => {
                // Less than it tolerates, but for a long time: signatures of a fast clock are accepted for almost twice
                // as long.
                let by_ms = self.random.random_range(1_000..=9_900) * self.one_of(&[-1, 1, 1]);
                let for_ms = self.random.random_range(60_000..=600_000);
                simulation
                    .instruments()
                    .note(|| format!("the trader's wall clock is off by {by_ms} ms for {for_ms} ms"));
                simulation.instruments_mut().machine.jump_clock(by_ms, for_ms);
            }
            DISK_FULL => {
                let for_ms = self.random.random_range(5_000..=60_000);
                simulation.instruments().note(|| format!("the disk is full for {for_ms} ms"));
                simulation.instruments_mut().machine.fill_disk(for_ms);
            }
            kind => {
                if let Some(turn) = Turn::ALL.into_iter().find(|turn| SLOW[*turn as usize] == kind) {
                    self.counts.add(kind, 1);
                    let for_ms = self.random.random_range(20..=5_000);
                    simulation.instruments().note(|| format!("{turn:?} does nothing for {for_ms} ms"));
                    simulation.instruments_mut().machine.freeze(turn, for_ms);
                } else {
                    let fault = self.fault(kind);
                    simulation.instruments().note(|| format!("the exchange: {fault:?}"));
                    simulation.exchange_mut().arm(fault);
                }
            }
        }
        Act::Done
    }

    /// Counts a fault whose effect is seen elsewhere.
    pub(super) fn add(&mut self, kind: &'static str, count: u64) {
        self.counts.add(kind, count);
    }

    /// Triggers an order group of the account, as the exchange does when too much trades.
    fn trigger_group<P: Policy>(&mut self, simulation: &mut Tried<P>) {
        let exchange = simulation.exchange();
        let account = exchange.clients()[0];
        let groups: Vec<_> = exchange.engine().groups_of(account).filter(|group| !group.triggered).copied().collect();
        if groups.is_empty() {
            return;
        }
        let group = self.one_of(&groups);
        self.counts.add(TRIGGER_GROUP, Self::trigger(&group, simulation));
    }

    /// Triggers every order group of the account and returns their number.
    pub(super) fn trigger_groups<P: Policy>(simulation: &mut Tried<P>) -> u64 {
        let exchange = simulation.exchange();
        let account = exchange.clients()[0];
        let groups: Vec<_> = exchange.engine().groups_of(account).filter(|group| !group.triggered).copied().collect();
        groups.iter().map(|group| Self::trigger(group, simulation)).sum()
    }

    /// Triggers a group and returns 1, or 0 if that is refused because the exchange is paused.
    fn trigger<P: Policy>(group: &GroupRecord, simulation: &mut Tried<P>) -> u64 {
        let GroupRecord { group, subaccount, exchange_index, .. } = *group;
        let account = simulation.exchange().clients()[0];
        let target = GroupTarget { group, account, subaccount, exchange_index };
        let now = simulation.exchange_now();
        simulation.instruments().note(|| format!("the exchange triggers the order group {group}"));
        let done = simulation
            .exchange_mut()
            .command(now, |engine, now_ms| engine.change_group(&target, GroupCommand::Trigger, now_ms));
        u64::from(done.is_ok())
    }

    /// Deactivates a traded market for some time.
    fn pause_market<P: Policy>(&mut self, simulation: &mut Tried<P>) {
        let for_ms = self.random.random_range(1_000..=20_000);
        let traded: Vec<_> = simulation.stages().execute.positions().map(|view| view.ticker).collect();
        let engine = simulation.exchange().engine();
        let markets: Vec<MarketIndex> = traded.iter().filter_map(|t| engine.market_by_ticker(t.as_str())).collect();
        let active = |market: &MarketIndex| engine.market(*market).state() == MarketState::Active;
        let active: Vec<_> = markets.into_iter().filter(active).collect();
        if active.is_empty() {
            return;
        }
        let market = self.one_of(&active);
        simulation.instruments().note(|| format!("the exchange pauses the market {market} for {for_ms} ms"));
        Self::set_active(market, false, simulation);
        self.paused.push((simulation.session_ms() + for_ms, market));
        self.counts.add(MARKET_PAUSED, 1);
    }

    /// Ends the pauses that are due.
    fn end_pauses<P: Policy>(&mut self, now_ms: i64, simulation: &mut Tried<P>) {
        let (over, on): (Vec<_>, Vec<_>) = self.paused.drain(..).partition(|(until_ms, _)| *until_ms <= now_ms);
        self.paused = on;
        for (_, market) in over {
            simulation.instruments().note(|| format!("the exchange opens the market {market} again"));
            Self::set_active(market, true, simulation);
        }
    }

    fn set_active<P: Policy>(market: MarketIndex, active: bool, simulation: &mut Tried<P>) {
        let now = simulation.exchange_now();
        simulation.exchange_mut().command(now, |engine, now_ms| engine.set_active(market, active, now_ms));
    }

    fn draw(&mut self) -> &'static str {
        let total: u32 = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut ticket = self.random.random_range(0..total);
        for (kind, weight) in KINDS {
            if ticket < weight {
                return kind;
            }
            ticket -= weight;
        }
        unreachable!("the ticket is below the sum of the weights")
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.random_range(0..choices.len())]
    }

    /// Draws the settings of a fault of the exchange.
    fn fault(&mut self, kind: &str) -> Fault {
        let channel = self.one_of(&CHANNELS);
        let status = self.one_of(&STATUSES);
        let mut ms = |low: i64, high: i64| self.random.random_range(low..=high);
        match kind {
            "cut_sessions" => Fault::CutSessions,
            "stall_sessions" => Fault::StallSessions { for_ms: ms(100, 40_000) },
            "refuse_sessions" => Fault::RefuseSessions { for_ms: ms(1_000, 20_000) },
            "drop_frame" => Fault::DropFrame { channel },
            "double_frame" => Fault::DoubleFrame { channel },
            "delay_frame" => Fault::DelayFrame { channel, by_ms: ms(10, 4_000) },
            "truncate_frame" => Fault::TruncateFrame { channel },
            "malform_frame" => Fault::MalformFrame { channel },
            "skip_seq" => Fault::SkipSeq { channel: if channel.has_seq() { channel } else { CHANNELS[0] } },
            "delay_channel" => Fault::DelayChannel { channel, by_ms: ms(50, 3_000), for_ms: ms(500, 10_000) },
            "cancel_before_fill" => Fault::CancelBeforeFill { within_ms: ms(500, 20_000) },
            "lose_request" => Fault::LoseRequest,
            "delay_request" => Fault::DelayRequest { by_ms: ms(100, 20_000) },
            "double_request" => Fault::DoubleRequest,
            "refuse_request" => Fault::RefuseRequest { status },
            "swallow_answer" => Fault::SwallowAnswer,
            "cut_answer" => Fault::CutAnswer,
            "delay_answer" => Fault::DelayAnswer { by_ms: ms(50, 5_000) },
            // Not 429, which would be false: a request answered with it has not been carried out.
            "fail_answer" if status == RefusalStatus::TooManyRequests => {
                Fault::FailAnswer { status: RefusalStatus::Internal }
            }
            "fail_answer" => Fault::FailAnswer { status },
            "truncate_answer" => Fault::TruncateAnswer,
            "cut_order_connections" => Fault::CutOrderConnections,
            "refuse_read" => Fault::RefuseRead { status },
            "delay_read" => Fault::DelayRead { by_ms: ms(100, 8_000) },
            "swallow_read" => Fault::SwallowRead,
            "strange_elements" => Fault::StrangeElements { for_ms: ms(5_000, 60_000) },
            "repeat_cursor" => Fault::RepeatCursor,
            "pause_trading" => Fault::PauseTrading { for_ms: ms(1_000, 20_000) },
            "pause_exchange" => Fault::PauseExchange { for_ms: ms(1_000, 20_000) },
            _ => Fault::OffsetClock { by_ms: ms(-60_000, 60_000), for_ms: ms(1_000, 15_000) },
        }
    }
}
