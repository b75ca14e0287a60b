//! Lines of frames files: a bare frame, or a recorder's wrapper around one.

use std::ops::Range;

use jiff::Timestamp;

use super::WireError;
use super::scan::Scanner;

/// A parsed line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedLine<'a> {
    /// When the recorder received the frame, if the line says so.
    pub received_ms: Option<i64>,
    /// The connection that the frame came on, if the recorder numbers connections.
    pub connection: Option<u64>,
    pub frame: &'a [u8],
}

/// Parses a line `{"recv_ms":N,"connection":N,"event":{frame}}`, in which both numbers are optional. A line without `event` is a
/// bare frame, and is returned unchecked.
///
/// # Errors
/// If the line is not a JSON object.
pub fn unwrap_line(line: &[u8]) -> Result<RecordedLine<'_>, WireError> {
    if line.starts_with(br#"{"type":"#) {
        return Ok(RecordedLine { received_ms: None, connection: None, frame: line });
    }
    let mut scanner = Scanner::new("recorded line", line)?;
    let (mut received_ms, mut connection, mut event) = (None, None, None);
    scanner.object(|scanner, key| {
        match key {
            "recv_ms" => received_ms = scanner.integer("recv_ms")?,
            "connection" => connection = scanner.integer("connection")?,
            "event" => event = Some(scanner.raw_value()?),
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    Ok(match event {
        Some(event) => RecordedLine { received_ms, connection, frame: event.as_bytes() },
        None => RecordedLine { received_ms: None, connection: None, frame: line },
    })
}

/// The time in `ts` of a delta or trade, for recordings from before frames had `ts_ms`: a date in deltas, seconds in trades.
///
/// # Errors
/// If it is neither.
pub fn written_ms(frame: &[u8]) -> Result<Option<i64>, WireError> {
    let mut scanner = Scanner::new("frame", frame)?;
    let mut ts_ms = None;
    scanner.object(|scanner, key| {
        if key != "msg" {
            return scanner.skip();
        }
        scanner.object(|scanner, key| {
            if key != "ts" {
                return scanner.skip();
            }
            let expected = "expected a date such as 2026-08-05T03:45:00Z or seconds since 1970";
            let text = scanner.raw_value()?;
            let date = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            ts_ms = match date {
                Some(date) => date.parse::<Timestamp>().ok().map(Timestamp::as_millisecond),
                None => text.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000)),
            };
            if ts_ms.is_none() && text != "null" {
                let found: String = text.chars().take(40).collect();
                return Err(scanner.bad_value("ts", format!("{expected}, found `{found}`")));
            }
            Ok(())
        })
    })?;
    Ok(ts_ms)
}

/// Finds the first object in a JSON text, ordered by where the objects begin, that satisfies a predicate, and returns its
/// position. The predicate is called with keys and values as sent.
///
/// # Errors
/// If the text is not JSON.
pub fn find_object(text: &str, is_it: impl Fn(&[(&str, &str)]) -> bool) -> Result<Option<Range<usize>>, WireError> {
    let base = text.as_ptr().addr();
    let mut waiting = vec![Scanner::new("JSON text", text.as_bytes())?.whole_value()?];
    while let Some(value) = waiting.pop() {
        let mut scanner = Scanner::new("JSON text", value.as_bytes())?;
        let mut inner = Vec::new();
        if value.starts_with('{') {
            let mut entries = Vec::new();
            scanner.raw_object(|key, value| entries.push((key, value)))?;
            if is_it(&entries) {
                let start = value.as_ptr().addr() - base;
                return Ok(Some(start..start + value.len()));
            }
            inner.extend(entries.into_iter().map(|(_, value)| value));
        } else if value.starts_with('[') {
            scanner.array(|scanner| {
                inner.push(scanner.raw_value()?);
                Ok(())
            })?;
        }
        waiting.extend(inner.into_iter().rev());
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_and_bare_lines_contain_the_frame() {
        let frame = br#"{"sid":1,"type":"ok"}"#;
        let bare = RecordedLine { received_ms: None, connection: None, frame };
        assert_eq!(unwrap_line(frame).unwrap(), bare);
        let line = br#" {"event": {"sid":1,"type":"ok"} , "recv_ms": 7, "host": {"a":[1]}}"#;
        assert_eq!(unwrap_line(line).unwrap(), RecordedLine { received_ms: Some(7), ..bare });
        let line = br#"{"recv_ms":7,"connection":3,"event":{"sid":1,"type":"ok"}}"#;
        assert_eq!(unwrap_line(line).unwrap(), RecordedLine { received_ms: Some(7), connection: Some(3), frame });
        assert!(unwrap_line(br#"{"recv_ms":7,"event":{"sid":1"#).is_err());
        assert!(unwrap_line(b"[]").is_err());
    }

    #[test]
    fn older_frames_have_their_time_as_a_date_or_in_seconds() {
        let at = |ts: &str| written_ms(format!(r#"{{"type":"x","sid":1,"msg":{{"a":[1],"ts":{ts}}}}}"#).as_bytes());
        assert_eq!(at(r#""2026-04-18T05:34:49.816683Z""#), Ok(Some(1_776_490_489_816)));
        assert_eq!(at("1770897981"), Ok(Some(1_770_897_981_000)));
        assert_eq!((at("null"), written_ms(br#"{"type":"x","msg":{}}"#)), (Ok(None), Ok(None)));
        for bad in [r#""yesterday""#, "9223372036854775807", "1.5", "[]"] {
            let error = at(bad).unwrap_err().to_string();
            assert!(error.contains("`ts`: expected a date") && error.contains(bad), "{bad}: {error}");
        }
    }
}
