"""Who makes a session part of the chat: decided by the database when it becomes ready, changed by hand, on record."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from libs.common.ids import new_id
from libs.contracts.ids import PatientId
from services.ingestion.tests.ingestion_world import World, problem_of
from services.ingestion.tests.story import Story

_BECOMES_READY = text("update session set status = 'ready' where session_id = :session_id")
_SET = "update gateway.organization set release = %s where organization_id = %s"


def _found(at: World, policy: str = "auto") -> None:
    """The organization exists, with this policy."""
    with psycopg.connect(at.infra.admin_url) as admin:
        admin.execute(
            "insert into gateway.organization (organization_id, name, release) values (%s, 'an organization', %s)",
            (at.tenant.organization_id, policy),
        )


def _sets(at: World, policy: str) -> None:
    """Its administrator changes the policy."""
    with psycopg.connect(at.infra.admin_url) as admin:
        admin.execute(_SET, (policy, at.tenant.organization_id))


async def _processed(at: World, session_id: str) -> dict[str, Any]:
    """The session becomes ready; return it."""
    story = Story(at, session_id)
    await at.happens(story.started, story.transcribed, story.indexed)
    return await _session(at, session_id)


async def _session(at: World, session_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await at.reads(f"/sessions/{session_id}")).json()
    return found


async def _asks(at: World, method: str, session_id: str) -> Any:
    return await at.http.request(method, f"/sessions/{session_id}/release", headers=at.headers)


async def _listed(at: World, **wanted: str) -> list[str]:
    return [row["id"] for row in (await at.reads("/sessions", **wanted)).json()["data"]]


async def test_a_session_of_an_organization_that_releases_by_itself_is_released_when_it_is_ready(at: World) -> None:
    _found(at)
    session_id = await at.uploads()

    before, after = await _session(at, session_id), await _processed(at, session_id)

    assert (before["released"], after["status"], after["released"]) == (False, "ready", True)


async def test_where_a_therapist_releases_a_session_that_is_ready_waits_for_it(at: World) -> None:
    _found(at, "therapist")
    session_id = await at.uploads()

    ready = await _processed(at, session_id)
    answers = [await _asks(at, "POST", session_id) for _ in range(2)]

    assert (ready["status"], ready["released"]) == ("ready", False)
    assert [(answer.status_code, answer.json()["released"]) for answer in answers] == [(200, True)] * 2
    assert answers[0].json() == answers[1].json() == await _session(at, session_id)


@pytest.mark.parametrize(("at_upload", "when_ready"), [("therapist", "auto"), ("auto", "therapist")])
async def test_the_stricter_policy_of_the_upload_and_of_when_it_is_ready_counts(
    at: World, at_upload: str, when_ready: str
) -> None:
    _found(at, at_upload)
    session_id = await at.uploads()
    _sets(at, when_ready)

    assert (await _processed(at, session_id))["released"] is False


async def test_what_is_released_stays_so_when_the_policy_changes(at: World) -> None:
    _found(at)
    session_id = await at.uploads()
    await _processed(at, session_id)

    _sets(at, "therapist")

    assert (await _session(at, session_id))["released"] is True


async def test_nothing_is_released_by_itself_for_an_organization_that_is_not_known(at: World) -> None:
    assert (await _processed(at, await at.uploads()))["released"] is False


async def test_a_change_of_policy_waits_for_a_session_that_is_just_becoming_ready(at: World) -> None:
    _found(at)
    session_id = await at.uploads()

    with psycopg.connect(at.infra.admin_url) as admin, at.acting_under():
        admin.execute("set lock_timeout = '200ms'")
        async with at.database.transaction() as tx:
            await tx.execute(_BECOMES_READY, {"session_id": session_id})
            with pytest.raises(psycopg.errors.LockNotAvailable):
                admin.execute(_SET, ("therapist", at.tenant.organization_id))

    assert (await _session(at, session_id))["released"] is True


async def test_a_release_is_taken_back_and_given_again(at: World) -> None:
    _found(at)
    session_id = await at.uploads()
    before = await _processed(at, session_id)

    held = [(await _asks(at, "DELETE", session_id)).json() for _ in range(2)]
    again = (await _asks(at, "POST", session_id)).json()

    assert [session["released"] for session in (before, *held, again)] == [True, False, False, True]
    assert held[0] == held[1]
    assert held[0]["updated_at"] > before["updated_at"]


async def test_a_session_held_back_before_it_is_ready_is_not_released_by_becoming_so(at: World) -> None:
    _found(at)
    session_id = await at.uploads()

    held = await _asks(at, "DELETE", session_id)

    assert (held.status_code, (await _processed(at, session_id))["released"]) == (200, False)


async def test_a_session_that_is_not_ready_cannot_be_released(at: World) -> None:
    _found(at, "therapist")
    session_id = await at.uploads()

    refused = await _asks(at, "POST", session_id)

    assert (refused.status_code, problem_of(refused)) == (409, "not-ready")


async def test_a_list_of_released_sessions_leaves_the_others_out(at: World) -> None:
    _found(at, "therapist")
    released, held = await at.uploads(), await at.uploads()
    for session_id in (released, held):
        await _processed(at, session_id)
    await _asks(at, "POST", released)

    asked = {"patient_id": str(at.tenant.patient_id), "status": "ready"}

    assert await _listed(at, **asked, released="true") == [released]
    assert await _listed(at, **asked, released="false") == [held]
    assert set(await _listed(at, **asked)) == {released, held}


async def test_who_released_a_session_and_who_took_it_back_is_on_record(at: World) -> None:
    _found(at)
    session_id = await at.uploads()
    await _processed(at, session_id)
    for method in ("DELETE", "DELETE", "POST", "POST"):
        await _asks(at, method, session_id)

    auditor = {"Authorization": f"Bearer {at.tenant.capability('audit:read')}"}
    rows = (await at.http.get("/audit-events", headers=auditor)).json()["data"]
    hidden = (await at.reads("/audit-events")).json()["data"]

    assert [(row["kind"], row["session_id"]) for row in rows] == [
        ("session.released", session_id),
        ("session.held_back", session_id),
    ]
    assert {row["actor"] for row in rows} == {f"user:{at.tenant.therapist_id}"}
    assert hidden == []


async def test_only_who_may_write_sessions_of_the_patient_releases_them(at: World) -> None:
    _found(at, "therapist")
    session_id = await at.uploads()
    await _processed(at, session_id)
    weak = (
        at.tenant.capability("ingestion:read"),
        at.tenant.capability("ingestion:write", patient=PatientId(new_id())),
    )

    answers = [
        await at.http.post(f"/sessions/{session_id}/release", headers={"Authorization": f"Bearer {token}"})
        for token in weak
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert (await _session(at, session_id))["released"] is False


async def test_no_service_may_ask_for_the_policy_or_what_is_held_back_itself(at: World) -> None:
    functions = ("gateway.release_policy()", "ingestion.held_back(uuid)", "ingestion.is_held_back(uuid, uuid)")
    with psycopg.connect(at.infra.admin_url) as admin:
        able = admin.execute(
            "select r.rolname, f from pg_roles r, unnest(%s::text[]) f where r.rolname like 'svc\\_%%'"
            " and has_function_privilege(r.oid, f, 'execute')",
            (list(functions),),
        ).fetchall()

    assert able == []
