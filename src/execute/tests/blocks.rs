//! What keeps markets from taking new risk, and that whatever the first readings said, later ones lift it.

use super::harness::{Bench, START_MS, listing, market};
use crate::execute::{Block, ExecuteConfig};
use crate::market::Money;
use crate::messages::{AccountEvent, DayState, Phase, QueryKind};

const DAY_MS: i64 = 86_400_000;

fn block(bench: &Bench) -> Option<Block> {
    bench.stage.standstill(bench.now).map(|standstill| standstill.block)
}

/// `decide` must have been told what the stage says of itself.
fn assert_told(bench: &Bench, index: u16) {
    let blocked = bench.stage.block(market(index), bench.now).is_some();
    assert_eq!(bench.last(market(index)).blocked, blocked, "{:?}", bench.stage.block(market(index), bench.now));
}

#[test]
fn a_start_names_what_it_waits_for_step_by_step() {
    let mut bench = Bench::new(ExecuteConfig::default());
    assert_eq!(block(&bench), Some(Block::NoMarket));
    bench.account(AccountEvent::Trading { exchange_index: 0, active: false });
    bench.account(AccountEvent::Listing(listing(market(0))));
    assert_eq!(block(&bench), Some(Block::StreamDown));
    bench.pass_ms(60_000);
    assert!(bench.port.queries.is_empty(), "before the stream delivers a reading would be for nothing");
    bench.account(AccountEvent::Stream { up: true });
    assert_eq!(block(&bench), Some(Block::AccountUnread));
    bench.answer_rebuild(&[]);
    bench.pass_ms(600);
    assert!(bench.stage.is_synced(), "the first reading is the baseline");
    assert_eq!(block(&bench), Some(Block::ShardPaused { exchange_index: 0 }));
    assert_told(&bench, 0);
    bench.account(AccountEvent::Trading { exchange_index: 0, active: true });
    assert_eq!(block(&bench), Some(Block::Stale));
    bench.status(market(0), Phase::Listed, true, None);
    assert_eq!(block(&bench), Some(Block::NotOpen));
    bench.status(market(0), Phase::Open, true, None);
    assert_eq!(block(&bench), None);
    assert_told(&bench, 0);
    bench.account(AccountEvent::Stream { up: false });
    bench.account(AccountEvent::Stream { up: true });
    assert_eq!(block(&bench), Some(Block::GapUnread));
}

#[test]
fn one_market_that_may_be_traded_is_no_standstill_and_the_most_common_reason_is_told() {
    let mut bench = Bench::ready();
    bench.account(AccountEvent::Listing(listing(market(2))));
    bench.status(market(2), Phase::Open, true, None);
    for (index, phase) in [(0, Phase::Paused), (1, Phase::Paused)] {
        bench.status(market(index), phase, true, None);
        assert_eq!(block(&bench), None);
    }
    bench.status(market(2), Phase::Open, false, None);
    let standstill = bench.stage.standstill(bench.now).unwrap();
    assert_eq!((standstill.block, standstill.markets, standstill.traded), (Block::Paused, 2, 3));
}

#[test]
fn the_daily_loss_stop_of_a_run_before_ends_with_its_day() {
    let day = START_MS.div_euclid(DAY_MS);
    let left = DayState { day, realized: Money::from_dollars(-60), stopped: true, ..DayState::default() };
    let mut bench = Bench::with_day(ExecuteConfig::default(), left);
    bench.start(&[]);
    let until_ms = (day + 1) * DAY_MS;
    assert_eq!(block(&bench), Some(Block::DailyLoss { until_ms }));
    let left_ms = u64::try_from(until_ms - bench.now.session_ms).unwrap();
    assert_eq!(bench.stage.standstill(bench.now).unwrap().left_ms, Some(left_ms.cast_signed()));
    // Nothing else happens: the account agrees whenever it is read.
    while bench.now.session_ms < until_ms {
        bench.pass_ms(left_ms.min(60_000));
        bench.answer_rebuild(&[]);
        if let Some(query) = bench.take_query(QueryKind::Compare) {
            bench.begin(query);
            bench.end(query, true, bench.now.session_ms);
        }
    }
    assert!(!matches!(block(&bench), Some(Block::DailyLoss { .. })), "{:?}", block(&bench));
    assert_told(&bench, 0);
}

#[test]
fn a_reading_that_takes_longer_than_it_was_waited_for_is_waited_for_longer() {
    let mut bench = Bench::new(ExecuteConfig::default());
    bench.account(AccountEvent::Listing(listing(market(0))));
    bench.account(AccountEvent::Stream { up: true });
    let first = bench.take_query(QueryKind::Rebuild).unwrap();
    bench.pass_ms(29_000);
    assert!(bench.port.queries.is_empty(), "{:?}", bench.port.queries);
    bench.pass_ms(2_000);
    let second = bench.take_query(QueryKind::Rebuild).unwrap();
    assert!(second.query > first.query);
    bench.pass_ms(45_000);
    assert!(bench.port.queries.is_empty(), "{:?}", bench.port.queries);
    bench.begin(second);
    bench.end(second, true, bench.now.session_ms);
    bench.pass_ms(600);
    assert!(bench.stage.is_synced());
}

#[test]
fn a_stream_that_comes_back_asks_anew_at_once() {
    let mut bench = Bench::new(ExecuteConfig::default());
    bench.account(AccountEvent::Listing(listing(market(0))));
    bench.account(AccountEvent::Stream { up: true });
    let before = bench.take_query(QueryKind::Rebuild).unwrap();
    bench.account(AccountEvent::Stream { up: false });
    bench.pass_ms(100);
    bench.account(AccountEvent::Stream { up: true });
    let after = bench.take_query(QueryKind::Rebuild).unwrap();
    // The answer to the question of before the gap says nothing.
    bench.begin(before);
    bench.end(before, true, bench.now.session_ms);
    bench.pass_ms(600);
    assert!(!bench.stage.is_synced());
    bench.begin(after);
    bench.end(after, true, bench.now.session_ms);
    bench.pass_ms(600);
    assert!(bench.stage.is_synced());
}
