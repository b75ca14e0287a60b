//! Random commands against a slow, obvious exchange that shares no code with the engine, and against invariants that must
//! hold after every command.

mod commands;
mod reference;
mod terms;
mod world;

use proptest::prelude::*;

use super::*;
use crate::exchange::recorded::{Entry, Step};
use crate::market::BookLevels;
use commands::{Change, Command, Create, Ends, Timed, recorded_command, timed};
use reference::Reference;
use terms::Amended;
use world::{World, asked, name_text};

/// The cases of the test against the reference, each with 200 commands on average: a little over 100,000 commands a run.
const CASES: u32 = 540;
const COMMANDS_MAX: usize = 400;

/// The result of a create or an amend: filled, left in the book, and the value of the fills.
type Outcomes = Result<(i64, i64, i64), Reject>;

fn outcome(answer: Result<Placed, Reject>) -> Outcomes {
    answer.map(|placed| (placed.filled.units(), placed.remaining.units(), placed.filled_value.micros()))
}

/// Runs a command on both, and compares the results.
fn run(world: &mut World, reference: &mut Reference, command: &Command) -> Result<(), TestCaseError> {
    let now_ms = world.now_ms;
    match *command {
        Command::Create(ref create) => check_create(world, reference, create)?,
        Command::Amend { pick, terms, ends, name } => {
            let Some((account, id)) = world.pick(pick) else { return Ok(()) };
            let (cents, units) = terms.unwrap_or_else(|| reference.terms(id));
            let to = Amended { cents, units, ends, name: name.map(name_text) };
            check_amend(world, reference, account, id, &to)?;
        }
        Command::Cancel { pick } => {
            let Some((account, id)) = world.pick(pick) else { return Ok(()) };
            let answer = world.engine.cancel_order(account, id, now_ms);
            prop_assert_eq!(answer.map(Count::units), world.forgotten(id, reference.cancel(account, id)));
        }
        Command::Decrease { pick, units, to } => {
            let Some((account, id)) = world.pick(pick) else { return Ok(()) };
            let count = Count::from_units(units);
            let decrease = if to { Decrease::To(count) } else { Decrease::By(count) };
            let answer = world.engine.decrease_order(account, id, decrease, now_ms);
            let expected = reference.decrease(account, id, units, to);
            prop_assert_eq!(answer.map(Count::units), world.forgotten(id, expected));
        }
        Command::CancelAll { trader, everywhere, again } => {
            let owner = world.traders[trader];
            let subaccount = (!everywhere).then_some(owner.1);
            let spec = CancelAll { subaccount, window_ms: if again { 5_000 } else { 0 }, every_ms: 2_000 };
            let again_ms = if again { vec![now_ms + 2_000, now_ms + 4_000, now_ms + 5_000] } else { vec![] };
            let answer = world.engine.cancel_all(owner.0, &spec, now_ms);
            prop_assert_eq!(answer, reference.cancel_all(owner, subaccount, again_ms));
        }
        Command::NewGroup { trader, shard, limit } => {
            let (account, subaccount) = world.traders[trader];
            let answer = world.engine.create_group(account, subaccount, shard, Count::from_units(limit), now_ms);
            prop_assert_eq!(answer.map(|_| ()), reference.new_group(account, shard, limit));
            if let Ok(group) = answer {
                reference.add_group(group, (account, subaccount), shard, limit);
            }
        }
        Command::Group { pick, change } => check_group_change(world, reference, pick, change)?,
        Command::Pause { shard, trading } => {
            world.engine.set_trading(shard, trading, now_ms);
            reference.pause(shard, trading);
        }
        Command::Halt { shard, active } => {
            world.engine.set_exchange(shard, active, now_ms);
            reference.halt(shard, active);
        }
        Command::Activate { market, active } => {
            world.engine.set_active(market, active, now_ms);
            reference.activate(market, active);
        }
        Command::Step { .. } => unreachable!("the reference knows no recordings"),
    }
    Ok(())
}

fn check_create(world: &mut World, reference: &mut Reference, create: &Create) -> Result<(), TestCaseError> {
    // Most orders join a group of their own owner; the others find out that they may not.
    let owner = world.traders[create.trader];
    let foreign = create.group.is_some_and(|pick| pick.is_multiple_of(16));
    let groups = reference.groups.iter().filter(|group| foreign || group.owner == owner);
    let groups: Vec<_> = groups.map(|group| group.id).collect();
    let new = world.order(create, &groups);
    let mut asked = asked(&new, create.cents);
    let answer = world.engine.create_order(&new, world.now_ms);
    let expected = match reference.refuses(&asked) {
        Err(reject) => Err(reject),
        // Whether cash suffices is checked by the invariants.
        Ok(()) if answer == Err(Reject::InsufficientBalance) => return Ok(()),
        Ok(()) => reference.refuses_paid(&asked).map(|()| {
            asked.order.id = answer.map_or_else(|_| OrderId::default(), |placed| placed.order);
            reference.place(asked)
        }),
    };
    if let Ok(placed) = answer {
        world.placed.push((new.account, placed.order));
    }
    prop_assert_eq!(outcome(answer), expected);
    Ok(())
}

fn check_amend(
    world: &mut World,
    reference: &mut Reference,
    account: AccountId,
    id: OrderId,
    to: &Amended,
) -> Result<(), TestCaseError> {
    let expiration = match to.ends {
        Ends::Keep => AmendExpiration::Keep,
        Ends::Never => AmendExpiration::Remove,
        Ends::In(in_ms) => AmendExpiration::At(world.now_ms + in_ms),
    };
    let spec = AmendSpec {
        market: world.engine.order(id).map_or(0, |record| record.market),
        side: world.engine.order(id).map_or(BookSide::Bid, |record| record.side),
        expiration,
        total_count: Count::from_units(to.units),
        new_client_order_id: to.name.clone(),
        ..amend(to.cents, 1)
    };
    let answer = world.engine.amend_order(account, id, &spec, world.now_ms);
    let expected = match reference.refuses_amend(account, id, to) {
        Err(reject) => world.forgotten(id, Err(reject)),
        Ok(_) if answer == Err(Reject::InsufficientBalance) => return Ok(()),
        Ok(index) => Ok(reference.amend(index, to)),
    };
    prop_assert_eq!(outcome(answer), expected);
    Ok(())
}

fn check_group_change(
    world: &mut World,
    reference: &mut Reference,
    pick: usize,
    change: Change,
) -> Result<(), TestCaseError> {
    let recent = &reference.groups[reference.groups.len().saturating_sub(8)..];
    if recent.is_empty() {
        return Ok(());
    }
    let picked = &recent[pick % recent.len()];
    let (id, (account, subaccount)) = (picked.id, picked.owner);
    let target = GroupTarget { group: id, account, subaccount, exchange_index: picked.shard };
    let command = match change {
        Change::Reset => GroupCommand::Reset,
        Change::Trigger => GroupCommand::Trigger,
        Change::Delete => GroupCommand::Delete,
        Change::Limit(limit) => GroupCommand::Limit(Count::from_units(limit)),
    };
    let answer = world.engine.change_group(&target, command, world.now_ms);
    prop_assert_eq!(answer, reference.change_group(id, change));
    Ok(())
}

/// Compares what both know: the orders with their places in the queue, the positions, the groups.
fn compare(world: &World, reference: &Reference) -> Result<(), TestCaseError> {
    let engine = &world.engine;
    for (index, order) in reference.orders.iter().enumerate() {
        let record = engine.order(order.id).expect("a resting order is known");
        let known = (record.status, record.remaining.units(), record.filled.units(), record.expiration_ms);
        prop_assert_eq!(known, (OrderStatus::Resting, order.units, order.filled, order.ends_ms));
        prop_assert_eq!(&record.client_order_id, &order.name);
        prop_assert_eq!(engine.queue_position(order.id), Some(Count::from_units(reference.ahead(index))));
    }
    let total: i64 = reference.orders.iter().map(|order| order.units).sum();
    prop_assert_eq!(world.heard.values().sum::<i64>(), total);
    for (&((account, subaccount), market), &units) in &reference.positions {
        prop_assert_eq!(engine.subaccount_position(account, subaccount, market).contracts.units(), units);
    }
    for group in &reference.groups {
        let known = engine.group(group.owner.0, group.id).map(|known| (known.triggered, known.limit.units()));
        prop_assert_eq!(known, (!group.gone).then_some((group.triggered, group.limit)));
        let mut orders: Vec<_> = engine.group_orders(group.id).collect();
        let within = reference.orders.iter().filter(|order| order.group == Some(group.id));
        let mut expected: Vec<_> = within.map(|order| order.id).collect();
        orders.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(orders, expected);
    }
    Ok(())
}

/// Whether the engine cancelled an order for lack of collateral, which only it can know.
fn margin_cancelled(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Order(record) if record.reason == UpdateReason::MarginCancel))
}

/// Runs commands on both, and settles the markets at the end.
fn agree(commands: &[Timed], collateral: Collateral) -> Result<(), TestCaseError> {
    let mut world = World::new(false, collateral);
    let mut reference = Reference::new(world.users());
    for timed in commands {
        world.now_ms += timed.wait_ms;
        reference.pass(world.now_ms);
        let ran = run(&mut world, &mut reference, &timed.command);
        // Time passes even if a command has no order or group to act on.
        world.engine.advance(world.now_ms);
        let events = world.check()?;
        if margin_cancelled(&events) {
            break;
        }
        ran?;
        compare(&world, &reference)?;
    }
    for market in 0..world.engine.market_count() {
        world.engine.determine(market, Price::from_cents(37), 2_000_000_000);
    }
    world.engine.advance(3_000_000_000);
    world.check()?;
    for market in 0..world.engine.market_count() {
        prop_assert_eq!(world.engine.market(market).open_interest(), Count::ZERO);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]
    #[test]
    fn random_commands_do_what_an_obvious_exchange_does_and_conserve_everything(
        commands in proptest::collection::vec(timed(), 1..COMMANDS_MAX),
    ) {
        agree(&commands, Collateral::Reserved)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES / 4))]
    #[test]
    fn random_commands_do_the_same_where_each_order_is_covered_by_itself(
        commands in proptest::collection::vec(timed(), 1..COMMANDS_MAX),
    ) {
        agree(&commands, Collateral::PerOrder)?;
    }

    #[test]
    fn random_commands_in_a_recorded_market_never_cross_it_and_conserve_everything(
        commands in proptest::collection::vec(recorded_command(), 1..120),
    ) {
        let mut world = World::new(true, Collateral::Reserved);
        let mut groups = Vec::new();
        for command in &commands {
            world.now_ms += 10;
            run_recorded(&mut world, &mut groups, command);
            world.check()?;
        }
        for market in 0..world.engine.market_count() {
            world.engine.determine(market, Price::from_cents(37), 2_000_000_000);
        }
        world.engine.advance(3_000_000_000);
        world.check()?;
    }
}

/// Runs a command in a recorded market. Its effects are checked by the invariants.
fn run_recorded(world: &mut World, groups: &mut Vec<OrderGroupId>, command: &Command) {
    let now_ms = world.now_ms;
    match *command {
        Command::Create(ref create) => {
            let new = world.order(create, groups);
            if let Ok(placed) = world.engine.create_order(&new, now_ms) {
                world.placed.push((new.account, placed.order));
            }
        }
        Command::Amend { pick, terms, .. } => {
            let (cents, units) = terms.unwrap_or((50, 500));
            if let Some((account, id)) = world.pick(pick) {
                let known = world.engine.order(id).map(|record| (record.market, record.side));
                let (market, side) = known.unwrap_or((0, BookSide::Bid));
                let spec = AmendSpec { market, side, total_count: Count::from_units(units), ..amend(cents, 1) };
                let _ = world.engine.amend_order(account, id, &spec, now_ms);
            }
        }
        Command::Step { mid, ref sizes, trade } => {
            let step = recorded_step(now_ms, mid, sizes, trade);
            world.engine.recorded_step(0, &step, now_ms + 5);
        }
        Command::Cancel { pick } | Command::Decrease { pick, .. } => {
            if let Some((account, id)) = world.pick(pick) {
                let _ = world.engine.cancel_order(account, id, now_ms);
            }
        }
        Command::NewGroup { trader, shard, limit } => {
            let (account, subaccount) = world.traders[trader];
            groups.extend(world.engine.create_group(account, subaccount, shard, Count::from_units(limit), now_ms));
        }
        _ => {}
    }
}

/// A step that shows a whole, uncrossed book around a mid, and possibly a trade.
fn recorded_step(ts_ms: i64, mid: u16, sizes: &[i64], trade: Option<(u16, i64, bool)>) -> Step {
    let level = |(offset, &units): (u16, &i64), below: bool| {
        let cents = if below { mid - 1 - offset } else { 100 - (mid + 1 + offset) };
        (Price::from_cents(cents), Count::from_units(units))
    };
    let half =
        |sizes: &[i64], below| (0u16..).zip(sizes).filter(|(_, units)| **units > 0).map(|l| level(l, below)).collect();
    let levels = BookLevels { yes: half(&sizes[..4], true), no: half(&sizes[4..], false) };
    let mut entries = vec![Entry::Snapshot(Box::new(levels))];
    entries.extend(trade.map(|(cents, units, bought)| Entry::Trade {
        price: Price::from_cents(cents),
        count: Count::from_units(units),
        taker: if bought { BookSide::Bid } else { BookSide::Ask },
    }));
    Step { ts_ms, complete_ms: ts_ms + 5, entries }
}
