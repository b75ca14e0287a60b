//! Random commands over small domains, so that orders meet often. Traders, orders and groups are picked by number.

use proptest::prelude::*;

use crate::exchange::engine::MarketIndex;
use crate::market::BookSide;

/// A command, and the time before it.
#[derive(Clone, Debug)]
pub(super) struct Timed {
    pub(super) wait_ms: i64,
    pub(super) command: Command,
}

#[derive(Clone, Debug)]
pub(super) enum Command {
    Create(Create),
    Cancel { pick: usize },
    Amend { pick: usize, terms: Option<(u16, i64)>, ends: Ends, name: Option<u32> },
    Decrease { pick: usize, units: i64, to: bool },
    CancelAll { trader: usize, everywhere: bool, again: bool },
    NewGroup { trader: usize, shard: u8, limit: i64 },
    Group { pick: usize, change: Change },
    Pause { shard: u8, trading: bool },
    Halt { shard: u8, active: bool },
    Activate { market: MarketIndex, active: bool },
    Step { mid: u16, sizes: Vec<i64>, trade: Option<(u16, i64, bool)> },
}

/// A new order.
#[derive(Clone, Debug)]
pub(super) struct Create {
    pub(super) trader: usize,
    pub(super) market: MarketIndex,
    pub(super) side: BookSide,
    pub(super) cents: u16,
    pub(super) units: i64,
    pub(super) form: Form,
    pub(super) group: Option<usize>,
    pub(super) name: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Rest,
    PostOnly,
    Take,
    Kill,
    KillOwn,
    Reduce,
    ReduceResting,
    KeepMaker,
    Expire,
    Expired,
}

/// What an amend does to the expiration.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    Keep,
    Never,
    In(i64),
}

/// What is done to a group.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Reset,
    Trigger,
    Delete,
    Limit(i64),
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        12 => Just(Form::Rest),
        2 => Just(Form::PostOnly),
        4 => Just(Form::Take),
        3 => Just(Form::Kill),
        1 => Just(Form::KillOwn),
        3 => Just(Form::Reduce),
        1 => Just(Form::ReduceResting),
        3 => Just(Form::KeepMaker),
        3 => Just(Form::Expire),
        1 => Just(Form::Expired),
    ]
}

/// Most commands are in the first of the three markets.
fn market() -> impl Strategy<Value = MarketIndex> {
    prop_oneof![6 => Just(0), 2 => Just(1), 2 => Just(2)]
}

fn shard() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0u8), 1 => Just(1u8)]
}

fn name() -> impl Strategy<Value = Option<u32>> {
    proptest::option::weighted(0.2, 0u32..100)
}

fn create() -> impl Strategy<Value = Command> {
    let side = prop_oneof![Just(BookSide::Bid), Just(BookSide::Ask)];
    let group = proptest::option::weighted(0.5, any::<usize>());
    (0usize..8, market(), side, 0u16..7, 1i64..900, form(), group, name()).prop_map(
        |(trader, market, side, step, units, form, group, name)| {
            // The sides overlap from 49 to 51 cents; the rest of each is behind that.
            let cents = if side == BookSide::Bid { 45 + step } else { 49 + step };
            Command::Create(Create { trader, market, side, cents, units, form, group, name })
        },
    )
}

pub(super) fn order_command() -> impl Strategy<Value = Command> {
    // Without terms, an amend keeps price and count.
    let terms = proptest::option::weighted(0.8, (47u16..54, 1i64..1_500));
    let ends = prop_oneof![6 => Just(Ends::Keep), 1 => Just(Ends::Never), 1 => (0i64..40).prop_map(Ends::In)];
    prop_oneof![
        32 => create(),
        5 => any::<usize>().prop_map(|pick| Command::Cancel { pick }),
        8 => (any::<usize>(), terms, ends, name())
            .prop_map(|(pick, terms, ends, name)| Command::Amend { pick, terms, ends, name }),
        4 => (any::<usize>(), 0i64..300, any::<bool>())
            .prop_map(|(pick, units, to)| Command::Decrease { pick, units, to }),
        1 => (0usize..8, any::<bool>(), any::<bool>())
            .prop_map(|(trader, everywhere, again)| Command::CancelAll { trader, everywhere, again }),
    ]
}

fn group_command() -> impl Strategy<Value = Command> {
    let change = prop_oneof![
        6 => Just(Change::Reset),
        1 => Just(Change::Trigger),
        1 => Just(Change::Delete),
        2 => (0i64..1_500).prop_map(Change::Limit),
    ];
    prop_oneof![
        3 => (0usize..8, shard(), 0i64..1_500)
            .prop_map(|(trader, shard, limit)| Command::NewGroup { trader, shard, limit }),
        5 => (any::<usize>(), change).prop_map(|(pick, change)| Command::Group { pick, change }),
    ]
}

pub(super) fn timed() -> impl Strategy<Value = Timed> {
    let mostly_on = || proptest::bool::weighted(0.92);
    let command = prop_oneof![
        160 => order_command(),
        24 => group_command(),
        3 => (shard(), mostly_on()).prop_map(|(shard, trading)| Command::Pause { shard, trading }),
        2 => (shard(), mostly_on()).prop_map(|(shard, active)| Command::Halt { shard, active }),
        3 => (market(), mostly_on()).prop_map(|(market, active)| Command::Activate { market, active }),
    ];
    let wait_ms = prop_oneof![15 => 1i64..4, 1 => 500i64..6_000];
    (wait_ms, command).prop_map(|(wait_ms, command)| Timed { wait_ms, command })
}

pub(super) fn recorded_command() -> impl Strategy<Value = Command> {
    let trade = proptest::option::of((44u16..57, 1i64..900, any::<bool>()));
    prop_oneof![
        8 => order_command(),
        1 => group_command(),
        4 => (46u16..54, proptest::collection::vec(0i64..600, 8), trade)
            .prop_map(|(mid, sizes, trade)| Command::Step { mid, sizes, trade }),
    ]
}
