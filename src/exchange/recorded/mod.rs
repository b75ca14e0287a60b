//! Recorded markets: frames that an exchange once sent, played as a market that our orders meet. It owns the reading of
//! frames files, the cutting of frames into steps, and what a recorded book shows and what of it we consumed. Orders,
//! accounts and events stay with the engine, which applies a step ([`super::engine::Engine::recorded_step`]).
//!
//! The frames may come from a file or, for paper trading, from a live feed: [`StepBuilder`] takes them one by one.
//!
//! Our orders leave no mark on the recording but this: what we take stays taken while the recording shows it, and what
//! we rest is published with it. Nobody in the recording reacts.

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
pub use reader::{Ahead, Holes, RecordedFrame, TIME_MAX_MS, read_recording};
pub use step::{Entry, Pairing, STEP_WAIT_MS, Step, StepBuilder};
