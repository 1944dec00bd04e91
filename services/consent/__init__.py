"""Consent: what each patient allowed, to whom and for what, as a ledger nobody can rewrite.

Owns: the append-only ledger of grants and revocations, its projection (what is in force now), the texts that patients
agree to, and the signatures by which a stranger can check all of it.
Consumes: nothing.
Emits: consent.granted, consent.revoked.
Asks: the object store, which keeps its signed checkpoints.
Others hold its rows (consent.hold) while they store what a consent allows.
"""
