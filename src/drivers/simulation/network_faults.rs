//! The faults of the virtual network, drawn from a seed and counted by kind.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::network::Packet;
use crate::ports::NoAnswer;

const MS: u64 = 1_000_000;

/// A kind of network fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum NetworkFault {
    /// A message on a WebSocket is late, and so are all that follow on that connection.
    Delay,
    /// A frame is truncated.
    Truncation,
    /// A WebSocket is cut.
    Cut,
    /// The connection of a request is cut before the request reaches the exchange.
    RequestLost,
    /// A request reaches the exchange many seconds late, long after its sender has given up.
    RequestLate,
    /// The connection of a request is cut before its answer arrives.
    AnswerLost,
    /// An answer never comes, and the connection stays open.
    AnswerHangs,
    /// An answer comes late.
    AnswerLate,
    /// The answer is not valid HTTP.
    AnswerGarbled,
}

impl NetworkFault {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Delay,
        Self::Truncation,
        Self::Cut,
        Self::RequestLost,
        Self::RequestLate,
        Self::AnswerLost,
        Self::AnswerHangs,
        Self::AnswerLate,
        Self::AnswerGarbled,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delay => "frame_delayed",
            Self::Truncation => "frame_truncated",
            Self::Cut => "stream_cut",
            Self::RequestLost => "request_lost",
            Self::RequestLate => "request_late",
            Self::AnswerLost => "answer_lost",
            Self::AnswerHangs => "answer_hangs",
            Self::AnswerLate => "answer_late",
            Self::AnswerGarbled => "answer_garbled",
        }
    }
}

/// The rates of faults, per million messages of the kind concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRates {
    /// Frames that are late.
    pub delay: u32,
    /// Frames that are truncated.
    pub truncation: u32,
    /// Frames at which their WebSocket is cut.
    pub cut: u32,
    /// Requests that never reach the exchange.
    pub request_lost: u32,
    /// Order writes that reach it many seconds late.
    pub request_late: u32,
    /// Answers whose connection is cut before they arrive.
    pub answer_lost: u32,
    /// Answers that never come, on a connection that stays open.
    pub answer_hangs: u32,
    /// Answers that are late.
    pub answer_late: u32,
    /// Answers that are not valid HTTP.
    pub answer_garbled: u32,
    /// The largest random delay of each message, in microseconds, by which connections overtake each other.
    pub jitter_us: u32,
}

impl FaultRates {
    /// Rates of zero.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            delay: 0,
            truncation: 0,
            cut: 0,
            request_lost: 0,
            request_late: 0,
            answer_lost: 0,
            answer_hangs: 0,
            answer_late: 0,
            answer_garbled: 0,
            jitter_us: 0,
        }
    }

    /// Rates as on a bad day: mostly calm, with faults of every kind within minutes.
    #[must_use]
    pub const fn bad_day() -> Self {
        Self {
            delay: 1_000,
            truncation: 100,
            cut: 60,
            request_lost: 8_000,
            request_late: 4_000,
            answer_lost: 8_000,
            answer_hangs: 4_000,
            answer_late: 20_000,
            answer_garbled: 3_000,
            jitter_us: 20_000,
        }
    }

    /// Rates far worse than on any real exchange, with several faults at a time.
    #[must_use]
    pub const fn hell() -> Self {
        Self {
            delay: 5_000,
            truncation: 600,
            cut: 400,
            request_lost: 50_000,
            request_late: 25_000,
            answer_lost: 50_000,
            answer_hangs: 25_000,
            answer_late: 80_000,
            answer_garbled: 20_000,
            jitter_us: 100_000,
        }
    }
}

/// The outcome of sending a message.
#[derive(Debug)]
pub(super) enum Fate {
    Arrives,
    Late(u64),
    /// Another message arrives instead.
    Becomes(Packet),
    Vanishes,
}

/// Draws the network's faults.
#[derive(Debug)]
pub(super) struct NetworkFaults {
    rates: FaultRates,
    random: Xoshiro256PlusPlus,
    counts: [u64; NetworkFault::ALL.len()],
}

impl NetworkFaults {
    pub(super) fn new(seed: u64, rates: FaultRates) -> Self {
        Self { rates, random: Xoshiro256PlusPlus::seed_from_u64(seed), counts: [0; NetworkFault::ALL.len()] }
    }

    /// Ends all faults.
    pub(super) fn end(&mut self) {
        self.rates = FaultRates::none();
    }

    pub(super) fn count(&self, fault: NetworkFault) -> u64 {
        self.counts[fault as usize]
    }

    /// Counts a fault that is carried out elsewhere, or seen to take effect there.
    pub(super) fn note(&mut self, fault: NetworkFault) {
        self.counts[fault as usize] += 1;
    }

    fn chance(&mut self, per_million: u32) -> bool {
        per_million > 0 && self.random.random_range(0..1_000_000) < per_million
    }

    fn happens(&mut self, fault: NetworkFault, per_million: u32) -> bool {
        let happens = self.chance(per_million);
        self.counts[fault as usize] += u64::from(happens);
        happens
    }

    /// Draws whether a connection is cut at the next frame.
    pub(super) fn cuts(&mut self) -> bool {
        self.happens(NetworkFault::Cut, self.rates.cut)
    }

    fn jitter(&mut self) -> Fate {
        if self.rates.jitter_us == 0 {
            return Fate::Arrives;
        }
        Fate::Late(u64::from(self.random.random_range(0..=self.rates.jitter_us)) * 1_000)
    }

    fn between_ms(&mut self, low: u64, high: u64) -> u64 {
        self.random.random_range(low..=high) * MS
    }

    pub(super) fn fate(&mut self, packet: &Packet) -> Fate {
        let rates = self.rates;
        match packet {
            Packet::Frame { role, connection, text } => {
                if text.len() > 1 && self.happens(NetworkFault::Truncation, rates.truncation) {
                    let length = self.random.random_range(1..text.len());
                    let text = Arc::from(&text[..length]);
                    return Fate::Becomes(Packet::Frame { role: *role, connection: *connection, text });
                }
                if self.happens(NetworkFault::Delay, rates.delay) {
                    return Fate::Late(self.between_ms(10, 3_000));
                }
                self.jitter()
            }
            Packet::Request { ticket, method, .. } => {
                if self.happens(NetworkFault::RequestLost, rates.request_lost) {
                    return Fate::Becomes(Packet::NoAnswer { ticket: *ticket, why: NoAnswer::Cut });
                }
                // Counted when it arrives: see `deliver`.
                if *method != "GET" && self.chance(rates.request_late) {
                    return Fate::Late(self.between_ms(4_000, 25_000));
                }
                self.jitter()
            }
            Packet::Answer { ticket, .. } => self.fate_of_answer(*ticket, rates),
            _ => self.jitter(),
        }
    }

    fn fate_of_answer(&mut self, ticket: u64, rates: FaultRates) -> Fate {
        if self.happens(NetworkFault::AnswerLost, rates.answer_lost) {
            return Fate::Becomes(Packet::NoAnswer { ticket, why: NoAnswer::Cut });
        }
        if self.happens(NetworkFault::AnswerGarbled, rates.answer_garbled) {
            return Fate::Becomes(Packet::NoAnswer { ticket, why: NoAnswer::Garbled });
        }
        if self.happens(NetworkFault::AnswerHangs, rates.answer_hangs) {
            return Fate::Vanishes;
        }
        if self.happens(NetworkFault::AnswerLate, rates.answer_late) {
            return Fate::Late(self.between_ms(100, 4_000));
        }
        self.jitter()
    }
}
