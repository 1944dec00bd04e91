"""The consent ledger's algorithms: signatures, and the check that finds the first changed entry."""
