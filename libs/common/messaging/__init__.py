"""Exactly-once handling over PostgreSQL: steps, inbox, outbox, relay, consumer, retries and their end."""
