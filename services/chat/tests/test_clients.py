"""What the chat asks its peers, and that it believes no answer it did not check."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.common.http.client import ServiceClient
from libs.contracts.ids import SessionId
from libs.contracts.problems import BY_SLUG, CONSENT_REQUIRED
from libs.devstack.vendors.asgi_server import serve
from services.chat.clients import PAGE_SIZE, PAGES_MAX, ConsentClient, EmbedderClient, IngestionClient
from services.chat.domain.conversation import Finding
from services.chat.tests.room import FIRST, PATIENT, SLEEP, THERAPIST

Answers = Callable[[dict[str, Any]], Response]


@asynccontextmanager
async def peer(path: str, answers: Answers) -> AsyncIterator[tuple[ServiceClient, list[dict[str, Any]]]]:
    """Serve one path and hand over a client and what it was asked."""
    asked: list[dict[str, Any]] = []

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        asked.append(json.loads(body) if body else dict(request.query_params))
        return answers(asked[-1])

    with serve(Starlette(routes=[Route(path, endpoint, methods=["GET", "POST"])])) as url:
        client = ServiceClient(url, 5.0, BY_SLUG)
        yield client, asked
        await client.close()


def result(**parts: Any) -> dict[str, Any]:
    turns = [
        {"speaker": turn.speaker, "text": turn.text, "start_time": turn.start_s, "end_time": turn.end_s}
        for turn in SLEEP.turns
    ]
    return {
        "chunk_id": str(SLEEP.chunk_id),
        "session_id": str(SLEEP.session_id),
        "session_date": "2026-09-08T15:00:00.000Z",
        "turns": turns,
        "relevance": 0.5,
        "score": 1.2,
        **parts,
    }


async def test_passages_come_back_as_they_were_said() -> None:
    async with peer("/search", lambda _: JSONResponse({"results": [result()], "mode": "hybrid"})) as (client, asked):
        found = await EmbedderClient(client).find(PATIENT, "sleep", (FIRST.id,))

    assert found == Finding((SLEEP,), understood_as="sleep")
    assert asked == [
        {"patient_id": str(PATIENT), "query": "sleep", "limit": 16, "session_ids": [str(FIRST.id)]},
    ]


async def test_words_alone_come_without_relevance() -> None:
    answer = JSONResponse({"results": [result(relevance=None)], "mode": "text"})
    async with peer("/search", lambda _: answer) as (client, _):
        found = await EmbedderClient(client).find(PATIENT, "sleep", (FIRST.id,))

    assert found.text_only
    assert [passage.relevance for passage in found.passages] == [None]


@pytest.mark.parametrize("wrong", [{"session_date": "2026-09-08"}, {"turns": "none"}, {"chunk_id": 5}])
async def test_an_answer_that_is_not_one_is_not_believed(wrong: dict[str, Any]) -> None:
    async with peer("/search", lambda _: JSONResponse({"results": [result(**wrong)]})) as (client, _):
        with pytest.raises(AppError) as caught:
            await EmbedderClient(client).find(PATIENT, "sleep", (FIRST.id,))

    assert caught.value.problem is UPSTREAM_FAILED


async def test_all_pages_of_ready_sessions_are_read() -> None:
    row = {"id": str(FIRST.id), "therapist_id": str(THERAPIST), "session_date": "2026-09-08T15:00:00Z"}

    def pages(asked: dict[str, Any]) -> Response:
        return JSONResponse({"data": [row], "has_more": True, "next_cursor": None if "cursor" in asked else "more"})

    async with peer("/sessions", pages) as (client, asked):
        found = await IngestionClient(client).ready(PATIENT)

    assert found == (FIRST, FIRST)
    assert (asked[0]["status"], asked[0]["released"]) == ("ready", "true")


async def test_commitments_are_asked_of_all_sessions_that_a_patient_may_have() -> None:
    sessions = [SessionId(UUID(int=number)) for number in range(PAGE_SIZE * PAGES_MAX)]
    async with peer(f"/patients/{PATIENT}/commitments", lambda _: JSONResponse({"data": []})) as (client, asked):
        found = await EmbedderClient(client).commitments(PATIENT, sessions)

    assert (found, asked[0]["session_id"]) == ((), str(sessions[-1]))


async def test_the_consents_in_force_that_quotes_need_have_ids() -> None:
    held = JSONResponse({"consents": {"ai_analysis": str(UUID(int=5)), "transcription": str(UUID(int=6))}})
    async with peer("/holds", lambda _: held) as (client, asked):
        found = await ConsentClient(client).hold(PATIENT, THERAPIST)

    assert (found.analysis, found.transcription) == (UUID(int=5), UUID(int=6))
    assert asked == [
        {"patient_id": str(PATIENT), "therapist_id": str(THERAPIST), "purposes": ["transcription", "ai_analysis"]},
    ]


async def test_missing_consent_is_the_same_problem_here() -> None:
    problem = JSONResponse(
        {"type": "/problems/consent-required", "status": 403, "detail": "No.", "missing": ["ai_analysis"]},
        status_code=403,
        media_type="application/problem+json",
    )
    async with peer("/holds", lambda _: problem) as (client, _):
        with pytest.raises(AppError) as caught:
            await ConsentClient(client).hold(PATIENT)

    assert caught.value.problem is CONSENT_REQUIRED
    assert caught.value.extra["missing"] == ["ai_analysis"]
