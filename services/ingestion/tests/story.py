"""What other services tell about one session, in the order in which a test wants it."""

from typing import Any

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.contracts.index import IndexFailed, IndexReady, IndexWithheld
from libs.contracts.transcript import (
    RecordingProbed,
    TranscriptionFailed,
    TranscriptionProgressed,
    TranscriptionStarted,
    TranscriptReady,
    TranscriptWithheld,
)
from services.ingestion.tests.ingestion_world import World


class Story:
    """The facts other services tell about one session."""

    def __init__(self, at: World, session_id: str) -> None:
        self._ids: dict[str, Any] = {
            "organization_id": at.tenant.organization_id,
            "patient_id": at.tenant.patient_id,
            "session_id": session_id,
        }
        self.transcript_id = new_id()
        self.started = TranscriptionStarted(**self._ids, job_id=new_id(), attempt=1)
        self.transcribed = TranscriptReady(
            **self._ids,
            therapist_id=at.tenant.therapist_id,
            session_date=utc_now(),
            transcript_id=self.transcript_id,
            transcript_version=1,
            language="en",
            audio_duration_s=1.0,
        )
        self.indexed = IndexReady(
            **self._ids, transcript_id=self.transcript_id, transcript_version=1, chunk_count=1, model="m"
        )

    def probed(self, duration_s: float, complete: bool, damaged_at_s: float | None = None) -> RecordingProbed:
        return RecordingProbed(**self._ids, duration_s=duration_s, is_complete=complete, damaged_at_s=damaged_at_s)

    def progressed(self, share: float, remaining_s: float | None = None) -> TranscriptionProgressed:
        return TranscriptionProgressed(**self._ids, job_id=new_id(), share=share, remaining_s=remaining_s)

    def transcription_failed(self, reason: str) -> TranscriptionFailed:
        return TranscriptionFailed(**self._ids, job_id=new_id(), reason=reason)

    def index_failed(self, reason: str) -> IndexFailed:
        return IndexFailed(**self._ids, transcript_id=self.transcript_id, reason=reason)

    def index_withheld(self) -> IndexWithheld:
        return IndexWithheld(**self._ids, reason="consent-required")

    def withheld(self, reason: str) -> TranscriptWithheld:
        return TranscriptWithheld(**self._ids, reason=reason)


async def shown(at: World, session_id: str) -> dict[str, Any]:
    """Return a session as it is shown."""
    found: dict[str, Any] = (await at.reads(f"/sessions/{session_id}")).json()
    return found
