//! WebSocket framing on the server's side, over byte buffers. Reading goes through tungstenite (masks, fragments, UTF-8,
//! control frames); data frames are written directly behind each other, so that one write carries them all.

use std::io::{self, Read, Write};

use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

/// The longest message a client may send.
const MESSAGE_MAX: usize = 1024 * 1024;

/// What a client sent.
#[derive(Debug)]
pub enum Incoming {
    /// A message, text or binary: the gateway judges it.
    Message(Vec<u8>),
    /// The connection is at its end; what was buffered should still be written.
    Ended,
    /// Nothing more for now.
    Nothing,
}

/// The state of one WebSocket.
#[derive(Debug)]
pub struct Framing {
    context: WebSocketContext,
}

/// The buffers of a connection as the stream that tungstenite wants.
struct Buffers<'a> {
    input: &'a mut Vec<u8>,
    output: &'a mut Vec<u8>,
}

impl Read for Buffers<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = target.len().min(self.input.len());
        target[..length].copy_from_slice(&self.input[..length]);
        self.input.drain(..length);
        Ok(length)
    }
}

impl Write for Buffers<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Default for Framing {
    fn default() -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1024)
            .max_message_size(Some(MESSAGE_MAX))
            .max_frame_size(Some(MESSAGE_MAX));
        Self { context: WebSocketContext::new(Role::Server, Some(config)) }
    }
}

impl Framing {
    /// The next message in what was read. Pongs and the echo of a close go to the output.
    pub fn read(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) -> Incoming {
        loop {
            let read = self.context.read(&mut Buffers { input, output });
            // A ping or close is answered by the flush.
            let flushed = self.context.flush(&mut Buffers { input, output });
            match read {
                Ok(Message::Text(text)) => return Incoming::Message(text.as_bytes().to_vec()),
                Ok(Message::Binary(bytes)) => return Incoming::Message(bytes.to_vec()),
                Ok(Message::Close(_)) => return Incoming::Ended,
                Ok(_) if flushed.is_ok() => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Incoming::Nothing,
                Ok(_) | Err(_) => return Incoming::Ended,
            }
        }
    }
}

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;

fn write_frame(output: &mut Vec<u8>, head: u8, payload: &[u8]) {
    output.push(head);
    match payload.len() {
        length @ 0..=125 => output.push(u8::try_from(length).expect("at most 125")),
        length @ 126..=0xffff => {
            output.push(126);
            output.extend_from_slice(&u16::try_from(length).expect("at most 65,535").to_be_bytes());
        }
        length => {
            output.push(127);
            output.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    output.extend_from_slice(payload);
}

/// Appends a text frame. A server's frames are not masked (RFC 6455, 5.1).
pub fn write_text(output: &mut Vec<u8>, text: &[u8]) {
    write_frame(output, TEXT, text);
}

/// Appends a ping.
///
/// # Panics
/// When the payload is longer than a control frame may be.
pub fn write_ping(output: &mut Vec<u8>, payload: &[u8]) {
    assert!(payload.len() <= 125, "a control frame carries at most 125 bytes");
    write_frame(output, PING, payload);
}

/// Appends a normal close with its reason.
pub fn write_close(output: &mut Vec<u8>, reason: &str) {
    let mut payload = 1000u16.to_be_bytes().to_vec();
    payload.extend(reason.bytes().take(120));
    write_frame(output, CLOSE, &payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_of_every_length_are_read_back_by_a_client() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let text = "a".repeat(length);
            let mut wire = Vec::new();
            write_text(&mut wire, text.as_bytes());
            let mut client = WebSocketContext::new(Role::Client, None);
            let mut output = Vec::new();
            let message = client.read(&mut Buffers { input: &mut wire, output: &mut output }).unwrap();
            assert_eq!(message.into_text().unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_client_ping_is_answered_and_its_text_comes_out() {
        let (mut wire, mut unused) = (Vec::new(), Vec::new());
        let mut client = WebSocketContext::new(Role::Client, None);
        for message in [Message::Ping("x".into()), Message::text("hello")] {
            client.write(&mut Buffers { input: &mut unused, output: &mut wire }, message).unwrap();
        }
        client.flush(&mut Buffers { input: &mut unused, output: &mut wire }).unwrap();
        let (mut framing, mut output) = (Framing::default(), Vec::new());
        assert!(matches!(framing.read(&mut wire, &mut output), Incoming::Message(text) if text == b"hello"));
        assert_eq!(output, [0x8a, 1, b'x']);
        assert!(matches!(framing.read(&mut wire, &mut output), Incoming::Nothing));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_framing_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (mut framing, mut output) = (Framing::default(), Vec::new());
            for _ in 0..100 {
                match framing.read(&mut bytes, &mut output) {
                    Incoming::Message(_) => {}
                    Incoming::Ended | Incoming::Nothing => break,
                }
            }
        }
    }
}
