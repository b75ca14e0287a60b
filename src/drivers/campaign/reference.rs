//! Books built in the slow, obvious way from the frames that reached the trader: general JSON, ordered maps, one rule
//! for the sequence. This shares no code with the feed stage, the frame parser or the book.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ports::ConnectionId;

/// Hundredths of contracts by (is NO, price in $0.0001).
pub(super) type Levels = BTreeMap<(bool, i64), i64>;

/// A market's book: contracts by outcome and price, as the exchange wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReferenceBook {
    /// Whether the book follows from a snapshot by deltas without a gap.
    pub(super) fresh: bool,
    pub(super) levels: Levels,
    /// The exchange's clock of the market at the newest change. All changes by one command share it.
    pub(super) clock: u64,
    /// The exchange's time of the newest change, if known.
    pub(super) instant_ms: Option<i64>,
    /// When its newest frame came.
    pub(super) heard_ms: i64,
    /// Whether the book was crossed or locked after the exchange's time had moved on, which means that a frame is missing.
    pub(super) stayed_crossed: bool,
}

/// How long to wait for the rest of an instant, in session milliseconds.
const INSTANT_WAIT_MS: i64 = 250;

impl ReferenceBook {
    /// Whether the best bids of both outcomes add up to a dollar or more.
    pub(super) fn is_crossed(&self) -> bool {
        let yes = self.levels.range(..(true, i64::MIN)).next_back();
        let no = self.levels.range((true, i64::MIN)..).next_back();
        yes.zip(no).is_some_and(|(((_, yes), _), ((_, no), _))| yes + no >= 10_000)
    }

    /// Whether the book may be given up for being crossed: not within the instant in which the exchange publishes the
    /// effects of one order, unless the rest of them does not come.
    pub(super) fn may_be_given_up(&self, now_ms: i64) -> bool {
        self.stayed_crossed || (self.is_crossed() && now_ms - self.heard_ms >= INSTANT_WAIT_MS)
    }
}

/// The books of one connection after another.
#[derive(Debug, Default)]
pub(super) struct ReferenceBooks {
    connection: ConnectionId,
    newest_seq: BTreeMap<u64, u64>,
    sid_of: BTreeMap<String, u64>,
    books: BTreeMap<String, ReferenceBook>,
    /// A book as it was before the frame that advanced its clock, so that no frame of its clock is missing.
    complete: Option<(String, ReferenceBook)>,
    /// The number of states, over all connections, in which a fresh book was crossed or locked.
    pub(super) crossed_states: u64,
}

/// Parses a decimal such as "0.4200" to units of 1/`scale`. The exchange writes at most as many decimals as the scale has.
fn units(value: &Value, scale: i64) -> Option<i64> {
    let text = value.as_str()?;
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let mut part_units = 0;
    let mut unit = scale;
    for digit in part.chars() {
        unit /= 10;
        part_units += i64::from(digit.to_digit(10)?) * unit;
    }
    let units = whole.parse::<i64>().ok()? * scale + part_units;
    Some(if negative { -units } else { units })
}

impl ReferenceBooks {
    /// Forgets all books, for another trader.
    pub(super) fn forget(&mut self) {
        *self = Self { crossed_states: self.crossed_states, ..Self::default() };
    }

    /// A fresh book that the newest frame has shown to be complete as of its clock.
    pub(super) fn take_complete(&mut self) -> Option<(String, ReferenceBook)> {
        self.complete.take()
    }

    pub(super) fn book(&self, ticker: &str) -> Option<&ReferenceBook> {
        self.books.get(ticker)
    }

    /// Applies a frame and returns the market whose book it changed. The first frame of a new connection clears the
    /// books of the old one; later frames of the old one are ignored.
    pub(super) fn apply(&mut self, connection: ConnectionId, text: &[u8], now_ms: i64) -> Option<String> {
        if connection < self.connection {
            return None;
        }
        if connection > self.connection {
            *self = Self { connection, crossed_states: self.crossed_states, ..Self::default() };
        }
        // A frame that cannot be parsed is skipped. The gap that it leaves in the sequence is noticed.
        let frame: Value = serde_json::from_slice(text).ok()?;
        let sid = frame["sid"].as_u64()?;
        if let Some(seq) = frame["seq"].as_u64() {
            let newest = self.newest_seq.insert(sid, seq);
            if newest.is_some_and(|newest| seq != newest + 1) {
                self.doubt(sid);
            }
        }
        let message = &frame["msg"];
        let ticker = message["market_ticker"].as_str()?.to_owned();
        let read = match frame["type"].as_str()? {
            // A late frame of a subscription that has ended is not applied. Sids are ascending.
            "orderbook_snapshot" if self.sid_of.get(&ticker).is_none_or(|&newest| newest <= sid) => {
                self.snapshot(sid, &ticker, message)
            }
            "orderbook_delta" if self.sid_of.get(&ticker) == Some(&sid) => self.delta(&ticker, message),
            _ => return None,
        };
        if read.is_none() {
            self.doubt(sid);
        }
        if let Some(book) = self.books.get_mut(&ticker) {
            book.heard_ms = now_ms;
            self.crossed_states += u64::from(book.fresh && book.is_crossed());
        }
        Some(ticker)
    }

    fn doubt(&mut self, sid: u64) {
        for (ticker, book) in &mut self.books {
            book.fresh &= self.sid_of.get(ticker) != Some(&sid);
        }
    }

    fn snapshot(&mut self, sid: u64, ticker: &str, message: &Value) -> Option<()> {
        let clock = message["clock"].as_u64().unwrap_or_default();
        let mut book = ReferenceBook { fresh: true, clock, ..ReferenceBook::default() };
        for (is_no, key) in [(false, "yes_dollars_fp"), (true, "no_dollars_fp")] {
            for level in message[key].as_array().into_iter().flatten() {
                book.levels.insert((is_no, units(&level[0], 10_000)?), units(&level[1], 100)?);
            }
        }
        self.sid_of.insert(ticker.to_owned(), sid);
        self.complete = Some((ticker.to_owned(), book.clone()));
        self.books.insert(ticker.to_owned(), book);
        Some(())
    }

    fn delta(&mut self, ticker: &str, message: &Value) -> Option<()> {
        let is_no = message["side"].as_str()? == "no";
        let price = units(&message["price_dollars"], 10_000)?;
        let change = units(&message["delta_fp"], 100)?;
        let clock = message["clock"].as_u64().unwrap_or_default();
        let book = self.books.get_mut(ticker)?;
        if clock != book.clock {
            self.complete = book.fresh.then(|| (ticker.to_owned(), book.clone()));
            book.clock = clock;
        }
        if let Some(time_ms) = message["ts_ms"].as_i64() {
            let moves_on = book.instant_ms.is_some_and(|instant_ms| time_ms > instant_ms);
            book.stayed_crossed |= moves_on && book.is_crossed();
            book.instant_ms = book.instant_ms.max(Some(time_ms));
        }
        let size = book.levels.entry((is_no, price)).or_default();
        *size += change;
        match *size {
            0 => drop(book.levels.remove(&(is_no, price))),
            size if size < 0 => book.fresh = false,
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = r#"{"type":"orderbook_snapshot","sid":2,"seq":1,"msg":{"market_ticker":"KXA","yes_dollars_fp":[["0.4200","10.00"]],"no_dollars_fp":[]}}"#;

    fn delta(seq: u64, change: &str) -> String {
        format!(
            r#"{{"type":"orderbook_delta","sid":2,"seq":{seq},"msg":{{"market_ticker":"KXA","side":"yes","price_dollars":"0.4200","delta_fp":"{change}"}}}}"#
        )
    }

    #[test]
    fn deltas_add_up_and_a_hole_in_the_sequence_ends_the_trust() {
        let mut books = ReferenceBooks::default();
        assert_eq!(books.apply(1, SNAPSHOT.as_bytes(), 0).as_deref(), Some("KXA"));
        books.apply(1, delta(2, "-3.50").as_bytes(), 0);
        assert_eq!(books.book("KXA").unwrap().levels, BTreeMap::from([((false, 4_200), 650)]));
        assert!(books.book("KXA").unwrap().fresh);
        books.apply(1, delta(4, "1.00").as_bytes(), 0);
        assert!(!books.book("KXA").unwrap().fresh);
        books.apply(1, SNAPSHOT.replace(r#""seq":1"#, r#""seq":5"#).as_bytes(), 0);
        assert!(books.book("KXA").unwrap().fresh);
    }

    #[test]
    fn a_new_connection_begins_with_nothing_and_the_old_one_is_over() {
        let mut books = ReferenceBooks::default();
        books.apply(1, SNAPSHOT.as_bytes(), 0);
        assert_eq!(books.apply(2, br#"{"type":"subscribed","sid":1,"msg":{}}"#, 0), None);
        assert!(books.book("KXA").is_none());
        assert_eq!(books.apply(1, SNAPSHOT.as_bytes(), 0), None);
        assert!(books.book("KXA").is_none());
    }

    #[test]
    fn a_crossed_book_is_given_up_after_its_instant_and_not_within_it() {
        let at = |seq: u64, side: &str, price: &str, change: &str, ts_ms: i64| {
            format!(
                r#"{{"type":"orderbook_delta","sid":2,"seq":{seq},"msg":{{"market_ticker":"KXA","side":"{side}","price_dollars":"{price}","delta_fp":"{change}","ts_ms":{ts_ms}}}}}"#
            )
        };
        let mut books = ReferenceBooks::default();
        books.apply(1, SNAPSHOT.as_bytes(), 0);
        books.apply(1, at(2, "no", "0.5700", "5.00", 1_000).as_bytes(), 1_010);
        books.apply(1, at(3, "yes", "0.4300", "2.00", 1_001).as_bytes(), 1_011);
        let book = books.book("KXA").unwrap();
        assert!(book.is_crossed(), "locked");
        assert!(!book.may_be_given_up(1_260) && book.may_be_given_up(1_261));
        books.apply(1, at(4, "yes", "0.4400", "1.00", 1_001).as_bytes(), 1_012);
        assert!(!books.book("KXA").unwrap().stayed_crossed);
        books.apply(1, at(5, "no", "0.5700", "-5.00", 1_002).as_bytes(), 1_013);
        let book = books.book("KXA").unwrap();
        assert!(!book.is_crossed() && book.stayed_crossed && book.may_be_given_up(1_013));
        assert_eq!(books.crossed_states, 2);
    }
}
