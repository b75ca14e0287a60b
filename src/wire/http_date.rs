//! The date of an HTTP response (RFC 9110, 5.6.7): the server's time, to the second.

use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

use super::time::timestamp;

/// Milliseconds since the Unix epoch, in whole seconds; `None` if the text is not a date.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<i64> {
    DateTimeParser::new().parse_timestamp(text).ok().map(Timestamp::as_millisecond)
}

/// A date in the form of a response header, which has a fixed length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpDate {
    second: i64,
    text: Option<[u8; 29]>,
}

impl HttpDate {
    /// The date of a time. It has no text for a time before the year 1 or after 9999, which the form cannot express.
    #[must_use]
    pub fn new(unix_ms: i64) -> Self {
        let second = unix_ms.div_euclid(1_000);
        let time = timestamp(second.saturating_mul(1_000));
        let text = time.and_then(|time| DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok());
        Self { second, text: text.and_then(|text| text.into_bytes().try_into().ok()) }
    }

    /// Moves on to a later time. Costs something only once a second.
    pub fn advance(&mut self, unix_ms: i64) {
        if unix_ms.div_euclid(1_000) != self.second {
            *self = Self::new(unix_ms);
        }
    }

    /// The text, if there is one. A response without it carries no date, like that of a server without a clock (RFC 9110, 6.6.1).
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.text.as_ref().map(<[u8; 29]>::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_survives_the_round_trip_to_the_second() {
        let mut date = HttpDate::new(784_111_777_999);
        assert_eq!(date.as_bytes().unwrap(), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        date.advance(784_111_778_000);
        assert_eq!(date, HttpDate::new(784_111_778_500));
        assert_eq!(date.as_bytes().unwrap(), b"Sun, 06 Nov 1994 08:49:38 GMT");
    }

    #[test]
    fn invalid_dates_are_rejected_and_no_time_gets_the_date_of_another() {
        for text in ["", "yesterday", "Sun, 06 Nov 1994", "06 Nov 1994 25:49:37 GMT"] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
        for unix_ms in [i64::MIN, 1_790_000_000_000_000, i64::MAX] {
            assert_eq!(HttpDate::new(unix_ms).as_bytes(), None, "{unix_ms}");
        }
        assert_eq!(HttpDate::new(0).as_bytes().unwrap(), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(HttpDate::new(-1).as_bytes().unwrap(), b"Wed, 31 Dec 1969 23:59:59 GMT");
    }
}
