//! Lists in REST bodies, read element by element. The exchange keeps adding words and fields, and an element that cannot be
//! used must not cost the reader the rest of its list. So each is parsed by itself: usable elements are returned, the others
//! are described ([`Unusable`]), and the caller decides what follows from their absence.
//!
//! The body as a whole is checked strictly: it must be valid JSON to its end, contain its list, and have text as its cursor.
//! Of an element, only what its readers need is required; [`lenient`] is for the rest.

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

use super::WireError;
use super::scan::Scanner;

/// The longest text quoted from an element, in characters.
const QUOTED_MAX: usize = 64;

/// The type of a list's elements.
pub trait Element: DeserializeOwned {
    /// The key of the list in the body.
    const LIST: &'static str;
    /// The word for an element in error messages.
    const WHAT: &'static str;

    /// Checks what its readers need, beyond what its type requires.
    ///
    /// # Errors
    /// A description of what is missing or invalid.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A parsed body with a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The usable elements, in the order of the body.
    pub elements: Vec<T>,
    pub unusable: Vec<Unusable>,
    /// Where the next page begins; empty on the last.
    pub cursor: String,
}

/// An element that cannot be used: what it says about itself, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusable {
    /// The word for such an element, such as `order`.
    pub what: String,
    /// Its place in the list, from 1; 0 for one that can be used in part.
    pub place: usize,
    /// Its own id (of an order, a trade or a group), if it has one that is text.
    pub id: Option<String>,
    /// For a fill, the order it belongs to.
    pub order_id: Option<String>,
    pub ticker: Option<String>,
    /// For an order, the id that the client gave it.
    pub client_order_id: Option<String>,
    /// Whether it is an object at all. If not, it has neither a market nor an owner.
    pub is_object: bool,
    /// What was expected.
    pub reason: String,
}

impl Unusable {
    /// Describes an element from its raw JSON `text`.
    #[must_use]
    pub fn new(what: &str, place: usize, text: &str, reason: String) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Names {
            #[serde(deserialize_with = "lenient")]
            order_id: Option<String>,
            #[serde(deserialize_with = "lenient")]
            trade_id: Option<String>,
            #[serde(deserialize_with = "lenient")]
            id: Option<String>,
            #[serde(deserialize_with = "lenient")]
            client_order_id: Option<String>,
            #[serde(deserialize_with = "lenient")]
            ticker: Option<String>,
            #[serde(deserialize_with = "lenient")]
            market_ticker: Option<String>,
            #[serde(deserialize_with = "lenient")]
            event_ticker: Option<String>,
        }
        let is_object = text.starts_with('{');
        let names = if is_object { serde_json::from_str::<Names>(text).unwrap_or_default() } else { Names::default() };
        Self {
            what: what.to_owned(),
            place,
            id: names.trade_id.or_else(|| names.order_id.clone()).or(names.id),
            order_id: names.order_id,
            ticker: names.ticker.or(names.market_ticker).or(names.event_ticker),
            client_order_id: names.client_order_id,
            is_object,
            reason,
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| text.chars().take(QUOTED_MAX).collect::<String>();
        write!(f, "{}", self.what)?;
        if let Some(id) = &self.id {
            write!(f, " {}", quoted(id))?;
        }
        if let Some(ticker) = &self.ticker {
            write!(f, " of {}", quoted(ticker))?;
        }
        let reason: String = self.reason.chars().take(3 * QUOTED_MAX).collect();
        if self.place == 0 {
            return write!(f, ": {reason}");
        }
        write!(f, " (number {} of its list) cannot be used: {reason}", self.place)
    }
}

/// Parses a body with a list of elements. A list that is `null` counts as empty, since that is how Go prints an empty slice.
///
/// # Errors
/// If the body is not a JSON object, the list is missing, or the cursor is not text. An element never causes an error.
pub fn read_page<T: Element>(body: &[u8]) -> Result<Page<T>, WireError> {
    read_list(body)?.ok_or(WireError::Missing { what: T::LIST, field: T::LIST })
}

/// Parses a body in which the list is optional; `None` if it is missing.
///
/// # Errors
/// Like [`read_page`], except for a missing list.
pub fn read_list<T: Element>(body: &[u8]) -> Result<Option<Page<T>>, WireError> {
    let mut scanner = Scanner::new(T::LIST, body)?;
    let mut page = Page { elements: Vec::new(), unusable: Vec::new(), cursor: String::new() };
    let mut found = None;
    scanner.object(|scanner, key| {
        match key {
            "cursor" => page.cursor = scanner.string("cursor")?.map_or_else(String::new, |text| text.decoded().into()),
            key if key == T::LIST => {
                found = Some(());
                (page.elements, page.unusable) = (Vec::new(), Vec::new());
                if !scanner.null() {
                    scanner.array(|scanner| element(scanner, &mut page))?;
                }
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    Ok(found.map(|()| page))
}

fn element<T: Element>(scanner: &mut Scanner<'_>, page: &mut Page<T>) -> Result<(), WireError> {
    let text = scanner.raw_value()?;
    let read = serde_json::from_str(text).map_err(|error| error.to_string());
    match read.and_then(|element: T| element.check().map(|()| element)) {
        Ok(element) => page.elements.push(element),
        Err(reason) if planted!(StrangeElementDropsList) => return Err(scanner.bad_value(T::LIST, reason)),
        Err(reason) => {
            let place = page.elements.len() + page.unusable.len() + 1;
            page.unusable.push(Unusable::new(T::WHAT, place, text, reason));
        }
    }
    Ok(())
}

/// Deserialises a field that its reader can do without: `null`, or a value of an unexpected kind, counts as absent.
///
/// # Errors
/// Only if the JSON itself is truncated.
pub fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Read<T> {
        Usable(T),
        Other(IgnoredAny),
    }
    Ok(match Read::deserialize(deserializer)? {
        Read::Usable(value) => value,
        Read::Other(IgnoredAny) => T::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        ticker: String,
        #[serde(default, deserialize_with = "lenient")]
        shard: Option<u8>,
        #[serde(default, deserialize_with = "lenient")]
        word: String,
    }

    impl Element for Thing {
        const LIST: &'static str = "things";
        const WHAT: &'static str = "thing";
    }

    fn read(body: &str) -> Result<Page<Thing>, WireError> {
        read_page(body.as_bytes())
    }

    #[test]
    fn an_element_that_cannot_be_used_is_described_and_the_others_are_returned() {
        let page = read(
            r#"{"cursor":"n\u0065xt","new":[{}],"things":[{"ticker":"A","shard":2},null,{"id":"x","ticker":7},
                {"market_ticker":"B"},[],"C",{"ticker":"D","shard":-1,"word":{"a":[1]}}]}"#,
        )
        .unwrap();
        let names: Vec<_> = page.elements.iter().map(|thing| (thing.ticker.as_str(), thing.shard)).collect();
        assert_eq!(names, [("A", Some(2)), ("D", None)]);
        assert_eq!(page.cursor, "next");
        let places: Vec<_> = page.unusable.iter().map(|unusable| (unusable.place, unusable.is_object)).collect();
        assert_eq!(places, [(2, false), (3, true), (4, true), (5, false), (6, false)]);
        let told = page.unusable[1].to_string();
        assert!(told.starts_with("thing x (number 3 of its list) cannot be used: invalid type"), "{told}");
        let told = page.unusable[2].to_string();
        assert!(told.starts_with("thing of B (number 4") && told.contains("missing field `ticker`"), "{told}");
    }

    #[test]
    fn a_body_as_a_whole_stays_strict() {
        assert_eq!(read(r#"{"things":null,"cursor":null}"#).unwrap().cursor, "");
        for (body, expected) in [
            ("{}", "things: `things` is missing"),
            (r#"{"things":{}}"#, "expected an array"),
            (r#"{"things":[{"ticker":"A"}"#, "expected `,` or `]`"),
            (r#"{"things":[],"cursor":7}"#, "things: `cursor`: expected a string"),
            (r#"{"things":[{"ticker":"A"},{]}"#, "expected a key"),
            ("<html>", "expected an object"),
        ] {
            let error = read(body).unwrap_err().to_string();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }

    #[test]
    fn quotes_from_an_element_are_bounded() {
        let long = "x".repeat(10_000);
        let page = read(&format!(r#"{{"things":[{{"id":"{long}","market_ticker":"{long}"}}]}}"#)).unwrap();
        assert!(page.unusable[0].to_string().len() < 500);
    }
}
