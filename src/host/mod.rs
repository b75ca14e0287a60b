//! The operating system: clocks, cores, signals, locks, room on the disk, how a thread waits, and the rings between
//! threads. Knows no market and no order.

pub mod clock;
pub mod idle;
pub mod lock;
pub mod pin;
pub mod ring;
pub mod room;
pub mod signals;
