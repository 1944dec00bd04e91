"""SQL for the index: replaces one session's index at a time; searches one patient's index in one statement."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from libs.common.database.transaction import Database, Transaction
from libs.contracts.consent import ConsentRevoked
from services.embedder.domain import (
    Chunk,
    Hit,
    Hits,
    Index,
    Model,
    ModelsInUse,
    Question,
    Source,
    Span,
    Speaker,
    Turn,
    Weights,
    chunk_id,
    passage_id,
)
from services.embedder.ports import Vector
from services.embedder.search.store import search_parameters, search_statement

# What a turn hardly does is not stored with it.
ACT_MIN = 0.05
# Number of withdrawn consents whose index one pass deletes.
SWEEP_BATCH = 20

_EMBEDDED_HASHES = text(
    "select e.content_hash from embedding e join model m on m.id = e.model_id and m.name = :model"
    " where e.patient_id = :patient_id and e.session_id = :session_id"
)
_ADD_VECTOR = text(
    "insert into embedding"
    " (model_id, organization_id, patient_id, therapist_id, session_id, content_hash, embedding)"
    " select id, :organization_id, :patient_id, :therapist_id, :session_id, :content_hash, cast(:embedding as halfvec)"
    " from model where name = :model and state in ('building', 'active')"
    " on conflict do nothing"
).bindparams(bindparam("embedding", type_=HALFVEC()))

# The row is also the lock: two versions of a session are serialized, and the older one finds the newer.
_CLAIM = text(
    "insert into indexed as i"
    " (organization_id, patient_id, session_id, transcript_id, transcript_version, chunk_count, model)"
    " values (:organization_id, :patient_id, :session_id, :transcript_id, :transcript_version, :chunk_count, :model)"
    " on conflict (organization_id, session_id) do update set transcript_id = excluded.transcript_id,"
    " transcript_version = excluded.transcript_version, chunk_count = excluded.chunk_count, model = excluded.model,"
    " indexed_at = clock_timestamp() where i.transcript_version <= excluded.transcript_version returning 1"
)
_CLEAR = text("delete from chunk_deletable where patient_id = :patient_id and session_id = :session_id")
_ADD_CHUNK = text(
    "insert into chunk (organization_id, patient_id, id, therapist_id, session_id, session_date, transcript_id,"
    " transcript_version, chunk_index, content, start_s, end_s, speaker, turns, tokens, content_hash)"
    " values (:organization_id, :patient_id, :id, :therapist_id, :session_id, :session_date, :transcript_id,"
    " :transcript_version, :position, :content, :start_s, :end_s, :speaker, :turns, :tokens, :content_hash)"
).bindparams(bindparam("turns", type_=JSONB()))
_ADD_PASSAGE = text(
    "insert into passage (organization_id, patient_id, id, chunk_id, therapist_id, session_id, session_date,"
    " transcript_id, position, content, speaker, turns, tokens, content_hash, turn_vectors)"
    " values (:organization_id, :patient_id, :id, :chunk_id, :therapist_id, :session_id, :session_date, :transcript_id,"
    " :position, :content, :speaker, :turns, :tokens, :content_hash, cast(:turn_vectors as halfvec[]))"
).bindparams(bindparam("turns", type_=JSONB()), bindparam("turn_vectors", type_=ARRAY(HALFVEC(), dimensions=1)))
# What a new version no longer says must not stay behind as a vector.
_DROP_STALE = text(
    "delete from embedding_deletable e where e.patient_id = :patient_id and e.session_id = :session_id and not exists"
    " (select from passage p where p.patient_id = e.patient_id and p.session_id = e.session_id"
    " and p.content_hash = e.content_hash)"
)
_WITHDRAW = text(
    "insert into withdrawn (organization_id, patient_id, therapist_id, consent_id, delete_after)"
    " values (:organization_id, :patient_id, :therapist_id, :consent_id, :delete_after)"
    " on conflict (organization_id, patient_id, therapist_id)"
    " do update set consent_id = excluded.consent_id, delete_after = excluded.delete_after"
)
# The function reads by a statement of its own, under the same row-level security.
_SPOKEN = text(
    "select word, ndoc from ts_stat(format('select to_tsvector(''simple'', content) from embedder.passage"
    " where patient_id = %1$L and (%2$L::uuid[] is null or session_id = any (%2$L::uuid[]))',"
    " cast(:patient_id as uuid), cast(:session_ids as uuid[])))"
).bindparams(bindparam("session_ids", type_=ARRAY(UUID())))
_SWEEP = text("select sweep_withdrawn(:most)")
_MODELS_IN_USE = text(
    "select a.name as active, b.name as building from organization_model o"
    " join model a on a.id = o.model_id left join model b on b.id = o.building_id"
)


class IndexStore:
    """Implements ports.IndexRepository. Row-level security limits what a transaction sees."""

    def __init__(self, database: Database, weights: Weights) -> None:
        self._database = database
        self._weights = weights
        self._search = search_statement()

    async def embedded_hashes(self, source: Source, model: Model) -> set[bytes]:
        """Return the content hashes of a session that have a vector of this model."""
        async with self._database.transaction() as tx:
            rows = await tx.execute(_EMBEDDED_HASHES, _owner(source) | {"model": model.name})
            return {bytes(row.content_hash) for row in rows}

    async def add_vectors(self, source: Source, model: Model, vectors: Mapping[bytes, Vector]) -> None:
        """Insert vectors in a transaction of their own."""
        whose = _owner(source) | {"model": model.name}
        rows = [whose | {"content_hash": key, "embedding": list(vector)} for key, vector in vectors.items()]
        # Apart from the index: vectors cost minutes or money, and are kept if what follows fails.
        if rows:
            async with self._database.transaction() as tx:
                await tx.execute(_ADD_VECTOR, rows)

    async def replace(self, tx: Transaction, index: Index) -> bool:
        """Replace the session's index; return False if a newer version exists."""
        source = index.source
        whose = _owner(source)
        claim = whose | {
            "transcript_id": source.transcript_id,
            "transcript_version": source.transcript_version,
            "chunk_count": len(index.chunks),
            "model": index.model.name,
        }
        if (await tx.execute(_CLAIM, claim)).first() is None:
            return False
        # Behind the claim, which is the lock: nobody else changes this session until we commit.
        await tx.execute(_CLEAR, whose)
        if index.chunks:
            await tx.execute(_ADD_CHUNK, [_chunk_row(source, n, chunk) for n, chunk in enumerate(index.chunks)])
            await tx.execute(_ADD_PASSAGE, _passage_rows(index))
        await tx.execute(_DROP_STALE, whose)
        return True

    async def withdraw(self, tx: Transaction, event: ConsentRevoked, delete_after: datetime) -> None:
        """Schedule the deletion of the index under this consent; row-level security hides it already."""
        await tx.execute(
            _WITHDRAW,
            {
                "organization_id": event.organization_id,
                "patient_id": event.patient_id,
                "therapist_id": event.therapist_id,
                "consent_id": event.consent_id,
                "delete_after": delete_after,
            },
        )

    async def sweep_withdrawn(self) -> int:
        """Delete indexes, of all organizations, whose grace period is over without a new grant; return the number."""
        async with self._database.without_capability() as tx:
            return int((await tx.execute(_SWEEP, {"most": SWEEP_BATCH})).scalar_one())

    async def search(
        self, question: Question, model: Model, vector: Vector | None, turn_vector: Vector | None = None
    ) -> Hits:
        """Return the patient's best passages, best first; without a vector, by text alone."""
        parameters = search_parameters(question, model, (vector, turn_vector), self._weights)
        async with self._database.transaction() as tx:
            rows = (await tx.execute(self._search, parameters)).all()
            if not rows:
                return Hits(by_vectors=vector is not None, model=model.name)
            in_use = model.name if rows[0].is_compared else (await _models_in_use(tx)).active
        hits = tuple(_hit(row) for row in rows)
        return Hits(hits, tuple(rows[0].unknown_words or ()), rows[0].is_compared, in_use)

    async def models_in_use(self) -> ModelsInUse:
        """Return whose vectors the capability's organization has."""
        async with self._database.transaction() as tx:
            return await _models_in_use(tx)

    async def spoken(self, question: Question) -> Mapping[str, int]:
        """Return the words of the sessions that a question is asked of, and in how many passages each is."""
        of = None if question.session_ids is None else list(question.session_ids)
        async with self._database.transaction() as tx:
            rows = await tx.execute(_SPOKEN, {"patient_id": question.patient_id, "session_ids": of})
            return {row.word: row.ndoc for row in rows}


async def _models_in_use(tx: Transaction) -> ModelsInUse:
    row = (await tx.execute(_MODELS_IN_USE)).first()
    return ModelsInUse() if row is None else ModelsInUse(row.active, row.building)


def _owner(source: Source) -> dict[str, Any]:
    return {
        "organization_id": source.organization_id,
        "patient_id": source.patient_id,
        "therapist_id": source.therapist_id,
        "session_id": source.session_id,
    }


def _chunk_row(source: Source, index: int, chunk: Chunk) -> dict[str, Any]:
    span = chunk.span
    return _span_row(source, span) | {
        "id": chunk_id(source.transcript_id, source.transcript_version, index),
        "transcript_version": source.transcript_version,
        "position": index,
        "content": span.content,
        "start_s": span.start_s,
        "end_s": span.end_s,
    }


def _passage_rows(index: Index) -> list[dict[str, Any]]:
    source = index.source
    places = [(number, passage) for number, chunk in enumerate(index.chunks) for passage in chunk.passages]
    vectors, acts = iter(index.turn_vectors), iter(index.turn_acts)
    return [
        _span_row(source, passage)
        | {
            "id": passage_id(source.transcript_id, source.transcript_version, position),
            "chunk_id": chunk_id(source.transcript_id, source.transcript_version, number),
            "position": position,
            "content": passage.text,
            "turns": _acting(passage.turns, acts),
            "turn_vectors": [list(vector) for vector in islice(vectors, len(passage.turns))] or None,
        }
        for position, (number, passage) in enumerate(places)
    ]


def _span_row(source: Source, span: Span) -> dict[str, Any]:
    return _owner(source) | {
        "session_date": source.session_date,
        "transcript_id": source.transcript_id,
        "speaker": span.speaker.value,
        "turns": [_turn_json(turn) for turn in span.turns],
        "tokens": span.tokens,
        "content_hash": span.content_hash,
    }


def _turn_json(turn: Turn) -> dict[str, Any]:
    return {"speaker": turn.speaker.value, "text": turn.text, "start_time": turn.start_s, "end_time": turn.end_s}


def _acting(turns: tuple[Turn, ...], acts: Iterator[Mapping[str, float]]) -> list[dict[str, Any]]:
    # Filled up, because an index may have acts for none of its turns.
    of_turns = [*islice(acts, len(turns)), *({} for _ in turns)]
    return [
        _turn_json(turn) | {"acts": {name: round(chance, 2) for name, chance in of_turn.items() if chance >= ACT_MIN}}
        for turn, of_turn in zip(turns, of_turns, strict=False)
    ]


def _hit(row: Row[Any]) -> Hit:
    turns = tuple(
        Turn(Speaker(turn["speaker"]), turn["text"], turn["start_time"], turn["end_time"]) for turn in row.turns
    )
    return Hit(
        chunk_id=row.chunk_id,
        passage_id=row.id,
        session_id=row.session_id,
        session_date=row.session_date,
        transcript_id=row.transcript_id,
        passage=Span(turns, row.tokens),
        # Half precision may round a little beyond what a cosine can be.
        relevance=None if row.relevance is None else min(1.0, max(0.0, float(row.relevance))),
        score=float(row.score),
        turn_relevances=tuple(min(1.0, max(0.0, near)) for near in row.turn_relevances or ()),
        turn_acts=tuple(turn.get("acts", {}) for turn in row.turns),
    )
