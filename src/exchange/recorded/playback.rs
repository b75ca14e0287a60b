//! Several recorded markets on one session clock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{RecordedMarket, Step};

/// The steps of several markets, returned when they are complete.
#[derive(Debug)]
pub struct Playback {
    steps: Vec<VecDeque<Step>>,
    /// When the next step of each market is complete, and the market's index.
    next: BinaryHeap<Reverse<(i64, usize)>>,
    start_ms: i64,
    end_ms: i64,
}

impl Playback {
    /// Takes the steps out of the markets, which are known by their index in `markets` from now on.
    #[must_use]
    pub fn new(markets: Vec<RecordedMarket>) -> Self {
        let steps: Vec<VecDeque<Step>> = markets.into_iter().map(|market| market.steps.into()).collect();
        let start_ms = steps.iter().filter_map(|steps| steps.front().map(|step| step.ts_ms)).min();
        let end_ms = steps.iter().filter_map(|steps| steps.back().map(|step| step.complete_ms)).max();
        let first = |(market, steps): (usize, &VecDeque<Step>)| Some(Reverse((steps.front()?.complete_ms, market)));
        let next = steps.iter().enumerate().filter_map(first).collect();
        Self { steps, next, start_ms: start_ms.unwrap_or(0), end_ms: end_ms.unwrap_or(0) }
    }

    /// The time of the first frame, at which the session clock starts, in session milliseconds.
    #[must_use]
    pub fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// When the last step is complete, in session milliseconds.
    #[must_use]
    pub fn end_ms(&self) -> i64 {
        self.end_ms
    }

    /// When the next step is complete, in session milliseconds.
    #[must_use]
    pub fn next_ms(&self) -> Option<i64> {
        self.next.peek().map(|Reverse((complete_ms, _))| *complete_ms)
    }

    /// The next step that is complete by `now_ms`, with its market; at equal times, the market with the lowest index first.
    pub fn pop_due(&mut self, now_ms: i64) -> Option<(usize, Step)> {
        let &Reverse((complete_ms, market)) = self.next.peek()?;
        if complete_ms > now_ms {
            return None;
        }
        self.next.pop();
        let step = self.steps[market].pop_front()?;
        if let Some(following) = self.steps[market].front() {
            self.next.push(Reverse((following.complete_ms, market)));
        }
        Some((market, step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(ticker: &str, times: &[i64]) -> RecordedMarket {
        let step = |&ts_ms: &i64| Step { ts_ms, complete_ms: ts_ms + 5, entries: Vec::new() };
        let steps = times.iter().map(step).collect();
        RecordedMarket { ticker: ticker.to_owned(), steps, ..RecordedMarket::default() }
    }

    #[test]
    fn steps_of_several_markets_come_in_the_order_of_their_completion() {
        let mut playback = Playback::new(vec![recorded("A", &[10, 30]), recorded("B", &[10, 20])]);
        assert_eq!((playback.start_ms(), playback.end_ms(), playback.next_ms()), (10, 35, Some(15)));
        assert_eq!(playback.pop_due(14), None);
        let order: Vec<_> = std::iter::from_fn(|| playback.pop_due(100)).map(|(m, step)| (m, step.ts_ms)).collect();
        assert_eq!(order, [(0, 10), (1, 10), (1, 20), (0, 30)]);
        assert_eq!(playback.next_ms(), None);
    }
}
