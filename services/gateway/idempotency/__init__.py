"""Idempotency keys: a POST that is sent again is done once."""
