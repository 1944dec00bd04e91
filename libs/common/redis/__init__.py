"""Calls to a Redis-compatible server, and counters in it that all processes share."""
