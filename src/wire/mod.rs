//! Kalshi's JSON: frames and bodies to and from the vocabulary. Shared by the client and the embedded exchange, so each shape is
//! written only once. Unknown keys are ignored everywhere, and the order of keys never matters. Nothing here keeps state or
//! knows about sockets.

pub mod account;
#[cfg(test)]
mod captured;
pub mod command;
pub mod elements;
pub mod error;
pub mod events;
pub mod fees;
pub mod frame;
pub mod frame_write;
pub mod http_date;
mod json;
pub mod markets;
pub mod order_groups;
pub mod orders;
pub mod recorded;
mod scan;
pub mod sign;
pub mod time;

pub use error::WireError;

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::market::Money;

/// The path prefix of every REST call, which is part of what is signed.
pub const REST_PREFIX: &str = "/trade-api/v2";
/// The path of the WebSocket handshake, which is part of what is signed.
pub const WS_PATH: &str = "/trade-api/ws/v2";

/// Appends a value to a path or query, percent-encoding all but the unreserved characters (RFC 3986), since cursors are opaque.
pub fn escape_query(path: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
}

/// Dollars that the exchange prints with four decimals, such as averages and balances. Parsed with up to six decimals, and
/// printed with four, rounded down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dollars4(pub Money);

impl Serialize for Dollars4 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.floor_to(Money::from_micros(100)).to_string();
        serializer.serialize_str(&text[..text.len() - 2])
    }
}

impl<'de> Deserialize<'de> for Dollars4 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Money::deserialize(deserializer).map(Self)
    }
}
