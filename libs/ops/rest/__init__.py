"""The typed client of the public API that the commands, the demo and the proofs share."""
