"""Ingestion: accepts recordings and tracks the status of each session.

Owns: sessions, recordings, keys (organization_key, patient_key), erasures (and the parts of
    their receipts), legal holds, objects to delete (discarded), release audit (release_audit).
Consumes: transcription.started, transcription.progressed, recording.probed, transcription.failed, transcript.ready,
    transcript.withheld, index.ready, index.failed, index.withheld, consent.revoked, session.erased, patient.erased,
    transcript.erased, index.erased, answers.erased, evidence.erased, user.erased.
Emits: recording.uploaded, session.status_changed, session.ready, session.failed,
    session.erased, patient.erased.
Asks: consent (may this be recorded?), the object store, the key service (of the root key: AWS KMS or Vault, if it is no
    file).
"""
