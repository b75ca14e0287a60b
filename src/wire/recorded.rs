//! Lines of frames files: a bare frame, or a recorder's wrapper around one.

use super::WireError;
use super::scan::Scanner;

/// Splits a line `{"recv_ms":N,"event":{frame}}` into the time of receipt, if there is one, and the frame. A line without
/// `event` is a bare frame and comes back as it is, unchecked.
///
/// # Errors
/// When the line is no JSON object.
pub fn unwrap_line(line: &[u8]) -> Result<(Option<i64>, &[u8]), WireError> {
    if line.starts_with(br#"{"type":"#) {
        return Ok((None, line));
    }
    let mut scanner = Scanner::new("recorded line", line)?;
    let (mut received_ms, mut event) = (None, None);
    scanner.object(|scanner, key| {
        match key {
            "recv_ms" => received_ms = scanner.integer("recv_ms")?,
            "event" => event = Some(scanner.raw_value()?),
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    Ok((received_ms, event.map_or(line, str::as_bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_and_bare_lines_give_the_frame() {
        let frame = br#"{"sid":1,"type":"ok"}"#;
        assert_eq!(unwrap_line(frame).unwrap(), (None, frame.as_slice()));
        let line = br#" {"event": {"sid":1,"type":"ok"} , "recv_ms": 7, "host": {"a":[1]}}"#;
        assert_eq!(unwrap_line(line).unwrap(), (Some(7), frame.as_slice()));
        assert!(unwrap_line(br#"{"recv_ms":7,"event":{"sid":1"#).is_err());
        assert!(unwrap_line(b"[]").is_err());
    }
}
