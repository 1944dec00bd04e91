"""Consent: what each patient allowed, to whom and for what, as a ledger nobody can rewrite.

Owns: the append-only ledger of grants and revocations, and its projection: what is in force now.
Consumes: session.erased, patient.erased.
Emits: consent.granted, consent.revoked, evidence.erased.
Asks: nobody. Others hold its rows (consent.hold) while they store what a consent allows.
"""
