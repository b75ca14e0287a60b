//! Participants: seeded populations that make books active enough to trade. Each market has a fair probability in motion
//! (`fair`), makers that quote around it (`maker`), and takers (`taker`); `world` describes them, and scenarios build
//! worlds. They trade through the engine's commands like everyone else, from unlimited accounts. All randomness comes from
//! one seed: the same world and the same commands of others give the same trades.

mod fair;
mod maker;
mod taker;
mod world;

use std::collections::BTreeSet;

use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp1};
use rand_xoshiro::Xoshiro256PlusPlus;

pub use fair::{Fair, Motion};
pub use maker::{Maker, Style};
pub use world::{Crowd, MarketPlan, QuietHours, SeriesPlan, Settlement, World, default_world};

use crate::exchange::engine::{AccountId, AccountSpec, Engine, ListError, MarketIndex, MarketSpec, MarketState};
use crate::market::{FeeTerms, Price};

/// How often a fair probability moves.
const FAIR_STEP_MS: i64 = 100;
/// The longest time from the opening of a market to a maker's arrival.
const ARRIVAL_MS: i64 = 20;

/// The next action of a participant. Ordered, so that actions due at the same time have a fixed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    /// The next market of a series is listed.
    List { series: usize },
    /// The result of a market is drawn.
    Determine { population: usize },
    /// A fair probability moves.
    Move { population: usize },
    /// A maker requotes.
    Requote { population: usize, maker: usize },
    /// A noise taker trades.
    Noise { population: usize },
    /// An informed taker looks.
    Informed { population: usize },
    /// Several takes in short order begin.
    Burst { population: usize },
    /// One take of a burst.
    BurstTake { population: usize, left: u32 },
    /// Every maker pulls its quotes.
    CancelBurst { population: usize },
    /// One of several looks of the informed takers after a jump.
    Rush { population: usize, left: u32 },
}

/// All participants of one market.
#[derive(Clone, Debug)]
struct Population {
    market: MarketIndex,
    begin_ms: i64,
    fair: Fair,
    makers: Vec<Maker>,
    /// Without the makers' styles, which have been moved to the makers.
    crowd: Crowd,
    settlement: Settlement,
}

impl Population {
    /// The present activity, as a share of the usual one.
    fn activity(&self, now_ms: i64) -> f64 {
        self.crowd.quiet_hours.map_or(1.0, |quiet| quiet.activity(now_ms - self.begin_ms))
    }
}

/// The accounts that participants share.
#[derive(Clone, Debug)]
struct Crew {
    makers: Vec<AccountId>,
    noise: AccountId,
    informed: AccountId,
}

/// All participants of all markets.
#[derive(Clone, Debug)]
pub struct Participants {
    rng: Xoshiro256PlusPlus,
    crew: Crew,
    populations: Vec<Population>,
    series: Vec<(SeriesPlan, u32)>,
    quiet: bool,
    agenda: BTreeSet<(i64, Task)>,
}

/// The most makers in a market. Each has an account of its own, so that they don't trade with themselves.
pub const MAKERS_MAX: usize = 8;

impl Participants {
    /// Opens the participants' accounts, lists the markets of a world, and starts all participants.
    ///
    /// # Errors
    /// If a market of the world can't be listed.
    pub fn new(engine: &mut Engine, world: World, now_ms: i64) -> Result<Self, ListError> {
        let mut account =
            || engine.open_account(&AccountSpec { cash: Vec::new(), direct_member: true, unlimited: true });
        let makers = (0..MAKERS_MAX).map(|_| account()).collect();
        let crew = Crew { makers, noise: account(), informed: account() };
        let mut participants = Self {
            rng: Xoshiro256PlusPlus::seed_from_u64(world.seed),
            crew,
            populations: Vec::new(),
            series: Vec::new(),
            quiet: world.quiet,
            agenda: BTreeSet::new(),
        };
        for change in world.fee_changes {
            engine.change_fees(change, now_ms);
        }
        for plan in world.markets {
            participants.enter(engine, plan, now_ms)?;
        }
        for plan in world.series {
            let series = participants.series.len();
            participants.series.push((plan, 0));
            participants.list_next(engine, series, now_ms)?;
        }
        Ok(participants)
    }

    /// When something happens next, in session milliseconds.
    #[must_use]
    pub fn next_ms(&self) -> Option<i64> {
        self.agenda.first().map(|(time_ms, _)| *time_ms)
    }

    /// Does everything that is due, each action at its own time.
    pub fn advance(&mut self, engine: &mut Engine, now_ms: i64) {
        while let Some(&(time_ms, task)) = self.agenda.first()
            && time_ms <= now_ms
        {
            self.agenda.pop_first();
            self.perform(engine, task, time_ms);
        }
    }

    /// Lists a market and starts its participants.
    fn enter(&mut self, engine: &mut Engine, plan: MarketPlan, now_ms: i64) -> Result<(), ListError> {
        let begin_ms = plan.spec.open_ms.max(now_ms);
        let close_ms = plan.spec.close_ms;
        let market = engine.list_market(plan.spec, now_ms)?;
        let population = self.populations.len();
        let mut crowd = plan.crowd;
        let styles = std::mem::take(&mut crowd.makers);
        let makers: Vec<Maker> =
            self.crew.makers.iter().zip(styles).map(|(account, style)| Maker::new(*account, style)).collect();
        // Spread over the first moments, so that markets don't move in lockstep.
        let mut after = |most_ms: i64| begin_ms + self.rng.random_range(1..=most_ms);
        let mut tasks = vec![(after(FAIR_STEP_MS), Task::Move { population })];
        if !self.quiet {
            let rates = [
                (crowd.noise_per_s, 1_000, Task::Noise { population }),
                (crowd.informed_per_s, 1_000, Task::Informed { population }),
                (crowd.bursts_per_s, 10_000, Task::Burst { population }),
                (crowd.cancel_bursts_per_s, 10_000, Task::CancelBurst { population }),
            ];
            for (_, within_ms, task) in rates.into_iter().filter(|(rate, ..)| *rate > 0.0) {
                tasks.push((after(within_ms) + ARRIVAL_MS, task));
            }
            for maker in 0..makers.len() {
                tasks.push((after(ARRIVAL_MS), Task::Requote { population, maker }));
            }
        }
        if let Some(determination_ms) = plan.determination_ms {
            tasks.push((close_ms + determination_ms, Task::Determine { population }));
        }
        self.agenda.extend(tasks);
        let fair = Fair::new(plan.motion, plan.probability, begin_ms);
        self.populations.push(Population { market, begin_ms, fair, makers, crowd, settlement: plan.settlement });
        Ok(())
    }

    /// Lists the next market of a series, and schedules its successor.
    fn list_next(&mut self, engine: &mut Engine, series: usize, now_ms: i64) -> Result<(), ListError> {
        let (plan, listed) = &mut self.series[series];
        let close_ms = plan.first_close_ms + i64::from(*listed) * plan.life_ms;
        *listed += 1;
        let number = *listed;
        let next_ms = close_ms - plan.overlap_ms;
        let name = &plan.series_ticker;
        let (lowest, highest) = plan.probabilities;
        let market = MarketPlan {
            spec: MarketSpec {
                ticker: format!("{name}-{number:04}-UP"),
                event_ticker: format!("{name}-{number:04}"),
                series_ticker: name.clone(),
                title: format!("Will the simulated index be up after round {number}?"),
                exchange_index: plan.exchange_index,
                structure: plan.structure.clone(),
                bands: plan.bands,
                fees: FeeTerms::constant(plan.fees).waived_until(plan.waived_ms.map(|waived_ms| now_ms + waived_ms)),
                open_ms: now_ms,
                close_ms,
                settlement_timer_ms: plan.settlement_timer_ms,
                exclusive: false,
                recorded: false,
            },
            probability: self.rng.random_range(lowest..=highest),
            // A little uncertainty is left at the close, and the result is drawn from it.
            motion: Motion::Converging {
                end_ms: close_ms + plan.determination_ms,
                news: plan.news.0,
                share: plan.news.1,
            },
            crowd: plan.crowd.clone(),
            determination_ms: Some(plan.determination_ms),
            settlement: plan.settlement,
        };
        self.enter(engine, market, now_ms)?;
        self.agenda.insert((next_ms, Task::List { series }));
        Ok(())
    }

    /// An exponentially distributed time with this mean, at least a millisecond.
    fn wait_ms(&mut self, mean_ms: f64) -> i64 {
        let drawn: f64 = Exp1.sample(&mut self.rng);
        #[expect(clippy::cast_possible_truncation, reason = "clamped to an hour")]
        let wait_ms = (drawn * mean_ms).clamp(1.0, 3_600_000.0) as i64;
        wait_ms
    }

    fn perform(&mut self, engine: &mut Engine, task: Task, now_ms: i64) {
        let population = match task {
            Task::List { series } => {
                // If the ticker is taken, something else lists the series now, and this series ends.
                let _ = self.list_next(engine, series, now_ms);
                return;
            }
            Task::Determine { population } => {
                self.determine(engine, population, now_ms);
                return;
            }
            Task::Move { population }
            | Task::Requote { population, .. }
            | Task::Noise { population }
            | Task::Informed { population }
            | Task::Burst { population }
            | Task::BurstTake { population, .. }
            | Task::CancelBurst { population }
            | Task::Rush { population, .. } => population,
        };
        engine.advance(now_ms);
        let market = self.populations[population].market;
        if matches!(
            engine.market(market).state(),
            MarketState::Closed | MarketState::Determined(_) | MarketState::Finalized(_)
        ) {
            return;
        }
        let wait_ms = self.trade(engine, task, population, now_ms);
        let next = match task {
            Task::Burst { .. } => {
                let left = self.rng.random_range(3..=10);
                let first_ms = now_ms + self.wait_ms(30.0);
                self.agenda.insert((first_ms, Task::BurstTake { population, left }));
                task
            }
            Task::BurstTake { left: 0, .. } | Task::Rush { left: 0, .. } => return,
            Task::BurstTake { left, .. } => Task::BurstTake { population, left: left - 1 },
            Task::Rush { left, .. } => Task::Rush { population, left: left - 1 },
            other => other,
        };
        self.agenda.insert((now_ms + wait_ms, next));
    }

    fn determine(&mut self, engine: &mut Engine, population: usize, now_ms: i64) {
        let people = &self.populations[population];
        let chance = people.fair.chance();
        let value = match people.settlement {
            Settlement::Binary if self.rng.random::<f64>() < chance => Price::ONE,
            Settlement::Binary => Price::ZERO,
            Settlement::Scalar => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a probability")]
                let units = (chance * 10_000.0).round() as u16;
                Price::from_units(units).expect("a probability is at most one dollar")
            }
        };
        let spec = engine.market(people.market).spec();
        let taken = spec.exclusive && another_pays(engine, people.market);
        engine.determine(people.market, if taken { Price::ZERO } else { value }, now_ms);
    }

    /// Does the trading of a task. Returns when the task is due again.
    fn trade(&mut self, engine: &mut Engine, task: Task, population: usize, now_ms: i64) -> i64 {
        let Crew { noise, informed, .. } = self.crew;
        let people = &mut self.populations[population];
        let fair = people.fair.probability();
        let crowd = &people.crowd;
        let mean_ms = match task {
            Task::Move { .. } => {
                let jumped = people.fair.advance(&mut self.rng, now_ms);
                if jumped && !self.quiet && self.rng.random::<f64>() < people.crowd.reaction {
                    self.react(engine, population, now_ms);
                }
                return FAIR_STEP_MS;
            }
            Task::Requote { maker, .. } => {
                let maker = &mut people.makers[maker];
                maker.requote(engine, people.market, fair, &mut self.rng, now_ms);
                maker.style.requote_ms
            }
            Task::Noise { .. } => {
                taker::noise(engine, noise, people.market, (fair, crowd.noise_size), &mut self.rng, now_ms);
                1_000.0 / crowd.noise_per_s
            }
            Task::Informed { .. } => {
                taker::informed(engine, informed, people.market, (fair, crowd.informed_size), &mut self.rng, now_ms);
                1_000.0 / crowd.informed_per_s
            }
            Task::Burst { .. } => 1_000.0 / crowd.bursts_per_s,
            Task::BurstTake { .. } => {
                taker::noise(engine, noise, people.market, (fair, crowd.noise_size), &mut self.rng, now_ms);
                40.0
            }
            Task::CancelBurst { .. } => {
                let mean_ms = 1_000.0 / crowd.cancel_bursts_per_s;
                self.pull(engine, population, now_ms);
                mean_ms
            }
            Task::Rush { .. } => {
                taker::informed(engine, informed, people.market, (fair, crowd.informed_size), &mut self.rng, now_ms);
                60.0
            }
            Task::List { .. } | Task::Determine { .. } => unreachable!("carried out by the caller"),
        };
        let activity = self.populations[population].activity(now_ms);
        self.wait_ms(mean_ms / activity)
    }

    /// Every maker of a market pulls its quotes. It returns at its usual time.
    fn pull(&mut self, engine: &mut Engine, population: usize, now_ms: i64) {
        for maker in &mut self.populations[population].makers {
            maker.pull(engine, now_ms);
        }
    }

    /// News: makers pull their quotes, and the informed take what is left.
    fn react(&mut self, engine: &mut Engine, population: usize, now_ms: i64) {
        // The informed profit from makers that are slow to pull.
        for maker in &mut self.populations[population].makers {
            if self.rng.random::<f64>() < 0.7 {
                maker.pull(engine, now_ms);
            }
        }
        let (left, first_ms) = (self.rng.random_range(2..=8), now_ms + self.wait_ms(20.0));
        self.agenda.insert((first_ms, Task::Rush { population, left }));
    }
}

/// Whether another market of the same exclusive event has resolved to YES already.
fn another_pays(engine: &Engine, market: MarketIndex) -> bool {
    let event = &engine.market(market).spec().event_ticker;
    let mut others = (0..engine.market_count()).map(|other| engine.market(other));
    others.any(|other| match other.state() {
        MarketState::Determined(value) | MarketState::Finalized(value) => {
            value > Price::ZERO && other.spec().event_ticker == *event
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests;
