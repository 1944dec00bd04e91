"""Examples for the OpenAPI document, of one imagined clinic."""

from typing import Any

_PATIENT = "0199f2a4-1b0c-7d10-9a01-2f7a5b3c4d5e"
_THERAPIST = "0199f2a4-0a0b-7d10-8a01-1f2e3d4c5b6a"
_SESSION = "0199f2a4-9c2d-7a44-b1c3-0d9e8f7a6b5c"
_CONSENT = "0199f2a4-5e6f-7a8b-9c0d-1e2f3a4b5c6d"
_CONVERSATION = "0199f2a4-aa01-7b02-8c03-0d04e05f0607"
_AT = "2026-11-24T15:00:00.000Z"
_CRISIS_LINES = [{"name": "Our therapist on call, until 10 pm", "contact": "+1 312 555 0142"}]
_KEY_ID = "4fGh7Jk2MnPq"
_SHOWN_ONCE = f"trk_live_{_KEY_ID}_(43 characters and a checksum of 6)"

BODIES: dict[str, Any] = {
    "createOrganization": {"name": "Clinic by the lake", "admin_key_name": "first admin key"},
    "renewCapability": {
        "organization_id": _THERAPIST,
        "patient_id": _PATIENT,
        "therapist_id": _THERAPIST,
        "session_id": _SESSION,
        "purposes": ["recording", "transcription"],
    },
    "createApiKey": {"name": "upload worker", "scopes": ["sessions:write", "sessions:read"]},
    "rotateApiKey": {"overlap_seconds": 86400},
    "createUser": {"role": "patient", "email": "p-1041@example.org", "external_id": "1041"},
    "grantConsent": {
        "patient_id": _PATIENT,
        "therapist_id": _THERAPIST,
        "consent_type": "recording",
        "document": "I agree that my sessions are recorded.",
        "method": "electronic",
        "attested": {"ip": "203.0.113.9", "user_agent": "our portal"},
    },
    "revokeConsent": {"method": "verbal", "reason": "by phone"},
    "publishConsentDocument": {
        "consent_type": "recording",
        "language": "en",
        "text": "I agree that my sessions are recorded.",
    },
    "correctTranscript": {
        "segments": [
            {"id": 1, "text": "How was your week?"},
            {"id": 2, "speaker": "patient"},
        ]
    },
    "updateOrganization": {
        "time_zone": "America/Chicago",
        "chat_mode": "recall",
        "release": "auto",
        "country": "US",
        "crisis_lines": _CRISIS_LINES,
    },
    "updateUser": {"time_zone": "America/New_York"},
    "correctCommitment": {"status": "done"},
    "chat": {"patient_id": _PATIENT, "message": "What homework did we agree on?"},
}

_API_KEY = {
    "id": _KEY_ID,
    "name": "upload worker",
    "mode": "live",
    "scopes": ["sessions:read", "sessions:write"],
    "last_four": "9xYz",
    "is_active": True,
    "created_at": _AT,
    "last_used_at": None,
    "revoked_at": None,
    "expires_at": None,
    "replaced_by": None,
}
_USER = {"id": _PATIENT, "role": "patient", "email": "p-1041@example.org", "external_id": "1041", "created_at": _AT} | {
    "time_zone": "America/New_York"
}
_ORGANIZATION = {
    "id": _THERAPIST,
    "name": "Clinic by the lake",
    "time_zone": "America/Chicago",
    "effective_time_zone": "America/Chicago",
    "chat_mode": "recall",
    "release": "auto",
    "country": "US",
    "crisis_lines": _CRISIS_LINES,
}
_RECEIPT = {
    "organization_id": _THERAPIST,
    "seq": 1,
    "leaf": "6c…",
    "prev_hash": "b1…",
    "hash": "0e…",
    "key_id": "5f2a9c01",
    "signature": "Qm9…",
}
_NOTE = f"therapyrag.consent/{_THERAPIST}\n120\nDgUb…=\n1795532400000000\n\n— therapyrag.consent Xyqc…=\n"
_CONSENT_RECORD = {
    "id": _CONSENT,
    "patient_id": _PATIENT,
    "therapist_id": _THERAPIST,
    "consent_type": "recording",
    "status": "granted",
    "granted_at": _AT,
    "revoked_at": None,
    "actor": f"key:{_KEY_ID}",
    "method": "electronic",
    "document_sha256": "3a…",
    "observed": {"ip": "198.51.100.4", "user_agent": "curl/8"},
    "attested": {"ip": "203.0.113.9", "user_agent": "our portal"},
    "metadata": {},
    "receipt": _RECEIPT,
}
_DOCUMENT = {
    "id": _CONVERSATION,
    "consent_type": "recording",
    "language": "en",
    "version": 3,
    "text": "I agree that my sessions are recorded.",
    "sha256": "3a…",
    "published_at": _AT,
    "published_by": f"key:{_KEY_ID}",
}
_SESSION_RECORD = {
    "id": _SESSION,
    "patient_id": _PATIENT,
    "therapist_id": _THERAPIST,
    "session_date": _AT,
    "session_day": None,
    "status": "transcribing",
    "upload_status": "processing",
    "progress": {"stage": "transcribing", "percent": 40, "transcript_expected_at": _AT},
    "error_message": None,
    "released": False,
}
_READY_RECORD = _SESSION_RECORD | {
    "status": "ready",
    "upload_status": "completed",
    "progress": {"stage": "ready", "percent": 100, "transcript_expected_at": None},
}
_TRANSCRIPT = {
    "session_id": _SESSION,
    "version": 1,
    "language": "en",
    "confidence": 0.93,
    "voices": [{"voice": 1, "speaker": "therapist", "share": 1.0, "unexpected": False}],
    "segments": [
        {
            "id": 1,
            "speaker": "therapist",
            "voice": 1,
            "text": "How was your week?",
            "start_time": 0.4,
            "end_time": 1.9,
            "confidence": 0.95,
        }
    ],
}


def _page(row: dict[str, Any]) -> dict[str, Any]:
    return {"data": [row], "has_more": False, "next_cursor": None}


_ERASURE = {
    "id": _CONVERSATION,
    "patient_id": _PATIENT,
    "session_id": _SESSION,
    "status": "running",
    "requested_by": f"key:{_KEY_ID}",
    "requested_at": _AT,
    "completed_at": None,
    "stores": {"ingestion": {"erased_at": _AT, "counts": {"recording": 1, "session": 1, "keys": 1}}},
    "waiting_for": ["chat", "embedder", "gateway", "objects", "transcriber"],
}
_HOLD = {"patient_id": _PATIENT, "held": True, "changed_at": _AT}

ANSWERS: dict[str, Any] = {
    "createOrganization": {"organization_id": _THERAPIST, "api_key": _SHOWN_ONCE, "api_key_id": _KEY_ID},
    "renewCapability": {"capability": "v1|k1|...", "expires_at": "2026-11-25T08:00:00.000Z"},
    "getMe": {
        "organization": {"id": _THERAPIST, "name": "Clinic by the lake"},
        "api_key": {"id": _KEY_ID, "name": "upload worker"},
        "scopes": ["sessions:read", "sessions:write"],
        "mode": "live",
        "limits": {"requests_per_hour": 1000},
    },
    "getOrganization": _ORGANIZATION,
    "updateOrganization": _ORGANIZATION,
    "updateUser": _USER,
    "createApiKey": _API_KEY | {"api_key": _SHOWN_ONCE},
    "rotateApiKey": _API_KEY | {"api_key": _SHOWN_ONCE, "replaces": _KEY_ID},
    "listApiKeys": _page(_API_KEY),
    "revokeApiKey": _API_KEY | {"is_active": False, "revoked_at": _AT},
    "createUser": _USER,
    "listUsers": _page(_USER),
    "getUser": _USER,
    "createPatientToken": {"token": "eyJ…", "jti": _CONSENT, "expires_at": _AT},
    "grantConsent": _CONSENT_RECORD,
    "revokeConsent": _CONSENT_RECORD | {"status": "revoked", "revoked_at": _AT},
    "listConsents": _page(_CONSENT_RECORD),
    "getConsent": _CONSENT_RECORD,
    "getPatientConsents": {"data": [_CONSENT_RECORD]},
    "getConsentHistory": _page({"consent_id": _CONSENT, "status": "granted", "at": _AT, "receipt": _RECEIPT}),
    "publishConsentDocument": _DOCUMENT,
    "listConsentDocuments": _page(_DOCUMENT),
    "getConsentDocument": _DOCUMENT,
    "listLedgerKeys": _page(
        {
            "key_id": "5f2a9c01",
            "algorithm": "Ed25519",
            "public_key": "9Xk…=",
            "verifier_key": "therapyrag.consent+5f2a9c01+AfV…=",
            "in_use": True,
        }
    ),
    "getCheckpoint": {
        "organization_id": _THERAPIST,
        "seq": 120,
        "hash": "0e…",
        "last_entry_at": _AT,
        "entries_now": 123,
        "note": _NOTE,
    },
    "listCheckpoints": _page({"kind": "checkpoint", "seq": 120, "note": _NOTE}),
    "listLedgerEntries": _page(
        {
            "kind": "entry",
            "organization_id": _THERAPIST,
            "seq": 1,
            "id": _CONVERSATION,
            "consent_id": _CONSENT,
            "patient_id": _PATIENT,
            "therapist_id": _THERAPIST,
            "consent_type": "recording",
            "status": "granted",
            "at_us": 1795532400000000,
            "actor": f"key:{_KEY_ID}",
            "method": "electronic",
            "witness_id": None,
            "document_sha256": "3a…",
            "evidence_sha256": "77…",
            "leaf": "6c…",
            "prev_hash": "b1…",
            "hash": "0e…",
            "receipt": {"key_id": "5f2a9c01", "signature": "Qm9…"},
            "evidence": "kept",
        }
    ),
    "listInForce": _page(
        {
            "kind": "in_force",
            "patient_id": _PATIENT,
            "therapist_id": _THERAPIST,
            "consent_type": "recording",
            "consent_id": _CONSENT,
            "status": "granted",
            "at_us": 1795532400000000,
            "at_seq": 120,
        }
    ),
    "uploadSession": {"session_id": _SESSION, "status": "uploaded", "upload_status": "uploaded"},
    "listSessions": _page(_SESSION_RECORD),
    "getSession": _SESSION_RECORD,
    "retrySession": _SESSION_RECORD,
    "releaseSession": _READY_RECORD | {"released": True},
    "holdSessionBack": _READY_RECORD,
    "eraseSession": _ERASURE,
    "erasePatient": _ERASURE | {"session_id": None},
    "getErasure": _ERASURE,
    "placeLegalHold": _HOLD,
    "liftLegalHold": _HOLD | {"held": False},
    "exportPatient": {
        "exported_at": _AT,
        "patient": _USER,
        "consents": [_CONSENT_RECORD],
        "ledger": [{"consent_id": _CONSENT, "status": "granted", "at": _AT, "receipt": _RECEIPT}],
        "sessions": [_SESSION_RECORD | {"transcript": _TRANSCRIPT}],
        "conversations": [],
        "audit": [],
        "complete": True,
    },
    "getDigest": {
        "session_id": _SESSION,
        "session_date": _AT,
        "transcript_version": 1,
        "topics": [{"words": ["sister", "wedding"], "start_time": 0.0, "end_time": 512.4, "share": 0.31}],
        "names": [{"name": "Anna", "mentions": 3, "start_time": 41.2}],
        "sentences": [
            {
                "chunk_id": _CONVERSATION,
                "speaker": "patient",
                "quote": "I rang my sister on Sunday and we talked for an hour.",
                "start_time": 44.1,
                "end_time": 49.8,
                "topic": 0,
            }
        ],
    },
    "listCommitments": {
        "data": [
            {
                "id": "0199f2a4-7d3e-5c21-8f04-6a1b2c3d4e5f",
                "status": "done",
                "corrected": False,
                "text": "Could you write down three good moments each evening until we meet again?",
                "by": "therapist",
                "due": "each evening",
                "session_id": _SESSION,
                "assigned_at": _AT,
                "events": [],
            }
        ]
    },
    "correctCommitment": {},
    "getTranscript": _TRANSCRIPT,
    "searchTranscripts": _page(
        {
            "session_id": _SESSION,
            "session_date": _AT,
            "transcript_id": _CONVERSATION,
            "transcript_version": 1,
            "segment_id": 12,
            "speaker": "patient",
            "text": "I am sleeping well.",
            "start_time": 81.2,
            "end_time": 82.5,
            "confidence": 0.94,
            "highlights": [{"text": "sleeping", "offset": 5, "start_time": 81.5, "end_time": 81.9}],
        }
    ),
    "correctTranscript": _TRANSCRIPT | {"version": 2},
    "swapSpeakers": _TRANSCRIPT | {"version": 2},
    "chat": {
        "response": "You agreed to write down three good moments each evening.",
        "sources": [
            {
                "session_id": _SESSION,
                "session_date": _AT,
                "session_day": _AT[:10],
                "relevance": 0.81,
                "quote": "write down three good moments each evening",
                "start_time": 62.4,
                "end_time": 66.0,
                "speaker": "therapist",
            }
        ],
        "conversation_id": _CONVERSATION,
        "message_id": _CONSENT,
        "grounded": True,
        "notice": "I'm an AI that only recalls what was said in your own sessions. I'm not a therapist.",
    },
    "listAuditEvents": _page(
        {
            "id": _CONSENT,
            "at": _AT,
            "kind": "transcript.read",
            "actor": f"key:{_KEY_ID}",
            "api_key_id": _KEY_ID,
            "patient_id": _PATIENT,
            "session_id": _SESSION,
            "transcript_id": _CONVERSATION,
            "transcript_version": 1,
        }
    ),
    "listConversations": _page({"id": _CONVERSATION, "patient_id": _PATIENT, "created_at": _AT}),
    "listMessages": _page({"id": _CONSENT, "author": "patient", "text": "What homework did we agree on?"}),
}
