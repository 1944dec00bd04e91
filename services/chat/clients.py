"""HTTP clients of the embedder, ingestion and consent; responses are validated."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from libs.common.clock import to_json_time
from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.common.http.client import ServiceClient
from libs.contracts.ids import ChunkId, PatientId, SessionId, TherapistId
from libs.contracts.index import CommitmentStatus
from libs.contracts.purposes import Purpose
from libs.tenancy.consent_hold import hold
from services.chat.domain.basis import Held
from services.chat.domain.conversation import Finding, Passage, Session, Speaker, Turn
from services.chat.domain.homework import Said, TakenOn
from services.chat.domain.overview import Digest

PASSAGES_MAX = 16
# Together a thousand sessions: almost ten years of two a week.
PAGE_SIZE = 200
# The embedder's limit for one request.
DIGESTS_MAX = 200
PAGES_MAX = 5


class EmbedderClient:
    """Implements ports.Search over the embedder."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def find(self, patient_id: PatientId, text: str, sessions: Sequence[SessionId]) -> Finding:
        """Return the best passages of these sessions of the patient, best first."""
        of = [str(session) for session in sessions]
        body = {"patient_id": str(patient_id), "query": text, "limit": PASSAGES_MAX, "session_ids": of}
        response = await self._client.request("POST", "/search", json=body)
        found = _read(_Found, response.content)
        # A passage without turns has nothing that could be quoted.
        passages = tuple(_passage(result) for result in found.results if result.turns)
        return Finding(
            passages,
            text_only=found.mode == "text",
            understood_as=found.understood_as or text,
            unknown_words=tuple(found.unknown_words),
        )

    async def commitments(
        self, patient_id: PatientId, sessions: Sequence[SessionId], as_of: datetime | None = None
    ) -> tuple[TakenOn, ...]:
        """Return the patient's commitments as these sessions tell them, newest first."""
        of = [str(session) for session in sessions]
        params = {"session_id": of, "as_of": to_json_time(as_of) if as_of else None}
        response = await self._client.request("GET", f"/patients/{patient_id}/commitments", params=params)
        return tuple(_taken(one) for one in _read(_Commitments, response.content).data)

    async def digests(self, sessions: Sequence[SessionId]) -> tuple[Digest, ...]:
        """Return the digests of sessions, oldest first; of the newest DIGESTS_MAX, if there are more."""
        params = {"session_id": [str(session) for session in sessions[-DIGESTS_MAX:]]}
        response = await self._client.request("GET", "/digests", params=params)
        return tuple(_digest(one) for one in _read(_Digests, response.content).data)


class IngestionClient:
    """Implements ports.Sessions over ingestion."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def ready(self, patient_id: PatientId) -> tuple[Session, ...]:
        """Return the patient's sessions that are ready and released, at most the newest 1000."""
        wanted = {"patient_id": str(patient_id), "status": "ready", "released": "true", "limit": PAGE_SIZE}
        sessions: list[Session] = []
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            response = await self._client.request("GET", "/sessions", params=wanted | {"cursor": cursor})
            page = _read(_Page, response.content)
            sessions += [
                Session(SessionId(row.id), row.session_date, TherapistId(row.therapist_id), row.session_day)
                for row in page.data
            ]
            cursor = page.next_cursor
            if cursor is None:
                break
        return tuple(sessions)


class ConsentClient:
    """Implements ports.ConsentHolds over the consent service."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId | None = None) -> Held:
        """Return the consents in force that quotes need. Raises AppError(CONSENT_REQUIRED) if one is missing."""
        held = await hold(self._client, patient_id, therapist_id, (Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS))
        return Held(held[Purpose.AI_ANALYSIS], held[Purpose.TRANSCRIPTION])


class _Wire(BaseModel):
    # A service may add members before this one knows them; errors do not repeat the words they are about.
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


_W = TypeVar("_W", bound=_Wire)


class _Turn(_Wire):
    speaker: Speaker
    text: str
    start_time: float = Field(ge=0)
    end_time: float = Field(ge=0)
    relevance: float | None = None
    acts: dict[str, float] = Field(default_factory=dict)


class _Result(_Wire):
    chunk_id: UUID
    session_id: UUID
    session_date: AwareDatetime
    turns: list[_Turn]
    relevance: float | None = None


class _Found(_Wire):
    results: list[_Result]
    mode: str = "hybrid"
    understood_as: str = ""
    unknown_words: list[str] = Field(default_factory=list)


class _Said(_Wire):
    act: str
    chunk_id: UUID
    session_id: UUID
    session_date: AwareDatetime
    speaker: Speaker
    quote: str
    start_time: float = Field(ge=0)
    end_time: float = Field(ge=0)
    probability: float


class _Commitment(_Wire):
    status: str
    events: list[_Said]


class _Topic(_Wire):
    share: float


class _Sentence(_Wire):
    chunk_id: UUID
    speaker: Speaker
    quote: str
    start_time: float = Field(ge=0)
    end_time: float = Field(ge=0)
    topic: int = Field(ge=0)


class _Digest(_Wire):
    session_id: UUID
    session_date: AwareDatetime
    topics: list[_Topic]
    sentences: list[_Sentence]


class _Digests(_Wire):
    data: list[_Digest]


class _Commitments(_Wire):
    data: list[_Commitment]


class _Session(_Wire):
    id: UUID
    therapist_id: UUID
    session_date: AwareDatetime
    session_day: date | None = None


class _Page(_Wire):
    data: list[_Session]
    next_cursor: str | None = None


def _read(shape: type[_W], body: bytes) -> _W:
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        # The validator's message contains transcript text, so it is not passed on.
        raise AppError(UPSTREAM_FAILED, "An upstream service sent an invalid response.") from error


def _taken(commitment: _Commitment) -> TakenOn:
    return TakenOn(commitment.status == CommitmentStatus.OPEN, tuple(_statement(one) for one in commitment.events))


def _statement(one: _Said) -> Said:
    turn = Turn(one.speaker, one.quote, one.start_time, max(one.start_time, one.end_time), acts={one.act: 1.0})
    return Said(
        one.act,
        Passage(ChunkId(one.chunk_id), SessionId(one.session_id), one.session_date, (turn,), None),
        one.probability,
    )


def _digest(digest: _Digest) -> Digest:
    shares = dict(enumerate(topic.share for topic in digest.topics))
    largest_first = sorted(digest.sentences, key=lambda one: shares.get(one.topic, 0.0), reverse=True)
    session_id = SessionId(digest.session_id)
    return Digest(
        session_id,
        tuple(
            Passage(ChunkId(one.chunk_id), session_id, digest.session_date, (_turn_of(one),), None)
            for one in largest_first
        ),
    )


def _turn_of(one: _Sentence) -> Turn:
    return Turn(one.speaker, one.quote, one.start_time, max(one.start_time, one.end_time))


def _passage(result: _Result) -> Passage:
    return Passage(
        chunk_id=ChunkId(result.chunk_id),
        session_id=SessionId(result.session_id),
        session_date=result.session_date,
        turns=tuple(
            Turn(
                turn.speaker, turn.text, turn.start_time, max(turn.start_time, turn.end_time), turn.relevance, turn.acts
            )
            for turn in result.turns
        ),
        relevance=result.relevance,
    )
