"""Domain model of sessions: one table defines the status transitions, and late events never move a session back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.contracts.ids import ConsentId, OrganizationId, PatientId, RecordingId, SessionId, TherapistId
from libs.contracts.purposes import Purpose

FILE_BYTES_MAX = 500 * 1024 * 1024
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OBJECT_NAME = re.compile(f"{_UUID}(?:/{_UUID}){{3}}")


class Status(StrEnum):
    """The stage of a session in the pipeline."""

    PENDING = "pending"
    UPLOADED = "uploaded"
    TRANSCRIBING = "transcribing"
    EMBEDDING = "embedding"
    READY = "ready"
    FAILED = "failed"
    WITHHELD = "withheld"


class Trigger(StrEnum):
    """What can trigger a status transition: an event type or a command."""

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
# The next status per trigger and status. A status that is not listed ignores the trigger, which is counted.
# A status that maps to itself expects late events, because topics are not ordered relative to each other.
TRANSITIONS: Mapping[Trigger, Mapping[Status, Status]] = {
    Trigger.RECORDING_UPLOADED: {_P: _U, _U: _U},
    Trigger.TRANSCRIPTION_STARTED: {_U: _T, _T: _T, _F: _T, _E: _E, _R: _R, _W: _W},
    Trigger.TRANSCRIPT_READY: {_U: _E, _T: _E, _F: _E, _E: _E, _R: _R, _W: _W},
    Trigger.TRANSCRIPT_WITHHELD: {_U: _W, _T: _W, _F: _W, _W: _W},
    Trigger.TRANSCRIPTION_FAILED: {_U: _F, _T: _F, _F: _F, _W: _W},
    Trigger.INDEX_READY: {_U: _R, _T: _R, _E: _R, _F: _R, _R: _R, _W: _W},
    Trigger.INDEX_WITHHELD: {_U: _W, _T: _W, _E: _W, _F: _W, _R: _W, _W: _W},
    Trigger.INDEX_FAILED: {_U: _F, _T: _F, _E: _F, _F: _F, _W: _W},
    Trigger.WORDS_REVOKED: {_P: _W, _U: _W, _T: _W, _E: _E, _R: _R, _F: _F, _W: _W},
    Trigger.ANALYSIS_REVOKED: {_P: _P, _U: _U, _T: _T, _E: _W, _R: _R, _F: _F, _W: _W},
    Trigger.RETRIED: {_F: _U, _W: _U},
}
WAITING = "waiting"
FINAL = frozenset({Status.READY, Status.FAILED, Status.WITHHELD})

UPLOAD_STATUS: Mapping[Status, str] = {
    Status.PENDING: "pending",
    Status.UPLOADED: "uploaded",
    Status.TRANSCRIBING: "processing",
    Status.EMBEDDING: "processing",
    Status.READY: "completed",
    Status.FAILED: "failed",
    # The upload itself went well: that nothing more is made of it is for the consent to say.
    Status.WITHHELD: "completed",
}
_PERCENT: Mapping[Status, int] = {_P: 0, _U: 10, _T: 30, _E: 80, _R: 100}

_SENTENCES: Mapping[str, str] = {
    "consent-required": "Processing stopped because the patient's consent for it is not in force.",
    "consent-revoked": "Processing stopped because the patient took back the consent for it.",
    "language-unsupported": "The session is not in English, which is the only language transcribed at present.",
    "unsupported-media-type": "The recording could not be decoded. Please check the file and upload it again.",
    "recording-unreadable": "The recording could not be decoded. Please check the file and upload it again.",
    "recording-damaged": "A part of the recording could not be decoded. Please copy it from the device again.",
    "recording-too-long": "The recording lasts longer than four hours. Please split it and upload each part.",
    "no-sound": "The file has no sound track, or it ends before any sound begins. Please check the microphone.",
    "no-speech": "The recording is silent, or less than a second of speech was found in it.",
    "upstream-refused": "The transcription or indexing service refused this recording. Support has to look at it.",
    "upstream-failed": "The transcription or indexing service did not answer after several tries. Please retry later.",
    "rate-limited": "The transcription or indexing service was too busy after several tries. Please retry later.",
    "unavailable": "A part of the system was not available after several tries. Please retry later.",
    "not-found": "The recording or its transcript is no longer stored.",
}
_DAMAGED = "recording-damaged"
_OTHER_REASON = "Processing failed for a reason on our side. Please retry; if it fails again, contact support."


@dataclass(frozen=True)
class SessionParties:
    """The organization, patient and therapist of a session."""

    organization_id: OrganizationId
    patient_id: PatientId
    therapist_id: TherapistId


@dataclass(frozen=True)
class Session:
    """A therapy session and the status of its recording. `reason` is a problem slug.

    `session_day` is set if the sender gave a day without a time; `session_date` is then the start of that day.
    `released_at` is set by the database when the session becomes ready, unless a therapist is to release it.
    `recording_complete` is false if the recording's end is missing, None until it was probed; `damaged_at_s` is where
    the first part is that cannot be decoded, if that is why it failed.
    `transcribed_share` is how much (0 to 1) was heard of it by the attempt at work, None while it waits for its turn;
    `transcribed_by` is when its words are expected.
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
    released_at: datetime | None = None
    recording_complete: bool | None = None
    damaged_at_s: float | None = None
    transcribed_share: float | None = None
    transcribed_by: datetime | None = None

    @property
    def released(self) -> bool:
        """Return whether the session is part of the chat."""
        return self.released_at is not None

    @property
    def error_message(self) -> str | None:
        """Return why processing ended, as a sentence for the therapist."""
        if not self.reason:
            return None
        if self.reason == _DAMAGED and self.damaged_at_s is not None:
            minutes, seconds = divmod(int(self.damaged_at_s), 60)
            return f"{sentence_for(self.reason)} The first such part is at {minutes}:{seconds:02d} (minutes:seconds)."
        return sentence_for(self.reason)

    @property
    def stage(self) -> str:
        """Return the status, or `waiting` while other recordings are transcribed before this one."""
        is_waiting = self.status is Status.TRANSCRIBING and self.transcribed_share is None
        return WAITING if is_waiting else self.status.value

    @property
    def percent(self) -> int:
        """Return the progress of processing, 0 to 100; after a failure, the last progress."""
        if self.status is Status.TRANSCRIBING and self.transcribed_share is not None:
            return _PERCENT[_T] + int((_PERCENT[_E] - _PERCENT[_T]) * self.transcribed_share)
        reached = [_PERCENT[status] for status in _PERCENT if status.value in self.stage_times]
        return _PERCENT.get(self.status, max(reached, default=0))


@dataclass(frozen=True)
class Recording:
    """A stored recording: the object name of its ciphertext, and type, size and SHA-256 of its plaintext."""

    id: RecordingId
    object_name: str
    media_type: str
    size_bytes: int
    content_sha256: str
    wrapped_keyset: bytes | None
    """None once destroyed: the ciphertext can no longer be decrypted."""


@dataclass(frozen=True)
class UploadClaim:
    """What an upload says of its recording before its bytes are read; `on` is the day if one was given, else the time.

    What may be told afresh (the metadata) is no part of it.
    """

    parties: SessionParties
    on: date | datetime
    language: str


@dataclass(frozen=True)
class OrganizationKey:
    """A version of an organization's key, wrapped with the root key."""

    wrapped: bytes
    version: int


@dataclass(frozen=True)
class PatientKey:
    """A patient's key, wrapped with a version of the organization's key; both None once destroyed."""

    wrapped: bytes | None
    version: int | None


@dataclass(frozen=True)
class SessionEvent:
    """A trigger for a session: when it was received, its reason (a problem slug), and the duration if known.

    `published_at` is when the database published it: one clock for all services, so that late events are noticed.
    """

    trigger: Trigger
    at: datetime
    reason: str | None = None
    duration_s: float | None = None
    published_at: datetime | None = None


def after(session: Session, event: SessionEvent) -> Session | None:
    """Return the session after an event (unchanged for a late one), or None if the transition is not allowed."""
    status = TRANSITIONS[event.trigger].get(session.status)
    if status is None:
        return None
    # Some recorders write no duration: then the transcript's is the first that is known.
    if session.duration_s is None and event.duration_s is not None:
        session = replace(session, duration_s=event.duration_s, updated_at=event.at)
    if status is session.status or _is_overtaken(session, status, event):
        return session
    # Progress is counted from the stages that were reached, and these are to be reached again.
    times = {} if event.trigger is Trigger.RETRIED else dict(session.stage_times)
    return replace(
        session,
        status=status,
        reason=event.reason if status in (Status.FAILED, Status.WITHHELD) else None,
        stage_times=times | {status.value: event.published_at or event.at},
        updated_at=event.at,
        transcribed_share=None,
        transcribed_by=None,
    )


def progressed(session: Session, share: float, remaining_s: float | None, at: datetime) -> Session:
    """Return the session after a share of its recording (0 to 1) was heard, unless it is no longer transcribed."""
    if session.status is not Status.TRANSCRIBING:
        return session
    expected = None if remaining_s is None else at + timedelta(seconds=remaining_s)
    return replace(session, transcribed_share=share, transcribed_by=expected, updated_at=at)


def _is_overtaken(session: Session, status: Status, event: SessionEvent) -> bool:
    """Return True if an event that would restart a failed session was published before the failure."""
    failed_at = session.stage_times.get(Status.FAILED.value)
    if session.status is not Status.FAILED or status not in (Status.TRANSCRIBING, Status.EMBEDDING):
        return False
    return event.published_at is not None and failed_at is not None and event.published_at <= failed_at


def may_repeat(session: Session, claim: UploadClaim) -> bool:
    """Return True if an upload with the idempotency key of this session may be the same one, as far as it says."""
    return UploadClaim(session.parties, session.session_day or session.session_date, session.language) == claim


def repeats(recording: Recording, content_sha256: str) -> bool:
    """Return True if an upload that may be the same one is: its bytes are those that were stored."""
    return recording.content_sha256 == content_sha256


def revocation_of(purpose: Purpose) -> Trigger:
    """Return the trigger that a revocation is for sessions in progress."""
    return Trigger.ANALYSIS_REVOKED if purpose is Purpose.AI_ANALYSIS else Trigger.WORDS_REVOKED


def sentence_for(reason: str) -> str:
    """Return the user-facing sentence for a problem slug."""
    return _SENTENCES.get(reason, _OTHER_REASON)


def object_name(parties: SessionParties, session_id: SessionId, recording_id: RecordingId) -> str:
    """Return the object name of a recording's ciphertext; it consists of ids only."""
    return f"{parties.organization_id}/{parties.patient_id}/{session_id}/{recording_id}"


def is_object_name(name: str) -> bool:
    """Return True if `object_name` can return this name."""
    return _OBJECT_NAME.fullmatch(name) is not None


def sealing_context(parties: SessionParties, session_id: SessionId, name: str, media_type: str) -> bytes:
    """Return the encryption context (AAD) of a recording."""
    # All that says whose it is and what: ciphertext that is moved to another name does not open.
    parts: Sequence[UUID | str] = (parties.organization_id, parties.patient_id, session_id, name, media_type)
    return "\x1f".join(("recording-v1", *map(str, parts))).encode()
