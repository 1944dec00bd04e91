"""Index use cases: index transcripts when they change, schedule deletion on revocation, search."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from libs.common.clock import Clock
from libs.common.database.transaction import Transaction
from libs.common.errors import NOT_FOUND, AppError
from libs.common.events import Event
from libs.common.folded_text import searchable
from libs.common.log import get_logger
from libs.common.messaging.steps import Step
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TherapistId
from libs.contracts.index import IndexFailed, IndexReady, IndexWithheld
from libs.contracts.problems import CONSENT_REQUIRED, ERASED
from libs.contracts.purposes import Purpose
from libs.contracts.transcript import TranscriptReady, TranscriptUpdated
from libs.sentences.head import Head
from services.embedder.chunking import CountTokens, chunks_of
from services.embedder.commitments.extraction import verified
from services.embedder.domain import (
    LANGUAGES_INDEXED,
    Chunk,
    Found,
    Index,
    Model,
    Question,
    Source,
    Transcript,
    Withheld,
    in_context,
)
from services.embedder.metrics import FOUND_ACTS
from services.embedder.model_choice import LOCAL, Embed, model_called
from services.embedder.ports import (
    CommitmentFinder,
    Consents,
    Derived,
    IndexRepository,
    TextEmbedder,
    Transcripts,
    TurnEncoder,
    Vector,
)
from services.embedder.spelling import mended
from services.embedder.turn_acts import acts_of

# Vectors are stored after each batch, so a crash loses at most one batch of paid vectors.
BATCH_PASSAGES = 64
QUERY_DEADLINE_S = 5.0

CONSENT_REVOKED = "consent-revoked"
LANGUAGE_UNSUPPORTED = "language-unsupported"

# A transcript exists under the first purpose, and is searched under the second.
SEARCH_PURPOSES = (Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS)

TranscriptEvent = TranscriptReady | TranscriptUpdated


@dataclass(frozen=True)
class Dependencies:
    """Dependencies of IndexTranscript."""

    consents: Consents
    transcripts: Transcripts
    embedder: TextEmbedder
    turn_encoder: TurnEncoder
    act_head: Head
    index_repository: IndexRepository
    derived: Sequence[Derived]
    count_tokens: CountTokens
    commitment_finder: CommitmentFinder | None = None


class IndexTranscript(Step[TranscriptEvent, Index | Withheld]):
    """Indexes a new or changed transcript, if consent is still in force."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies

    async def work(self, event: TranscriptEvent) -> Index | Withheld:
        """Fetch the transcript, chunk it, and embed new passages. A missing consent is a result, not an error."""
        if event.language.partition("-")[0].lower() not in LANGUAGES_INDEXED:
            return Withheld(LANGUAGE_UNSUPPORTED)
        try:
            return await self._index(event)
        except AppError as error:
            if error.problem is CONSENT_REQUIRED:
                return Withheld(CONSENT_REVOKED)
            raise

    async def record(self, event: TranscriptEvent, result: Index | Withheld, tx: Transaction) -> Sequence[Event]:
        """Replace the session's index; a late event for an older version is ignored."""
        if isinstance(result, Withheld):
            return (_withheld(event, result.reason),)
        if not await self._dependencies.index_repository.replace(tx, result):
            get_logger().info("index.superseded", session_id=str(event.session_id))
            return ()
        for derived in self._dependencies.derived:
            await derived.add(tx, result)
        return (_ready(event, result),)

    async def on_failure(self, event: TranscriptEvent, error: AppError, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Publish the failure, or that consent ended meanwhile; publish nothing for an erased session."""
        if error.problem is CONSENT_REQUIRED:
            return (_withheld(event, CONSENT_REVOKED),)
        if error.problem is ERASED:
            return ()  # the services that wait for the index have erased the session too
        return (
            IndexFailed(
                organization_id=event.organization_id,
                patient_id=event.patient_id,
                session_id=event.session_id,
                transcript_id=event.transcript_id,
                reason=error.problem.slug,
            ),
        )

    async def _index(self, event: TranscriptEvent) -> Index:
        dependencies = self._dependencies
        await self._hold(event, SEARCH_PURPOSES)
        transcript = await self._fetch_transcript(event)
        # In a thread, because chunking an hour of speech would block the event loop.
        chunks = await asyncio.to_thread(chunks_of, transcript.turns, dependencies.count_tokens)
        index = Index(_source(event, transcript), chunks, dependencies.embedder.model)
        index = await self._embed(index)
        # Of the local model for everybody, whatever embeds the passages: the heads are trained on its vectors (ADR
        # 0018).
        vectors = tuple(await dependencies.turn_encoder.encode(in_context(index.turns)))
        acts = await asyncio.to_thread(acts_of, index.turns, vectors, dependencies.act_head)
        return await self._with_found_acts(event, replace(index, turn_vectors=vectors, turn_acts=acts))

    async def _with_found_acts(self, event: TranscriptEvent, index: Index) -> Index:
        """Have the vendor that is named find commitments, and keep what the turns bear out; never fall back unsaid."""
        finder = self._dependencies.commitment_finder
        if finder is None:
            return index
        # Embedding took its time, and here every word leaves at once.
        await self._hold(event, SEARCH_PURPOSES)
        checked = verified(await finder.find(index.turns), index.turns)
        for outcome, count in checked.outcomes.items():
            FOUND_ACTS.labels(outcome.value).inc(count)
        return replace(index, found_acts=checked.kept)

    async def _hold(self, event: TranscriptEvent, purposes: Sequence[Purpose]) -> None:
        for purpose in purposes:
            await self._dependencies.consents.hold(
                PatientId(event.patient_id), TherapistId(event.therapist_id), purpose
            )

    async def _fetch_transcript(self, event: TranscriptEvent) -> Transcript:
        """Fetch the transcript. Raises AppError(CONSENT_REQUIRED) instead of NOT_FOUND if a revocation hides it."""
        try:
            return await self._dependencies.transcripts.current(SessionId(event.session_id))
        except AppError as error:
            if error.problem is NOT_FOUND:
                # Row-level security shows a revoked transcript as missing; consent tells which of both it is.
                await self._hold(event, (Purpose.RECORDING, Purpose.TRANSCRIPTION))
            raise

    async def _embed(self, index: Index) -> Index:
        """Buy what is missing of the model in use, and of one that is being built beside it; return whose index it is.

        What can no longer embed is left to a rebuild: until then this organization is searched by text.
        """
        in_use = await self._dependencies.index_repository.models_in_use()
        configured = self._dependencies.embedder.model
        wanted = [name for name in (in_use.active or configured.name, in_use.building) if name]
        local = self._dependencies.turn_encoder
        embedders = [found for name in wanted if (found := model_called(name, self._dependencies.embedder, local))]
        if len(embedders) < len(wanted):
            get_logger().warning("index.model_unavailable", model=in_use.active, configured=configured.name)
        for model, embed in embedders or [(configured, self._dependencies.embedder.embed)]:
            await self._embed_with(model, embed, index)
        return replace(index, model=embedders[0][0]) if embedders else index

    async def _embed_with(self, model: Model, embed: Embed, index: Index) -> None:
        index_repository = self._dependencies.index_repository
        # A correction changes a few passages: the vectors of all others were bought before.
        embedded_hashes = await index_repository.embedded_hashes(index.source, model)
        missing = [(key, text) for key, text in _texts(index.chunks).items() if key not in embedded_hashes]
        for start in range(0, len(missing), BATCH_PASSAGES):
            batch = missing[start : start + BATCH_PASSAGES]
            vectors = await embed([text for _, text in batch])
            keys = [key for key, _ in batch]
            await index_repository.add_vectors(index.source, model, dict(zip(keys, vectors, strict=True)))


class ScheduleIndexDeletion(Step[ConsentRevoked, None]):
    """Schedules the deletion of the index after a revocation; row-level security hides it at once."""

    def __init__(self, index_repository: IndexRepository, clock: Clock, grace: timedelta) -> None:
        self._repository = index_repository
        self._clock = clock
        self._grace = grace

    async def record(self, event: ConsentRevoked, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Schedule the deletion after the grace period."""
        # A consent to recording is needed to take words in, and not to keep or search them.
        if event.consent_type in SEARCH_PURPOSES:
            await self._repository.withdraw(tx, event, self._clock() + self._grace)
        return ()


class Search:
    """Searches the passages of one patient."""

    def __init__(
        self,
        index_repository: IndexRepository,
        embedder: TextEmbedder,
        turn_encoder: TurnEncoder,
        deadline_s: float = QUERY_DEADLINE_S,
    ) -> None:
        self._repository = index_repository
        self._embedder = embedder
        self._turn_encoder = turn_encoder
        self._deadline_s = deadline_s

    @property
    def model_name(self) -> str:
        """Return the name of the embedding model."""
        return self._embedder.model.name

    async def find(self, question: Question) -> Found:
        """Search by vectors and text; by text alone if the embedder fails or exceeds its deadline.

        A question with misspelt words is mended by the patient's own, and searched again.
        """
        question = replace(question, text=searchable(question.text))
        found = await self._find(question)
        misspelt = [word for word in found.unknown_words if not self._turn_encoder.knows(word)]
        if not misspelt:
            return found
        spoken = await self._repository.spoken(question)
        text = mended(question.text, misspelt, spoken, self._turn_encoder.knows)
        # Once more and no further: what the patient's own words do not mend stays as it was asked.
        if text != question.text:
            found = await self._find(replace(question, text=text))
        # What is still misspelt says nothing of what was spoken of.
        return replace(found, unknown_words=tuple(filter(self._turn_encoder.knows, found.unknown_words)))

    async def _find(self, question: Question) -> Found:
        model, vector = await self._read(question.text)
        # The local model may be the one that embeds passages too: it reads a question once.
        is_read = vector is not None and model == LOCAL
        turn_vector = vector if is_read else (await self._turn_encoder.encode([question.text]))[0]
        found = await self._repository.search(question, model, vector, turn_vector)
        if vector is not None and not found.by_vectors:
            names = {"model": found.model, "configured": self._embedder.model.name}
            get_logger().warning("search.text_only_fallback", problem="rebuild-needed", **names)
        return Found(found.hits, found.by_vectors, question.text, found.unknown_words, found.model)

    async def _read(self, text: str) -> tuple[Model, Vector | None]:
        """Return a model and its vector; no vendor is asked for an organization whose index is of the local model."""
        configured = self._embedder.model
        if configured != LOCAL and (await self._repository.models_in_use()).active == LOCAL.name:
            return LOCAL, (await self._turn_encoder.encode([text]))[0]
        return configured, await self._vector(text)

    async def _vector(self, text: str) -> Vector | None:
        try:
            # Somebody waits for the answer: after this the search goes by text alone.
            async with asyncio.timeout(self._deadline_s):
                return (await self._embedder.embed([text]))[0]
        except (AppError, TimeoutError) as error:
            problem = error.problem.slug if isinstance(error, AppError) else "timeout"
            get_logger().warning("search.text_only_fallback", problem=problem)
            return None


def _texts(chunks: Sequence[Chunk]) -> dict[bytes, str]:
    return {passage.content_hash: passage.text for chunk in chunks for passage in chunk.passages}


def _source(event: TranscriptEvent, transcript: Transcript) -> Source:
    return Source(
        organization_id=OrganizationId(event.organization_id),
        patient_id=PatientId(event.patient_id),
        therapist_id=TherapistId(event.therapist_id),
        session_id=SessionId(event.session_id),
        session_date=event.session_date,
        transcript_id=transcript.id,
        transcript_version=transcript.version,
    )


def _ready(event: TranscriptEvent, index: Index) -> IndexReady:
    return IndexReady(
        organization_id=event.organization_id,
        patient_id=event.patient_id,
        session_id=event.session_id,
        transcript_id=index.source.transcript_id,
        transcript_version=index.source.transcript_version,
        chunk_count=len(index.chunks),
        model=index.model.name,
    )


def _withheld(event: TranscriptEvent, reason: str) -> IndexWithheld:
    return IndexWithheld(
        organization_id=event.organization_id,
        patient_id=event.patient_id,
        session_id=event.session_id,
        reason=reason,
    )
