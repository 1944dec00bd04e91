"""Ours: the product's tables and its statement, with row security, consent, words and turns, through its own store."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from benchmarks.retrieval.corpus import Corpus
from benchmarks.retrieval.programs.load import measured
from benchmarks.retrieval.sizes import TOP, WATCHED, Size
from libs.common.capability import acting_under
from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import OrganizationId, PatientId
from libs.contracts.problems import REFUSALS
from libs.devstack.infra import Infra
from services.embedder.domain import Question, Weights
from services.embedder.search.store import search_parameters, search_statement
from services.embedder.store import IndexStore
from services.embedder.vendors.local_minilm import MODEL

ORGANIZATION = OrganizationId(new_id())
THERAPIST = new_id()
PASSAGES_A_SESSION = 50
LIFETIME = timedelta(hours=6)
# The vectors alone decide, as they do with the peers; words are scored all the same.
ALONE = Weights(dense=1.0, neighbour=0.0)
HITS = 16

_TURNS = (
    "jsonb_build_array(jsonb_build_object('speaker', 'patient', 'text', left(t.words, 300), 'start_time', 0,"
    " 'end_time', 20), jsonb_build_object('speaker', 'therapist', 'text', substr(t.words, 301), 'start_time', 20,"
    " 'end_time', 40))"
)
# In the order in which sessions happen, those of a patient apart from each other.
_FILL = (
    "create unlogged table public.session as select s.*, gen_random_uuid() as session, gen_random_uuid() as chunk from"
    " (select distinct patient, place / 50 as number from public.staged) s order by number, random()",
    "create index on public.staged (patient, place)",
    "insert into embedder.chunk (organization_id, patient_id, id, therapist_id, session_id, session_date,"
    " transcript_id, transcript_version, chunk_index, content, start_s, end_s, speaker, turns, tokens, content_hash)"
    " select {org}, patient, chunk, {who}, session, '2026-01-05'::timestamptz + number * interval '7 days', session, 1,"
    " 0, 'x', 0, 1, 'mixed', '[]', 1, '' from public.session",
    "insert into embedder.passage (organization_id, patient_id, id, chunk_id, therapist_id, session_id, session_date,"
    " transcript_id, position, content, speaker, turns, tokens, content_hash, model_id, embedding, turn_vectors)"
    " select {org}, s.patient, p.id, s.chunk, {who}, s.session,"
    " '2026-01-05'::timestamptz + s.number * interval '7 days', s.session, p.place, t.words, 'mixed', " + _TURNS + ","
    " 120, sha256(p.id::text::bytea), 1, p.embedding, array[p.embedding, p.embedding]"
    " from public.session s join public.staged p on p.patient = s.patient and p.place / 50 = s.number"
    " join public.words t on t.number = p.text order by s.number, s.session, p.place",
    "insert into embedder.organization_model values ({org}, 1)",
    # What is in force follows from the ledger's entries; a measure may say so without any.
    "alter table consent.current disable trigger by_entries_only",
    "insert into consent.current (organization_id, patient_id, therapist_id, consent_type, consent_id, status,"
    " granted_at) select {org}, patient, {who}, purpose, gen_random_uuid(), 'granted', now()"
    " from (select distinct patient from public.session) s, unnest(array['transcription', 'ai_analysis']) purpose",
    "alter table consent.current enable always trigger by_entries_only",
    "drop table public.staged, public.session, public.words",
)


class Ours:
    """The filled database, asked as the service asks it."""

    def __init__(self, infra: Infra, corpus: Corpus) -> None:
        self._infra, self._corpus = infra, corpus
        self._minter = Minter(infra.capability_key_id, infra.capability_key)
        self._database = Database(infra.database_url("embedder"), REFUSALS)
        self._store = IndexStore(self._database, ALONE)

    def fill(self) -> None:
        """Copy the chunks in, past the guards that ask for each row's consent; consent is granted for all."""
        corpus = self._corpus
        with psycopg.connect(self._infra.admin_url, autocommit=True) as connection:
            register_vector(connection)
            connection.execute("set session_replication_role = replica; set synchronous_commit = off")
            connection.execute("create unlogged table public.words (number int primary key, words text)")
            with connection.cursor().copy("copy public.words from stdin") as copy:
                for text in enumerate(corpus.texts):
                    copy.write_row(text)
            connection.execute(
                "create unlogged table public.staged"
                " (id uuid, patient uuid, place int, text int, embedding public.halfvec)"
            )
            with connection.cursor().copy("copy public.staged from stdin with (format binary)") as copy:
                copy.set_types(["uuid", "uuid", "int4", "int4", "halfvec"])
                for row in _rows(corpus):
                    copy.write_row(row)
            for statement in _FILL:
                filled = statement.format(org=f"'{ORGANIZATION}'::uuid", who=f"'{THERAPIST}'::uuid")
                connection.execute(filled.encode())
            connection.execute("vacuum analyze embedder.passage")
            connection.execute("analyze consent.current")

    async def measure(self, size: Size) -> dict[str, Any]:
        """Return the same figures as the peers'."""
        return {"name": "ours", **await measured(self._ask, self._corpus.answers, size.clients, size.seconds)}

    async def server_times(self, rounds: int) -> list[tuple[int, float, float]]:
        """Return, for each watched patient, the passages, and median and worst of planning and execution in ms."""
        return [await self._server_time(patient, passages, rounds) for patient, passages in enumerate(WATCHED)]

    async def close(self) -> None:
        """Give the connections back."""
        await self._database.close()

    async def _ask(self, number: int) -> Sequence[int]:
        corpus = self._corpus
        patient = corpus.patients[corpus.asked_of[number]]
        vector = corpus.questions[number].tolist()
        with self._acting_for(patient):
            question = Question(PatientId(patient), corpus.question(number), TOP)
            found = await self._store.search(question, MODEL, vector, vector)
        return [hit.passage_id.int for hit in found.hits]

    async def _server_time(self, number: int, passages: int, rounds: int) -> tuple[int, float, float]:
        statement = search_statement("explain (analyze, timing off, format json) ")
        patient, times = self._corpus.patients[number], []
        for turn in range(rounds):
            asked = turn % len(self._corpus.questions)
            vector = self._corpus.questions[asked].tolist()
            question = Question(PatientId(patient), self._corpus.question(asked), HITS)
            parameters = search_parameters(question, MODEL, (vector, vector), Weights())
            with self._acting_for(patient):
                async with self._database.transaction() as tx:
                    (plan,) = (await tx.execute(statement, parameters)).scalar_one()
            times.append(plan["Planning Time"] + plan["Execution Time"])
        return passages, median(times), max(times)

    @contextmanager
    def _acting_for(self, patient: UUID) -> Iterator[None]:
        scopes = frozenset({"embedder:read"})
        claims = Claims(ORGANIZATION, "bench", scopes, utc_now() + LIFETIME, new_id(), patient_id=PatientId(patient))
        with acting_under(self._minter.mint(claims)):
            yield


def _rows(corpus: Corpus) -> Iterator[tuple[UUID, UUID, int, int, HalfVector]]:
    place, before = 0, -1
    for chunk, owner in enumerate(corpus.owners.tolist()):
        place = place + 1 if owner == before else 0
        before = owner
        # A passage's id tells which chunk it is.
        yield (
            UUID(int=chunk),
            corpus.patients[owner],
            place,
            chunk % len(corpus.texts),
            HalfVector(corpus.vectors[chunk]),
        )


def bar_ms(passages: int) -> float:
    """Return what the server may take for a patient of so many passages."""
    return {140: 1.5, 1_000: 4.0, 5_000: 20.0}.get(passages, math.inf)
