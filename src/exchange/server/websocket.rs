//! The server's side of WebSocket framing, over byte buffers. Reading goes through tungstenite (masks, fragments, UTF-8,
//! control frames); data frames are written one directly after the other, so that a single write carries them all.

use std::io::{self, Read, Write};

pub(super) use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use super::input::Input;

/// Something sent by a client.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A text message, which the gateway handles.
    Message(Vec<u8>),
    /// The client closed the session, and that was answered. Buffered output should still be written.
    Closed,
    /// A protocol violation, for which the session must be closed with this code and reason.
    Refused(CloseCode, String),
    /// Nothing more at the moment.
    Nothing,
}

#[derive(Debug)]
pub(super) struct Framing {
    context: WebSocketContext,
}

/// The buffers of a connection, as the stream that tungstenite expects.
struct Buffers<'a> {
    input: &'a mut Input,
    output: &'a mut Vec<u8>,
}

impl Read for Buffers<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let length = target.len().min(self.input.len());
        if length == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        target[..length].copy_from_slice(&self.input.bytes()[..length]);
        self.input.consume(length);
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

impl Framing {
    /// A session with messages of at most this length.
    pub(super) fn new(message_max: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1024)
            .max_message_size(Some(message_max))
            .max_frame_size(Some(message_max));
        Self { context: WebSocketContext::new(Role::Server, Some(config)) }
    }

    /// The next message in the input. Pongs and the echo of a close go to the output.
    pub(super) fn read(&mut self, input: &mut Input, output: &mut Vec<u8>) -> Incoming {
        loop {
            let read = self.context.read(&mut Buffers { input, output });
            // The flush answers a ping or close, and fails once the session is closed.
            let flushed = self.context.flush(&mut Buffers { input, output });
            match read {
                Ok(Message::Text(text)) => return Incoming::Message(text.as_bytes().to_vec()),
                Ok(Message::Binary(_)) => {
                    return Incoming::Refused(CloseCode::Unsupported, "commands are text".to_owned());
                }
                Ok(Message::Close(_)) => return Incoming::Closed,
                Ok(_) if flushed.is_ok() => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Incoming::Nothing,
                Err(error @ Error::Capacity(_)) => return Incoming::Refused(CloseCode::Size, error.to_string()),
                Err(Error::Utf8(reason)) => {
                    return Incoming::Refused(CloseCode::Invalid, format!("the text is not UTF-8: {reason}"));
                }
                Err(error @ Error::Protocol(_)) => return Incoming::Refused(CloseCode::Protocol, error.to_string()),
                Ok(_) | Err(_) => return Incoming::Closed,
            }
        }
    }
}

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
/// The longest payload of a control frame.
const CONTROL_MAX: usize = 125;

fn write_frame(output: &mut Vec<u8>, head: u8, payload: &[u8]) {
    output.push(head);
    match payload.len() {
        length @ 0..=CONTROL_MAX => output.push(u8::try_from(length).expect("at most 125")),
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

/// Appends a text frame and returns its length. A server's frames are not masked (RFC 6455, 5.1).
pub(super) fn write_text(output: &mut Vec<u8>, text: &[u8]) -> usize {
    let before = output.len();
    write_frame(output, TEXT, text);
    output.len() - before
}

/// Appends a ping.
///
/// # Panics
/// If the payload is longer than a control frame allows.
pub(super) fn write_ping(output: &mut Vec<u8>, payload: &[u8]) {
    assert!(payload.len() <= CONTROL_MAX, "a control frame carries at most 125 bytes");
    write_frame(output, PING, payload);
}

/// Appends a close with as much of its reason as fits.
pub(super) fn write_close(output: &mut Vec<u8>, code: CloseCode, reason: &str) {
    let mut payload = u16::from(code).to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(CONTROL_MAX - 2)]);
    write_frame(output, CLOSE, &payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn buffers<'a>(input: &'a mut Input, output: &'a mut Vec<u8>) -> Buffers<'a> {
        Buffers { input, output }
    }

    #[test]
    fn frames_of_every_length_are_read_back_by_a_client() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let text = "a".repeat(length);
            let mut wire = Vec::new();
            assert_eq!(write_text(&mut wire, text.as_bytes()), wire.len());
            let mut client = WebSocketContext::new(Role::Client, None);
            let (mut wire, mut output) = (Input::from(&wire[..]), Vec::new());
            let message = client.read(&mut buffers(&mut wire, &mut output)).unwrap();
            assert_eq!(message.into_text().unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_client_ping_is_answered_and_its_text_comes_out() {
        let (mut wire, mut unused) = (Vec::new(), Input::default());
        let mut client = WebSocketContext::new(Role::Client, None);
        for message in [Message::Ping("x".into()), Message::text("hello")] {
            client.write(&mut buffers(&mut unused, &mut wire), message).unwrap();
        }
        client.flush(&mut buffers(&mut unused, &mut wire)).unwrap();
        let (mut wire, mut framing, mut output) = (Input::from(&wire[..]), Framing::new(1_000), Vec::new());
        assert!(matches!(framing.read(&mut wire, &mut output), Incoming::Message(text) if text == b"hello"));
        assert_eq!(output, [0x8a, 1, b'x']);
        assert!(matches!(framing.read(&mut wire, &mut output), Incoming::Nothing));
    }

    /// A client's frame, masked with zeros.
    fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![head];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
            length => {
                frame.push(0xfe);
                frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            }
        }
        [frame, vec![0; 4], payload.to_vec()].concat()
    }

    #[test]
    fn each_protocol_violation_has_its_code() {
        let code = |bytes: &[u8]| match Framing::new(1_000).read(&mut Input::from(bytes), &mut Vec::new()) {
            Incoming::Refused(code, _) => u16::from(code),
            other => panic!("{bytes:?}: {other:?}"),
        };
        for (breach, bytes) in [
            ("not masked", vec![0x81, 1, b'a']),
            ("a reserved bit", frame(0xc1, b"a")),
            ("an unknown opcode", frame(0x83, b"a")),
            ("an unknown control frame", frame(0x8b, b"a")),
            ("a ping in fragments", frame(0x09, b"a")),
            ("a ping too long", frame(0x89, &[b'a'; 126])),
            ("nothing to go on with", frame(0x80, b"a")),
            ("a text within a text", [frame(0x01, b"a"), frame(0x81, b"b")].concat()),
            ("a close of one byte", frame(0x88, b"a")),
        ] {
            assert_eq!(code(&bytes), 1002, "{breach}");
        }
        assert_eq!(code(&frame(0x82, b"{}")), 1003, "binary");
        assert_eq!(code(&frame(0x81, b"\xff")), 1007);
        assert_eq!(code(&[frame(0x01, b"\xe2\x82"), frame(0x80, b"x")].concat()), 1007, "over two fragments");
        assert_eq!(code(&frame(0x81, &[b'a'; 1_001])), 1009);
        assert_eq!(code(&[frame(0x01, &[b'a'; 900]), frame(0x80, &[b'a'; 900])].concat()), 1009);
        assert_eq!(code(&[&[0x81, 0xff][..], &[0xff; 12]].concat()), 1009, "longer than there are bytes");
    }

    #[test]
    fn a_close_is_answered_with_its_code_unless_that_is_not_allowed_on_the_wire() {
        for (sent, answered) in
            [(&b"\x03\xe8"[..], &b"\x88\x02\x03\xe8"[..]), (b"\x03\xe9bye", b"\x88\x05\x03\xe9bye"), (b"", b"\x88\x00")]
        {
            let mut output = Vec::new();
            assert!(matches!(
                Framing::new(9).read(&mut Input::from(&frame(0x88, sent)[..]), &mut output),
                Incoming::Closed
            ));
            assert_eq!(output, answered);
        }
        let mut output = Vec::new();
        Framing::new(9).read(&mut Input::from(&frame(0x88, b"\x03\xee")[..]), &mut output);
        assert_eq!(output[2..4], [0x03, 0xea], "1006 is answered with 1002");
    }

    #[test]
    fn a_reason_too_long_is_cut_between_characters() {
        let mut output = Vec::new();
        write_close(&mut output, CloseCode::Protocol, &"ü".repeat(80));
        assert_eq!((output[1], output[2..4].to_vec()), (124, vec![0x03, 0xea]));
        assert_eq!(std::str::from_utf8(&output[4..]), Ok(&*"ü".repeat(61)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_framing_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (mut framing, mut input, mut output) = (Framing::new(300), Input::from(&bytes[..]), Vec::new());
            for _ in 0..100 {
                match framing.read(&mut input, &mut output) {
                    Incoming::Message(_) => {}
                    Incoming::Closed | Incoming::Refused(..) | Incoming::Nothing => break,
                }
            }
        }
    }
}
