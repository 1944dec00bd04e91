"""Vouching for the ledger: signed checkpoints of every chain, kept outside the database."""
