"""Chat: answers a patient's questions about their own sessions with verified quotes and dates, or refuses.

Owns: conversations, messages, their sources, the hourly message quota, the audit of answers.
Consumes: consent.revoked, session.erased, patient.erased.
Emits: safety.crisis_signal, answers.erased.
Asks: consent (holds), ingestion (session dates), embedder (search), and optionally Claude or another model.
"""
