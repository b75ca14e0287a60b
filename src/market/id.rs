//! Identifiers of markets, events, orders, order groups, trades and transfers, and client order ids.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why an identifier was rejected.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IdError {
    /// The text is not a hyphenated UUID.
    #[error("`{0}` is not a UUID such as 5f0c7a52-0f0e-4a55-9c60-0f4f5f3b8d01")]
    NotAUuid(String),
}

/// A market within this process: a small index that is reused, and a generation that tells apart the markets that had it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(C)]
pub struct MarketKey {
    /// The position in every stage's tables.
    pub index: u16,
    /// Distinguishes the market from earlier ones with the same index.
    pub generation: u16,
}

impl MarketKey {
    /// The index, as a position in a table.
    #[must_use]
    pub const fn position(self) -> usize {
        self.index as usize
    }
}

/// An event within this process: a number unique within the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct EventKey(pub u32);

fn parse_uuid(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return None;
    }
    let mut value = 0u128;
    for (position, &byte) in bytes.iter().enumerate() {
        if matches!(position, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = (byte as char).to_digit(16)?;
        value = value << 4 | u128::from(digit);
    }
    Some(value)
}

/// The two digits of a byte.
fn hex(byte: u8) -> [u8; 2] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]
}

/// Formats a UUID in a fixed buffer.
fn format_uuid(value: u128) -> [u8; 36] {
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (position, byte) in value.to_be_bytes().into_iter().enumerate() {
        [text[at], text[at + 1]] = hex(byte);
        at += if matches!(position, 3 | 5 | 7 | 9) { 3 } else { 2 };
    }
    text
}

macro_rules! uuid_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(u128);

        impl $name {
            /// The identifier with the given 128 bits.
            #[must_use]
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The identifier's 128 bits.
            #[must_use]
            pub const fn bits(self) -> u128 {
                self.0
            }

            /// Parses a hyphenated UUID.
            ///
            /// # Errors
            /// If the text is not a hyphenated UUID.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self).ok_or_else(|| IdError::NotAUuid(text.chars().take(64).collect()))
            }

            /// Appends the hyphenated text to a buffer. Does not allocate if the buffer has room.
            pub fn write_to(self, buffer: &mut Vec<u8>) {
                buffer.extend_from_slice(&format_uuid(self.0));
            }

            /// The same for a text.
            pub fn push_to(self, text: &mut String) {
                text.push_str(std::str::from_utf8(&format_uuid(self.0)).expect("hexadecimal digits and hyphens are ASCII"));
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(std::str::from_utf8(&format_uuid(self.0)).expect("hexadecimal digits and hyphens are ASCII"))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a UUID")
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).map_err(E::custom)
                    }
                }
                if deserializer.is_human_readable() {
                    deserializer.deserialize_str(Text)
                } else {
                    u128::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

uuid_type! {
    /// The exchange's id of an order.
    OrderId
}

uuid_type! {
    /// The exchange's id of an order group.
    OrderGroupId
}

uuid_type! {
    /// The id that a client gives a transfer between its subaccounts.
    TransferId
}

uuid_type! {
    /// The exchange's id of a market, which WebSocket frames carry beside its ticker.
    MarketId
}

impl MarketId {
    /// The id that the embedded exchange assigns to a ticker: the 128-bit FNV-1a hash of its text.
    #[must_use]
    pub fn of_ticker(ticker: &str) -> Self {
        const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        Self(ticker.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME)))
    }
}

uuid_type! {
    /// The exchange's id of a trade. Both parties of a trade may see it, so a fill is identified by it and the order's id.
    TradeId
}

/// A client order id of this program: `<prefix>-<start nonce>-<counter>`, never used twice. The nonce differs from run to
/// run, so the counter can start at 1 in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(C)]
pub struct ClientOrderId {
    /// Drawn at random once per start of the program.
    pub nonce: u64,
    /// Counts the orders since that start, from 1.
    pub counter: u32,
}

impl ClientOrderId {
    /// Marks an order as sent by this program.
    pub const PREFIX: &'static str = "kact";
    /// The prefix, 16 digits, 8 digits, and what separates them.
    const LENGTH: usize = Self::PREFIX.len() + 1 + 16 + 1 + 8;

    /// Parses an id of this program. `None` if the order was sent by something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(Self::PREFIX)?.strip_prefix('-')?;
        let (nonce, counter) = rest.split_once('-')?;
        if nonce.len() != 16 || counter.len() != 8 {
            return None;
        }
        Some(Self { nonce: u64::from_str_radix(nonce, 16).ok()?, counter: u32::from_str_radix(counter, 16).ok()? })
    }

    /// Appends the text to a buffer. Does not allocate if the buffer has room.
    pub fn write_to(self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&self.format());
    }

    fn format(self) -> [u8; Self::LENGTH] {
        let mut text = [b'-'; Self::LENGTH];
        let (prefix, rest) = text.split_at_mut(Self::PREFIX.len());
        prefix.copy_from_slice(Self::PREFIX.as_bytes());
        let (nonce, counter) = rest[1..].split_at_mut(17);
        for (digits, byte) in nonce.chunks_exact_mut(2).zip(self.nonce.to_be_bytes()) {
            digits.copy_from_slice(&hex(byte));
        }
        for (digits, byte) in counter.chunks_exact_mut(2).zip(self.counter.to_be_bytes()) {
            digits.copy_from_slice(&hex(byte));
        }
        text
    }
}

impl std::fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.format()).expect("hexadecimal digits and hyphens are ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_survives_the_round_trip() {
        let text = "5f0c7a52-0f0e-4a55-9c60-0f4f5f3b8d01";
        assert_eq!(OrderId::parse(text).unwrap().to_string(), text);
        let mut path = "/orders/".to_owned();
        OrderId::parse(text).unwrap().push_to(&mut path);
        assert_eq!(path, format!("/orders/{text}"));
        assert!(OrderId::parse("5f0c7a520f0e4a559c600f4f5f3b8d01").is_err());
        assert!(OrderId::parse("5f0c7a52-0f0e-4a55-9c60-0f4f5f3b8d0g").is_err());
    }

    #[test]
    fn own_client_order_ids_are_recognised() {
        let id = ClientOrderId { nonce: 0xdead_beef, counter: 7 };
        assert_eq!(id.to_string(), "kact-00000000deadbeef-00000007");
        assert_eq!(ClientOrderId::parse(&id.to_string()), Some(id));
        for foreign in ["", "kact", "kact-1-2", "other-00000000deadbeef-00000007", "kact-00000000deadbeef-0000000g"] {
            assert_eq!(ClientOrderId::parse(foreign), None, "{foreign}");
        }
    }
}
