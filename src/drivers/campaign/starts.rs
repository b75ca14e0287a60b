//! What a trader may find when it starts: a pause, triggered order groups, reads that fail at first. A minute after the
//! last fault it must be trading again.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::instruments::Tried;
use super::invariants::{Checked, hold};
use super::trouble::{Faults, Trouble};
use crate::clock::Now;
use crate::decide::policy::Policy;
use crate::exchange::engine::MarketState;
use crate::exchange::faults::{Fault, RefusalStatus};
use crate::execute::Block;

/// Trading or the exchange is paused when the trader starts.
pub(super) const START_PAUSED: &str = "start_paused";
/// All its order groups are triggered when it starts.
pub(super) const START_TRIGGERED: &str = "start_triggered";
/// Its first reads are refused.
pub(super) const START_UNREAD: &str = "start_unread";
/// The longest pause.
const PAUSED_MS: i64 = 20_000;
/// The most reads that are refused.
const UNREAD: u32 = 6;

/// Prepares the exchange for a start: each kind in one of three starts, depending on the seed and the number of the start.
pub(super) fn prepare<P: Policy>(
    (seed, starts): (u64, u64),
    faults: Faults,
    trouble: &mut Trouble,
    simulation: &mut Tried<P>,
) {
    if faults == Faults::None {
        return;
    }
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ starts.rotate_left(32) ^ 0x7374_6172);
    let mut one_of_three = || random.random_range(0..3) == 0;
    let (paused, triggered, unread) = (one_of_three(), one_of_three(), one_of_three());
    if paused {
        let for_ms = random.random_range(1_000..=PAUSED_MS);
        let whole = random.random_range(0..2) == 0;
        let fault = if whole { Fault::PauseExchange { for_ms } } else { Fault::PauseTrading { for_ms } };
        simulation.instruments().note(|| format!("a start meets {fault:?}"));
        simulation.exchange_mut().arm(fault);
        trouble.add(START_PAUSED, 1);
    } else if triggered {
        trouble.add(START_TRIGGERED, Trouble::trigger_groups(simulation));
    }
    if unread {
        for _ in 0..random.random_range(1..=UNREAD) {
            simulation.exchange_mut().arm(Fault::RefuseRead { status: RefusalStatus::Unavailable });
        }
        simulation.instruments().note(|| "the first reads of a start are refused".to_owned());
        trouble.add(START_UNREAD, 1);
    }
}

/// `trading_goes_on`: a minute after the last fault nothing prevents trading in a market that is open at the exchange,
/// except a breaker, a close that is near, a restriction of the market or an order whose end is being looked for.
pub(super) fn trading_goes_on<P: Policy>(simulation: &Tried<P>) -> Checked {
    let execute = &simulation.stages().execute;
    if execute.tripped().is_some() {
        return Ok(());
    }
    let engine = simulation.exchange().engine();
    let now = Now { mono_ns: 0, session_ms: simulation.session_ms() };
    for view in execute.positions() {
        let open = engine.market_by_ticker(view.ticker.as_str()).is_some_and(|market| {
            let market = engine.market(market);
            let trading = engine.trading_active(market.spec().exchange_index);
            market.state() == MarketState::Active && trading && market.spec().close_ms > now.session_ms
        });
        let Some(block) = execute.block(view.market, now).filter(|_| open) else { continue };
        let meant = matches!(
            block,
            Block::Breaker { .. } | Block::Closing | Block::Restricted | Block::Uncertain | Block::NotTraded
        ) || matches!(block, Block::Drawdown | Block::Repeated | Block::DailyLoss { .. });
        hold("trading_goes_on", meant, || format!("{}: {block:?}, a minute after the last fault", view.ticker))?;
    }
    Ok(())
}
