//! A strict JSON scanner over borrowed bytes, used by the general frame parser and the parsers of order responses. It owns no
//! memory and knows nothing of frames. A value that is `null` counts as absent, keys are compared after decoding their escapes,
//! and everything that is skipped is still checked to be JSON, so that a truncated or damaged frame is never taken for a whole
//! one.

use std::borrow::Cow;

use super::WireError;
use crate::market::DecimalError;

/// The deepest nesting of a skipped value. `serde_json` stops at 128, of which the frame itself uses two.
const MAX_DEPTH: u32 = 120;

/// The length of the leading part that is printable ASCII without `"` and `\`, which is the part of a JSON string that needs no
/// further check. Looks at eight bytes at a time; of the flags only the lowest one is used, because only that one is exact.
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut length = 0;
    let mut rest = bytes;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quotes = word ^ (ONES * 0x22);
        let backslashes = word ^ (ONES * 0x5c);
        let special = (quotes.wrapping_sub(ONES) & !quotes)
            | (backslashes.wrapping_sub(ONES) & !backslashes)
            | (word.wrapping_sub(ONES * 0x20) & !word)
            | word;
        let flags = special & HIGHS;
        if flags != 0 {
            return length + (flags.trailing_zeros() / 8) as usize;
        }
        length += 8;
        rest = tail;
    }
    length + rest.iter().take_while(|&&byte| (0x20..0x80).contains(&byte) && byte != b'"' && byte != b'\\').count()
}

/// The inside of a JSON string as sent.
#[derive(Clone, Copy)]
pub(crate) struct RawText<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> RawText<'a> {
    /// The text as sent, with its escape sequences.
    pub(crate) const fn as_sent(self) -> &'a str {
        self.raw
    }

    /// The text with its escape sequences decoded.
    pub(crate) fn decoded(self) -> Cow<'a, str> {
        if self.escaped {
            let literal = format!("\"{}\"", self.raw);
            Cow::Owned(serde_json::from_str(&literal).expect("the scanner checked every escape of this string"))
        } else {
            Cow::Borrowed(self.raw)
        }
    }
}

/// A position in a JSON text. A copy remembers the place.
#[derive(Clone, Copy)]
pub(crate) struct Scanner<'a> {
    what: &'static str,
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of `bytes`; `what` names them in errors.
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Result<Self, WireError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self { what, text, at: 0 }),
            Err(error) => {
                Err(WireError::Malformed { what, reason: format!("at byte {}: expected UTF-8", error.valid_up_to()) })
            }
        }
    }

    /// The same position, under another name in errors.
    pub(crate) const fn named(self, what: &'static str) -> Self {
        Self { what, ..self }
    }

    /// A key's value, or the error that it is missing.
    pub(crate) fn required<T>(&self, value: Option<T>, field: &'static str) -> Result<T, WireError> {
        value.ok_or(WireError::Missing { what: self.what, field })
    }

    /// The error that `field` has an invalid value.
    pub(crate) fn bad_value(&self, field: &'static str, reason: impl Into<String>) -> WireError {
        WireError::BadValue { what: self.what, field, reason: reason.into() }
    }

    /// Walks an object: `entry` is called at each value with its key, and must consume the value.
    pub(crate) fn object(
        &mut self,
        mut entry: impl FnMut(&mut Self, &str) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        self.open(b'{', "an object")?;
        if self.close(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            entry(self, &key.decoded())?;
            if self.close(b'}') {
                return Ok(());
            }
            self.open(b',', "`,` or `}`")?;
        }
    }

    /// Walks an object, passing its keys and values as sent.
    pub(crate) fn raw_object(&mut self, mut entry: impl FnMut(&'a str, &'a str)) -> Result<(), WireError> {
        self.open(b'{', "an object")?;
        if self.close(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            entry(key.as_sent(), self.raw_value()?);
            if self.close(b'}') {
                return Ok(());
            }
            self.open(b',', "`,` or `}`")?;
        }
    }

    /// The value that makes up the whole text, checked to be JSON.
    pub(crate) fn whole_value(mut self) -> Result<&'a str, WireError> {
        let value = self.raw_value()?;
        self.end()?;
        Ok(value)
    }

    /// Walks an array: `element` is called at each value, and must consume it.
    pub(crate) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        self.open(b'[', "an array")?;
        if self.close(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if self.close(b']') {
                return Ok(());
            }
            self.open(b',', "`,` or `]`")?;
        }
    }

    /// Consumes one punctuation mark, or reports what was expected.
    pub(crate) fn open(&mut self, mark: u8, expected: &'static str) -> Result<(), WireError> {
        if self.close(mark) { Ok(()) } else { Err(self.malformed(expected)) }
    }

    /// Consumes the mark if it is next, and returns whether it was.
    fn close(&mut self, mark: u8) -> bool {
        self.whitespace();
        let found = self.peek() == Some(mark);
        self.at += usize::from(found);
        found
    }

    /// Checks that only white space is left.
    pub(crate) fn end(&mut self) -> Result<(), WireError> {
        self.whitespace();
        if self.at == self.text.len() { Ok(()) } else { Err(self.malformed("the end")) }
    }

    /// A string; `None` for `null`.
    pub(crate) fn string(&mut self, field: &'static str) -> Result<Option<RawText<'a>>, WireError> {
        if self.null() {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.bad_value(field, format!("expected a string, found {}", self.excerpt())));
        }
        self.raw_string().map(Some)
    }

    /// A string that must not contain escapes, because it is compared byte by byte.
    pub(crate) fn identifier(&mut self, field: &'static str) -> Result<Option<&'a str>, WireError> {
        match self.string(field)? {
            Some(text) if text.escaped => {
                Err(self.bad_value(field, format!("expected text without escapes, found `{}`", text.raw)))
            }
            text => Ok(text.map(RawText::as_sent)),
        }
    }

    /// A decimal string, parsed exactly.
    pub(crate) fn decimal<T>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(&[u8]) -> Result<T, DecimalError>,
    ) -> Result<Option<T>, WireError> {
        let Some(text) = self.string(field)? else { return Ok(None) };
        parse(text.decoded().as_bytes()).map(Some).map_err(|error| self.bad_value(field, error.to_string()))
    }

    /// A word from a closed set.
    pub(crate) fn word<T>(
        &mut self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, WireError> {
        let Some(text) = self.string(field)? else { return Ok(None) };
        match read(&text.decoded()) {
            Some(value) => Ok(Some(value)),
            None => Err(self.bad_value(field, format!("expected {expected}, found `{}`", text.raw))),
        }
    }

    pub(crate) fn integer<T: std::str::FromStr>(&mut self, field: &'static str) -> Result<Option<T>, WireError> {
        if self.null() {
            return Ok(None);
        }
        let start = self.at;
        let refused =
            |scanner: &Self| scanner.bad_value(field, format!("expected an integer, found {}", scanner.excerpt()));
        if !matches!(self.peek(), Some(b'-' | b'0'..=b'9')) {
            return Err(refused(self));
        }
        self.number()?;
        match self.text[start..self.at].parse() {
            // "-0" is a float to JSON readers.
            Ok(value) if &self.text[start..self.at] != "-0" => Ok(Some(value)),
            _ => Err(refused(&Self { at: start, ..*self })),
        }
    }

    pub(crate) fn boolean(&mut self, field: &'static str) -> Result<Option<bool>, WireError> {
        if self.null() {
            Ok(None)
        } else if self.keyword("true") {
            Ok(Some(true))
        } else if self.keyword("false") {
            Ok(Some(false))
        } else {
            Err(self.bad_value(field, format!("expected true or false, found {}", self.excerpt())))
        }
    }

    /// A value that its reader can do without: a value of an unexpected kind counts as absent.
    pub(crate) fn lenient<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Option<T>, WireError>,
    ) -> Result<Option<T>, WireError> {
        let before = *self;
        if let Ok(value) = read(self) {
            return Ok(value);
        }
        *self = before;
        self.skip()?;
        Ok(None)
    }

    /// Consumes `null` if it is next, and returns whether it was.
    pub(crate) fn null(&mut self) -> bool {
        self.whitespace();
        self.keyword("null")
    }

    /// Consumes any value, checking that it is JSON.
    pub(crate) fn skip(&mut self) -> Result<(), WireError> {
        let mut objects = 0u128; // One bit for each open container, the innermost lowest; set for an object.
        let mut depth = 0;
        loop {
            self.whitespace();
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    self.at += 1;
                    let is_object = open == b'{';
                    if !self.close(if is_object { b'}' } else { b']' }) {
                        if depth == MAX_DEPTH {
                            return Err(self.malformed("less nesting"));
                        }
                        depth += 1;
                        objects = objects << 1 | u128::from(is_object);
                        if is_object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let in_object = objects & 1 == 1;
                if self.close(b',') {
                    if in_object {
                        self.key()?;
                    }
                    break;
                }
                self.open(if in_object { b'}' } else { b']' }, "`,` or the end of an object or array")?;
                depth -= 1;
                objects >>= 1;
            }
        }
    }

    /// Consumes any value, checking that it is JSON, and returns its text.
    pub(crate) fn raw_value(&mut self) -> Result<&'a str, WireError> {
        self.whitespace();
        let start = self.at;
        self.skip()?;
        Ok(&self.text[start..self.at])
    }

    fn skip_scalar(&mut self) -> Result<(), WireError> {
        match self.peek() {
            Some(b'"') => self.raw_string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.keyword("true") || self.keyword("false") || self.keyword("null") => Ok(()),
            _ => Err(self.malformed("a value")),
        }
    }

    /// A key and its colon.
    fn key(&mut self) -> Result<RawText<'a>, WireError> {
        self.whitespace();
        if self.peek() != Some(b'"') {
            return Err(self.malformed("a key"));
        }
        let key = self.raw_string()?;
        self.open(b':', "`:`")?;
        Ok(key)
    }

    /// A string whose opening quote is next.
    fn raw_string(&mut self) -> Result<RawText<'a>, WireError> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_len(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(RawText { raw, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0x80..) => self.at += 1,
                _ => return Err(self.malformed("the end of a string")),
            }
        }
    }

    /// An escape sequence. Surrogates of `\u` must come in pairs.
    fn escape(&mut self) -> Result<(), WireError> {
        self.at += 1;
        let kind = self.peek();
        self.at += 1;
        match kind {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => match self.hex4()? {
                0xd800..0xdc00 => {
                    if !self.keyword("\\u") || !(0xdc00..0xe000).contains(&self.hex4()?) {
                        return Err(self.malformed("the second half of a surrogate pair"));
                    }
                    Ok(())
                }
                0xdc00..0xe000 => Err(self.malformed("the first half of a surrogate pair")),
                _ => Ok(()),
            },
            _ => Err(self.malformed("an escape sequence")),
        }
    }

    fn hex4(&mut self) -> Result<u32, WireError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let value = digits.iter().try_fold(0, |value, &digit| Some(value << 4 | (digit as char).to_digit(16)?));
        match value {
            Some(value) if digits.len() == 4 => {
                self.at += 4;
                Ok(value)
            }
            _ => Err(self.malformed("four hexadecimal digits")),
        }
    }

    /// A number by the JSON grammar.
    fn number(&mut self) -> Result<(), WireError> {
        self.at += usize::from(self.peek() == Some(b'-'));
        let leading_zero = self.peek() == Some(b'0');
        let whole_digits = self.digits();
        if whole_digits == 0 {
            return Err(self.malformed("a digit"));
        }
        if leading_zero && whole_digits > 1 {
            return Err(self.malformed("no digits after a leading zero"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.malformed("a digit"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.malformed("a digit"));
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let count = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = self.text.as_bytes()[self.at.min(self.text.len())..].starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn malformed(&self, expected: &'static str) -> WireError {
        WireError::Malformed {
            what: self.what,
            reason: format!("at byte {}: expected {expected}, found {}", self.at, self.excerpt()),
        }
    }

    /// The text at this position, short enough for a log line.
    fn excerpt(&self) -> String {
        match self.text.get(self.at..) {
            None | Some("") => "the end".to_owned(),
            Some(rest) => format!("`{}`", rest.chars().take(24).collect::<String>()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn skips(text: &str) -> bool {
        let mut scanner = Scanner::new("test", text.as_bytes()).unwrap();
        scanner.skip().and_then(|()| scanner.end()).is_ok()
    }

    #[test]
    fn skipped_values_must_be_json() {
        for good in ["0", "-1.5e+3", "\"\\u00e9\\ud83d\\ude00\"", "[]", "{}", " [ 1 , {\"a\" : [ null ] } ] ", "\"é\""]
        {
            assert!(skips(good), "{good}");
        }
        for bad in
            ["", "01", "1.", "-", "[1,]", "{\"a\"}", "{\"a\":1,}", "[1}", "\"\\ud83d\"", "\"\\x\"", "nul", "\"a", "00"]
        {
            assert!(!skips(bad), "{bad}");
        }
        assert!(skips(&format!("{}{}", "[".repeat(100), "]".repeat(100))));
        assert!(!skips(&format!("{}{}", "[".repeat(200), "]".repeat(200))));
    }

    proptest! {
        #[test]
        fn the_plain_part_ends_at_the_first_special_byte(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let expected = bytes
                .iter()
                .position(|&byte| !(0x20..0x80).contains(&byte) || byte == b'"' || byte == b'\\')
                .unwrap_or(bytes.len());
            prop_assert_eq!(plain_len(&bytes), expected);
        }

        #[test]
        fn skipping_agrees_with_serde_json_on_json_like_text(text in r#"[\[\]{}:,"a0-9eE.+\\un \-]{0,24}"#) {
            // serde_json also rejects numbers that overflow a float, which two exponent digits cannot.
            let oracle = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            let strict = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            let ours = skips(&text);
            prop_assert!(ours == oracle || ours == strict, "{text:?}: ours {ours}, serde_json {oracle} {strict}");
        }
    }
}
