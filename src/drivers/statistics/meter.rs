//! One market's frames to figures.

use super::Figures;
use crate::book::Book;
use crate::market::{BookLevels, Grid, GridBands, Outcome, Price};
use crate::wire::frame::Message;

/// From one look at a book to the next.
pub const SAMPLE_MS: i64 = 250;
/// Price units of five cents.
const NEAR: i64 = 500;
/// Price units of a cent.
const CENT: f64 = 100.0;

/// What a look at a book with two sides finds.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// Twice the mid, in price units.
    mid2: i64,
    /// In price units.
    spread: i64,
    levels: u32,
    /// Sizes in units of 0.01 contract.
    touch: [i64; 2],
    near: i64,
}

/// The figures of a market in the making.
#[derive(Debug)]
pub(super) struct Meter {
    book: Book,
    /// Whether the book is one: there was a snapshot, and every change since fitted.
    right: bool,
    begin_ms: Option<i64>,
    now_ms: i64,
    next_look_ms: i64,
    looks: Vec<Option<Look>>,
    deltas: u64,
    /// Deltas of this millisecond.
    together: u64,
    shared: u64,
    moments: u64,
    delta_sizes: Vec<i64>,
    trade_sizes: Vec<i64>,
    mid2: Option<i64>,
    mid_since_ms: Option<i64>,
    mid_waits_ms: Vec<i64>,
}

impl Default for Meter {
    fn default() -> Self {
        // A recording says nothing of grids, so every market has the finest.
        let finest = Price::from_units(1).expect("the smallest price is one");
        Self {
            book: Book::new(Grid::new(GridBands::uniform(finest).expect("$0.0001 divides a dollar"))),
            right: false,
            begin_ms: None,
            now_ms: 0,
            next_look_ms: 0,
            looks: Vec::new(),
            deltas: 0,
            together: 0,
            shared: 0,
            moments: 0,
            delta_sizes: Vec::new(),
            trade_sizes: Vec::new(),
            mid2: None,
            mid_since_ms: None,
            mid_waits_ms: Vec::new(),
        }
    }
}

impl Meter {
    /// Takes a frame. Without a time it belongs to the moment before.
    pub(super) fn frame(&mut self, message: &Message<'_>, levels: &BookLevels, time_ms: Option<i64>) {
        if let Some(time_ms) = time_ms {
            self.pass_to(time_ms);
        }
        match message {
            Message::Snapshot(_) => {
                self.right = self.book.apply_snapshot(levels).is_ok();
            }
            Message::Delta(delta) => {
                self.deltas += 1;
                self.together += 1;
                self.delta_sizes.push(delta.change.abs().units());
                self.right = self.right && self.book.apply_delta(delta.side, delta.price, delta.change).is_ok();
            }
            Message::Trade(trade) => self.trade_sizes.push(trade.count.units()),
            _ => {}
        }
    }

    /// Ends the moments before a time.
    fn pass_to(&mut self, time_ms: i64) {
        if self.begin_ms.is_none() {
            (self.begin_ms, self.now_ms, self.next_look_ms) = (Some(time_ms), time_ms, time_ms);
        }
        if time_ms <= self.now_ms {
            return;
        }
        self.end_moment();
        while self.next_look_ms < time_ms {
            let look = self.look();
            self.looks.push(look);
            self.next_look_ms += SAMPLE_MS;
        }
        self.now_ms = time_ms;
    }

    fn end_moment(&mut self) {
        if self.together > 0 {
            self.moments += 1;
            self.shared += if self.together > 1 { self.together } else { 0 };
            self.together = 0;
        }
        let mid2 = self.right.then(|| self.book.mid2()).flatten();
        if mid2 != self.mid2 {
            if let (Some(since_ms), true) = (self.mid_since_ms, mid2.is_some() && self.mid2.is_some()) {
                self.mid_waits_ms.push(self.now_ms - since_ms);
            }
            (self.mid2, self.mid_since_ms) = (mid2, mid2.map(|_| self.now_ms));
        }
    }

    fn look(&self) -> Option<Look> {
        let (bid, ask) = (self.book.best_bid()?, self.book.best_ask()?);
        let near = |side: Outcome| -> i64 {
            let mut levels = self.book.levels(side).peekable();
            let best = levels.peek().map_or(0, |(price, _)| price.units());
            levels.take_while(|(price, _)| best - price.units() <= NEAR).map(|(_, count)| count.units()).sum()
        };
        let touch = |side: Outcome| self.book.levels(side).next().map_or(0, |(_, count)| count.units());
        self.right.then(|| Look {
            mid2: bid.units() + ask.units(),
            spread: ask.units() - bid.units(),
            levels: self.book.level_count(Outcome::Yes) + self.book.level_count(Outcome::No),
            touch: [touch(Outcome::Yes), touch(Outcome::No)],
            near: near(Outcome::Yes) + near(Outcome::No),
        })
    }

    /// The figures, when there was anything to measure.
    pub(super) fn figures(mut self, market: String) -> Option<Figures> {
        self.end_moment();
        let seconds = (self.now_ms - self.begin_ms?) as f64 / 1_000.0;
        let looks: Vec<Look> = self.looks.iter().flatten().copied().collect();
        if seconds <= 0.0 || looks.is_empty() {
            return None;
        }
        let per_s = |count: u64| count as f64 / seconds;
        let trades = self.trade_sizes.len() as u64;
        let spreads = looks.iter().map(|look| look.spread as f64 / CENT);
        let touches = looks.iter().flat_map(|look| look.touch).collect();
        Some(Figures {
            market,
            seconds,
            deltas_per_s: per_s(self.deltas),
            trades_per_s: per_s(trades),
            moments_per_s: per_s(self.moments),
            shared_ms: self.shared as f64 / self.deltas.max(1) as f64,
            spread: mean(spreads),
            levels: mean(looks.iter().map(|look| f64::from(look.levels) / 2.0)),
            touch: median(touches) / 100.0,
            depth: mean(looks.iter().map(|look| look.near as f64 / 200.0)),
            delta_size: median(self.delta_sizes) / 100.0,
            trade_size_mean: mean(self.trade_sizes.iter().map(|units| *units as f64 / 100.0)),
            trade_size: median(self.trade_sizes) / 100.0,
            mid_wait_mean: mean(self.mid_waits_ms.iter().map(|ms| *ms as f64 / 1_000.0)),
            mid_wait: median(self.mid_waits_ms) / 1_000.0,
            move_1s: mean_move(&self.looks, 1_000),
            move_5s: mean_move(&self.looks, 5_000),
            move_15s: mean_move(&self.looks, 15_000),
        })
    }
}

/// Mean absolute move of the mid over a time, in cents.
fn mean_move(looks: &[Option<Look>], after_ms: i64) -> f64 {
    let apart = usize::try_from(after_ms / SAMPLE_MS).expect("a few seconds");
    let pairs = looks.iter().zip(looks.iter().skip(apart));
    mean(
        pairs.filter_map(|(before, after)| {
            Some((after.as_ref()?.mid2 - before.as_ref()?.mid2).abs() as f64 / 2.0 / CENT)
        }),
    )
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0u64);
    for value in values {
        sum += value;
        count += 1;
    }
    if count == 0 { f64::NAN } else { sum / count as f64 }
}

/// The middle value; the upper one of two.
fn median(mut values: Vec<i64>) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1 as f64
}
