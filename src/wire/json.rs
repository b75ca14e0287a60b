//! Writing JSON objects directly into a byte buffer: no intermediate value, and no allocation while the buffer has room.

use std::io::Write;

use super::scan::plain_len;

/// An object being written. [`Object::end`] closes it.
pub(crate) struct Object<'b> {
    buffer: &'b mut Vec<u8>,
    first: bool,
}

impl<'b> Object<'b> {
    /// Opens an object at the end of `buffer`.
    pub(crate) fn begin(buffer: &'b mut Vec<u8>) -> Self {
        buffer.push(b'{');
        Self { buffer, first: true }
    }

    /// Closes the object.
    pub(crate) fn end(self) {
        self.buffer.push(b'}');
    }

    /// Writes the key; the caller writes one JSON value to the returned buffer.
    pub(crate) fn value(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.first {
            self.buffer.push(b',');
        }
        self.first = false;
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(b"\":");
        self.buffer
    }

    /// Opens a nested object.
    pub(crate) fn object(&mut self, key: &str) -> Object<'_> {
        Object::begin(self.value(key))
    }

    /// Writes a string that needs no escapes, such as a decimal or an id.
    pub(crate) fn quoted(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let buffer = self.value(key);
        buffer.push(b'"');
        write(buffer);
        buffer.push(b'"');
    }

    /// Writes any string.
    pub(crate) fn text(&mut self, key: &str, text: &str) {
        write_text(self.value(key), text);
    }

    /// Writes any string, or nothing for `None`.
    pub(crate) fn optional_text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    pub(crate) fn integer(&mut self, key: &str, value: impl Into<i128>) {
        let (buffer, value) = (self.value(key), value.into());
        match u64::try_from(value) {
            Ok(value) => write_digits(buffer, value),
            Err(_) => write!(buffer, "{value}").expect("writing to a Vec cannot fail"),
        }
    }

    /// Writes an integer, or nothing for `None`.
    pub(crate) fn optional_integer(&mut self, key: &str, value: Option<impl Into<i128>>) {
        if let Some(value) = value {
            self.integer(key, value);
        }
    }

    pub(crate) fn boolean(&mut self, key: &str, value: bool) {
        self.value(key).extend_from_slice(if value { b"true" } else { b"false" });
    }
}

/// The digits of a number, without the machinery of formatting.
fn write_digits(buffer: &mut Vec<u8>, mut value: u64) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] += u8::try_from(value % 10).expect("a digit");
        value /= 10;
        if value == 0 {
            return buffer.extend_from_slice(&digits[first..]);
        }
    }
}

/// Writes a JSON string with the necessary escapes.
pub(crate) fn write_text(buffer: &mut Vec<u8>, text: &str) {
    buffer.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_len(rest));
        buffer.extend_from_slice(plain);
        let Some((&byte, tail)) = special.split_first() else { break };
        match byte {
            b'"' | b'\\' => buffer.extend_from_slice(&[b'\\', byte]),
            0..0x20 => write!(buffer, "\\u{byte:04x}").expect("writing to a Vec cannot fail"),
            _ => buffer.push(byte),
        }
        rest = tail;
    }
    buffer.push(b'"');
}

/// Writes a JSON array; the closure writes each element.
pub(crate) fn write_array<T>(
    buffer: &mut Vec<u8>,
    elements: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    buffer.push(b'[');
    for (position, element) in elements.into_iter().enumerate() {
        if position > 0 {
            buffer.push(b',');
        }
        write(buffer, element);
    }
    buffer.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_any_size_and_sign_are_written_in_full() {
        let values =
            [0, 7, 10, 1_790_000_016, i128::from(u64::MAX), i128::from(u64::MAX) + 1, -1, i128::from(i64::MIN)];
        for value in values {
            let mut buffer = Vec::new();
            let mut object = Object::begin(&mut buffer);
            object.integer("n", value);
            object.end();
            assert_eq!(String::from_utf8(buffer).unwrap(), format!(r#"{{"n":{value}}}"#));
        }
    }

    proptest::proptest! {
        #[test]
        fn written_text_is_read_back_by_serde_json(text in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
            let mut buffer = Vec::new();
            write_text(&mut buffer, &text);
            proptest::prop_assert_eq!(serde_json::from_slice::<String>(&buffer).unwrap(), text);
        }
    }
}
