//! The program as people and scripts call it, with outputs that nobody reads and with invalid inputs.

mod inputs;
mod output;
mod prepared;
mod program;
