"""Consent: what each patient allows, to whom and for what, as an append-only, tamper-evident ledger.

Other services lock its rows (consent.hold) while they store what a consent allows.

Owns: the append-only ledger of grants and revocations (event, its evidence, the head of each chain), its projection
    (current: what is in force now), the consent texts (document), the signatures with which a third party can verify
    all of it (receipt).
Consumes: session.erased, patient.erased.
Emits: consent.granted, consent.revoked, evidence.erased.
Asks: the object store, which keeps its signed checkpoints.
"""
