//! Recorded markets: frames that an exchange once sent, played as a market that clients can trade in. This module reads
//! frames files, divides frames into steps, and tracks what a recorded book displays and what of it clients consumed.
//! Orders, accounts and events belong to the engine, which applies the steps ([`super::engine::Engine::recorded_step`]).
//!
//! The frames may come from a file or, for paper trading, from a live feed: [`StepBuilder`] accepts them one by one.
//!
//! Clients' orders affect the recording only in this way: what they take stays taken as long as the recording displays it,
//! and what rests is published with it. The recorded traders don't react.

mod findings;
mod frames;
mod lines;
mod market;
mod metadata;
mod numbers;
mod playback;
mod reader;
mod step;

pub use findings::Findings;
pub use frames::{FramesError, RecordedMarket, read_frames};
pub use lines::LINE_BYTES_MAX;
pub(in crate::exchange) use market::AvailableChange;
pub use market::{RecordedBook, RecordedFaults};
pub use metadata::{MetadataError, SessionMarket, find_metadata};
pub use playback::Playback;
pub use reader::{Ahead, Cut, Holes, MARKETS_MAX, RecordedFrame, Strictness, TIME_MAX_MS, read_recording};
pub use step::{Entry, Pairing, STEP_WAIT_MS, Step, StepBuilder};
