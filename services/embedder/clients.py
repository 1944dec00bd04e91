"""HTTP clients of consent and the transcriber; responses are validated."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.common.http.client import ServiceClient
from libs.contracts.ids import PatientId, SessionId, TherapistId, TranscriptId
from libs.contracts.purposes import Purpose
from libs.tenancy.consent_hold import hold
from services.embedder.domain import Speaker, Transcript, Turn


class ConsentClient:
    """Implements ports.Consents over the consent service."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId, purpose: Purpose) -> None:
        """Require consent to the purpose. Raises AppError(CONSENT_REQUIRED)."""
        await hold(self._client, patient_id, therapist_id, (purpose,))


class TranscriberClient:
    """Implements ports.Transcripts over the transcriber."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def current(self, session_id: SessionId) -> Transcript:
        """Return the newest version of a session's transcript. Raises AppError(NOT_FOUND)."""
        response = await self._client.request("GET", f"/sessions/{session_id}/transcript")
        try:
            wire = _Transcript.model_validate_json(response.content)
        except ValidationError as error:
            # The validator's message contains the transcript, so it is not passed on.
            raise AppError(UPSTREAM_FAILED, "The transcriber sent an invalid response.") from error
        return Transcript(
            id=TranscriptId(wire.id),
            session_id=SessionId(wire.session_id),
            version=wire.version,
            language=wire.language,
            # A vendor may end a word before it began; a span must not run backwards.
            turns=tuple(Turn(s.speaker, s.text, s.start_time, max(s.start_time, s.end_time)) for s in wire.segments),
        )


class _Wire(BaseModel):
    # The transcriber may add members before this service knows them; errors do not repeat the words they are about.
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class _Segment(_Wire):
    speaker: Speaker
    text: str
    start_time: float = Field(ge=0)
    end_time: float = Field(ge=0)


class _Transcript(_Wire):
    id: UUID
    session_id: UUID
    version: int = Field(ge=1)
    language: str
    segments: list[_Segment]
