//! Throughput of the exchange's matching engine: creates, cancels, amends and takes by accounts whose cash is checked,
//! in 16 and in 1,000 markets. Each command includes its time, its client order id and the events it causes.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kalshi_actor::exchange::engine::{
    AccountId, AccountSpec, AmendExpiration, AmendSpec, Engine, MarketIndex, MarketSpec, NewOrder,
};
use kalshi_actor::market::{BookSide, Count, FeeSchedule, GridBands, Money, OrderId, Price, TimeInForce};
use kalshi_actor::wire::orders::SelfTradePrevention;

/// Commands per measured batch.
const BATCH: u64 = 10_000;
/// Batches after which a new engine is started, since an engine keeps all past orders.
const BATCHES_AN_ENGINE: u64 = 40;
/// The fewest open orders per market: below this, cancels become creates.
const RESTING_MIN: usize = 40;
const MAKERS: usize = 6;

/// An order that a maker believes is resting.
struct Resting {
    market: MarketIndex,
    account: AccountId,
    side: BookSide,
    order: OrderId,
}

/// An engine with traders that keep it busy.
struct Load {
    engine: Engine,
    markets: u32,
    makers: Vec<AccountId>,
    taker: AccountId,
    resting: Vec<Resting>,
    random: u64,
    commands: u64,
    refused: u64,
    events: u64,
}

fn spec(number: u32) -> MarketSpec {
    MarketSpec {
        ticker: format!("KXBENCH-{number:04}-A"),
        event_ticker: format!("KXBENCH-{number:04}"),
        series_ticker: "KXBENCH".to_owned(),
        title: "Will the bench end?".to_owned(),
        exchange_index: u8::try_from(number % 4).expect("below four"),
        structure: "linear_cent".to_owned(),
        bands: GridBands::cents(),
        fees: FeeSchedule::QUADRATIC.into(),
        open_ms: 0,
        close_ms: i64::MAX / 2,
        exclusive: false,
        settlement_timer_ms: 1_000,
        recorded: false,
    }
}

impl Load {
    /// Creates an engine with this many markets and fills their books.
    fn new(markets: u32) -> Self {
        let mut engine = Engine::new(1);
        for number in 0..markets {
            engine.list_market(spec(number), 0).expect("the names differ");
        }
        let cash = (0..4).map(|shard| (shard, Money::from_dollars(100_000_000))).collect::<Vec<_>>();
        let mut account =
            || engine.open_account(&AccountSpec { cash: cash.clone(), direct_member: true, unlimited: false });
        let (makers, taker) = ((0..MAKERS).map(|_| account()).collect(), account());
        let mut load =
            Self { engine, markets, makers, taker, resting: Vec::new(), random: 7, commands: 0, refused: 0, events: 0 };
        for _ in 0..markets as usize * RESTING_MIN {
            load.create();
        }
        load
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    fn draw_index(&mut self, below: usize) -> usize {
        usize::try_from(self.draw(below as u64)).expect("it is below a usize")
    }

    /// A random side, and a price up to ten cents behind its best.
    fn quote(&mut self) -> (BookSide, Price) {
        let away = u16::try_from(self.draw(10)).expect("below ten");
        match self.draw(2) {
            0 => (BookSide::Bid, Price::from_cents(49 - away)),
            _ => (BookSide::Ask, Price::from_cents(51 + away)),
        }
    }

    fn order(&mut self, account: AccountId, side: BookSide, price: Price) -> NewOrder {
        NewOrder {
            account,
            market: u32::try_from(self.draw(u64::from(self.markets))).expect("below a u32"),
            client_order_id: Some(format!("bench-4f9c-{}", self.commands)),
            side,
            count: Count::from_contracts(1 + i64::try_from(self.draw(20)).expect("below twenty")),
            price,
            time_in_force: TimeInForce::GoodTillCanceled,
            self_trade_prevention: SelfTradePrevention::TakerAtCross,
            expiration_ms: None,
            post_only: true,
            reduce_only: false,
            cancel_on_pause: true,
            subaccount: 0,
            group: None,
        }
    }

    /// The current time: a hundred commands come in a millisecond.
    fn now_ms(&mut self) -> i64 {
        self.commands += 1;
        i64::try_from(self.commands / 100).expect("a bench ends before that")
    }

    fn create(&mut self) {
        let maker = self.draw_index(MAKERS);
        let account = self.makers[maker];
        let (side, price) = self.quote();
        let order = self.order(account, side, price);
        let now_ms = self.now_ms();
        match self.engine.create_order(&order, now_ms) {
            Ok(placed) => self.resting.push(Resting { market: order.market, account, side, order: placed.order }),
            Err(_) => self.refused += 1,
        }
    }

    fn cancel(&mut self) {
        let at = self.draw_index(self.resting.len());
        let gone = self.resting.swap_remove(at);
        let now_ms = self.now_ms();
        self.refused += u64::from(self.engine.cancel_order(gone.account, gone.order, now_ms).is_err());
    }

    fn amend(&mut self) {
        let at = self.draw_index(self.resting.len());
        let (_, price) = self.quote();
        let Resting { market, account, side, order } = self.resting[at];
        let on_side = (side == BookSide::Bid) == (price < Price::from_cents(50));
        let price = if on_side { price } else { price.complement() };
        let total_count = Count::from_contracts(1 + i64::try_from(self.draw(20)).expect("below twenty"));
        let new_client_order_id = None;
        let amend =
            AmendSpec { market, side, price, total_count, expiration: AmendExpiration::Keep, new_client_order_id };
        let now_ms = self.now_ms();
        self.refused += u64::from(self.engine.amend_order(account, order, &amend, now_ms).is_err());
    }

    /// Takes from levels up to five cents deep.
    fn take(&mut self) {
        let (side, price) = match self.draw(2) {
            0 => (BookSide::Bid, Price::from_cents(55)),
            _ => (BookSide::Ask, Price::from_cents(45)),
        };
        let order = self.order(self.taker, side, price);
        let order = NewOrder { time_in_force: TimeInForce::ImmediateOrCancel, post_only: false, ..order };
        let now_ms = self.now_ms();
        self.refused += u64::from(self.engine.create_order(&order, now_ms).is_err());
    }

    /// Runs one command, of which ten are four creates, four cancels, an amend and a take, and drains the events it caused.
    fn command(&mut self) {
        let full = self.resting.len() > self.markets as usize * RESTING_MIN;
        match self.draw(10) {
            4..8 if full => self.cancel(),
            0..8 => self.create(),
            8 => self.amend(),
            _ => self.take(),
        }
        self.events += self.engine.drain_events().count() as u64;
    }
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine/10000_commands");
    group.sample_size(20).throughput(Throughput::Elements(BATCH));
    for markets in [16, 1_000] {
        let mut load = Load::new(markets);
        let mut batches = 0;
        group.bench_function(format!("{markets}_markets"), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..iterations {
                    if batches % BATCHES_AN_ENGINE == 0 {
                        load = Load::new(markets);
                    }
                    batches += 1;
                    let begin = Instant::now();
                    (0..BATCH).for_each(|_| load.command());
                    elapsed += begin.elapsed();
                }
                elapsed
            });
        });
        let Load { commands, refused, events, resting, .. } = &load;
        println!("of {commands} commands {refused} refused, {events} events, {} orders open", resting.len());
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
