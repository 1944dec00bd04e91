"""A revocation holds at once, and the ledger cannot be changed unseen."""
