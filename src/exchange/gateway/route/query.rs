//! Query strings: parameters, their types and bounds, and cursors. Errors are those of the exchange's generated server code:
//! one text for a value of the wrong type, another for a value that fails validation.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use crate::exchange::gateway::Refusal;

/// The parameters of a query string.
#[derive(Clone, Debug, Default)]
pub struct Query<'a> {
    call: &'static str,
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// The limits of a list's page length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit {
    lowest: i64,
    highest: i64,
    /// The page length if `limit` is absent or zero.
    default: usize,
    /// The names of the exchange's validation rules for the two bounds, as its errors quote them.
    rules: (&'static str, &'static str),
}

impl PageLimit {
    /// Markets and trades: 0 to 1,000.
    pub const MARKETS: Self = Self { lowest: 0, highest: 1_000, default: 100, rules: ("gte", "lte") };
    /// Lists of an account: 1 to 1,000.
    pub const ACCOUNT: Self = Self { lowest: 1, highest: 1_000, default: 100, rules: ("min", "max") };
    /// Events: 1 to 200, by default 200.
    pub const EVENTS: Self = Self { lowest: 1, highest: 200, default: 200, rules: ("min", "max") };
    /// Combo events: 1 to 200, by default 100.
    pub const COMBO_EVENTS: Self = Self { default: 100, ..Self::EVENTS };
}

impl<'a> Query<'a> {
    /// Splits and decodes the query of a request target. `call` names the operation in errors.
    #[must_use]
    pub fn new(target: &'a str, call: &'static str) -> Self {
        let text = target.split_once('?').map_or("", |(_, query)| query);
        let pairs = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (form_decode(name), form_decode(value)))
            .collect();
        Self { call, pairs }
    }

    /// The first value of a parameter; an empty value counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// Every value of a repeated parameter.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_ref())
    }

    /// The entries of a comma-separated parameter, or `None` if it is absent.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.get(name).map(|value| value.split(',').filter(|entry| !entry.is_empty()).collect())
    }

    /// The entries of a comma-separated parameter that may have at most `most`.
    ///
    /// # Errors
    /// 400 if there are more.
    pub fn list_of(&self, name: &str, most: usize) -> Result<Option<Vec<&str>>, Refusal> {
        match self.list(name) {
            Some(entries) if entries.len() > most => {
                Err(Refusal::bad_query(&format!("{name} has {} entries, expected {most} at most", entries.len())))
            }
            entries => Ok(entries),
        }
    }

    /// An integer.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|error: std::num::ParseIntError| {
            let out_of_range =
                matches!(error.kind(), std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow);
            let reason = if out_of_range { "value out of range" } else { "invalid syntax" };
            Refusal::unbound(name, "ParseInt", value, reason)
        })
    }

    /// An integer within a range.
    ///
    /// # Errors
    /// 400 if it is something else, or out of range.
    pub fn integer_within(&self, name: &str, field: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Refusal> {
        let value = self.integer(name)?;
        match value {
            Some(value) if value < *range.start() => Err(Refusal::parameter(self.call, field, "gte")),
            Some(value) if value > *range.end() => Err(Refusal::parameter(self.call, field, "lte")),
            value => Ok(value),
        }
    }

    /// A boolean, in one of the spellings that Go accepts; if absent, false.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn flag(&self, name: &str) -> Result<bool, Refusal> {
        self.choice(name).map(|choice| choice.unwrap_or(false))
    }

    /// A boolean, or `None` if absent.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn choice(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(Some(true)),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(Some(false)),
            Some(other) => Err(Refusal::unbound(name, "ParseBool", other, "invalid syntax")),
        }
    }

    /// One of several words.
    ///
    /// # Errors
    /// 400 if it is another word.
    pub fn one_of(&self, name: &str, field: &str, words: &[&str]) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            Some(value) if !words.contains(&value) => Err(Refusal::parameter(self.call, field, "oneof")),
            value => Ok(value),
        }
    }

    /// The `status` filter of a list, which the exchange checks separately (both messages were captured on production, in
    /// August and September 2026).
    ///
    /// # Errors
    /// 400 if it is another word, or several words.
    pub fn status(&self, words: &[&str]) -> Result<Option<&str>, Refusal> {
        match self.get("status") {
            Some(value) if value.contains(',') => Err(Refusal::bad_query("only one status filter may be supplied")),
            Some(value) if !words.contains(&value) => Err(Refusal::bad_query("invalid status filter")),
            value => Ok(value),
        }
    }

    /// The number of entries that the page may have.
    ///
    /// # Errors
    /// 400 if `limit` is not a number within the bounds.
    pub fn limit(&self, limit: PageLimit) -> Result<usize, Refusal> {
        let wanted = self.integer("limit")?;
        match wanted {
            Some(wanted) if wanted < limit.lowest => Err(Refusal::parameter(self.call, "Limit", limit.rules.0)),
            Some(wanted) if wanted > limit.highest => Err(Refusal::parameter(self.call, "Limit", limit.rules.1)),
            None | Some(0) => Ok(limit.default),
            Some(wanted) => Ok(usize::try_from(wanted).expect("checked to be positive")),
        }
    }

    /// The position encoded by the `cursor` parameter. An invalid cursor counts as absent, as captured on the exchange.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        self.get("cursor").and_then(position)
    }
}

/// The position encoded by a [`cursor`]; `None` if the text is not one.
#[must_use]
pub fn position(text: &str) -> Option<usize> {
    usize::from_str_radix(text.strip_prefix('p')?, 36).ok()
}

/// Encodes a position as an opaque cursor.
#[must_use]
pub fn cursor(position: usize) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    let mut rest = position;
    loop {
        digits.push(char::from(DIGITS[rest % 36]));
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    std::iter::once('p').chain(digits.into_iter().rev()).collect()
}

/// Decodes a part of a query, in the encoding of HTML forms.
fn form_decode(text: &str) -> Cow<'_, str> {
    decode(text, |_| true, |byte| if byte == b'+' { b' ' } else { byte })
}

/// Percent-decodes the bytes for which `decodes` returns true; invalid escapes are kept. Bytes outside escapes are mapped by
/// `plain`.
pub(super) fn decode(text: &str, decodes: impl Fn(u8) -> bool, plain: impl Fn(u8) -> u8) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'%' || plain(byte) != byte) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while position < bytes.len() {
        let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let escaped = match (bytes[position], digit(position + 1), digit(position + 2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok().filter(|byte| decodes(*byte)),
            _ => None,
        };
        decoded.push(escaped.unwrap_or_else(|| plain(bytes[position])));
        position += if escaped.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(refusal: &Refusal) -> String {
        String::from_utf8(refusal.response().body).unwrap()
    }

    #[test]
    fn query_values_are_decoded_and_checked() {
        let query = Query::new("/x?tickers=A%2CB,C&limit=5&status=open&empty=&t=1&t=2", "GetMarkets");
        assert_eq!(query.list("tickers"), Some(vec!["A", "B", "C"]));
        assert_eq!(query.list_of("tickers", 2).unwrap_err().status, 400);
        assert_eq!(query.limit(PageLimit::MARKETS), Ok(5));
        assert_eq!(query.get("empty"), None);
        assert_eq!(query.values("t").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.one_of("status", "Status", &["closed"]).unwrap_err().status, 400);
        assert_eq!(
            body(&query.status(&["closed"]).unwrap_err()),
            r#"{"error":{"code":"bad_request","message":"bad request","details":"invalid status filter"}}"#
        );
        let several = Query::new("/x?status=open,closed", "GetMarkets");
        assert!(body(&several.status(&["open", "closed"]).unwrap_err()).contains("only one status filter"));
    }

    #[test]
    fn a_limit_out_of_bounds_names_the_rule_that_it_breaks() {
        let refused = |target: &str, limit| body(&Query::new(target, "GetX").limit(limit).unwrap_err());
        assert!(refused("/x?limit=1001", PageLimit::MARKETS).ends_with(r#"'Limit' failed on the 'lte' tag"}"#));
        assert!(refused("/x?limit=1001", PageLimit::ACCOUNT).ends_with(r#"'Limit' failed on the 'max' tag"}"#));
        assert!(refused("/x?limit=0", PageLimit::ACCOUNT).contains("Key: 'GetXParams.Limit'"));
        assert_eq!(Query::new("/x?limit=0", "GetX").limit(PageLimit::MARKETS), Ok(100));
        assert_eq!(Query::new("/x", "GetX").limit(PageLimit::EVENTS), Ok(200));
    }

    #[test]
    fn a_value_of_the_wrong_type_gets_the_error_of_the_exchange() {
        let query = Query::new("/x?limit=abc&min_ts=99999999999999999999&nested=maybe&with=T", "GetMarkets");
        assert_eq!(
            body(&query.limit(PageLimit::MARKETS).unwrap_err()),
            r#"{"msg":"Invalid format for parameter limit: error binding string parameter: strconv.ParseInt: parsing \"abc\": invalid syntax"}"#
        );
        assert!(body(&query.integer("min_ts").unwrap_err()).contains("value out of range"));
        assert!(body(&query.flag("nested").unwrap_err()).contains("strconv.ParseBool"));
        assert_eq!((query.flag("with"), query.choice("absent")), (Ok(true), Ok(None)));
    }

    #[test]
    fn a_cursor_encodes_its_position() {
        for position in [0, 1, 35, 36, 123_456] {
            let text = cursor(position);
            assert_eq!(Query::new(&format!("/x?cursor={text}"), "GetMarkets").position(), Some(position));
        }
        assert_eq!(Query::new("/x?cursor=garbage", "GetMarkets").position(), None);
    }

    proptest! {
        #[test]
        fn no_query_makes_the_reader_panic(target in ".{0,200}") {
            let query = Query::new(&target, "GetMarkets");
            let _ = (query.limit(PageLimit::MARKETS), query.position(), query.list("tickers"), query.flag("a"));
        }
    }
}
