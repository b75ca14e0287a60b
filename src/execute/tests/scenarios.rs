//! One behaviour of the stage a test.
