"""Sessions over HTTP: how they move, who sees them, who may have their key."""

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import OrganizationId, SessionId
from libs.contracts.purposes import Purpose
from libs.devstack.conditions import let_pass
from services.ingestion.domain import FINAL
from services.ingestion.tests.ingestion_world import World, problem_of, world
from services.ingestion.tests.story import Story, shown

_INSERT = text(
    "insert into session (organization_id, patient_id, session_id, therapist_id, consent_id, session_date,"
    " language, status, stage_times, metadata, created_at, updated_at) values (:organization_id, :patient_id,"
    " :session_id, :therapist_id, :session_id, now(), 'en', 'uploaded', '{}', '{}', now(), now())"
)


async def test_facts_of_other_services_move_a_session_to_ready(at: World) -> None:
    session_id = await at.uploads()
    story = Story(at, session_id)

    await at.happens(story.started, story.transcribed, story.indexed)

    session = await shown(at, session_id)
    reported = [payload.get("status", kind) for kind, payload in at.events()[1:]]

    assert session["status"] == "ready"
    assert session["upload_status"] == "completed"
    assert session["progress"] == {"stage": "ready", "percent": 100, "transcript_expected_at": None}
    assert set(session["stage_times"]) == {"uploaded", "transcribing", "embedding", "ready"}
    assert reported == ["uploaded", "transcribing", "embedding", "ready", "session.ready"]


async def test_a_session_says_how_long_its_recording_is_and_that_its_end_is_missing(at: World) -> None:
    session_id = await at.uploads()
    story = Story(at, session_id)

    await at.happens(story.started, story.probed(1805.5, False), story.transcribed, story.indexed)

    session = await shown(at, session_id)

    assert (session["recording_duration_seconds"], session["recording_complete"]) == (1805.5, False)
    assert session["status"] == "ready"


async def test_a_recording_that_is_damaged_says_where(at: World) -> None:
    story = Story(at, session_id := await at.uploads())

    await at.happens(story.probed(3000, True, 725.4), story.transcription_failed("recording-damaged"))

    assert "at 12:05 (minutes:seconds)." in (await shown(at, session_id))["error_message"]


def _ended(outcome: str) -> float:
    return REGISTRY.get_sample_value("sessions_completed_total", {"outcome": outcome}) or 0.0


async def test_a_session_that_ends_is_counted_once_by_how_it_ended_and_with_how_long_it_took(at: World) -> None:
    known = [REGISTRY.get_sample_value("sessions_completed_total", {"outcome": status.value}) for status in FINAL]
    outcomes = ("ready", "failed", "withheld")
    before = [*map(_ended, outcomes), REGISTRY.get_sample_value("sessions_upload_to_ready_seconds_count") or 0.0]
    ready, failed, withheld = [Story(at, await at.uploads()) for _ in range(3)]

    await at.happens(ready.started, ready.transcribed, ready.indexed, ready.indexed)
    await at.happens(failed.transcription_failed("upstream-failed"))
    await at.happens(withheld.started, withheld.withheld("consent-required"))

    after = [*map(_ended, outcomes), REGISTRY.get_sample_value("sessions_upload_to_ready_seconds_count") or 0.0]

    assert None not in known
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1, 1]


async def test_facts_that_overtake_each_other_end_in_the_same_place(at: World) -> None:
    session_id = await at.uploads()
    story = Story(at, session_id)

    await at.happens(story.indexed, story.transcribed, story.started)

    assert (await shown(at, session_id))["status"] == "ready"


async def test_a_failure_is_told_in_a_sentence_and_as_a_fact(at: World) -> None:
    session_id = await at.uploads()

    await at.happens(Story(at, session_id).transcription_failed("upstream-failed"))

    session = await shown(at, session_id)

    assert session["status"] == session["upload_status"] == "failed"
    assert session["error_message"].endswith("Please retry later.")
    assert at.events()[-1][0] == "session.failed"
    assert at.events()[-1][1]["reason"] == "upstream-failed"


async def test_a_transcript_without_analysis_ends_withheld_with_the_reason(at: World) -> None:
    session_id = await at.uploads()
    story = Story(at, session_id)

    await at.happens(story.started, story.transcribed, story.index_withheld())

    session = await shown(at, session_id)

    assert session["status"] == "withheld"
    assert "consent" in session["error_message"]


async def test_a_fact_about_a_session_nobody_knows_is_let_go(at: World) -> None:
    await at.happens(Story(at, str(new_id())).started)

    assert at.events() == []


async def test_a_revocation_stops_what_is_on_its_way_and_leaves_what_is_ready(at: World) -> None:
    ready, coming = await at.uploads(), await at.uploads()
    story = Story(at, ready)
    await at.happens(story.started, story.transcribed, story.indexed)

    revoked = ConsentRevoked(
        organization_id=at.tenant.organization_id,
        patient_id=at.tenant.patient_id,
        therapist_id=at.tenant.therapist_id,
        consent_id=new_id(),
        consent_type=Purpose.TRANSCRIPTION,
    )
    await at.happens(revoked)

    assert (await shown(at, ready))["status"] == "ready"
    assert (await shown(at, coming))["status"] == "withheld"


async def test_a_failed_session_can_be_retried_and_is_uploaded_again_for_the_others(at: World) -> None:
    session_id = await at.uploads()
    await at.happens(Story(at, session_id).transcription_failed("upstream-failed"))
    first = at.events()[0][1]

    answer = await at.http.post(f"/sessions/{session_id}/retry", headers=at.headers)

    assert answer.status_code == 202
    assert answer.json()["status"] == "uploaded"
    assert answer.json()["error_message"] is None
    again = [payload for kind, payload in at.events() if kind == "recording.uploaded"]

    assert again == [first, first]


async def test_a_session_that_has_not_failed_cannot_be_retried(at: World) -> None:
    session_id = await at.uploads()

    answer = await at.http.post(f"/sessions/{session_id}/retry", headers=at.headers)

    assert answer.status_code == 409
    assert problem_of(answer) == "not-failed"


async def test_a_retry_without_consent_is_refused(at: World) -> None:
    await at.grants("recording")
    session_id = (await at.sends()).json()["session_id"]
    await at.happens(Story(at, session_id).withheld("consent-revoked"))

    answer = await at.http.post(f"/sessions/{session_id}/retry", headers=at.headers)

    assert problem_of(answer) == "consent-required"


async def test_sessions_are_listed_newest_first_page_by_page(at: World) -> None:
    made = [await at.uploads() for _ in range(5)]

    first = (await at.reads("/sessions", limit=3)).json()
    second = (await at.reads("/sessions", limit=3, cursor=first["next_cursor"])).json()

    assert [row["id"] for row in first["data"] + second["data"]] == made[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)


async def test_the_list_is_filtered(at: World) -> None:
    session_id = await at.uploads()
    patient, other = str(at.tenant.patient_id), str(new_id())

    async def count(**wanted: str) -> int:
        return len((await at.reads("/sessions", **wanted)).json()["data"])

    assert await count(patient_id=patient, status="uploaded", date_from="2026-10-05T00:00:00Z") == 1
    assert await count(patient_id=other) == 0
    assert await count(therapist_id=other) == 0
    assert await count(status="ready") == 0
    assert await count(date_from="2026-10-06T00:00:00Z") == 0
    assert await count(date_to="2026-10-05T00:00:00Z") == 0
    assert session_id


@pytest.mark.parametrize("wanted", [{"status": "odd"}, {"limit": 0}, {"cursor": "x"}, {"colour": "red"}])
async def test_a_filter_that_is_not_valid_is_refused(at: World, wanted: dict[str, Any]) -> None:
    assert problem_of(await at.reads("/sessions", **wanted)) == "invalid-request"


async def test_a_waiting_reader_hears_of_the_change_when_it_happens(at: World) -> None:
    session_id = await at.uploads()
    first = await at.reads(f"/sessions/{session_id}")

    waiting = asyncio.create_task(at.reads(f"/sessions/{session_id}", wait=10))
    await let_pass(0.1, "the reader is to wait before it happens, and nothing outside shows that it waits")
    await at.happens(Story(at, session_id).started)
    later = await asyncio.wait_for(waiting, 5)

    assert later.json()["status"] == "transcribing"
    assert later.headers["etag"] != first.headers["etag"]


async def test_a_reader_that_knows_the_state_is_told_that_nothing_changed(at: World) -> None:
    session_id = await at.uploads()
    etag = (await at.reads(f"/sessions/{session_id}")).headers["etag"]

    answer = await at.http.get(f"/sessions/{session_id}?wait=0.2", headers=at.headers | {"If-None-Match": etag})

    assert answer.status_code == 304
    assert answer.headers["etag"] == etag


@pytest.mark.parametrize("tag", ['"1"', "*", '"' + "9" * 4000 + '"', '"x"'])
async def test_a_tag_of_somebody_else_matches_nothing(at: World, tag: str) -> None:
    session_id = await at.uploads()

    answer = await at.http.get(f"/sessions/{session_id}", headers=at.headers | {"If-None-Match": tag})

    assert answer.status_code == 200


async def test_a_session_can_be_watched_until_it_is_done(at: World) -> None:
    session_id = await at.uploads()
    story = Story(at, session_id)

    facts = iter((story.started, story.transcribed, story.indexed))
    lines = []
    watching = at.http.stream("GET", f"/sessions/{session_id}/events", headers=at.headers)
    async with asyncio.timeout(10), watching as stream:
        async for line in stream.aiter_lines():
            lines.append(line)
            # Each fact happens once the watcher has heard of the one before.
            if line.startswith("data: ") and (fact := next(facts, None)):
                await at.happens(fact)

    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    assert names == ["status"] * 4 + ["done"]
    assert [state["status"] for state in data[:4]] == ["uploaded", "transcribing", "embedding", "ready"]


async def test_a_watcher_hears_that_nothing_happens_and_that_it_must_come_again(at: World) -> None:
    session_id = SessionId(UUID(await at.uploads()))

    heard: list[str | None] = []

    async def listen() -> None:
        async for state in at.parts.queries.watch(session_id, quiet_s=0.1, total_s=0.35):
            heard.append(state.status.value if state else None)

    with at.acting_under(), pytest.raises(AppError) as caught:
        await listen()

    assert heard[:3] == ["uploaded", None, None]
    assert caught.value.problem.slug == "unavailable"


async def test_the_key_of_a_recording_is_given_only_while_both_consents_stand(at: World) -> None:
    consents = await at.grants("recording", "transcription")
    session_id = (await at.sends()).json()["session_id"]

    given = await at.reads(f"/sessions/{session_id}/recording-key")
    await at.revokes(consents["transcription"])
    refused = await at.reads(f"/sessions/{session_id}/recording-key")

    assert given.status_code == 200
    assert base64.b64decode(given.json()["keyset"])
    assert given.json()["media_type"] == "audio/wav"
    assert problem_of(refused) == "consent-required"


async def test_what_may_only_read_sessions_opens_no_recording(at: World) -> None:
    await at.grants("recording", "transcription")
    session_id = (await at.sends()).json()["session_id"]
    reading = at.tenant.capability("ingestion:read", "consent:read", "chat:write")

    answers = [
        await at.http.get(f"/sessions/{session_id}{path}", headers={"Authorization": f"Bearer {reading}"})
        for path in ("", "/recording-key")
    ]

    assert [answer.status_code for answer in answers] == [200, 404]


async def test_everything_of_another_organization_is_unknown(at: World, consent_url: str) -> None:
    session_id = await at.uploads()
    stranger = replace(at.tenant, organization_id=OrganizationId(new_id()))

    async with world(at.infra, stranger, consent_url) as other:
        answers = [await other.reads(f"/sessions/{session_id}{path}") for path in ("", "/events", "/recording-key")]
        answers.append(await other.http.post(f"/sessions/{session_id}/retry", headers=other.headers))
        listed = (await other.reads("/sessions")).json()

    unknown = await at.reads(f"/sessions/{new_id()}")

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["detail"] for answer in answers} == {unknown.json()["detail"]}
    assert listed == {"data": [], "has_more": False, "next_cursor": None}


async def test_a_capability_for_one_patient_shows_no_other_patients_sessions(at: World) -> None:
    session_id = await at.uploads()
    bound = at.tenant.capability("ingestion:read", patient=new_id())  # type: ignore[arg-type]

    answer = await at.http.get(f"/sessions/{session_id}", headers={"Authorization": f"Bearer {bound}"})

    assert answer.status_code == 404


async def test_a_forged_capability_is_refused(at: World) -> None:
    session_id = await at.uploads()
    forged = at.token.replace(str(at.tenant.organization_id), str(new_id()))

    answer = await at.http.get(f"/sessions/{session_id}", headers={"Authorization": f"Bearer {forged}"})

    assert problem_of(answer) == "unauthenticated"


async def test_a_session_cannot_be_written_past_the_consent_check(at: World) -> None:
    row = at.ids() | {"organization_id": at.tenant.organization_id, "session_id": new_id()}

    with at.acting_under(), pytest.raises(AppError) as caught:
        async with at.database.transaction() as tx:
            await tx.execute(_INSERT, row)

    assert caught.value.problem.slug == "consent-required"
