"""The chat answers a patient's questions about their own sessions, with quotes, dates and seconds, or says it cannot.

Owns: conversations, messages, their sources, the hourly log of messages, the audit of answers.
Consumes: consent.revoked, session.erased, patient.erased.
Emits: safety.crisis_signal, answers.erased.
Asks: consent (holds), ingestion (the dates of sessions), embedder (search), Claude or another model or nobody.
"""
