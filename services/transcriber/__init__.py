"""Transcriber: turns recordings into transcripts with speakers identified.

Owns: transcripts and their corrections, transcription jobs, vendors' responses (heard), the audit of transcript reads,
    what is to be deleted when a revocation's grace is over (withdrawn).
Consumes: recording.uploaded, consent.revoked, session.erased, patient.erased.
Emits: transcription.started, transcription.progressed, recording.probed, transcription.failed, transcript.ready,
    transcript.updated, transcript.withheld, transcript.erased.
Asks: consent (may this be transcribed?), ingestion (the recording's key), the object store, Deepgram or local models.
"""
