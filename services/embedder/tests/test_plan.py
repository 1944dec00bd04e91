"""How PostgreSQL executes the search in an analysed table of many patients: its shape, never its time."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from services.embedder.domain import Weights
from services.embedder.search.store import search_parameters, search_statement
from services.embedder.tests.archive import MODEL, Archive, about, vector_of
from services.embedder.tests.world import dialogue

OTHERS = 400
SESSIONS, PASSAGES = 4, 25

# Others' rows without their guards: made-up words, and a vector each.
_FILL = """
with who as (
  select patient, gen_random_uuid() as session, gen_random_uuid() as chunk
  from generate_series(1, %(sessions)s) number,
    (select gen_random_uuid() as patient from generate_series(1, %(others)s)) p
), chunks as (
  insert into embedder.chunk (organization_id, patient_id, id, therapist_id, session_id, session_date, transcript_id,
    transcript_version, chunk_index, content, start_s, end_s, speaker, turns, tokens, content_hash)
  select %(organization)s, patient, chunk, gen_random_uuid(), session, now(), session, 1, 0, 'x', 0, 1, 'mixed', '[]',
    1, '' from who
)
insert into embedder.passage (organization_id, patient_id, id, chunk_id, therapist_id, session_id, session_date,
  transcript_id, position, content, speaker, turns, tokens, content_hash, model_id, embedding)
select %(organization)s, patient, gen_random_uuid(), chunk, gen_random_uuid(), session, now(), session, place,
  'word' || place || ' and walks with word' || place * 7, 'mixed', '[]', 1, '', 1,
  array_fill(0.1, '{384}')::public.halfvec
from who, generate_series(1, %(passages)s) place"""


@pytest.fixture
def crowded(archive: Archive) -> Iterator[Archive]:
    """Give the patient's own organization many others."""
    organization: UUID = archive.tenant.organization_id
    counts = {"others": OTHERS, "sessions": SESSIONS, "passages": PASSAGES}
    with psycopg.connect(archive.infra.admin_url, autocommit=True) as admin:
        with admin.transaction():
            admin.execute("set local session_replication_role = replica")
            admin.execute(_FILL, {"organization": organization, **counts})
        admin.execute("analyze embedder.passage")
        yield archive
        with admin.transaction():
            admin.execute("set local session_replication_role = replica")
            for table in ("passage", "chunk"):
                admin.execute(f"delete from embedder.{table} where organization_id = %s".encode(), (organization,))


async def test_a_search_is_one_scan_of_the_patients_own_range(crowded: Archive) -> None:
    for _ in range(6):
        await crowded.add(crowded.new_session(), dialogue(repeats=20))

    nodes = list(_nodes(await _plan(crowded)))

    scans = [node for node in nodes if node.get("Relation Name")]
    (passages,) = [node for node in scans if node["Relation Name"] == "passage"]

    assert {node["Relation Name"] for node in scans} == {"passage", "model"}
    assert passages["Node Type"] == "Index Scan"
    assert "organization_id" in passages["Index Cond"]
    assert "patient_id" in passages["Index Cond"]
    assert passages["Actual Loops"] == 1
    # What was read and not used: nothing of anybody else.
    assert passages.get("Rows Removed by Filter", 0) == 0


async def test_no_pair_of_passages_is_compared(crowded: Archive) -> None:
    for _ in range(6):
        await crowded.add(crowded.new_session(), dialogue(repeats=20))

    nodes = list(_nodes(await _plan(crowded)))

    (own,) = [node["Actual Rows"] for node in nodes if node.get("Relation Name") == "passage"]
    # Each passage is visited a few times in all, however many there are: no loop has a loop over passages in it.
    visits = sum(node["Actual Rows"] * node["Actual Loops"] for node in nodes if "CTE Name" in node)

    assert own > 100
    assert visits < own * 20


async def _plan(archive: Archive) -> dict[str, Any]:
    statement = search_statement("explain (analyze, timing off, format json) ")
    vectors = vector_of(MODEL), vector_of(MODEL)
    parameters = search_parameters(about(archive, 16), MODEL, vectors, Weights())
    with archive.acting_under():
        async with archive.database.transaction() as tx:
            found = (await tx.execute(statement, parameters)).scalar_one()
    plan: dict[str, Any] = found[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
