"""How far a session is: one table says which fact moves which status, and late facts never move anything back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.contracts.ids import ConsentId, OrganizationId, PatientId, RecordingId, SessionId, TherapistId
from libs.contracts.purposes import Purpose

DURATION_MAX_S = 4 * 3600.0
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OBJECT_NAME = re.compile(f"{_UUID}(?:/{_UUID}){{3}}")


class Status(StrEnum):
    """Where a session is in the pipeline."""

    PENDING = "pending"
    UPLOADED = "uploaded"
    TRANSCRIBING = "transcribing"
    EMBEDDING = "embedding"
    READY = "ready"
    FAILED = "failed"
    WITHHELD = "withheld"


class Fact(StrEnum):
    """What can happen to a session."""

    RECORDING_UPLOADED = "recording.uploaded"
    TRANSCRIPTION_STARTED = "transcription.started"
    TRANSCRIPTION_FAILED = "transcription.failed"
    TRANSCRIPT_READY = "transcript.ready"
    TRANSCRIPT_WITHHELD = "transcript.withheld"
    INDEX_READY = "index.ready"
    INDEX_FAILED = "index.failed"
    INDEX_WITHHELD = "index.withheld"
    WORDS_REVOKED = "consent to recording or transcription revoked"
    ANALYSIS_REVOKED = "consent to ai_analysis revoked"
    RETRIED = "retried"


_P, _U, _T, _E, _R, _F, _W = Status
# What each fact makes of each status. A status that is not listed ignores the fact (and is counted).
# A status that maps to itself has heard a late fact, which is no surprise: topics are not ordered among each other.
TRANSITIONS: Mapping[Fact, Mapping[Status, Status]] = {
    Fact.RECORDING_UPLOADED: {_P: _U, _U: _U},
    Fact.TRANSCRIPTION_STARTED: {_U: _T, _T: _T, _F: _T, _E: _E, _R: _R, _W: _W},
    Fact.TRANSCRIPT_READY: {_U: _E, _T: _E, _F: _E, _E: _E, _R: _R, _W: _W},
    Fact.TRANSCRIPT_WITHHELD: {_U: _W, _T: _W, _F: _W, _W: _W},
    Fact.TRANSCRIPTION_FAILED: {_U: _F, _T: _F, _F: _F, _W: _W},
    Fact.INDEX_READY: {_U: _R, _T: _R, _E: _R, _F: _R, _R: _R, _W: _W},
    Fact.INDEX_WITHHELD: {_U: _W, _T: _W, _E: _W, _F: _W, _R: _W, _W: _W},
    Fact.INDEX_FAILED: {_U: _F, _T: _F, _E: _F, _F: _F, _W: _W},
    Fact.WORDS_REVOKED: {_P: _W, _U: _W, _T: _W, _E: _E, _R: _R, _F: _F, _W: _W},
    Fact.ANALYSIS_REVOKED: {_P: _P, _U: _U, _T: _T, _E: _W, _R: _R, _F: _F, _W: _W},
    Fact.RETRIED: {_F: _U, _W: _U},
}
FINAL = frozenset({Status.READY, Status.FAILED, Status.WITHHELD})

UPLOAD_STATUS: Mapping[Status, str] = {
    Status.PENDING: "pending",
    Status.UPLOADED: "uploaded",
    Status.TRANSCRIBING: "processing",
    Status.EMBEDDING: "processing",
    Status.READY: "completed",
    Status.FAILED: "failed",
    Status.WITHHELD: "completed",
}
_PERCENT: Mapping[Status, int] = {_P: 0, _U: 10, _T: 30, _E: 80, _R: 100}

_SENTENCES: Mapping[str, str] = {
    "consent-required": "Processing stopped because the patient's consent for it is not in force.",
    "consent-revoked": "Processing stopped because the patient took back the consent for it.",
    "language-unsupported": "The session is not in English, which is the only language transcribed at present.",
    "unsupported-media-type": "The recording could not be decoded. Please check the file and upload it again.",
    "recording-unreadable": "The recording could not be decoded. Please check the file and upload it again.",
    "no-speech": "No speech was found in the recording.",
    "upstream-refused": "The transcription or indexing service refused this recording. Support has to look at it.",
    "upstream-failed": "The transcription or indexing service did not answer after several tries. Please retry later.",
    "rate-limited": "The transcription or indexing service was too busy after several tries. Please retry later.",
    "unavailable": "A part of the system was not available after several tries. Please retry later.",
    "not-found": "The recording or its transcript is no longer stored.",
}
_OTHER_REASON = "Processing failed for a reason on our side. Please retry; if it fails again, contact support."


@dataclass(frozen=True)
class SessionParties:
    """Whose session this is."""

    organization_id: OrganizationId
    patient_id: PatientId
    therapist_id: TherapistId


@dataclass(frozen=True)
class Session:
    """A therapy session and how far its recording came. `reason` is a problem slug.

    `session_day`: what its sender gave was a day without a time; `session_date` is when that day began.
    """

    id: SessionId
    parties: SessionParties
    consent_id: ConsentId
    session_date: datetime
    language: str
    status: Status
    created_at: datetime
    updated_at: datetime
    duration_s: float | None = None
    reason: str | None = None
    stage_times: Mapping[str, datetime] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    session_day: date | None = None

    @property
    def error_message(self) -> str | None:
        """Return why processing ended, as a sentence a therapist can read."""
        return sentence_for(self.reason) if self.reason else None

    @property
    def percent(self) -> int:
        """Return how far processing is or was when it ended, 0 to 100."""
        reached = [_PERCENT[status] for status in _PERCENT if status.value in self.stage_times]
        return _PERCENT.get(self.status, max(reached, default=0))


@dataclass(frozen=True)
class Recording:
    """Bytes that came in: where their ciphertext is and what they were before."""

    id: RecordingId
    object_name: str
    media_type: str
    size_bytes: int
    content_sha256: str
    wrapped_keyset: bytes | None
    """None once it was destroyed: the ciphertext opens for nobody."""


@dataclass(frozen=True)
class OrganizationKey:
    """A version of an organization's key, wrapped by the root key."""

    wrapped: bytes
    version: int


@dataclass(frozen=True)
class PatientKey:
    """A patient's key, wrapped by a version of the organization's key; both None once it was destroyed."""

    wrapped: bytes | None
    version: int | None


@dataclass(frozen=True)
class Happened:
    """A fact about a session, when it was heard, why, and the duration if it told one.

    `said_at` is when the database took it down: one clock for the facts of all services, so that late ones are known.
    """

    fact: Fact
    at: datetime
    reason: str | None = None
    duration_s: float | None = None
    said_at: datetime | None = None


def after(session: Session, happened: Happened) -> Session | None:
    """Return the session after a fact (the same status for a late one), or None for a move that is not allowed."""
    status = TRANSITIONS[happened.fact].get(session.status)
    if status is None:
        return None
    if session.duration_s is None and happened.duration_s is not None:
        session = replace(session, duration_s=happened.duration_s, updated_at=happened.at)
    if status is session.status or _is_overtaken(session, status, happened):
        return session
    times = {} if happened.fact is Fact.RETRIED else dict(session.stage_times)
    return replace(
        session,
        status=status,
        reason=happened.reason if status in (Status.FAILED, Status.WITHHELD) else None,
        stage_times=times | {status.value: happened.said_at or happened.at},
        updated_at=happened.at,
    )


def _is_overtaken(session: Session, status: Status, happened: Happened) -> bool:
    """Tell whether a fact that would set a failed session going again was said before the failure: it comes late."""
    failed_at = session.stage_times.get(Status.FAILED.value)
    if session.status is not Status.FAILED or status not in (Status.TRANSCRIBING, Status.EMBEDDING):
        return False
    return happened.said_at is not None and failed_at is not None and happened.said_at <= failed_at


def revocation_of(purpose: Purpose) -> Fact:
    """Return what the revocation of a consent means for sessions on their way."""
    return Fact.ANALYSIS_REVOKED if purpose is Purpose.AI_ANALYSIS else Fact.WORDS_REVOKED


def sentence_for(reason: str) -> str:
    """Return a sentence for a problem slug."""
    return _SENTENCES.get(reason, _OTHER_REASON)


def object_name(parties: SessionParties, session_id: SessionId, recording_id: RecordingId) -> str:
    """Return where a recording's ciphertext is kept; made of ids only."""
    return f"{parties.organization_id}/{parties.patient_id}/{session_id}/{recording_id}"


def is_object_name(name: str) -> bool:
    """Tell whether an object's name is one that `object_name` makes."""
    return _OBJECT_NAME.fullmatch(name) is not None


def sealing_context(parties: SessionParties, session_id: SessionId, name: str, media_type: str) -> bytes:
    """Return what a recording is bound to: opened for anybody or anything else, it does not open."""
    parts: Sequence[UUID | str] = (parties.organization_id, parties.patient_id, session_id, name, media_type)
    return "\x1f".join(("recording-v1", *map(str, parts))).encode()
