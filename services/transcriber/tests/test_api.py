"""The transcriber over HTTP, as the gateway and the embedder meet it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from libs.common.errors import UNAVAILABLE, AppError
from libs.common.http.app import AppSpec, build_app
from services.transcriber.api import build_router
from services.transcriber.tests.world import World, transcript

CHANGE = {"id": 1, "text": "How do you sleep?"}


class Api:
    """A session with a transcript, and a client of the service."""

    def __init__(self) -> None:
        self.world = World()
        self.world.transcripts.versions.append(transcript(self.world.event))
        app = build_app(AppSpec("transcriber", "1", (build_router(self.world.words, self.world.audit),)))
        self.client = httpx.AsyncClient(base_url="http://transcriber", transport=httpx.ASGITransport(app=app))

    @property
    def path(self) -> str:
        """Where the transcript is."""
        return f"/sessions/{self.world.session_id}/transcript"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api()
    async with made.client:
        yield made


async def test_a_transcript_is_json_with_its_version_as_etag(api: Api) -> None:
    answer = await api.client.get(api.path)

    body = answer.json()

    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert body["source"] == {"vendor": "fake", "model": "ears"}
    assert body["segments"][0] == {
        "id": 1,
        "speaker": "therapist",
        "text": "How are you?",
        "start_time": 0.5,
        "end_time": 1.5,
        "confidence": 0.9,
    }
    assert body["created_at"] == "2026-11-24T12:00:00.000Z"


@pytest.mark.parametrize(
    ("accept", "starts"), [("text/vtt", "WEBVTT"), ("application/x-subrip", "1\n"), ("text/plain", "[00:00:00]")]
)
async def test_a_transcript_comes_in_the_shape_that_is_asked_for(api: Api, accept: str, starts: str) -> None:
    answer = await api.client.get(api.path, headers={"Accept": accept})

    assert answer.headers["content-type"].startswith(accept)
    assert answer.text.startswith(starts)


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "text/vtt;q=0, application/xml"])
async def test_a_shape_that_there_is_not_is_refused_and_nothing_is_read(api: Api, accept: str) -> None:
    refused = await api.client.get(api.path, headers={"Accept": accept})

    assert (refused.status_code, refused.json()["type"]) == (406, "/problems/not-acceptable")
    assert "application/json, text/vtt, application/x-subrip, text/plain" in refused.json()["detail"]
    assert api.world.audit.noted == []


async def test_words_come_with_their_times_when_they_are_asked_for(api: Api) -> None:
    answer = await api.client.get(api.path, params={"words": "true"})

    first, second = answer.json()["segments"]

    assert answer.headers["etag"] == '"1-words"'
    assert first["words"][0] == {
        "word": "How",
        "start_time": 0.5,
        "end_time": 0.8,
        "confidence": 0.9,
        "speaker": "therapist",
    }
    assert ([word["word"] for word in first["words"]], second["words"]) == (["How", "are", "you?"], [])


async def test_subtitles_are_the_same_whether_words_are_asked_for_or_not(api: Api) -> None:
    answer = await api.client.get(api.path, params={"words": "true"}, headers={"Accept": "text/vtt"})

    assert answer.headers["etag"] == '"1-vtt"'


async def test_an_old_version_is_read_as_it_was_and_is_on_record(api: Api) -> None:
    await api.client.patch(api.path, json={"segments": [CHANGE]}, headers={"If-Match": '"1"'})

    old = await api.client.get(api.path, params={"version": 1})
    new = await api.client.get(api.path)

    assert (old.headers["etag"], old.json()["segments"][0]["text"]) == ('"1"', "How are you?")
    assert (new.headers["etag"], new.json()["segments"][0]["text"]) == ('"2"', "How do you sleep?")
    assert api.world.audit.noted == [(2, "correct"), (1, "read"), (2, "read")]


@pytest.mark.parametrize(("version", "status"), [("2", 404), ("2147483647", 404), ("0", 422), ("one", 422)])
async def test_a_version_that_never_was_is_not_found(api: Api, version: str, status: int) -> None:
    answer = await api.client.get(api.path, params={"version": version})

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("accept", "held"),
    [("*/*", '"1"'), ("text/vtt", '"1-vtt"'), ("text/plain", 'W/"1-plain"'), ("*/*", '"7", "1"'), ("*/*", "*")],
)
async def test_what_the_caller_holds_is_not_sent_again_and_is_on_record(api: Api, accept: str, held: str) -> None:
    answer = await api.client.get(api.path, headers={"Accept": accept, "If-None-Match": held})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] in ('"1"', '"1-vtt"', '"1-plain"')
    assert api.world.audit.noted == [(1, "read")]


@pytest.mark.parametrize(("accept", "held"), [("*/*", '"2"'), ("text/vtt", '"1"'), ("*/*", '"1-vtt"'), ("*/*", "1")])
async def test_another_version_or_form_is_sent_whole(api: Api, accept: str, held: str) -> None:
    answer = await api.client.get(api.path, headers={"Accept": accept, "If-None-Match": held})

    assert answer.status_code == 200
    assert "How are you?" in answer.text


@pytest.mark.parametrize("tag", ['"1-vtt"', '"1-words"'])
async def test_the_tag_of_any_form_names_the_version_to_correct(api: Api, tag: str) -> None:
    answer = await api.client.patch(api.path, json={"segments": [CHANGE]}, headers={"If-Match": tag})

    assert answer.headers["etag"] == '"2"'


async def test_a_correction_answers_the_next_version(api: Api) -> None:
    answer = await api.client.patch(api.path, json={"segments": [CHANGE]}, headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json()["full_text"] == "How do you sleep?\nI'm fine & <well>."


async def test_only_what_is_marked_as_deleted_is_deleted_and_ids_stay(api: Api) -> None:
    gone = {"segments": [{"id": 1, "deleted": True}]}

    answer = await api.client.patch(api.path, json=gone, headers={"If-Match": '"1"'})
    again = await api.client.patch(api.path, json=gone, headers={"If-Match": '"2"'})

    assert [segment["id"] for segment in answer.json()["segments"]] == [2]
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (422, "/body/segments/0")


async def test_speakers_are_swapped_by_one_call(api: Api) -> None:
    answer = await api.client.post(f"{api.path}/swap-speakers", headers={"If-Match": '"1"'})

    assert [segment["speaker"] for segment in answer.json()["segments"]] == ["patient", "therapist"]


async def test_a_correction_without_a_version_is_told_what_is_missing(api: Api) -> None:
    answers = [
        await api.client.patch(api.path, json={"segments": [CHANGE]}),
        await api.client.post(f"{api.path}/swap-speakers"),
    ]

    assert [answer.status_code for answer in answers] == [428, 428]
    assert {answer.json()["errors"][0]["pointer"] for answer in answers} == {"/header/if-match"}
    assert len(api.world.transcripts.versions) == 1


@pytest.mark.parametrize("etag", ['"2"', "1", "*", '"0"'])
async def test_a_correction_of_another_version_is_refused(api: Api, etag: str) -> None:
    answer = await api.client.patch(api.path, json={"segments": [CHANGE]}, headers={"If-Match": etag})

    assert answer.status_code == 412


@pytest.mark.parametrize(
    "wrong",
    [
        CHANGE | {"speaker": "nurse"},
        CHANGE | {"text": "  "},
        CHANGE | {"text": "a\x00b"},
        CHANGE | {"id": 0},
        CHANGE | {"id": 3},
        CHANGE | {"deleted": True},
        CHANGE | {"start_time": 1.5},
        {"id": 1},
        {"id": 1, "deleted": False},
        {"text": "How do you sleep?"},
    ],
)
async def test_a_wrong_segment_is_refused_without_repeating_its_words(api: Api, wrong: dict[str, object]) -> None:
    answer = await api.client.patch(api.path, json={"segments": [wrong]}, headers={"If-Match": '"1"'})

    assert answer.status_code == 422
    assert "How do you sleep" not in answer.text


async def test_an_unknown_session_is_not_found(api: Api) -> None:
    answer = await api.client.get("/sessions/00000000-0000-7000-8000-000000000000/transcript")

    assert answer.status_code == 404


async def test_the_work_on_a_recording_can_be_watched(api: Api) -> None:
    api.world.transcripts.versions.clear()
    await api.world.run()

    answer = await api.client.get(f"/sessions/{api.world.session_id}/transcription")

    assert (answer.json()["status"], answer.json()["attempts"]) == ("completed", 1)


async def test_words_are_on_record_before_they_leave_and_do_not_leave_without(api: Api) -> None:
    await api.client.get(api.path)
    await api.client.get(api.path, headers={"Accept": "text/vtt"})
    api.world.audit.fails_with = AppError(UNAVAILABLE, "The database is not answering.")

    refused = await api.client.get(api.path)

    assert api.world.audit.noted == [(1, "read"), (1, "read")]
    assert refused.status_code == 503
    assert "How are you" not in refused.text
