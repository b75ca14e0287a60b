//! Tests of the stage as a whole, through its inputs and its port.
