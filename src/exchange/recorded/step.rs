//! Steps: the frames of one market with the same time, which are applied together.

use crate::market::{BookLevels, BookSide, Count, Outcome, Price};
use crate::wire::frame::{Frame, Message};

/// How long a step waits for more frames with its time, in session milliseconds.
pub const STEP_WAIT_MS: i64 = 5;

/// The content of one recorded frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The whole book, at the start or after a reconnect.
    Snapshot(Box<BookLevels>),
    /// One level changed.
    Delta {
        /// The outcome that the level bids for.
        side: Outcome,
        /// The level's price, on that outcome's scale.
        price: Price,
        /// The change of the level's size.
        change: Count,
    },
    /// A trade was printed.
    Trade {
        /// The YES price.
        price: Price,
        /// The number of contracts.
        count: Count,
        /// The taker's side of the YES book.
        taker: BookSide,
    },
}

impl Entry {
    /// The entry for a frame, with its ticker, if the frame concerns a book or a trade. `levels` are those of the parser.
    #[must_use]
    pub fn from_frame<'a>(frame: &Frame<'a>, levels: &BookLevels) -> Option<(&'a str, Self)> {
        Some(match &frame.message {
            Message::Snapshot(snapshot) => (snapshot.ticker, Self::Snapshot(Box::new(levels.clone()))),
            Message::Delta(delta) => {
                (delta.ticker, Self::Delta { side: delta.side, price: delta.price, change: delta.change })
            }
            Message::Trade(trade) => {
                let taker = trade.taker_outcome.book_side();
                (trade.ticker, Self::Trade { price: trade.yes_price, count: trade.count, taker })
            }
            _ => return None,
        })
    }
}

/// The frames of one market with the same time, in the order of the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The time of the frames, in milliseconds since the Unix epoch.
    pub ts_ms: i64,
    /// When it is known that no more frames follow: at the next time, or [`STEP_WAIT_MS`] later if that is sooner.
    pub complete_ms: i64,
    /// The contents of the frames.
    pub entries: Vec<Entry>,
}

/// How many trades a step explains by a negative delta with the same count at the same side and price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pairing {
    /// The number of trades.
    pub trades: u64,
    /// The number of trades with a delta of their own.
    pub paired: u64,
}

impl std::ops::AddAssign for Pairing {
    fn add_assign(&mut self, other: Self) {
        self.trades += other.trades;
        self.paired += other.paired;
    }
}

impl Step {
    /// Pairs the step's trades with its negative deltas, in either order.
    #[must_use]
    pub fn pairing(&self) -> Pairing {
        let mut removals: Vec<_> = self.entries.iter().filter_map(removal).collect();
        let mut pairing = Pairing::default();
        for entry in &self.entries {
            let &Entry::Trade { price, count, taker } = entry else { continue };
            let side = taker.opposite();
            let own = crate::exchange::engine::own_price(side, price);
            pairing.trades += 1;
            if let Some(found) = removals.iter().position(|&removal| removal == (side.outcome(), own, count)) {
                removals.swap_remove(found);
                pairing.paired += 1;
            }
        }
        pairing
    }
}

/// The level and size of a negative delta.
fn removal(entry: &Entry) -> Option<(Outcome, Price, Count)> {
    match entry {
        Entry::Delta { side, price, change } if *change < Count::ZERO => Some((*side, *price, -*change)),
        _ => None,
    }
}

/// Divides one market's frames into steps as they arrive.
#[derive(Debug, Default)]
pub struct StepBuilder {
    open: Option<Step>,
    /// Entries that came before any time was known.
    timeless: Vec<Entry>,
    last_ms: Option<i64>,
}

impl StepBuilder {
    /// Adds the next frame. `stamped_ms` is its own time. Without it, the frame gets the last known time; the market's first
    /// frames get the time at which they were received, or if that is missing, the time of the next frame that has one. Time
    /// never runs backwards: an earlier time counts as the current one. Returns the previous step if this frame completes
    /// it.
    pub fn push(&mut self, entry: Entry, stamped_ms: Option<i64>, received_ms: Option<i64>) -> Option<Step> {
        let Some(time_ms) = stamped_ms.or(self.last_ms).or(received_ms) else {
            self.timeless.push(entry);
            return None;
        };
        let time_ms = self.last_ms.map_or(time_ms, |last_ms| last_ms.max(time_ms));
        self.last_ms = Some(time_ms);
        let done = self.open.take_if(|open| open.ts_ms < time_ms).map(|mut step| {
            step.complete_ms = step.complete_ms.min(time_ms);
            step
        });
        let timeless = &mut self.timeless;
        let open = self.open.get_or_insert_with(|| Step {
            ts_ms: time_ms,
            complete_ms: time_ms.saturating_add(STEP_WAIT_MS),
            entries: std::mem::take(timeless),
        });
        open.entries.push(entry);
        done
    }

    /// When the open step is complete if no more frames arrive, in session milliseconds.
    pub fn deadline_ms(&self) -> Option<i64> {
        self.open.as_ref().map(|step| step.complete_ms)
    }

    /// The open step, if it has waited long enough.
    pub fn poll(&mut self, now_ms: i64) -> Option<Step> {
        self.open.take_if(|step| step.complete_ms <= now_ms)
    }

    /// The open step, at the end of the recording.
    pub fn finish(&mut self) -> Option<Step> {
        self.open.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(cents: u16, contracts: i64) -> Entry {
        Entry::Delta { side: Outcome::Yes, price: Price::from_cents(cents), change: Count::from_contracts(contracts) }
    }

    fn trade(cents: u16, contracts: i64, taker: BookSide) -> Entry {
        Entry::Trade { price: Price::from_cents(cents), count: Count::from_contracts(contracts), taker }
    }

    #[test]
    fn frames_of_one_time_are_one_step_complete_at_the_next_time() {
        let mut builder = StepBuilder::default();
        assert_eq!(builder.push(delta(40, 1), Some(1_000), None), None);
        assert_eq!(builder.push(delta(41, 2), Some(1_000), None), None);
        let step = builder.push(delta(42, 3), Some(1_002), None).unwrap();
        assert_eq!((step.ts_ms, step.complete_ms), (1_000, 1_002));
        assert_eq!(step.entries, [delta(40, 1), delta(41, 2)]);
    }

    #[test]
    fn a_step_is_complete_5_ms_later_when_nothing_follows() {
        let mut builder = StepBuilder::default();
        builder.push(delta(40, 1), Some(1_000), None);
        assert_eq!(builder.deadline_ms(), Some(1_005));
        assert_eq!(builder.poll(1_004), None);
        assert_eq!(builder.poll(1_005).unwrap().complete_ms, 1_005);
        assert_eq!((builder.poll(9_999), builder.deadline_ms()), (None, None));
        builder.push(delta(40, 1), Some(2_000), None);
        assert_eq!(builder.push(delta(40, 1), Some(3_000), None).unwrap().complete_ms, 2_005);
    }

    #[test]
    fn frames_without_a_time_take_the_last_the_receipts_or_the_next() {
        let mut builder = StepBuilder::default();
        builder.push(delta(40, 1), None, None);
        builder.push(delta(41, 1), Some(1_000), None);
        builder.push(delta(42, 1), None, Some(5_000));
        builder.push(delta(43, 1), Some(900), None);
        let step = builder.finish().unwrap();
        assert_eq!((step.ts_ms, step.entries.len()), (1_000, 4));
        let mut builder = StepBuilder::default();
        builder.push(delta(40, 1), None, Some(700));
        assert_eq!(builder.finish().unwrap().ts_ms, 700);
    }

    #[test]
    fn trades_pair_with_the_removals_they_explain_in_either_order() {
        let no = |cents, contracts| Entry::Delta {
            side: Outcome::No,
            price: Price::from_cents(cents),
            change: Count::from_contracts(contracts),
        };
        let entries = vec![
            delta(40, -5),
            trade(40, 5, BookSide::Ask),
            trade(45, 2, BookSide::Bid),
            no(55, -2),
            // A second trade of the same size needs a removal of its own.
            trade(40, 5, BookSide::Ask),
        ];
        let step = Step { entries, ..Step::default() };
        assert_eq!(step.pairing(), Pairing { trades: 3, paired: 2 });
    }
}
