"""Signed checkpoints of every organization's chain, stored outside the database."""
