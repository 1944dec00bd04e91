"""Embedder: indexes transcripts and searches them, one patient at a time.

Owns: chunks, passages, embeddings (a partition per model), the model of each organization, commitment mentions and
    corrections, digests, index versions and scheduled deletions.
Consumes: transcript.ready, transcript.updated, consent.revoked, session.erased, patient.erased.
Emits: index.ready, index.failed, index.withheld, index.erased.
Asks: consent (holds), transcriber (transcripts), OpenAI or a local model (vectors), Claude if named (commitments).
"""
