"""Another embedding model: its vectors are collected beside those in use, and one moment changes all of them."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from libs.contracts.purposes import Purpose
from services.embedder.domain import Index, ModelsInUse
from services.embedder.tests.archive import MODEL, OTHER_MODEL, Archive, about, vector_of
from services.embedder.tests.world import dialogue, index_of


class Operator:
    """The operators' login, for the functions it may call and nothing else."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive

    def asks(self, statement: str, *values: object) -> Sequence[Any]:
        """Run one statement."""
        url = self.archive.infra.ops_database_url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def begins(self) -> None:
        """Have the other model's vectors collected."""
        self.asks("select embedder.rebuild_begin(%s)", OTHER_MODEL.name)

    def switches(self) -> int:
        """Switch this organization; return how many vectors are missing."""
        wanted = (self.archive.tenant.organization_id, OTHER_MODEL.name)
        return int(self.asks("select embedder.rebuild_switch(%s, %s)", *wanted)[0][0])

    def state(self) -> tuple[str, bool, int, int]:
        """Return this organization's model, whether the other is collected, its passages, and those it has."""
        rows = self.asks("select * from embedder.rebuild_state(%s)", OTHER_MODEL.name)
        (mine,) = (row[1:] for row in rows if row[0] == self.archive.tenant.organization_id)
        return (mine[0], mine[1], mine[2], mine[3])


@pytest.fixture
def operator(archive: Archive) -> Operator:
    return Operator(archive)


async def test_vectors_of_another_model_are_collected_beside_those_in_use_and_then_switched(
    archive: Archive, operator: Operator
) -> None:
    index = await archive.add(archive.source, dialogue(repeats=8))
    operator.begins()
    collecting = await _models(archive)
    await _collect(archive, index)
    before = operator.state()

    found_before = await _compared_with(archive, MODEL), await _compared_with(archive, OTHER_MODEL)
    missing = operator.switches()
    found_after = await _compared_with(archive, MODEL), await _compared_with(archive, OTHER_MODEL)

    assert collecting == ModelsInUse(MODEL.name, OTHER_MODEL.name)
    assert before == (MODEL.name, True, len(index.passages), len(index.passages))
    assert missing == 0
    assert (found_before, found_after) == ((True, False), (False, True))
    assert await _models(archive) == ModelsInUse(OTHER_MODEL.name)


async def test_nothing_changes_while_one_vector_is_missing(archive: Archive, operator: Operator) -> None:
    await archive.add(archive.source, dialogue(repeats=8))
    other = await archive.add(archive.new_session(), dialogue(repeats=3))
    operator.begins()
    await _collect(archive, other)

    missing = operator.switches()

    assert missing > 0
    assert operator.state()[2:] == (missing + len(other.passages), len(other.passages))
    assert await _compared_with(archive, MODEL)


async def test_what_consent_hides_holds_no_switch_up_and_stays_without_a_vector(
    archive: Archive, operator: Operator
) -> None:
    await archive.add(archive.source, dialogue(repeats=8))
    operator.begins()
    await archive.change_consent("revoked", Purpose.AI_ANALYSIS)

    missing = operator.switches()
    await archive.change_consent("granted", Purpose.AI_ANALYSIS)

    assert missing == 0
    assert not await _compared_with(archive, MODEL)
    assert await archive.search()


async def test_what_is_indexed_after_a_switch_carries_the_new_models_vectors(
    archive: Archive, operator: Operator
) -> None:
    index = await archive.add(archive.source, dialogue(repeats=3))
    await _collect(archive, index)
    operator.switches()

    await archive.add(archive.new_session(), dialogue(repeats=3), OTHER_MODEL)

    assert await _compared_with(archive, OTHER_MODEL)


async def test_a_correction_after_a_switch_buys_nothing_twice_of_either_model(
    archive: Archive, operator: Operator
) -> None:
    index = await archive.add(archive.source, dialogue(repeats=8))
    await _collect(archive, index)
    operator.switches()

    with archive.acting_under():
        async with archive.database.transaction() as tx:
            await archive.store.replace(tx, index)
        bought = [await archive.store.embedded_hashes(archive.source, model) for model in (MODEL, OTHER_MODEL)]

    assert bought == [{passage.content_hash for passage in index.passages}] * 2
    assert await _compared_with(archive, OTHER_MODEL)


async def test_sessions_without_a_vector_of_the_model_have_all_searched_by_text(archive: Archive) -> None:
    await archive.add(archive.source, dialogue(repeats=3))
    other = index_of(archive.new_session(), dialogue(repeats=3), OTHER_MODEL)
    await archive.store_index(other)

    with archive.acting_under():
        found = await archive.store.search(about(archive), MODEL, vector_of(MODEL))

    assert (found.by_vectors, found.model) == (False, MODEL.name)
    assert {hit.relevance for hit in found.hits} == {None}


async def test_a_model_that_does_not_exist_is_switched_to_by_nobody(archive: Archive, operator: Operator) -> None:
    await archive.add(archive.source, dialogue(repeats=3))

    rows = operator.asks("select embedder.rebuild_switch(%s, 'none-such')", archive.tenant.organization_id)

    assert rows[0][0] is None
    assert await _compared_with(archive, MODEL)


def test_a_service_may_not_switch(archive: Archive) -> None:
    with (
        psycopg.connect(archive.infra.database_url("embedder").replace("+psycopg", "")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select embedder.rebuild_begin('all-MiniLM-L6-v2-int8')")


async def _collect(archive: Archive, index: Index) -> None:
    with archive.acting_under():
        vectors = {passage.content_hash: vector_of(OTHER_MODEL) for passage in index.passages}
        await archive.store.add_vectors(index.source, OTHER_MODEL, vectors)


async def _models(archive: Archive) -> ModelsInUse:
    with archive.acting_under():
        return await archive.store.models_in_use()


async def _compared_with(archive: Archive, model: Any) -> bool:
    with archive.acting_under():
        return (await archive.store.search(about(archive), model, vector_of(model))).by_vectors
