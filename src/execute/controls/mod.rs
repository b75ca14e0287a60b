//! The controls of the risk gate that remember something: what an event could lose, how many messages went out, which
//! orders were just placed, how often a market was executed in, how far the result is below its best. Owns their state;
//! the rules that use it stand in `risk`. Memory is fixed once the markets are listed, and no cost grows with their number
//! beyond its logarithm.

mod duplicates;
mod event_loss;
mod messages;
mod stage;
mod sticky;
mod window;

pub use duplicates::{Placed, RecentOrders};
pub use event_loss::{EventLosses, OutcomeLosses, Seat};
pub use messages::MessageRate;
pub use window::Window;
