//! Computes a market's figures from its frames.

use super::Figures;
use super::looks::{Look, Looks, SAMPLE_MS};
use crate::book::{Book, BookError, Crossing};
use crate::market::{BookLevels, Grid, GridBands, Outcome, Price};
use crate::wire::frame::Message;

/// Price units of five cents.
const NEAR: i64 = 500;
/// Price units of a cent.
const CENT: f64 = 100.0;

/// The result of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was applied.
    Taken,
    /// It changes a book that is unknown.
    Unusable,
    /// The book refused it, and is now unknown.
    Refused(BookError),
}

/// Collects a market's figures.
#[derive(Debug)]
pub(super) struct Meter {
    book: Book,
    /// The part of the subscription in which the book is known: there was a snapshot, and every change since fitted.
    stretch: Option<u64>,
    /// Whether the book is crossed, and for how long that is tolerated.
    crossing: Crossing,
    begin_ms: Option<i64>,
    now_ms: i64,
    next_look_ms: i64,
    looks: Looks,
    deltas: u64,
    /// The number of deltas in the current millisecond.
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
        // A recording does not say which grid a market has, so every market gets the finest.
        let finest = Price::from_units(1).expect("the smallest price is one");
        Self {
            book: Book::new(Grid::new(GridBands::uniform(finest).expect("$0.0001 divides a dollar"))),
            stretch: None,
            crossing: Crossing::default(),
            begin_ms: None,
            now_ms: 0,
            next_look_ms: 0,
            looks: Looks::default(),
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
    /// How far a time is behind the market's, in milliseconds, if it is.
    pub(super) fn is_ahead_by(&self, time_ms: i64) -> Option<i64> {
        (self.begin_ms.is_some() && time_ms < self.now_ms).then(|| self.now_ms - time_ms)
    }

    /// Frames are missing after a part of a subscription.
    pub(super) fn end_stretch(&mut self, stretch: u64) {
        self.stretch = self.stretch.filter(|own| *own != stretch);
    }

    /// Adds a frame of a part of a subscription. A frame without a time belongs to the previous instant.
    pub(super) fn frame(
        &mut self,
        message: &Message<'_>,
        levels: &BookLevels,
        time_ms: Option<i64>,
        stretch: u64,
    ) -> Change {
        if let Some(time_ms) = time_ms {
            self.pass_to(time_ms);
        }
        let applied = match message {
            Message::Snapshot(_) => {
                self.stretch = Some(stretch);
                self.crossing.replace(None);
                let applied = self.book.apply_snapshot(levels);
                self.crossing.follow(self.book.is_crossed(), None, u64::MAX);
                applied
            }
            Message::Delta(delta) => {
                self.deltas += 1;
                self.together += 1;
                self.delta_sizes.push(delta.change.abs().units());
                if self.stretch != Some(stretch) {
                    self.stretch = None;
                    return Change::Unusable;
                }
                let applied = if self.crossing.outlasts(delta.ts_ms) {
                    Err(self.book.stays_crossed())
                } else {
                    self.book.apply_delta(delta.side, delta.price, delta.change)
                };
                self.crossing.follow(self.book.is_crossed(), delta.ts_ms, u64::MAX);
                applied
            }
            Message::Trade(trade) => {
                self.trade_sizes.push(trade.count.units());
                Ok(())
            }
            _ => Ok(()),
        };
        match applied {
            Ok(()) => Change::Taken,
            Err(error) => {
                self.stretch = None;
                Change::Refused(error)
            }
        }
    }

    /// Ends the instants before a time.
    fn pass_to(&mut self, time_ms: i64) {
        if self.begin_ms.is_none() {
            (self.begin_ms, self.now_ms, self.next_look_ms) = (Some(time_ms), time_ms, time_ms);
        }
        if time_ms <= self.now_ms {
            return;
        }
        self.end_moment();
        if let Some(ahead_ms) = time_ms.checked_sub(self.next_look_ms).filter(|ahead_ms| *ahead_ms > 0) {
            let times = (ahead_ms - 1) / SAMPLE_MS + 1;
            let look = self.look();
            self.looks.add(look, times.unsigned_abs());
            self.next_look_ms += times * SAMPLE_MS;
        }
        self.now_ms = time_ms;
    }

    fn end_moment(&mut self) {
        if self.together > 0 {
            self.moments += 1;
            self.shared += if self.together > 1 { self.together } else { 0 };
            self.together = 0;
        }
        let mid2 = self.means_something().then(|| self.book.mid2()).flatten();
        if mid2 != self.mid2 {
            if let (Some(since_ms), true) = (self.mid_since_ms, mid2.is_some() && self.mid2.is_some()) {
                self.mid_waits_ms.push(self.now_ms - since_ms);
            }
            (self.mid2, self.mid_since_ms) = (mid2, mid2.map(|_| self.now_ms));
        }
    }

    /// Whether the prices of the book are meaningful.
    fn means_something(&self) -> bool {
        self.stretch.is_some() && !self.crossing.is_open()
    }

    fn look(&self) -> Option<Look> {
        if !self.means_something() {
            return None;
        }
        let (bid, ask) = (self.book.best_bid()?, self.book.best_ask()?);
        let near = |side: Outcome| -> i64 {
            let mut levels = self.book.levels(side).peekable();
            let best = levels.peek().map_or(0, |(price, _)| price.units());
            levels.take_while(|(price, _)| best - price.units() <= NEAR).map(|(_, count)| count.units()).sum()
        };
        let touch = |side: Outcome| self.book.levels(side).next().map_or(0, |(_, count)| count.units());
        Some(Look {
            mid2: bid.units() + ask.units(),
            spread: ask.units() - bid.units(),
            levels: self.book.level_count(Outcome::Yes) + self.book.level_count(Outcome::No),
            touch: [touch(Outcome::Yes), touch(Outcome::No)],
            near: near(Outcome::Yes) + near(Outcome::No),
        })
    }

    /// The figures, if there was anything to measure.
    pub(super) fn figures(mut self, market: String) -> Option<Figures> {
        self.end_moment();
        let seconds = (self.now_ms - self.begin_ms?) as f64 / 1_000.0;
        if seconds <= 0.0 || self.looks.is_empty() {
            return None;
        }
        let per_s = |count: u64| count as f64 / seconds;
        let trades = self.trade_sizes.len() as u64;
        let [move_1s, move_5s, move_15s] = self.looks.moves().map(|move2| move2 / 2.0 / CENT);
        Some(Figures {
            market,
            seconds,
            deltas_per_s: per_s(self.deltas),
            trades_per_s: per_s(trades),
            moments_per_s: per_s(self.moments),
            shared_ms: self.shared as f64 / self.deltas.max(1) as f64,
            spread: self.looks.spread() / CENT,
            levels: self.looks.levels() / 2.0,
            touch: self.looks.touch() / 100.0,
            depth: self.looks.near() / 200.0,
            delta_size: median(self.delta_sizes) / 100.0,
            trade_size_mean: mean(self.trade_sizes.iter().map(|units| *units as f64 / 100.0)),
            trade_size: median(self.trade_sizes) / 100.0,
            mid_wait_mean: mean(self.mid_waits_ms.iter().map(|ms| *ms as f64 / 1_000.0)),
            mid_wait: median(self.mid_waits_ms) / 1_000.0,
            move_1s,
            move_5s,
            move_15s,
        })
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0u64);
    for value in values {
        sum += value;
        count += 1;
    }
    if count == 0 { f64::NAN } else { sum / count as f64 }
}

/// The median; the upper one of two.
fn median(mut values: Vec<i64>) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1 as f64
}
