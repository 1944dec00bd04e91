"""Takes recordings in and tells how far each session is.

Owns: sessions and their status, recordings and the keys that open them.
Consumes: transcription.started, transcription.failed, transcript.ready, transcript.withheld, index.ready,
    index.failed, index.withheld, consent.revoked.
Emits: recording.uploaded, session.status_changed, session.ready, session.failed.
Asks: consent (may this be recorded?), the object store.
"""
