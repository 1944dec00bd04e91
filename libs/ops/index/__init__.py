"""Which embedding model each organization's index is of, and the change to another."""
