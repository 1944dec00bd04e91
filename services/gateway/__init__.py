"""Gateway: the only public entry point. Who are you, what may you do, and who can answer you.

Owns: organizations, users, API keys and when each was used, patient tokens, rate limits, idempotency keys (replay),
    the audit of who was given what (access_audit), the public API and its description.
Consumes: consent.revoked, session.erased, patient.erased.
Emits: key.revoked, user.erased.
Asks: consent, ingestion, transcriber, embedder and chat, each under a capability minted for one request.
"""
