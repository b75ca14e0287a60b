//! Replays captured requests to the real exchange against ours and compares the answers. `KALSHI_REAL_DATA` names the
//! folder of captures (default `../shared/data/real`); without it the tests are skipped and say so.
//!
//! * `session`: a whole demo session of June 2026, request by request at the original times, with the same markets, the
//!   same counterparty in the book and the same orders before it. Statuses, error bodies and every figure must be the
//!   same.
//! * `reads`: single answers of January 2026 whose requests are known only by name. Our answers must contain their shape.
//! * `changes`: what the exchange has changed since. Nothing else may differ, and no entry may be unused.

mod changes;
mod compare;
mod market;
mod reads;
mod session;
mod venue;

use std::path::PathBuf;

use serde_json::Value;

/// The folder of captures with this name, or `None` with the reason printed.
fn captures(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("KALSHI_REAL_DATA").map_or_else(|| PathBuf::from("../shared/data/real"), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is absent; KALSHI_REAL_DATA names the folder of recorded data", folder.display());
    None
}

fn read_json(path: &std::path::Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
