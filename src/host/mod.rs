//! What the operating system provides: clocks, cores, signals, locks, disk space, ways for a thread to wait, and the
//! rings between threads. Nothing here knows of markets or orders.

pub mod clock;
pub mod idle;
pub mod lock;
pub mod pin;
pub mod ring;
pub mod room;
pub mod signals;
