"""What the tests stand on: a running exchange, clients that record, validators, and the count of coverage."""
