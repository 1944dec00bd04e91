"""SQL for digests. Row-level security shows those of consented therapists only."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from libs.common.database.transaction import Database, Transaction
from libs.contracts.ids import ChunkId, SessionId
from services.embedder.digests.domain import Digest, Name, Sentence, Topic, digest_of
from services.embedder.domain import Index, Speaker, Turn, chunk_id

_ADD = text(
    "insert into digest (organization_id, patient_id, therapist_id, session_id, session_date, transcript_version,"
    " chunk_id, topics, names, sentences) values (:organization_id, :patient_id, :therapist_id, :session_id,"
    " :session_date, :transcript_version, :chunk_id, :topics, :names, :sentences)"
).bindparams(*(bindparam(name, type_=JSONB()) for name in ("topics", "names", "sentences")))
_READ = text(
    "select session_id, session_date, transcript_version, topics, names, sentences from digest"
    " where session_id = any(:sessions) order by session_date, session_id"
).bindparams(bindparam("sessions", type_=ARRAY(Uuid())))


class DigestStore:
    """Implements Derived and DigestRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tx: Transaction, index: Index) -> None:
        """Add the digest of an index that has just replaced the session's; the old one went with its chunks."""
        digest = digest_of(index)
        if digest is not None:
            await tx.execute(_ADD, _row(index, digest))

    async def of_sessions(self, sessions: Collection[SessionId]) -> list[Digest]:
        """Return the digests of sessions that consent and capability allow, oldest first."""
        async with self._database.transaction() as tx:
            return [_digest(row) for row in await tx.execute(_READ, {"sessions": list(sessions)})]


def _row(index: Index, digest: Digest) -> dict[str, Any]:
    source = index.source
    return {
        "organization_id": source.organization_id,
        "patient_id": source.patient_id,
        "therapist_id": source.therapist_id,
        "session_id": source.session_id,
        "session_date": source.session_date,
        "transcript_version": source.transcript_version,
        # A digest is deleted with the words that it was made of.
        "chunk_id": chunk_id(source.transcript_id, source.transcript_version, 0),
        "topics": [asdict(topic) for topic in digest.topics],
        "names": [asdict(name) for name in digest.names],
        "sentences": [_sentence_json(sentence) for sentence in digest.sentences],
    }


def _sentence_json(sentence: Sentence) -> dict[str, Any]:
    turn = sentence.turn
    return asdict(turn) | {"chunk_id": str(sentence.chunk_id), "topic": sentence.topic}


def _digest(row: Row[Any]) -> Digest:
    return Digest(
        session_id=row.session_id,
        session_date=row.session_date,
        transcript_version=row.transcript_version,
        topics=tuple(Topic(**topic | {"words": tuple(topic["words"])}) for topic in row.topics),
        names=tuple(Name(**name) for name in row.names),
        sentences=tuple(_sentence(one) for one in row.sentences),
    )


def _sentence(one: dict[str, Any]) -> Sentence:
    turn = Turn(Speaker(one["speaker"]), one["text"], one["start_s"], one["end_s"])
    return Sentence(turn, ChunkId(UUID(one["chunk_id"])), one["topic"])
