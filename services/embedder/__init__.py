"""The embedder makes transcripts findable, for one patient at a time.

Owns: chunks, passages, embeddings (a partition per model), what is indexed and what is to be deleted.
Consumes: transcript.ready, transcript.updated, consent.revoked, session.erased, patient.erased.
Emits: index.ready, index.failed, index.withheld, index.erased.
Asks: consent (holds), transcriber (the words), OpenAI or a local model (vectors).
"""
