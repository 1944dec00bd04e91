"""From the event to rows and the fact that follows, under the job's own capability, bound to one session."""

from collections.abc import Sequence
from dataclasses import replace

import psycopg
import pytest

from libs.common.capability import acting_under
from libs.common.errors import AppError
from libs.common.events import Event
from libs.common.ids import new_id
from libs.contracts.index import IndexReady
from services.embedder.commitments.store import CommitmentStore
from services.embedder.digests.store import DigestStore
from services.embedder.domain import Index, Model, Withheld
from services.embedder.handlers import Dependencies, IndexTranscript
from services.embedder.ports import Vector
from services.embedder.tests.archive import MODEL, Archive, about, hits_of, vector_of
from services.embedder.tests.world import (
    FakeConsents,
    FakeTranscripts,
    FakeTurnEncoder,
    LetterEmbedder,
    dialogue,
    no_acts,
    ready,
    transcript_of,
    updated,
    words,
)


class WideEmbedder(LetterEmbedder):
    """The letters, in as many dimensions as a table has."""

    @property
    def model(self) -> Model:
        """Return a model that the database knows."""
        return MODEL

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return letter counts with noughts behind them."""
        return [[*vector, *[0.0] * (MODEL.dimension - len(vector))] for vector in await super().embed(texts)]


class Job:
    """One session's words on their way into the tables."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.source = archive.source
        self.embedder = WideEmbedder()
        self.transcripts = FakeTranscripts(transcript_of(self.source, dialogue(repeats=12)))
        commitments = CommitmentStore(archive.database)
        world = Dependencies(
            FakeConsents(),
            self.transcripts,
            self.embedder,
            FakeTurnEncoder(),
            no_acts(),
            archive.store,
            (commitments, DigestStore(archive.database)),
            words,
        )
        self.step = IndexTranscript(world)

    def capability(self) -> str:
        """Return what the event carries: the pipeline's scopes for this session only."""
        return self.archive.tenant.capability(
            "embedder:write", patient=self.source.patient_id, session=self.source.session_id
        )

    async def run(self, *, corrected: bool = False) -> tuple[Index | Withheld, list[Event]]:
        """Do both halves as the consumer does."""
        event = updated(self.source) if corrected else ready(self.source)
        with acting_under(self.capability()):
            result = await self.step.work(event)
            async with self.archive.database.transaction() as tx:
                facts = list(await self.step.record(event, result, tx))
                await tx.emit(*facts, cause=new_id())
        return result, facts


async def test_a_job_bound_to_one_session_indexes_it_and_says_so_in_the_outbox(archive: Archive) -> None:
    job = Job(archive)

    result, facts = await job.run()

    published = _outbox(archive, str(job.source.session_id))
    with archive.acting_under():
        hits = await hits_of(archive.store, about(archive, 3, "Part 7"), vector_of(MODEL))

    assert isinstance(result, Index)
    assert [type(fact) for fact in facts] == [IndexReady]
    assert published == ["index.ready"]
    assert {hit.session_id for hit in hits} == {job.source.session_id}


async def test_a_correction_is_indexed_again_and_buys_only_what_changed(archive: Archive) -> None:
    job = Job(archive)
    await job.run()
    bought = len(job.embedder.bought)
    job.source = replace(job.source, transcript_version=2)
    turns = (*dialogue(repeats=12)[:-1], replace(dialogue(repeats=12)[-1], text="Let us rest for a week."))
    job.transcripts.transcript = transcript_of(job.source, turns)

    await job.run(corrected=True)

    with archive.acting_under():
        hits = await hits_of(archive.store, about(archive, 1, "rest for a week"), None)

    assert len(job.embedder.bought) - bought <= 2
    assert "rest for a week" in hits[0].passage.text


async def test_a_revocation_between_the_halves_leaves_no_words(archive: Archive) -> None:
    job = Job(archive)
    with acting_under(job.capability()):
        result = await job.step.work(ready(job.source))
        await archive.change_consent("revoked")

        with pytest.raises(AppError) as caught:
            async with archive.database.transaction() as tx:
                await job.step.record(ready(job.source), result, tx)

    assert caught.value.problem.is_refusal
    assert _rows(archive, "passage") == _rows(archive, "chunk") == 0


async def test_a_revocation_while_the_vendor_embeds_is_a_fact(archive: Archive) -> None:
    job = Job(archive)
    await archive.change_consent("revoked")

    result, _ = await job.run()

    assert result == Withheld("consent-revoked")
    assert _rows(archive, "embedding") == 0


def _outbox(archive: Archive, session: str) -> list[str]:
    with psycopg.connect(archive.infra.admin_url) as connection:
        found = connection.execute("select type from embedder.outbox where key = %s", (session,))
        return [row[0] for row in found]


def _rows(archive: Archive, table: str) -> int:
    with psycopg.connect(archive.infra.admin_url) as connection:
        query = f"select count(*) from embedder.{table} where organization_id = %s"
        row = connection.execute(query.encode(), (archive.tenant.organization_id,)).fetchone()
        assert row is not None
        return int(row[0])
