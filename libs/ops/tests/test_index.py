"""`therapyrag index rebuild`: an honest plan, no unknown model, and a switch only when nothing is missing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from libs.ops.tests.events_world import ALL_PURPOSES, Case, World
from libs.ops.tests.fake_gateway import OPERATOR, FakeGateway

USED, WANTED = "all-MiniLM-L6-v2-int8", "text-embedding-3-small"
REBUILD = ("index", "rebuild", "--model", WANTED)
AT_ONCE = ("--give-up-after", "0s")


@pytest.fixture
def indexed(world: World) -> Iterator[Case]:
    """A session with one passage, and nobody else's index."""
    case = world.case(*ALL_PURPOSES)
    with world.admin.transaction():
        world.admin.execute("set local session_replication_role = replica")
        world.admin.execute("delete from embedder.organization_model")
        ids = {"o": case.organization_id, "p": case.patient_id, "t": case.therapist_id, "s": case.session_id}
        world.admin.execute("insert into embedder.organization_model values (%(o)s, 1)", ids)
        world.admin.execute("insert into embedder.indexed values (%(o)s, %(p)s, %(s)s, %(s)s, 1, 1, 'any')", ids)
        world.admin.execute(
            "insert into embedder.passage (organization_id, patient_id, id, chunk_id, therapist_id, session_id, "
            "session_date, transcript_id, position, content, speaker, turns, tokens, content_hash) values "
            "(%(o)s, %(p)s, %(s)s, %(s)s, %(t)s, %(s)s, now(), %(s)s, 0, 'words', 'mixed', '[]', 1, 'a hash')",
            ids,
        )
    yield case
    world.admin.execute("set session_replication_role = replica")
    for table in ("organization_model", "passage", "embedding", "indexed"):
        world.admin.execute(f"delete from embedder.{table} where organization_id = %s", (case.organization_id,))


def test_a_plan_says_how_far_each_organization_is_and_changes_nothing(world: World, indexed: Case) -> None:
    plan = world.json(*REBUILD)

    (organization,) = plan["organizations"]

    assert organization == _row(indexed, filled=0)
    assert plan["executed"] is False
    assert _models(world, indexed) == (1, None)
    assert world.record("index.rebuild") == []


def test_an_organization_is_switched_when_nothing_is_missing(world: World, indexed: Case) -> None:
    _bought(world, indexed)

    done = world.json(*REBUILD, *AT_ONCE, "--execute")

    assert done["organizations"] == [_row(indexed, filled=1)]
    assert _models(world, indexed) == (2, None)
    assert [(state, counts.get("switched")) for state, _, _, counts in world.record("index.rebuild")] == [
        ("begun", None),
        ("done", 1),
    ]
    assert world.json(*REBUILD)["organizations"] == []


def test_sessions_without_the_vectors_are_given_to_the_embedder_under_a_new_capability(
    world: World, indexed: Case
) -> None:
    fake = _with_gateway(world)

    stopped = world.types(*REBUILD, *AT_ONCE, "--execute")
    building = _models(world, indexed)
    (entry,) = _sent(world)
    _bought(world, indexed)
    world.json(*REBUILD, *AT_ONCE, "--execute")

    assert stopped.exit_code == 1
    assert "1 passages have no vector" in stopped.output
    assert building == (1, 2)
    assert entry["type"] == "transcript.ready"
    assert entry["payload"]["session_id"] == str(indexed.session_id)
    assert fake.renewals == [indexed.payload(purposes=["transcription", "ai_analysis"])]
    # Started again it goes on: what is there is not asked for a second time.
    assert len(_sent(world)) == 1
    assert _models(world, indexed) == (2, None)


def test_a_session_whose_consent_has_ended_is_left_out_and_counted(world: World, indexed: Case) -> None:
    _with_gateway(world, obeys_consent=True)

    world.types(*REBUILD, *AT_ONCE, "--execute")

    assert _sent(world) == []
    assert world.record("index.rebuild")[-1][3]["refused"] == 1


def test_without_the_operators_token_nothing_is_sent(world: World, indexed: Case) -> None:
    result = world.types(*REBUILD, *AT_ONCE, "--execute")

    assert result.exit_code == 2, result.output
    assert "OPERATOR_TOKEN" in result.output
    assert _sent(world) == []


def test_an_unknown_model_is_refused_with_those_that_exist(world: World, indexed: Case) -> None:
    result = world.types("index", "rebuild", "--model", "none-such", "--execute")

    assert result.exit_code == 1
    assert f"Known are {USED}, {WANTED}." in result.output
    assert _models(world, indexed) == (1, None)


def _row(case: Case, *, filled: int) -> dict[str, Any]:
    return {"organization_id": str(case.organization_id), "model": USED, "passages": 1, "filled": filled}


def _bought(world: World, case: Case) -> None:
    """Store the passage's vector of the wanted model, as the embedder does."""
    with world.admin.transaction():
        world.admin.execute("set local session_replication_role = replica")
        world.admin.execute(
            "insert into embedder.embedding (model_id, organization_id, patient_id, therapist_id, session_id, "
            "content_hash, embedding) values (2, %s, %s, %s, %s, 'a hash', array_fill(0.1, '{1536}')::public.halfvec)",
            (case.organization_id, case.patient_id, case.therapist_id, case.session_id),
        )


def _models(world: World, case: Case) -> tuple[int, int | None]:
    """Return the model in use and the one that is collected."""
    found = world.admin.execute(
        "select model_id, building_id from embedder.organization_model where organization_id = %s",
        (case.organization_id,),
    ).fetchone()
    assert found is not None
    return (found[0], found[1])


def _with_gateway(world: World, *, obeys_consent: bool = False) -> FakeGateway:
    fake = FakeGateway(obeys_consent=obeys_consent)
    world.connection = replace(
        world.connection, url="http://gateway", operator_token=OPERATOR, transport=httpx.ASGITransport(fake.app())
    )
    return fake


def _sent(world: World) -> list[dict[str, Any]]:
    entries: Any = world.redis.xrange("{transcript}:r:embedder")
    return [json.loads(fields["d"]) for _, fields in entries]
