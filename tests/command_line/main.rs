//! The program as people and scripts call it: what it makes of outputs that nobody reads and of inputs that are none.

mod inputs;
mod output;
mod program;
