//! Every order in which the news about one order can come leads to the same ledger.

use super::harness::{Bench, cents, contracts, market};
use crate::market::{BookSide, Count, Money, OrderStatus};
use crate::messages::{AccountEvent, Action, Fill, OrderReport, Verdict};

/// A piece of news about the order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum News {
    Ack,
    Fill(u128, i64),
    Resting(i64),
    Ended(i64),
}

fn permutations(items: &[News]) -> Vec<Vec<News>> {
    if items.len() <= 1 {
        return vec![items.to_vec()];
    }
    let mut all = Vec::new();
    for position in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(position);
        for mut tail in permutations(&rest) {
            tail.insert(0, first);
            all.push(tail);
        }
    }
    all
}

fn final_ledger(bench: &Bench) -> (Money, Money, Money, Money, Count) {
    let ledger = bench.stage.ledger();
    let position = bench.stage.positions().next().unwrap().contracts;
    (ledger.available(), ledger.reserved(), ledger.cost(), ledger.fees(), position)
}

fn tell(bench: &mut Bench, news: News, request: u32, order: u128, fees: Money) {
    let side = BookSide::Bid;
    match news {
        News::Ack => bench.accept(request, order, 3, 7),
        News::Fill(trade, count) => {
            let fill = Fill { fee: fees, ..bench.fill(trade, order, side, 40, count) };
            bench.account(AccountEvent::Fill(fill));
        }
        News::Resting(filled) => {
            let report = bench.report(order, 1, OrderStatus::Resting, filled, 10 - filled);
            bench.account(AccountEvent::Order(report));
        }
        News::Ended(filled) => {
            let report: OrderReport = bench.report(order, 1, OrderStatus::Canceled, filled, 0);
            bench.account(AccountEvent::Order(report));
        }
    }
}

#[test]
fn ack_fills_reports_and_the_end_in_every_order_give_the_same_ledger() {
    let fee = Money::from_micros(100);
    // Ten bid at 40: three filled on arrival, two later, a duplicate, then cancelled by the exchange.
    let news = [News::Ack, News::Fill(1, 3), News::Fill(2, 2), News::Fill(1, 3), News::Resting(3), News::Ended(5)];
    let mut expected = None;
    for order_of_news in permutations(&news) {
        let mut bench = Bench::ready();
        bench.intend(market(0), Action::BuyYes, 40, 10);
        let request = bench.written().id;
        for &piece in &order_of_news {
            tell(&mut bench, piece, request, 9, fee);
            let ledger = bench.stage.ledger();
            // Whatever is known, what may still have to be paid is held.
            let spent = Money::from_dollars(2_000) - ledger.available();
            assert!(spent >= cents(40).times(contracts(5)), "{order_of_news:?} after {piece:?}");
        }
        let last = final_ledger(&bench);
        assert_eq!(last.1, Money::ZERO, "{order_of_news:?}");
        assert_eq!(*expected.get_or_insert(last), last, "{order_of_news:?}");
        assert_eq!(last.4, contracts(5), "{order_of_news:?}");
        assert_eq!(bench.stage.counters().verdict(Verdict::Placed), 1, "{order_of_news:?}");
        assert_eq!(bench.stage.counters().acked, 1, "{order_of_news:?}");
        assert_eq!(bench.stage.counters().duplicate_fills, 1, "{order_of_news:?}");
        assert_eq!(bench.stage.open_orders(), 0, "{order_of_news:?}");
        assert!(!bench.last(market(0)).busy, "{order_of_news:?}");
        assert_eq!(bench.stage.tripped(), None);
    }
}

#[test]
fn an_answer_that_is_lost_changes_nothing_once_the_exchange_has_told_the_rest() {
    let fee = Money::from_micros(100);
    let news = [News::Fill(1, 3), News::Fill(2, 2), News::Ended(5), News::Resting(3)];
    for lost_after in 0..=news.len() {
        for order_of_news in permutations(&news) {
            let mut bench = Bench::ready();
            bench.intend(market(0), Action::BuyYes, 40, 10);
            let request = bench.written().id;
            for (position, &piece) in order_of_news.iter().enumerate() {
                if position == lost_after {
                    bench.stage.on_no_answer(request, crate::ports::NoAnswer::Cut, bench.now, &mut bench.port);
                }
                tell(&mut bench, piece, request, 9, fee);
            }
            if lost_after == news.len() {
                bench.stage.on_no_answer(request, crate::ports::NoAnswer::Cut, bench.now, &mut bench.port);
            }
            assert_eq!(bench.stage.ledger().reserved(), Money::ZERO, "{lost_after} {order_of_news:?}");
            assert_eq!(final_ledger(&bench).4, contracts(5));
            assert_eq!(bench.stage.open_orders(), 0);
            let counters = bench.stage.counters();
            let verdicts = counters.verdict(Verdict::Placed) + counters.verdict(Verdict::Unknown);
            assert_eq!(verdicts, 1, "{lost_after} {order_of_news:?}");
        }
    }
}

#[test]
fn a_cancels_answer_fills_and_the_report_in_every_order_give_the_same_ledger() {
    for order_of_news in permutations(&[News::Ack, News::Fill(1, 3), News::Fill(2, 2), News::Ended(5)]) {
        let mut bench = Bench::ready();
        bench.intend(market(0), Action::BuyYes, 40, 10);
        let create = bench.written().id;
        bench.accept(create, 9, 0, 10);
        bench.intend(market(0), Action::BuyNo, 44, 10);
        let cancel = bench.written();
        assert_eq!((cancel.method, cancel.path.as_str()), ("DELETE", crate::wire::orders::BATCHED_PATH));
        for &piece in &order_of_news {
            // The acknowledgement stands for the cancel's answer here: five were left to cancel.
            if piece == News::Ack {
                bench.accept_cancel(cancel.id, 9, 5);
            } else {
                tell(&mut bench, piece, create, 9, Money::ZERO);
            }
        }
        assert_eq!(bench.stage.ledger().reserved(), Money::ZERO, "{order_of_news:?}");
        assert_eq!(bench.stage.ledger().available(), Money::from_dollars(1_998), "{order_of_news:?}");
        assert_eq!(final_ledger(&bench).4, contracts(5), "{order_of_news:?}");
        assert_eq!(bench.stage.counters().cancelled, 1, "{order_of_news:?}");
        assert_eq!(bench.stage.counters().verdict(Verdict::Cancelled), 1, "{order_of_news:?}");
        assert_eq!(bench.stage.open_orders(), 0);
    }
}
