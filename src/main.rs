//! The `kalshi-actor` command.

fn main() {}
