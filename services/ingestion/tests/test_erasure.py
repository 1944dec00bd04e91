"""Erasing sessions and patients: what goes at once, what follows, what is refused, and that nothing comes back."""

import contextlib
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from prometheus_client import REGISTRY
from psycopg.types.json import Jsonb

from libs.contracts.erasure import (
    AnswersErased,
    Counted,
    EvidenceErased,
    IndexErased,
    PatientErased,
    SessionErased,
    Table,
    TranscriptErased,
    UserErased,
)
from libs.contracts.transcript import TranscriptionStarted
from services.ingestion.erasure.handlers import Retention
from services.ingestion.erasure.store import ExpiredRecordingStore, OldestErasureGauge
from services.ingestion.tests.ingestion_world import World, problem_of

STORES = (TranscriptErased, IndexErased, AnswersErased, UserErased)


def _rows(at: World, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(at.infra.admin_url, autocommit=True) as connection:
        found = connection.execute(query.encode(), parameters)
        return found.fetchall() if found.description else []


def _left(at: World) -> dict[str, int]:
    """How many rows of this tenant are left of what is erased."""
    tables = ("session", "recording", "discarded")
    query = "select count(*) from ingestion.{} where organization_id = %s"
    return {table: _rows(at, query.format(table), at.tenant.organization_id)[0][0] for table in tables}


async def _erases_session(at: World, session_id: str) -> dict[str, Any]:
    answer = await at.erases(f"/sessions/{session_id}")
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def _erases_patient(at: World, *, known: bool = True) -> dict[str, Any]:
    answer = await at.erases(f"/patients/{at.tenant.patient_id}", known=known)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def _is_reported(at: World, receipt: dict[str, Any]) -> SessionErased | PatientErased:
    """The fact goes round: the objects are removed."""
    event = _fact(at, receipt)
    await at.happens(event)
    return event


def _fact(at: World, receipt: dict[str, Any]) -> SessionErased | PatientErased:
    ids = {"organization_id": at.tenant.organization_id, "patient_id": at.tenant.patient_id}
    ids |= {"erasure_id": UUID(receipt["id"])}
    if receipt["session_id"] is None:
        return PatientErased(**ids)
    return SessionErased(**ids, session_id=UUID(receipt["session_id"]))


def _share(at: World, receipt: dict[str, Any], kind: type[Counted], count: int = 1) -> Counted:
    return kind(
        organization_id=at.tenant.organization_id,
        patient_id=at.tenant.patient_id,
        erasure_id=UUID(receipt["id"]),
        counts={Table.REPLAY: count},
    )


async def test_an_erased_session_leaves_no_row_no_key_and_no_object_and_the_next_one_is_untouched(at: World) -> None:
    first, second = await at.uploads(), await at.uploads()

    receipt = await _erases_session(at, first)
    await _is_reported(at, receipt)

    assert receipt["stores"]["ingestion"]["counts"] == {"recording": 1, "session": 1, "keys": 1}
    assert _left(at) == {"session": 1, "recording": 1, "discarded": 0}
    assert [second in name for name in at.objects_left()] == [True]
    assert problem_of(await at.reads(f"/sessions/{first}/recording-key")) == "erased"
    assert problem_of(await at.reads(f"/sessions/{first}")) == "erased"
    assert (await at.reads(f"/sessions/{second}/recording-key")).status_code == 200


async def test_the_receipt_fills_as_each_store_says_what_it_erased_and_what_is_said_first_stands(at: World) -> None:
    receipt = await _erases_session(at, await at.uploads())
    await _is_reported(at, receipt)
    await at.happens(*(_share(at, receipt, kind, 3) for kind in STORES))
    await at.happens(*(_share(at, receipt, kind, 0) for kind in STORES))

    filled = (await at.reads(f"/erasures/{receipt['id']}")).json()

    assert (receipt["status"], filled["status"]) == ("running", "completed")
    assert filled["waiting_for"] == []
    assert filled["completed_at"] is not None
    assert filled["stores"]["chat"]["counts"] == {"replay": 3}
    assert filled["stores"]["objects"]["counts"] == {"object": 1}


async def test_the_receipt_of_a_patient_waits_for_the_circumstances_of_the_consents_too(at: World) -> None:
    await at.uploads()
    receipt = await _erases_patient(at)
    await _is_reported(at, receipt)
    await at.happens(*(_share(at, receipt, kind) for kind in STORES))

    before = (await at.reads(f"/erasures/{receipt['id']}")).json()
    await at.happens(_share(at, receipt, EvidenceErased))
    after = (await at.reads(f"/erasures/{receipt['id']}")).json()

    assert (before["waiting_for"], after["status"]) == (["consent"], "completed")


async def test_erasing_again_answers_the_same_receipt_and_changes_nothing(at: World) -> None:
    session_id = await at.uploads()
    first = await _erases_session(at, session_id)
    events = len(at.events())

    again = await _erases_session(at, session_id)

    assert (again["id"], len(at.events())) == (first["id"], events)


async def test_an_erasure_that_a_store_never_answered_is_told_again_when_it_is_asked_for_again(at: World) -> None:
    session_id = await at.uploads()
    receipt = await _erases_session(at, session_id)
    aged = "update ingestion.erasure set requested_at = requested_at - interval '2 hours' where id = %s"
    _rows(at, aged, receipt["id"])

    again = await _erases_session(at, session_id)
    await _is_reported(at, receipt)
    await at.happens(*(_share(at, receipt, kind) for kind in STORES))
    await _erases_session(at, session_id)

    erasure_event = [payload for kind, payload in at.events() if kind == "session.erased"]

    assert again["id"] == receipt["id"]
    assert [payload["erasure_id"] for payload in erasure_event] == [receipt["id"]] * 2


async def test_an_erased_patient_keeps_nothing_and_nothing_more_is_taken_in(at: World) -> None:
    await at.uploads()
    await at.uploads()

    receipt = await _erases_patient(at)
    await _is_reported(at, receipt)
    refused = await at.sends()

    assert receipt["stores"]["ingestion"]["counts"] == {"recording": 2, "session": 2, "keys": 3}
    assert _left(at) == {"session": 0, "recording": 0, "discarded": 0}
    assert at.objects_left() == []
    assert (refused.status_code, problem_of(refused)) == (410, "erased")
    assert (await _erases_patient(at, known=False))["id"] == receipt["id"]


async def test_the_database_itself_refuses_a_row_of_an_erased_patient_whoever_writes_it(at: World) -> None:
    session_id = await at.uploads()
    kept = _rows(at, "select * from ingestion.session where session_id = %s", session_id)[0]
    await _erases_patient(at)

    with pytest.raises(psycopg.Error) as caught:
        _rows(at, f"insert into ingestion.session values ({', '.join(['%s'] * len(kept))})", *_adapted(kept))

    assert caught.value.sqlstate == "TR410"


def _adapted(row: tuple[Any, ...]) -> list[Any]:
    return [Jsonb(value) if isinstance(value, dict) else value for value in row]


async def test_an_upload_under_way_while_its_patient_is_erased_leaves_nothing(at: World) -> None:
    await at.uploads()
    form = at.form()

    async def body() -> Any:
        yield form.head()
        receipts.append(await _erases_patient(at))
        yield form.body()[len(form.head()) :]

    receipts: list[dict[str, Any]] = []
    refused = await at.sends(body=body())
    await _is_reported(at, receipts[0])

    assert problem_of(refused) in ("erased", "not-found")
    assert _left(at) == {"session": 0, "recording": 0, "discarded": 0}
    assert at.objects_left() == []


async def test_late_facts_about_an_erased_session_bring_nothing_back(at: World) -> None:
    session_id = await at.uploads()
    await _erases_session(at, session_id)
    ids = {"organization_id": at.tenant.organization_id, "patient_id": at.tenant.patient_id}

    await at.happens(TranscriptionStarted(**ids, session_id=UUID(session_id), job_id=uuid4(), attempt=1))

    assert _left(at)["session"] == 0


async def test_facts_tell_the_others_with_ids_only_and_an_unfinished_session_ends(at: World) -> None:
    session_id = await at.uploads()
    before = len(at.events())

    receipt = await _erases_session(at, session_id)

    (erased, ended) = at.events()[before:]

    assert erased[0] == "session.erased"
    assert set(erased[1]) == {"organization_id", "patient_id", "session_id", "erasure_id"}
    assert erased[1]["erasure_id"] == receipt["id"]
    assert (ended[0], ended[1]["status"]) == ("session.status_changed", "erased")


async def test_a_legal_hold_forbids_both_until_it_is_lifted(at: World) -> None:
    session_id = await at.uploads()
    path = f"/patients/{at.tenant.patient_id}/legal-hold"
    held = await at.http.put(path, headers=at.headers)

    refused = [
        await at.erases(f"/sessions/{session_id}"),
        await at.erases(f"/patients/{at.tenant.patient_id}", known=1),
    ]
    lifted = await at.erases(path)

    assert (held.json()["held"], lifted.json()["held"]) == (True, False)
    assert [(one.status_code, problem_of(one)) for one in refused] == [(409, "legal-hold")] * 2
    assert await _erases_session(at, session_id)


async def test_what_is_not_there_or_is_somebody_elses_is_not_found(at: World) -> None:
    session_id = await at.uploads()
    headers = {"Authorization": f"Bearer {at.tenant.capability('ingestion:write')}"}

    unknown = [
        await at.erases(f"/sessions/{uuid4()}"),
        await at.erases(f"/patients/{uuid4()}"),
        await at.reads(f"/erasures/{uuid4()}"),
    ]
    without_the_scope = await at.http.delete(f"/sessions/{session_id}", headers=headers)

    assert [problem_of(one) for one in unknown] == ["not-found"] * 3
    assert without_the_scope.status_code == 401
    assert _left(at)["session"] == 1


async def test_an_erasure_that_a_store_has_not_answered_is_seen_to_grow_old(at: World) -> None:
    receipt = await _erases_session(at, await at.uploads())
    await _is_reported(at, receipt)
    _rows(at, "update ingestion.erasure set requested_at = now() - interval '3 days' where id = %s", receipt["id"])

    await OldestErasureGauge(at.database).update()
    waiting_s = REGISTRY.get_sample_value("erasures_oldest_unfinished_seconds") or 0.0
    await at.happens(*(_share(at, receipt, kind) for kind in STORES))
    await OldestErasureGauge(at.database).update()
    after_s = REGISTRY.get_sample_value("erasures_oldest_unfinished_seconds")

    assert 3 * 86_400 <= waiting_s < 3 * 86_400 + 600
    # Other tests leave erasures behind that are minutes old.
    assert after_s is not None
    assert after_s < 86_400


async def test_a_recording_goes_some_days_after_its_session_was_ready_and_the_session_stays(at: World) -> None:
    old, young = await at.uploads(), await at.uploads()
    _is_ready_since(at, old, days=31)
    _is_ready_since(at, young, days=29)
    retention = Retention(ExpiredRecordingStore(at.database), at.objects, 30, 90)

    while await retention.sweep():
        pass

    names = " ".join(at.objects_left())

    assert (old in names, young in names) == (False, True)
    assert (await at.reads(f"/sessions/{old}")).json()["status"] == "ready"
    assert problem_of(await at.reads(f"/sessions/{old}/recording-key")) == "not-found"
    assert (await at.reads(f"/sessions/{young}/recording-key")).status_code == 200


@pytest.mark.parametrize("days", [-1, 0, 1, None])
async def test_no_sql_of_the_service_ends_a_recording_within_a_day_of_its_session(at: World, days: int | None) -> None:
    session_id = await at.uploads()
    _is_ready_since(at, session_id, days=0)
    own = at.infra.database_url("ingestion").replace("+psycopg", "")

    with psycopg.connect(own) as connection, contextlib.suppress(psycopg.errors.DatabaseError):
        connection.execute("select ingestion.retire_recordings(%s, %s, 1000)", (days, days))

    assert (await at.reads(f"/sessions/{session_id}/recording-key")).status_code == 200


@pytest.mark.parametrize("status", ["failed", "withheld"])
async def test_a_recording_whose_session_came_to_nothing_goes_later_and_is_not_tried_again(
    at: World, status: str
) -> None:
    old, young, at_work = await at.uploads(), await at.uploads(), await at.uploads()
    for session_id, days, state in ((old, 91, status), (young, 89, status), (at_work, 91, "transcribing")):
        _ended(at, session_id, state, days)
    retention = Retention(ExpiredRecordingStore(at.database), at.objects, 30, 90)

    while await retention.sweep():
        pass

    names = " ".join(at.objects_left())
    again = await at.http.post(f"/sessions/{old}/retry", headers=at.headers)

    assert (old in names, young in names, at_work in names) == (False, True, True)
    assert problem_of(again) == "not-failed"
    assert "Upload it as a new session" in again.text


async def test_under_a_legal_hold_or_with_zero_days_recordings_stay(at: World) -> None:
    session_id = await at.uploads()
    _is_ready_since(at, session_id, days=400)
    await at.http.put(f"/patients/{at.tenant.patient_id}/legal-hold", headers=at.headers)
    await Retention(ExpiredRecordingStore(at.database), at.objects, 30, 90).sweep()
    await at.erases(f"/patients/{at.tenant.patient_id}/legal-hold")
    await Retention(ExpiredRecordingStore(at.database), at.objects, 0, 0).sweep()

    assert (await at.reads(f"/sessions/{session_id}/recording-key")).status_code == 200


def _was_recorded(at: World, session_id: str, days: int) -> None:
    _rows(
        at,
        "update ingestion.recording set created_at = now() - make_interval(days => %s) where session_id = %s",
        days,
        session_id,
    )


def _ended(at: World, session_id: str, status: str, days: int) -> None:
    _rows(
        at,
        "update ingestion.session set status = %s, updated_at = now() - make_interval(days => %s)"
        " where session_id = %s",
        status,
        days,
        session_id,
    )
    _was_recorded(at, session_id, days)


def _is_ready_since(at: World, session_id: str, days: int) -> None:
    _rows(
        at,
        "update ingestion.session set status = 'ready', stage_times = jsonb_build_object('ready',"
        ' to_char(now() - make_interval(days => %s), \'YYYY-MM-DD"T"HH24:MI:SS"Z"\')) where session_id = %s',
        days,
        session_id,
    )
    _was_recorded(at, session_id, days)


async def test_a_store_that_is_away_delays_the_receipt_and_loses_nothing(at: World) -> None:
    receipt = await _erases_session(at, await at.uploads())

    (name,) = at.objects_left()

    before = _left(at)["discarded"]
    await _is_reported(at, receipt)

    assert "objects" in receipt["waiting_for"]
    assert before == 1
    assert await at.is_gone(name)
