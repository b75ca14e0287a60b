//! Bytes that were read from a socket and not yet handled.

use std::io::{self, Read};

/// How much is read at a time.
const READ_CHUNK: usize = 16 * 1024;

/// A buffer that is filled at its end and consumed at its start.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    start: usize,
}

impl Input {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops bytes at the start.
    pub(super) fn consume(&mut self, length: usize) {
        self.start += length;
        debug_assert!(self.start <= self.bytes.len(), "only what is there can be consumed");
        if self.start == self.bytes.len() {
            self.clear();
        } else if self.start > self.bytes.len() / 2 {
            // Moves less than it frees, so each byte is moved about once.
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }

    /// Reads once and appends the result, whose length is 0 at the end of the stream.
    pub(super) fn fill(&mut self, source: &mut impl Read) -> io::Result<usize> {
        let mut chunk = [0; READ_CHUNK];
        let length = source.read(&mut chunk)?;
        self.bytes.extend_from_slice(&chunk[..length]);
        Ok(length)
    }
}

#[cfg(test)]
impl From<&[u8]> for Input {
    fn from(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), start: 0 }
    }
}
