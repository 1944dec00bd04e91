"""The transcriber over HTTP, as the gateway and the embedder meet it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from libs.common.errors import UNAVAILABLE, AppError
from libs.common.http.app import AppSpec, build_app
from services.transcriber.api import build_router, preferred
from services.transcriber.tests.world import World, transcript

SEGMENT = {"speaker": "patient", "text": "I slept well.", "start_time": 0.5, "end_time": 2.0}


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


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("*/*", None),
        ("application/json, text/vtt;q=0.5", None),
        ("application/json;q=0.1, text/vtt", "text/vtt"),
        ("image/png", None),
        ("text/plain;q=0.2, text/vtt;q=0.9", "text/vtt"),
    ],
)
def test_the_preferred_shape_follows_the_weights(accept: str, chosen: str | None) -> None:
    assert preferred(accept) == chosen


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


async def test_the_tag_of_any_form_names_the_version_to_correct(api: Api) -> None:
    answer = await api.client.patch(api.path, json={"segments": [SEGMENT]}, headers={"If-Match": '"1-vtt"'})

    assert answer.headers["etag"] == '"2"'


async def test_a_correction_answers_the_next_version(api: Api) -> None:
    answer = await api.client.patch(api.path, json={"segments": [SEGMENT]}, headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.headers["etag"], answer.json()["full_text"]) == (200, '"2"', "I slept well.")


async def test_speakers_are_swapped_by_one_call(api: Api) -> None:
    answer = await api.client.post(f"{api.path}/swap-speakers", headers={"If-Match": '"1"'})

    assert [segment["speaker"] for segment in answer.json()["segments"]] == ["patient", "therapist"]


async def test_a_correction_without_a_version_is_told_what_is_missing(api: Api) -> None:
    answer = await api.client.patch(api.path, json={"segments": [SEGMENT]})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/header/if-match")


@pytest.mark.parametrize("etag", ['"2"', "1", "*", '"0"'])
async def test_a_correction_of_another_version_is_refused(api: Api, etag: str) -> None:
    answer = await api.client.patch(api.path, json={"segments": [SEGMENT]}, headers={"If-Match": etag})

    assert answer.status_code == 412


@pytest.mark.parametrize(
    "wrong",
    [
        SEGMENT | {"speaker": "nurse"},
        SEGMENT | {"text": "  "},
        SEGMENT | {"text": "a\x00b"},
        SEGMENT | {"start_time": -1},
        SEGMENT | {"end_time": 0.1},
        SEGMENT | {"end_time": 10_000},
        SEGMENT | {"mood": "good"},
    ],
)
async def test_a_wrong_segment_is_refused_without_repeating_its_words(api: Api, wrong: dict[str, object]) -> None:
    answer = await api.client.patch(api.path, json={"segments": [wrong]}, headers={"If-Match": '"1"'})

    assert answer.status_code == 422
    assert "I slept well" not in answer.text


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
