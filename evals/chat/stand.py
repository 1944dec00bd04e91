"""A patient of a file in a migrated database, and the chat in front of the embedder's own routes.

Indexing, search statement, row-level security and the HTTP between chat and embedder are the product's. Only people's
records (conversations, consents, the list of sessions) are kept in memory for the moment of a question.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from evals.chat.patients import PatientFile
from evals.retrieval.ours import Ground, Patient
from evals.retrieval.stack import ground
from libs.common.database.transaction import Database
from libs.common.http.app import AppSpec, build_app
from libs.common.http.client import ServiceClient
from libs.common.ids import new_id
from libs.contracts.ids import ConsentId, ConversationId, MessageId, PatientId, SessionId, TherapistId, TranscriptId
from libs.contracts.problems import BY_SLUG, REFUSALS
from libs.contracts.purposes import Purpose
from libs.contracts.transcript import TranscriptReady
from libs.devstack.vendors.asgi_server import serve
from libs.sentences.head import Head
from libs.sentences.minilm import Runtime, SentenceEncoder
from services.chat.clients import EmbedderClient
from services.chat.domain.basis import Held
from services.chat.domain.conversation import Cited, Exchange, Finding, Session
from services.chat.domain.crisis.assessing import Concern
from services.chat.domain.homework import TakenOn
from services.chat.domain.overview import Digest
from services.chat.ports import Accepted, Crisis, SearchResult
from services.embedder.api import build_router
from services.embedder.commitments.api import build_router as commitments_router
from services.embedder.commitments.store import CommitmentStore
from services.embedder.digests.api import build_router as digests_router
from services.embedder.digests.store import DigestStore
from services.embedder.domain import Transcript, Weights
from services.embedder.handlers import Dependencies, IndexTranscript, Search
from services.embedder.store import IndexStore
from services.embedder.vendors.local_minilm import MiniLmEmbedder
from services.embedder.vendors.local_turn_acts import turn_act_head

SESSION_LASTS = timedelta(hours=1)
DEADLINE_S = 60.0


@dataclass
class Indexed:
    """A patient's sessions in the index, their ids by number."""

    file: PatientFile
    patient: Patient
    ids: list[SessionId] = field(default_factory=list)

    def places(self, session_id: SessionId, start_s: float, end_s: float) -> frozenset[tuple[int, int]]:
        """Return the turns of the file, as (session, turn), that a quote's seconds lie in."""
        number = self.ids.index(session_id)
        return frozenset(
            (number, place)
            for place, turn in enumerate(self.file.sessions[number][1])
            if start_s < turn.end_s and turn.start_s < end_s
        )

    def cited(self, session: int, turn: int) -> Cited:
        """Return the seconds of a turn of the file."""
        said = self.file.sessions[session][1][turn]
        return Cited(self.ids[session], said.start_s, said.end_s)


@dataclass
class Around:
    """What the chat asks around it, as of `now`."""

    indexed: Indexed
    embedder: EmbedderClient
    now: datetime = field(default_factory=lambda: datetime.now().astimezone())
    history: tuple[Exchange, ...] = ()

    def clock(self) -> datetime:
        """Return when the question is asked."""
        return self.now

    async def ready(self, patient_id: PatientId) -> tuple[Session, ...]:  # noqa: ARG002 - there is one patient
        """Return the sessions that there were by then."""
        therapist = self.indexed.patient.therapist_id
        sessions = zip(self.indexed.ids, self.indexed.file.sessions, strict=True)
        return tuple(Session(one, at, therapist) for one, (at, _) in sessions if at + SESSION_LASTS <= self.now)

    async def find(self, patient_id: PatientId, text: str, sessions: Sequence[SessionId]) -> Finding:
        """Search among these of the sessions that there were by then."""
        return await self.embedder.find(patient_id, text, sessions)

    async def commitments(self, patient_id: PatientId, sessions: Sequence[SessionId]) -> tuple[TakenOn, ...]:
        """Return the commitments as they stood then."""
        return await self.embedder.commitments(patient_id, sessions, self.now)

    async def digests(self, sessions: Sequence[SessionId]) -> tuple[Digest, ...]:
        """Return the digests of sessions."""
        return await self.embedder.digests(sessions)

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId | None = None) -> Held:  # noqa: ARG002
        """Say that consent is in force; the index asks the database all the same."""
        return Held(ConsentId(UUID(int=1)), ConsentId(UUID(int=2)))

    async def accept(self, patient_id: PatientId, conversation_id: ConversationId | None, message: str) -> Accepted:  # noqa: ARG002
        """Take the message, with the history that was set for it."""
        return Accepted(conversation_id or ConversationId(new_id()), MessageId(new_id()), self.history)

    async def note_telling(self, patient_id: PatientId, to: Accepted) -> None:
        """Keep nothing."""

    async def answered(self, patient_id: PatientId, to: Accepted, search_result: SearchResult) -> MessageId:  # noqa: ARG002
        """Keep nothing."""
        return MessageId(new_id())

    async def note_crisis(self, patient_id: PatientId, crisis: Crisis) -> Accepted:  # noqa: ARG002
        """Keep nothing."""
        return Accepted(ConversationId(new_id()), MessageId(new_id()), ())

    async def signal(self, patient_id: PatientId, to: Accepted, concern: Concern) -> None:
        """Tell nobody."""


@asynccontextmanager
async def standing(
    files: Sequence[PatientFile], cache: Path, acts_of: Callable[[PatientFile], Awaitable[Head]] | None = None
) -> AsyncIterator[list[Around]]:
    """Index every patient and serve the embedder's routes; yields what the chat asks, one for each patient.

    `acts_of` gives the head that reads a patient's turns: when another is trained, one that has not seen them.
    """
    async with ground(Weights()) as stack:
        encoder = SentenceEncoder(Runtime(None, cache))
        shipped = turn_act_head()
        indexed = [await _index(stack, encoder, file, await acts_of(file) if acts_of else shipped) for file in files]
        # The server runs in a thread with an event loop of its own, so it has connections of its own.
        database = Database(stack.url, REFUSALS)
        search = Search(IndexStore(database, Weights()), MiniLmEmbedder(encoder), encoder)
        with serve(
            build_app(
                AppSpec(
                    "embedder",
                    "1",
                    (
                        build_router(search),
                        commitments_router(CommitmentStore(database)),
                        digests_router(DigestStore(database)),
                    ),
                )
            )
        ) as url:
            client = ServiceClient(url, DEADLINE_S, BY_SLUG)
            try:
                yield [Around(one, EmbedderClient(client)) for one in indexed]
            finally:
                await client.close()


async def _index(stack: Ground, encoder: SentenceEncoder, file: PatientFile, acts: Head) -> Indexed:
    indexed = Indexed(file, await stack.new_patient())
    with indexed.patient.acting_under():
        for at, turns in file.sessions:
            indexed.ids.append(SessionId(new_id()))
            transcript = Transcript(TranscriptId(new_id()), indexed.ids[-1], 1, "en", turns)
            event = _event(indexed.patient, transcript, at)
            dependencies = Dependencies(
                Granted(), OneTranscript(transcript), MiniLmEmbedder(encoder), encoder, acts, stack.store,
                (CommitmentStore(stack.database), DigestStore(stack.database)), stack.count,
            )  # fmt: skip
            step = IndexTranscript(dependencies)
            index = await step.work(event)
            async with stack.database.transaction() as tx:
                await step.record(event, index, tx)
    return indexed


def _event(patient: Patient, transcript: Transcript, at: datetime) -> TranscriptReady:
    return TranscriptReady(
        organization_id=patient.organization_id,
        patient_id=patient.patient_id,
        session_id=transcript.session_id,
        therapist_id=patient.therapist_id,
        session_date=at,
        transcript_id=transcript.id,
        transcript_version=transcript.version,
        language=transcript.language,
        audio_duration_s=transcript.turns[-1].end_s,
    )


class Granted:
    """The consent service, which says yes; the database asks its own ledger all the same."""

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId, purpose: Purpose) -> None:
        """Refuse nothing."""


@dataclass
class OneTranscript:
    """The transcriber with one transcript."""

    transcript: Transcript

    async def current(self, session_id: SessionId) -> Transcript:  # noqa: ARG002
        """Return it."""
        return self.transcript
