//! Random commands against a slow, obvious matcher that shares no code with the engine, and against what must hold
//! after every command whatever it was.

#![expect(
    clippy::unit_arg,
    reason = "a failed prop_assert returns from the function; a passed one is the unit it ends with"
)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::exchange::recorded::{Entry, Step};
use crate::market::BookLevels;

/// A command over small domains, so that orders meet often. Accounts and orders are picked by number.
#[derive(Clone, Debug)]
enum Command {
    Create { account: usize, side: BookSide, cents: u16, units: i64, form: Form },
    Cancel { pick: usize },
    Amend { pick: usize, cents: u16, units: i64 },
    Decrease { pick: usize, units: i64 },
    CancelAll { account: usize },
    Pause { trading: bool },
    Activate { active: bool },
    Step { mid: u16, sizes: Vec<i64>, trade: Option<(u16, i64, bool)> },
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Rest,
    PostOnly,
    Take,
    Kill,
    Reduce,
    KeepMaker,
    Expire,
}

fn side() -> impl Strategy<Value = BookSide> {
    prop_oneof![Just(BookSide::Bid), Just(BookSide::Ask)]
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        6 => Just(Form::Rest),
        1 => Just(Form::PostOnly),
        2 => Just(Form::Take),
        1 => Just(Form::Kill),
        1 => Just(Form::Reduce),
        2 => Just(Form::KeepMaker),
        1 => Just(Form::Expire),
    ]
}

fn order_command() -> impl Strategy<Value = Command> {
    let cents = || 47u16..54;
    prop_oneof![
        12 => (0usize..5, side(), cents(), 1i64..900, form())
            .prop_map(|(account, side, cents, units, form)| Command::Create { account, side, cents, units, form }),
        3 => any::<usize>().prop_map(|pick| Command::Cancel { pick }),
        4 => (any::<usize>(), cents(), 1i64..1_500).prop_map(|(pick, cents, units)| Command::Amend { pick, cents, units }),
        2 => (any::<usize>(), 0i64..300).prop_map(|(pick, units)| Command::Decrease { pick, units }),
        1 => (0usize..5).prop_map(|account| Command::CancelAll { account }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        40 => order_command(),
        1 => proptest::bool::weighted(0.8).prop_map(|trading| Command::Pause { trading }),
        1 => proptest::bool::weighted(0.8).prop_map(|active| Command::Activate { active }),
    ]
}

fn recorded_command() -> impl Strategy<Value = Command> {
    let trade = proptest::option::of((44u16..57, 1i64..900, any::<bool>()));
    prop_oneof![
        2 => order_command(),
        1 => (46u16..54, proptest::collection::vec(0i64..600, 8), trade)
            .prop_map(|(mid, sizes, trade)| Command::Step { mid, sizes, trade }),
    ]
}

/// The venue under test, with the book that a reader of its events has.
struct World {
    engine: Engine,
    accounts: Vec<AccountId>,
    deposited: Money,
    /// Every order that was accepted, with its account.
    placed: Vec<(AccountId, OrderId)>,
    heard: BTreeMap<(u8, i64), i64>,
    now_ms: i64,
}

impl World {
    fn new(recorded: bool) -> Self {
        let mut engine = Engine::new(5);
        let fees = FeeSchedule { fee_type: crate::market::FeeType::QuadraticWithMakerFees, multiplier_e4: 10_000 };
        engine.list_market(MarketSpec { fees, recorded, ..spec("MARKET") }, 0).unwrap();
        let mut accounts = Vec::new();
        let mut deposited = Money::ZERO;
        for (dollars, direct_member, unlimited) in
            [(1_000, true, false), (1_000, false, false), (6, true, false), (3, false, false), (0, true, true)]
        {
            let amount = Money::from_dollars(dollars);
            accounts.push(engine.open_account(&AccountSpec { cash: vec![(0, amount)], direct_member, unlimited }));
            deposited += amount;
        }
        Self { engine, accounts, deposited, placed: Vec::new(), heard: BTreeMap::new(), now_ms: 0 }
    }

    /// One of the last orders placed: most of the older ones have ended.
    fn pick(&self, pick: usize) -> Option<(AccountId, OrderId)> {
        let recent = &self.placed[self.placed.len().saturating_sub(12)..];
        (!recent.is_empty()).then(|| recent[pick % recent.len()])
    }

    fn new_order(&self, account: usize, side: BookSide, cents: u16, units: i64, form: Form) -> NewOrder {
        let plain = NewOrder { count: Count::from_units(units), ..order(self.accounts[account], side, cents, 1) };
        let ioc = TimeInForce::ImmediateOrCancel;
        match form {
            Form::Rest => plain,
            Form::PostOnly => NewOrder { post_only: true, ..plain },
            Form::Take => NewOrder { time_in_force: ioc, ..plain },
            Form::Kill => NewOrder { time_in_force: TimeInForce::FillOrKill, ..plain },
            Form::Reduce => NewOrder { time_in_force: ioc, reduce_only: true, ..plain },
            Form::KeepMaker => NewOrder { self_trade_prevention: SelfTradePrevention::Maker, ..plain },
            Form::Expire => NewOrder { expiration_ms: Some(self.now_ms + 9), cancel_on_pause: true, ..plain },
        }
    }

    /// Hears the events of the last command and checks everything that must hold.
    fn check(&mut self) -> Result<Vec<Event>, TestCaseError> {
        let events: Vec<Event> = self.engine.drain_events().collect();
        for event in &events {
            if let Event::Level { side, price, change, .. } = event {
                let size = self.heard.entry((*side as u8, price.units())).or_default();
                *size += change.units();
                prop_assert!(*size >= 0, "level {side:?} {price} fell to {size}");
                let best = |side: Outcome| {
                    let levels = self.heard.range((side as u8, 0)..=(side as u8, 10_000));
                    levels.filter(|&(_, &size)| size > 0).map(|(&(_, price), _)| price).max()
                };
                if let (Some(yes), Some(no)) = (best(Outcome::Yes), best(Outcome::No)) {
                    prop_assert!(yes + no < 10_000, "crossed at {yes} and {no}");
                }
            }
        }
        let mut levels = BookLevels::default();
        self.engine.levels(0, &mut levels);
        let tagged = |tag: Outcome, side: Vec<(Price, Count)>| {
            side.into_iter().map(move |(price, count)| ((tag as u8, price.units()), count.units()))
        };
        let published: BTreeMap<_, _> =
            tagged(Outcome::Yes, levels.yes).chain(tagged(Outcome::No, levels.no)).collect();
        self.heard.retain(|_, size| *size != 0);
        prop_assert_eq!(&published, &self.heard);
        self.check_money()?;
        Ok(events)
    }

    fn check_money(&self) -> Result<(), TestCaseError> {
        let engine = &self.engine;
        let everyone = || self.accounts.iter().copied().chain([Engine::HOUSE]);
        let cash: Money = everyone().map(|account| engine.balance(account, 0)).sum();
        let pairs = Price::ONE.times(engine.market(0).open_interest());
        prop_assert_eq!(cash + pairs + engine.fees_collected(), self.deposited, "money is conserved");
        let held = || everyone().map(|account| engine.position(account, 0).contracts);
        prop_assert_eq!(held().sum::<Count>(), Count::ZERO, "contracts are conserved");
        prop_assert_eq!(held().filter(|&c| c > Count::ZERO).sum::<Count>(), engine.market(0).open_interest());
        for &account in &self.accounts[..4] {
            let (balance, reserved) = (engine.balance(account, 0), engine.reserved(account, 0));
            prop_assert!(Money::ZERO <= reserved && reserved <= balance, "{reserved} of {balance}");
        }
        Ok(())
    }
}

/// The obvious matcher: all orders in one list, in the order of their time priority.
#[derive(Clone, Debug, Default)]
struct Reference {
    orders: Vec<Resting>,
    positions: BTreeMap<AccountId, i64>,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule of the order, as in the command that placed it")]
struct Resting {
    id: OrderId,
    account: AccountId,
    is_bid: bool,
    cents: u16,
    units: i64,
    post_only: bool,
    maker_yields: bool,
    on_pause: bool,
    ends_ms: Option<i64>,
}

impl Reference {
    /// The order that an incoming one meets next.
    fn opponent(&self, is_bid: bool, cents: u16) -> Option<usize> {
        let meets = |other: &Resting| {
            other.is_bid != is_bid && if is_bid { other.cents <= cents } else { other.cents >= cents }
        };
        let mut best: Option<usize> = None;
        for (index, other) in self.orders.iter().enumerate().filter(|(_, other)| meets(other)) {
            let better = |held: &Resting| if is_bid { other.cents < held.cents } else { other.cents > held.cents };
            if best.is_none_or(|held| better(&self.orders[held])) {
                best = Some(index);
            }
        }
        best
    }

    fn volume(&self, is_bid: bool, cents: u16) -> i64 {
        let meets = |other: &&Resting| {
            other.is_bid != is_bid && if is_bid { other.cents <= cents } else { other.cents >= cents }
        };
        self.orders.iter().filter(meets).map(|other| other.units).sum()
    }

    /// Matches an order; returns (filled, value in 1e-6 dollars, ended by self-trade prevention).
    fn fill(&mut self, incoming: &mut Resting) -> (i64, i64, bool) {
        let (mut filled, mut value) = (0, 0);
        while incoming.units > 0 {
            let Some(index) = self.opponent(incoming.is_bid, incoming.cents) else { break };
            let other = &mut self.orders[index];
            if other.account == incoming.account {
                if !incoming.maker_yields {
                    return (filled, value, true);
                }
                self.orders.remove(index);
                continue;
            }
            let units = incoming.units.min(other.units);
            let sign = if incoming.is_bid { 1 } else { -1 };
            *self.positions.entry(incoming.account).or_default() += sign * units;
            *self.positions.entry(other.account).or_default() -= sign * units;
            value += units * i64::from(other.cents) * 100;
            filled += units;
            incoming.units -= units;
            other.units -= units;
            if other.units == 0 {
                self.orders.remove(index);
            }
        }
        (filled, value, false)
    }

    fn expire(&mut self, now_ms: i64) {
        self.orders.retain(|order| order.ends_ms.is_none_or(|ends_ms| ends_ms > now_ms));
    }

    fn ahead(&self, index: usize) -> i64 {
        let order = &self.orders[index];
        let same = |other: &&Resting| other.is_bid == order.is_bid && other.cents == order.cents;
        self.orders[..index].iter().filter(same).map(|other| other.units).sum()
    }
}

/// Runs a command on both and compares the answers.
fn run(world: &mut World, reference: &mut Reference, command: &Command) -> Result<(), TestCaseError> {
    let now_ms = world.now_ms;
    match *command {
        Command::Create { account, side, cents, units, form } => {
            let new = world.new_order(account, side, cents, units, form);
            let answer = world.engine.create_order(&new, now_ms);
            check_create(world, reference, &new, cents, answer)?;
        }
        Command::Cancel { pick } => {
            let Some((account, id)) = world.pick(pick) else { return Ok(()) };
            let answer = world.engine.cancel_order(account, id, now_ms);
            let found = reference.orders.iter().position(|order| order.id == id);
            let expected = found.map(|index| Count::from_units(reference.orders.remove(index).units));
            prop_assert_eq!(answer, expected.ok_or(Reject::OrderNotFound));
        }
        Command::Amend { pick, cents, units } => {
            let Some((account, id)) = world.pick(pick) else { return Ok(()) };
            check_amend(world, reference, account, id, cents, units)?;
        }
        Command::Decrease { pick, units } => {
            let Some((account, id)) = world.pick(pick) else { return Ok(()) };
            let answer = world.engine.decrease_order(account, id, Decrease::By(Count::from_units(units)), now_ms);
            let found = reference.orders.iter().position(|order| order.id == id);
            let expected = match found.map(|index| (index, reference.orders[index].units)) {
                None => Err(Reject::OrderNotFound),
                Some(_) if units == 0 => Err(Reject::NoChange),
                Some((_, resting)) if units > resting => Err(Reject::InvalidSize),
                Some((index, resting)) => {
                    reference.orders[index].units -= units;
                    reference.orders.retain(|order| order.units > 0);
                    Ok(Count::from_units(resting - units))
                }
            };
            prop_assert_eq!(answer, expected);
        }
        Command::CancelAll { account } => {
            let account = world.accounts[account];
            let before = reference.orders.len();
            reference.orders.retain(|order| order.account != account);
            prop_assert_eq!(
                world.engine.cancel_all(account, &CancelAll { subaccount: None, window_ms: 0, every_ms: 0 }, now_ms),
                Ok(before - reference.orders.len())
            );
        }
        Command::Pause { trading } => {
            let pauses = !trading && world.engine.trading_active(0);
            world.engine.set_trading(0, trading, now_ms);
            reference.orders.retain(|order| !(pauses && order.on_pause));
        }
        Command::Activate { active } => {
            let reactivates = active && world.engine.market(0).state() == MarketState::Inactive;
            world.engine.set_active(0, active, now_ms);
            if reactivates {
                reference.orders.clear();
            }
        }
        Command::Step { .. } => unreachable!("the reference knows no recordings"),
    }
    Ok(())
}

fn check_create(
    world: &mut World,
    reference: &mut Reference,
    new: &NewOrder,
    cents: u16,
    answer: Result<Placed, Reject>,
) -> Result<(), TestCaseError> {
    let is_bid = new.side == BookSide::Bid;
    let crosses = reference.opponent(is_bid, cents).is_some();
    let kills = reference.volume(is_bid, cents) < new.count.units();
    let placed = match answer {
        Ok(placed) => placed,
        Err(Reject::InsufficientBalance) => return Ok(()),
        Err(Reject::PostOnlyCross) => return Ok(prop_assert!(new.post_only && crosses)),
        Err(Reject::FillOrKill) => {
            return Ok(prop_assert!(new.time_in_force == TimeInForce::FillOrKill && kills));
        }
        Err(Reject::TradingPaused) => {
            let open = world.engine.trading_active(0) && world.engine.market(0).state() == MarketState::Active;
            return Ok(prop_assert!(!open));
        }
        Err(other) => return Err(TestCaseError::fail(format!("unexpected {other:?}"))),
    };
    prop_assert!(!(new.post_only && crosses));
    prop_assert!(!(new.time_in_force == TimeInForce::FillOrKill && kills));
    world.placed.push((new.account, placed.order));
    let sign = if is_bid { -1 } else { 1 };
    let reducible = (sign * reference.positions.get(&new.account).copied().unwrap_or(0)).max(0);
    let units = if new.reduce_only { new.count.units().min(reducible) } else { new.count.units() };
    let mut incoming = Resting {
        id: placed.order,
        account: new.account,
        is_bid,
        cents,
        units,
        post_only: new.post_only,
        maker_yields: new.self_trade_prevention == SelfTradePrevention::Maker,
        on_pause: new.cancel_on_pause,
        ends_ms: new.expiration_ms,
    };
    let (filled, value, stopped) = reference.fill(&mut incoming);
    let rests = new.time_in_force == TimeInForce::GoodTillCanceled && !stopped && incoming.units > 0;
    let left = if rests { incoming.units } else { 0 };
    if rests {
        reference.orders.push(incoming);
    }
    let expected = (Count::from_units(filled), Count::from_units(left), Money::from_micros(value));
    prop_assert_eq!((placed.filled, placed.remaining, placed.filled_value), expected);
    Ok(())
}

fn check_amend(
    world: &mut World,
    reference: &mut Reference,
    account: AccountId,
    id: OrderId,
    cents: u16,
    units: i64,
) -> Result<(), TestCaseError> {
    let found = reference.orders.iter().position(|order| order.id == id);
    let is_bid = found.is_some_and(|index| reference.orders[index].is_bid);
    let spec = AmendSpec {
        market: 0,
        side: if is_bid { BookSide::Bid } else { BookSide::Ask },
        price: Price::from_cents(cents),
        total_count: Count::from_units(units),
        expiration: AmendExpiration::Keep,
        new_client_order_id: None,
    };
    let before = found.and_then(|_| world.engine.order(id).cloned());
    let answer = world.engine.amend_order(account, id, &spec, world.now_ms);
    let Some((index, before)) = found.zip(before) else {
        return Ok(prop_assert_eq!(answer, Err(Reject::OrderNotFound)));
    };
    let placed = match answer {
        Ok(placed) => placed,
        Err(Reject::InsufficientBalance | Reject::TradingPaused) => return Ok(()),
        Err(Reject::InvalidAmendCount) => return Ok(prop_assert!(units <= before.filled.units())),
        Err(Reject::NoChange) => {
            let order = &reference.orders[index];
            return Ok(prop_assert!(order.cents == cents && order.units == units - before.filled.units()));
        }
        Err(other) => return Err(TestCaseError::fail(format!("unexpected {other:?}"))),
    };
    let wanted = units - before.filled.units();
    let (mut filled, mut value, mut left) = (0, 0, wanted);
    if reference.orders[index].cents == cents && wanted <= reference.orders[index].units {
        reference.orders[index].units = wanted;
    } else {
        let mut incoming = reference.orders.remove(index);
        (incoming.cents, incoming.units) = (cents, wanted);
        let mut stopped = incoming.post_only && reference.opponent(is_bid, cents).is_some();
        if !stopped {
            (filled, value, stopped) = reference.fill(&mut incoming);
        }
        left = if stopped { 0 } else { incoming.units };
        if left > 0 {
            reference.orders.push(incoming);
        }
    }
    let expected = (Count::from_units(filled), Count::from_units(left), Money::from_micros(value));
    prop_assert_eq!((placed.filled, placed.remaining, placed.filled_value), expected);
    Ok(())
}

/// Whether the engine ended an order for margin, which only it can know.
fn margin_cancelled(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Order(record) if record.reason == UpdateReason::MarginCancel))
}

proptest! {
    #[test]
    fn random_commands_match_like_an_obvious_matcher_and_conserve_everything(
        commands in proptest::collection::vec(command(), 1..220),
    ) {
        let mut world = World::new(false);
        let mut reference = Reference::default();
        for command in &commands {
            world.now_ms += 1;
            reference.expire(world.now_ms);
            let ran = run(&mut world, &mut reference, command);
            let events = world.check()?;
            if margin_cancelled(&events) {
                break;
            }
            ran?;
            for (index, order) in reference.orders.iter().enumerate() {
                let record = world.engine.order(order.id).expect("a resting order is known");
                prop_assert_eq!(record.remaining.units(), order.units);
                prop_assert_eq!(world.engine.queue_position(order.id), Some(Count::from_units(reference.ahead(index))));
            }
            let total: i64 = reference.orders.iter().map(|order| order.units).sum();
            prop_assert_eq!(world.heard.values().sum::<i64>(), total);
            for (&account, &units) in &reference.positions {
                prop_assert_eq!(world.engine.position(account, 0).contracts.units(), units);
            }
        }
    }

    #[test]
    fn random_commands_in_a_recorded_market_never_cross_it_and_conserve_everything(
        commands in proptest::collection::vec(recorded_command(), 1..120),
    ) {
        let mut world = World::new(true);
        for command in &commands {
            world.now_ms += 10;
            let now_ms = world.now_ms;
            match command {
                Command::Create { account, side, cents, units, form } => {
                    let new = world.new_order(*account, *side, *cents, *units, *form);
                    if let Ok(placed) = world.engine.create_order(&new, now_ms) {
                        world.placed.push((new.account, placed.order));
                    }
                }
                Command::Amend { pick, cents, units } => {
                    if let Some((account, id)) = world.pick(*pick) {
                        let side = world.engine.order(id).map_or(BookSide::Bid, |record| record.side);
                        let (price, total_count) = (Price::from_cents(*cents), Count::from_units(*units));
                        let expiration = AmendExpiration::Keep;
                        let spec = AmendSpec { market: 0, side, price, total_count, expiration, new_client_order_id: None };
                        let _ = world.engine.amend_order(account, id, &spec, now_ms);
                    }
                }
                Command::Step { mid, sizes, trade } => {
                    let step = recorded_step(now_ms, *mid, sizes, *trade);
                    world.engine.recorded_step(0, &step, now_ms + 5);
                }
                Command::Cancel { pick } | Command::Decrease { pick, .. } => {
                    if let Some((account, id)) = world.pick(*pick) {
                        let _ = world.engine.cancel_order(account, id, now_ms);
                    }
                }
                _ => {}
            }
            world.check()?;
        }
        world.engine.determine(0, Price::from_cents(37), 200_000);
        world.engine.advance(300_000);
        world.check()?;
    }
}

/// A step that shows a whole uncrossed book around a mid, and perhaps a trade.
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
