//! Books kept the slow, obvious way from the frames that reached the trader: general JSON, ordered maps, one rule for the
//! sequence. Shares no code with the feed stage, the frame parser or the book.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ports::ConnectionId;

/// Hundredths of contracts by (is NO, price in $0.0001).
pub(super) type Levels = BTreeMap<(bool, i64), i64>;

/// A market's book: contracts by outcome and price, both as the exchange wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReferenceBook {
    /// Whether it follows from a snapshot by deltas without a gap.
    pub(super) fresh: bool,
    /// What rests.
    pub(super) levels: Levels,
    /// The exchange's clock of the market at the newest change. Changes of one command share it.
    pub(super) clock: u64,
}

/// The books of one connection after another.
#[derive(Debug, Default)]
pub(super) struct ReferenceBooks {
    connection: ConnectionId,
    newest_seq: BTreeMap<u64, u64>,
    sid_of: BTreeMap<String, u64>,
    books: BTreeMap<String, ReferenceBook>,
    /// A book as it was before the frame that moved its clock on: no frame of its clock is missing.
    complete: Option<(String, ReferenceBook)>,
}

/// A decimal such as "0.4200" in units of 1/`scale`. The exchange writes at most as many decimals as the scale has.
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
    /// Another trader: nothing is known.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// A trusted book that the newest frame has shown to be complete as of its clock.
    pub(super) fn take_complete(&mut self) -> Option<(String, ReferenceBook)> {
        self.complete.take()
    }

    pub(super) fn book(&self, ticker: &str) -> Option<&ReferenceBook> {
        self.books.get(ticker)
    }

    /// Applies a frame. Returns the market whose book it was about. The first frame of a new connection ends what is known
    /// from the old one; what still comes on the old one is of no interest.
    pub(super) fn apply(&mut self, connection: ConnectionId, text: &[u8]) -> Option<String> {
        if connection < self.connection {
            return None;
        }
        if connection > self.connection {
            *self = Self { connection, ..Self::default() };
        }
        // What can't be read says nothing; the hole it leaves in the sequence does.
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
            // A late frame of a subscription that has ended changes nothing; sids count up.
            "orderbook_snapshot" if self.sid_of.get(&ticker).is_none_or(|&newest| newest <= sid) => {
                self.snapshot(sid, &ticker, message)
            }
            "orderbook_delta" if self.sid_of.get(&ticker) == Some(&sid) => self.delta(&ticker, message),
            _ => return None,
        };
        if read.is_none() {
            self.doubt(sid);
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
        let mut book = ReferenceBook { fresh: true, levels: BTreeMap::new(), clock };
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
        assert_eq!(books.apply(1, SNAPSHOT.as_bytes()).as_deref(), Some("KXA"));
        books.apply(1, delta(2, "-3.50").as_bytes());
        assert_eq!(books.book("KXA").unwrap().levels, BTreeMap::from([((false, 4_200), 650)]));
        assert!(books.book("KXA").unwrap().fresh);
        books.apply(1, delta(4, "1.00").as_bytes());
        assert!(!books.book("KXA").unwrap().fresh);
        books.apply(1, SNAPSHOT.replace(r#""seq":1"#, r#""seq":5"#).as_bytes());
        assert!(books.book("KXA").unwrap().fresh);
    }

    #[test]
    fn a_new_connection_begins_with_nothing_and_the_old_one_is_over() {
        let mut books = ReferenceBooks::default();
        books.apply(1, SNAPSHOT.as_bytes());
        assert_eq!(books.apply(2, br#"{"type":"subscribed","sid":1,"msg":{}}"#), None);
        assert!(books.book("KXA").is_none());
        assert_eq!(books.apply(1, SNAPSHOT.as_bytes()), None);
        assert!(books.book("KXA").is_none());
    }
}
