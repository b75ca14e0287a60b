//! Random sessions against the small exchange: news late, doubled, lost; answers lost; the stream cut; requests carried
//! out late or never. Whatever happens, the identities hold after every event, and after the stop the ledger is the
//! exchange's.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::harness::{Bench, START_MS, Written, cents, listing, market};
use super::venue::Venue;
use crate::execute::ExecuteConfig;
use crate::market::{BookSide, Money};
use crate::messages::{AccountEvent, Action, Phase, Pricing, Verdict};
use crate::ports::NoAnswer;

struct Session {
    bench: Bench,
    venue: Venue,
    random: Xoshiro256PlusPlus,
    /// Requests on their way to the exchange.
    underway: Vec<(Written, i64)>,
    intents: u64,
    stream_up: bool,
    foreign: bool,
}

impl Session {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::new(ExecuteConfig::default());
        for index in 0..2 {
            bench.account(AccountEvent::Listing(listing(market(index))));
            bench.status(market(index), Phase::Open, true, None);
        }
        bench.account(AccountEvent::Stream { up: true });
        let random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut session = Self {
            bench,
            venue: Venue::new(),
            random,
            underway: Vec::new(),
            intents: 0,
            stream_up: true,
            foreign: false,
        };
        for _ in 0..10 {
            session.pass(300);
            session.answer_queries();
        }
        assert!(session.bench.stage.is_synced(), "seed {seed}");
        session
    }

    fn now_ms(&self) -> i64 {
        self.bench.now.session_ms
    }

    fn pass(&mut self, ms: u64) {
        self.bench.pass_ms(ms);
        let now_ms = self.now_ms();
        self.venue.expire(now_ms);
        let sent = self.bench.port.written.drain(..).map(|written| (written, now_ms));
        self.underway.extend(sent);
    }

    /// Half of the requests arrive; a few are lost on the way, for good.
    fn carry_out(&mut self) {
        let now_ms = self.now_ms();
        for (written, _) in std::mem::take(&mut self.underway) {
            match self.random.random_range(0..20) {
                0 => (),
                1..=12 => self.venue.carry_out(&written, now_ms),
                _ => self.underway.push((written, now_ms)),
            }
        }
    }

    fn deliver_answers(&mut self) {
        while let Some((request, status, body)) = self.venue.answers.pop_front() {
            match self.random.random_range(0..20) {
                0 => {
                    let bench = &mut self.bench;
                    bench.stage.on_no_answer(request, NoAnswer::Cut, bench.now, &mut bench.port);
                }
                1 => self.bench.answer(request, 503, &serde_json::json!({"error": "service unavailable"})),
                2 => (),
                _ => self.bench.answer(request, status, &body),
            }
            self.bench.stage.audit().unwrap();
            if self.random.random_bool(0.4) {
                return;
            }
        }
    }

    fn deliver_stream(&mut self) {
        while let Some(event) = self.venue.stream.pop_front() {
            if !self.stream_up {
                continue;
            }
            self.bench.account(event);
            if self.random.random_bool(0.1) {
                self.bench.account(event);
            }
            if self.random.random_bool(0.3) {
                return;
            }
        }
    }

    fn answer_queries(&mut self) {
        for query in std::mem::take(&mut self.bench.port.queries) {
            let complete = self.random.random_bool(0.9);
            for event in self.venue.read(&query, self.now_ms(), complete) {
                self.bench.account(event);
            }
        }
    }

    fn intend(&mut self) {
        let key = market(self.random.random_range(0..2));
        let action = Action::ALL[self.random.random_range(1..Action::COUNT)];
        let aggressive = self.random.random_bool(0.2);
        let (pricing, price) = match (action.book_side().unwrap(), aggressive) {
            (BookSide::Bid, false) => (Pricing::Passive, self.random.random_range(34..=40)),
            (BookSide::Ask, false) => (Pricing::Passive, self.random.random_range(44..=50)),
            (BookSide::Bid, true) => (Pricing::Aggressive, 44),
            (BookSide::Ask, true) => (Pricing::Aggressive, 40),
        };
        let count = self.random.random_range(1..=10);
        let busy = self.bench.port.portfolios.iter().rev().find(|update| update.market == key).is_some_and(|u| u.busy);
        if !busy {
            self.intents += 1;
            self.bench.intend_as(key, action, pricing, price, count);
        }
    }

    fn market_moves(&mut self) {
        let (resting, now_ms) = (self.venue.resting(), self.now_ms());
        if let Some(&id) = resting.get(self.random.random_range(0..resting.len().max(1))) {
            if self.random.random_bool(0.1) {
                self.venue.end(id, now_ms);
            } else {
                let units = self.random.random_range(1..=600);
                self.venue.fill(id, units, now_ms);
            }
        }
        if self.foreign && self.random.random_bool(0.05) {
            let side = if self.random.random_bool(0.5) { BookSide::Bid } else { BookSide::Ask };
            self.venue.place(None, market(0), side, cents(42), self.random.random_range(100..500), now_ms);
        }
    }

    fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..=19 => self.intend(),
            20..=34 => self.market_moves(),
            35..=49 => self.carry_out(),
            50..=64 => self.deliver_answers(),
            65..=79 => self.deliver_stream(),
            80..=87 => self.answer_queries(),
            88 if self.stream_up && self.random.random_bool(0.1) => {
                self.stream_up = false;
                self.bench.account(AccountEvent::Stream { up: false });
            }
            88 => {
                self.stream_up = true;
                self.venue.stream.clear();
                self.bench.account(AccountEvent::Stream { up: true });
            }
            89 => {
                let fresh = self.random.random_bool(0.8);
                self.bench.status(market(0), Phase::Open, fresh, None);
            }
            _ => {
                let ms = self.random.random_range(1..400);
                self.pass(ms);
            }
        }
        let now_ms = self.now_ms();
        self.underway.extend(self.bench.port.written.drain(..).map(|written| (written, now_ms)));
    }

    fn finish(&mut self) {
        if !self.stream_up {
            self.stream_up = true;
            self.venue.stream.clear();
            self.bench.account(AccountEvent::Stream { up: true });
        }
        self.bench.stage.stop(self.bench.now, &mut self.bench.port);
        for _ in 0..3_000 {
            if self.bench.stage.agreement().is_some() {
                return;
            }
            self.pass(20);
            self.carry_out();
            self.deliver_answers();
            self.deliver_stream();
            self.answer_queries();
        }
    }
}

fn run(seed: u64, foreign: bool) -> Session {
    let mut session = Session::new(seed);
    session.foreign = foreign;
    for _ in 0..1_500 {
        session.step();
    }
    session.finish();
    session
}

fn check(seed: u64, session: &Session) {
    let stage = &session.bench.stage;
    assert_eq!(stage.tripped(), None, "seed {seed}");
    let agreement = stage.agreement().unwrap_or_else(|| panic!("seed {seed}: no end: {:?}", stage.counters()));
    assert!(agreement.agrees(), "seed {seed}: {:?}", agreement.differences);
    assert_eq!(session.venue.ours_resting(), 0, "seed {seed}");
    for (&exchange_index, &cash) in &session.venue.cash {
        let ours = stage.ledger().shard(exchange_index).unwrap().cash();
        assert_eq!(ours, Money::from_micros(cash), "seed {seed} shard {exchange_index}");
    }
    for view in stage.positions() {
        let exchange = session.venue.position.get(&view.market.index).copied().unwrap_or(0);
        assert_eq!(view.contracts.units(), exchange, "seed {seed} {}", view.ticker);
    }
    let counters = stage.counters();
    assert_eq!(counters.intents, session.intents, "seed {seed}");
    let verdicts: u64 = counters.verdicts.iter().sum();
    assert_eq!(verdicts, session.intents, "seed {seed}: every intent gets one verdict: {:?}", counters.verdicts);
    assert_eq!(counters.overfills, 0, "seed {seed}");
    assert!(session.now_ms() > START_MS);
}

#[test]
fn the_ledger_is_the_exchanges_after_any_session() {
    let (mut fills, mut unknown, mut amended, mut early) = (0, 0, 0, 0);
    for seed in 0..60 {
        let session = run(seed, false);
        check(seed, &session);
        let counters = session.bench.stage.counters();
        assert_eq!(session.bench.stage.ledger().reserved(), Money::ZERO, "seed {seed}");
        fills += counters.fills;
        unknown += counters.unknown_resolved;
        amended += counters.amended;
        early += counters.early_fills;
        assert_eq!(counters.verdict(Verdict::None), 0);
    }
    // The sessions are worth something only if these happened.
    assert!(fills > 500 && unknown > 100 && amended > 20 && early > 20, "{fills} {unknown} {amended} {early}");
}

#[test]
fn foreign_orders_of_the_account_are_booked_and_left_alone() {
    for seed in 1_000..1_020 {
        let session = run(seed, true);
        check(seed, &session);
    }
}
