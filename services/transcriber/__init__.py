"""Turns recordings into words with speakers told apart.

Owns: transcripts and their corrections, transcription jobs, what vendors answered, the audit of who was given words.
Consumes: recording.uploaded, consent.revoked, session.erased, patient.erased.
Emits: transcription.started, transcription.failed, transcript.ready, transcript.updated, transcript.withheld,
    transcript.erased.
Asks: consent (may this be transcribed?), ingestion (the recording's key), the object store, Deepgram or local models.
"""
