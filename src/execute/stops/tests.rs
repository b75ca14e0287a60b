//! The stops by themselves, without a stage around them.

use super::*;
use crate::market::EventKey;

fn stops(limits: RiskLimits) -> (Stops, MarketStops) {
    let mut stops = Stops::new(&ExecuteConfig { limits, ..ExecuteConfig::default() }, DayState::default());
    let seat = stops.events.join(EventKey(1), false);
    (stops, MarketStops::new(seat, false, limits.executions_window_ms))
}

#[test]
fn a_shard_is_paused_until_it_trades_again() {
    let (mut stops, _) = stops(RiskLimits::default());
    assert!(!stops.set_trading(2, true), "it traded before");
    assert!(stops.set_trading(2, false) && !stops.set_trading(2, false));
    assert_eq!((stops.pause(2), stops.pause(1)), (Some(Block::ShardPaused { exchange_index: 2 }), None));
    assert!(stops.set_trading(2, true));
    assert_eq!(stops.pause(2), None);
}

#[test]
fn one_execution_more_than_the_limit_trips_once_and_blocks_every_market() {
    let limits = RiskLimits { executions_max: 2, executions_window_ms: 60_000, ..RiskLimits::default() };
    let (mut stops, mut market) = stops(limits);
    let ticker = Ticker::new("KX-1").unwrap();
    assert_eq!((1..=2).find_map(|n| stops.executed(&mut market, ticker, n * 1_000)), None);
    let reason = stops.executed(&mut market, ticker, 3_000).unwrap();
    assert!(reason.contains("3 orders executed in KX-1 within about 60 s, the limit is 2"), "{reason}");
    assert_eq!(stops.executed(&mut market, ticker, 4_000), None);
    assert_eq!(stops.block(4_000), Some(Block::Repeated));
}

#[test]
fn the_daily_loss_blocks_until_the_day_ends_and_a_drawdown_beyond_it() {
    let limits = RiskLimits { drawdown_max: Money::from_dollars(75), ..RiskLimits::default() };
    let (mut stops, _) = stops(limits);
    stops.loss.update(1_000, Money::from_dollars(-50), Money::ZERO);
    assert_eq!(stops.block(1_000), Some(Block::DailyLoss { until_ms: 86_400_000 }));
    assert_eq!(stops.block(86_400_000), None);
    stops.loss.update(86_400_000, Money::from_dollars(-75), Money::ZERO);
    assert_eq!(stops.block(86_400_000), Some(Block::Drawdown));
    let reason = stops.drawdown_reason(Money::ZERO);
    assert!(reason.starts_with("drawdown stop: ") && reason.contains("75"), "{reason}");
}
