//! Times as written on the wire: RFC 3339 text with a four-digit year. A time outside that range has no text and is rejected
//! where it enters; another time is never written in its place.

use jiff::Timestamp;

/// The last millisecond that can be written, some hours before the end of the year 9999.
const LAST_MS: i64 = 253_402_207_200_000;
/// The first millisecond that can be written, the beginning of the year 1.
const FIRST_MS: i64 = -62_135_596_800_000;

/// A time in milliseconds since the Unix epoch; `None` if it cannot be written.
#[must_use]
pub fn timestamp(unix_ms: i64) -> Option<Timestamp> {
    is_writable(unix_ms).then(|| Timestamp::from_millisecond(unix_ms).ok()).flatten()
}

/// Whether a time in milliseconds since the Unix epoch can be written.
#[must_use]
pub const fn is_writable(unix_ms: i64) -> bool {
    FIRST_MS <= unix_ms && unix_ms <= LAST_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_writable_time_has_a_four_digit_year() {
        for (unix_ms, text) in
            [(FIRST_MS, "0001-01-01T00:00:00Z"), (0, "1970-01-01T00:00:00Z"), (LAST_MS, "9999-12-30T22:00:00Z")]
        {
            assert_eq!(timestamp(unix_ms).unwrap().to_string(), text);
        }
        for unix_ms in [i64::MIN, FIRST_MS - 1, LAST_MS + 1, 1_790_000_000_000_000, i64::MAX] {
            assert_eq!(timestamp(unix_ms), None, "{unix_ms}");
        }
    }
}
