"""The tests' foundation: a running exchange, recording clients, validators, and the measurement of coverage."""
