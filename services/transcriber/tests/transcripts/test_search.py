"""The search in a patient's transcripts on real PostgreSQL: what it finds, what it marks, and what it never shows."""

from dataclasses import replace
from datetime import timedelta

import httpx
import psycopg
import pytest

from libs.common.capability import acting_under
from libs.common.errors import UNAVAILABLE, AppError
from libs.common.http.app import AppSpec, build_app
from libs.common.ids import new_id
from libs.contracts.audit import AuditQuery
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TranscriptId
from libs.devstack.infra import Infra
from services.transcriber.audit_store import ReadAudit
from services.transcriber.domain import Segment, Speaker, Transcript
from services.transcriber.search.api import build_router
from services.transcriber.search.domain import Highlight, Search, highlights_of
from services.transcriber.search.handlers import Found, SearchTranscripts
from services.transcriber.search.store import SearchStore
from services.transcriber.segment_changes import Change, with_changes
from services.transcriber.tests.archive import Archive
from services.transcriber.tests.world import NOW, FakeAudit, segment, transcript, words

_AS_BEFORE = """
update transcriber.transcript set words = null, lexemes = null,
       segments = (select jsonb_agg(s - 'id') from jsonb_array_elements(segments) s) where session_id = %(session)s"""


def of_texts(archive: Archive, *texts: str, days_ago: int = 0) -> Transcript:
    """Return a session's transcript of one segment a text."""
    made = transcript(archive.event)
    about = replace(
        made.about, session_id=SessionId(new_id()), session_date=made.about.session_date - timedelta(days=days_ago)
    )
    segments = tuple(
        replace(segment(Speaker.PATIENT, text, float(n), n + 1.0), id=n, words=words((None, text), start_s=float(n)))
        for n, text in enumerate(texts, start=1)
    )
    return replace(made, id=TranscriptId(new_id()), about=about, draft=replace(made.draft, segments=segments))


async def added(archive: Archive, *transcripts: Transcript) -> None:
    async with archive.transaction() as tx:
        for one in transcripts:
            assert await archive.store.add(tx, one)


async def found(archive: Archive, text: str, limit: int = 50) -> Found:
    service = SearchTranscripts(archive.database, SearchStore(), ReadAudit(archive.database))
    with archive.acting_under("transcriber:read", patient=archive.tenant.patient_id):
        return await service.find(Search(archive.tenant.patient_id, text, limit))


async def texts(archive: Archive, text: str) -> list[str]:
    return [shown.hit.segment.text for shown in (await found(archive, text)).shown]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("sleep", [1, 3]),
        ("sleeping", [1, 3]),
        ("SLEEP sister", [1]),
        ('"wedding in June"', [2]),
        ('"June wedding"', []),
        ("wedding or sister", [1, 2]),
        ("sleep -sister", [3]),
        ("the", []),
        ("zebra", []),
        ("'; drop table transcript; --", []),
        ("<->:*&|!()", []),
    ],
)
async def test_segments_are_found_by_words_phrases_and_exclusions(
    archive: Archive, asked: str, numbers: list[int]
) -> None:
    said = ("I was sleeping well, my sister says.", "The wedding in June is near.", "I can't sleep.")
    await added(archive, of_texts(archive, *said))

    assert await texts(archive, asked) == [said[number - 1] for number in numbers]


async def test_words_that_were_asked_for_are_marked_with_their_seconds(archive: Archive) -> None:
    await added(archive, of_texts(archive, 'She said: "(sleeping)," and I sleep.'))

    (shown,) = (await found(archive, "sleeps")).shown

    assert list(shown.highlights) == [Highlight("sleeping", 12, 1.6, 1.9), Highlight("sleep", 30, 2.5, 2.8)]
    assert [shown.hit.segment.text[one.offset :][: len(one.text)] for one in shown.highlights] == ["sleeping", "sleep"]


async def test_a_corrected_word_is_marked_without_seconds_and_the_others_keep_theirs(archive: Archive) -> None:
    first = of_texts(archive, "I sleep at home.")
    await added(archive, first, with_changes(first, [Change(1, "I sleep and nap, sleeping at home.")], NOW))

    (shown,) = (await found(archive, "sleep")).shown

    assert shown.hit.version == 2
    assert list(shown.highlights) == [Highlight("sleep", 2, 1.3, 1.6), Highlight("sleeping", 17)]


async def test_what_a_correction_took_out_is_not_found(archive: Archive) -> None:
    first = of_texts(archive, "I dreamt of zebras.", "Yes.")
    await added(archive, first, with_changes(first, [Change(1, "I dreamt of Deborah.")], NOW))

    assert await texts(archive, "zebra") == []
    assert await texts(archive, "deborah") == ["I dreamt of Deborah."]


async def test_the_newest_session_comes_first_and_its_segments_in_order_of_time(archive: Archive) -> None:
    await added(
        archive,
        of_texts(archive, "sleep, long ago", days_ago=9),
        of_texts(archive, "sleep, now", "no", "sleep, then"),
        of_texts(archive, "sleep, lately", days_ago=2),
    )

    assert await texts(archive, "sleep") == ["sleep, now", "sleep, then", "sleep, lately", "sleep, long ago"]


async def test_a_transcript_from_before_the_search_is_found_by_its_text(archive: Archive, infra: Infra) -> None:
    old = of_texts(archive, "Yes.", "I sleep.")
    await added(archive, old)
    with psycopg.connect(infra.admin_url) as admin:
        admin.execute(_AS_BEFORE, {"session": old.about.session_id})

    (shown,) = (await found(archive, "sleep")).shown

    assert (shown.hit.segment.id, list(shown.highlights)) == (2, [Highlight("sleep", 2)])


async def test_consent_that_ends_hides_what_was_said_from_the_search(archive: Archive) -> None:
    await added(archive, of_texts(archive, "Sleeping well."))
    seen = []

    for status in ("revoked", "granted"):
        await archive.consent_is(status, "transcription")
        seen.append(await texts(archive, "sleep"))

    assert seen == [[], ["Sleeping well."]]


async def test_neither_another_patient_nor_another_organization_finds_it(archive: Archive) -> None:
    await added(archive, of_texts(archive, "Sleeping well."))
    service = SearchTranscripts(archive.database, SearchStore(), ReadAudit(archive.database))
    search = Search(archive.tenant.patient_id, "sleep", 50)
    stranger = replace(archive.tenant, organization_id=OrganizationId(new_id()))
    holders = ((archive.tenant, None), (archive.tenant, PatientId(new_id())), (stranger, None))

    counts = []
    for holder, patient in (*holders, (stranger, search.patient_id)):
        with acting_under(holder.capability("transcriber:read", patient=patient)):
            counts.append(len((await service.find(search)).shown))
    with archive.acting_under("transcriber:read"):
        of_another = await service.find(replace(search, patient_id=PatientId(new_id())))

    assert (counts, of_another.shown) == ([1, 0, 0, 0], [])


async def test_each_transcript_that_is_shown_from_is_on_record_once_and_never_what_was_asked_for(
    archive: Archive, infra: Infra
) -> None:
    shown = [of_texts(archive, "Sleeping well.", "I sleep."), of_texts(archive, "I sleep.", days_ago=1)]
    await added(archive, *shown, of_texts(archive, "I woke up.", days_ago=2))

    await found(archive, "sleep")
    await found(archive, "zebra")

    with archive.acting_under("audit:read"):
        rows = (await ReadAudit(archive.database).page(AuditQuery())).rows
    with psycopg.connect(infra.admin_url) as admin:
        kept = admin.execute(
            "select string_agg(a::text, ' ') from transcriber.read_audit a where organization_id = %s",
            (archive.tenant.organization_id,),
        ).fetchone()

    assert [row.kind for row in rows] == ["transcript.searched"] * 2
    assert {row.about["transcript_id"] for row in rows} == {str(one.id) for one in shown}
    assert kept is not None
    assert "sleep" not in kept[0]


async def test_what_cannot_be_put_on_record_is_not_shown(archive: Archive) -> None:
    await added(archive, of_texts(archive, "Sleeping well."))
    audit = FakeAudit()
    audit.fails_with = AppError(UNAVAILABLE, "The database is not answering.")
    service = SearchTranscripts(archive.database, SearchStore(), audit)

    with archive.acting_under("transcriber:read"), pytest.raises(AppError) as refused:
        await service.find(Search(archive.tenant.patient_id, "sleep", 50))

    assert refused.value.problem is UNAVAILABLE


async def test_pages_hold_every_segment_once_also_while_segments_are_deleted(archive: Archive) -> None:
    first, second = of_texts(archive, *["Sleeping well."] * 5), of_texts(archive, *["I sleep."] * 3, days_ago=1)
    await added(archive, first, second)
    service = SearchTranscripts(archive.database, SearchStore(), ReadAudit(archive.database))
    app = build_app(AppSpec("transcriber", "1", (build_router(service),)))
    token = archive.tenant.capability("transcriber:read", patient=archive.tenant.patient_id)
    seen: list[tuple[str, int]] = []
    body: dict[str, object] = {"q": "sleep", "limit": 2}

    async with httpx.AsyncClient(base_url="http://transcriber", transport=httpx.ASGITransport(app=app)) as http:
        for _ in range(4):
            path = f"/patients/{archive.tenant.patient_id}/transcripts/search"
            page = (await http.post(path, json=body, headers={"Authorization": f"Bearer {token}"})).json()
            seen += [(row["session_id"], row["segment_id"]) for row in page["data"]]
            if len(seen) == 2:
                await added(archive, with_changes(first, [Change(1, is_deleted=True)], NOW))
            body["cursor"] = page["next_cursor"]
        wrong = await http.post(path, json=body | {"cursor": "x" * 40}, headers={"Authorization": f"Bearer {token}"})

    assert seen == [(str(one.about.session_id), s.id) for one in (first, second) for s in one.draft.segments]
    assert page["has_more"] is False
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/query/cursor")


def test_a_word_of_signs_alone_is_marked_as_it_stands() -> None:
    said: Segment = segment(Speaker.PATIENT, "50 % off")

    assert list(highlights_of(said, {"%"})) == [Highlight("%", 3)]
