"""What the embedder asks of other services, against servers that answer as they do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.capability import acting_under
from libs.common.errors import AppError
from libs.common.http.client import ServiceClient
from libs.common.ids import new_id
from libs.contracts.ids import PatientId, SessionId, TherapistId
from libs.contracts.problems import BY_SLUG
from libs.contracts.purposes import Purpose
from libs.devstack.vendors.asgi_server import serve
from services.embedder.clients import ConsentClient, TranscriberClient
from services.embedder.domain import Speaker, Turn

SESSION, TRANSCRIPT = SessionId(new_id()), new_id()


@asynccontextmanager
async def _peer(path: str, method: str, answer: Response) -> AsyncIterator[tuple[ServiceClient, list[Request]]]:
    asked: list[Request] = []

    async def endpoint(request: Request) -> Response:
        await request.body()
        asked.append(request)
        return answer

    with serve(Starlette(routes=[Route(path, endpoint, methods=[method])])) as address, acting_under("a-capability"):
        client = ServiceClient(address, 5.0, BY_SLUG)
        yield client, asked
        await client.close()


def _transcript(**changed: Any) -> dict[str, Any]:
    segment = {"speaker": "patient", "text": "I slept.", "start_time": 1.0, "end_time": 2.5, "confidence": 0.9}
    return {
        "id": str(TRANSCRIPT),
        "session_id": str(SESSION),
        "version": 3,
        "language": "en",
        "confidence": 0.9,
        "segments": [segment],
        **changed,
    }


async def test_a_transcript_is_read_with_its_turns_and_version() -> None:
    path = f"/sessions/{SESSION}/transcript"
    async with _peer(path, "GET", JSONResponse(_transcript())) as (client, asked):
        transcript = await TranscriberClient(client).current(SESSION)

    assert transcript.version == 3
    assert transcript.turns == (Turn(Speaker.PATIENT, "I slept.", 1.0, 2.5),)
    assert asked[0].headers["authorization"] == "Bearer a-capability"


@pytest.mark.parametrize("broken", [{"segments": [{"speaker": "dog"}]}, {"version": 0}, {"id": "secret words"}])
async def test_a_transcript_that_is_not_one_is_refused_without_repeating_it(broken: dict[str, Any]) -> None:
    path = f"/sessions/{SESSION}/transcript"
    async with _peer(path, "GET", JSONResponse(_transcript(**broken))) as (client, _):
        with pytest.raises(AppError) as caught:
            await TranscriberClient(client).current(SESSION)

    assert caught.value.problem.slug == "upstream-failed"
    assert "secret" not in caught.value.detail


async def test_a_refusal_of_the_consent_service_comes_back_as_the_same_problem() -> None:
    refusal = JSONResponse(
        {"type": "https://therapyrag.example/problems/consent-required", "title": "", "status": 403, "detail": "No."},
        status_code=403,
        media_type="application/problem+json",
    )
    async with _peer("/holds", "POST", refusal) as (client, asked):
        with pytest.raises(AppError) as caught:
            await ConsentClient(client).hold(PatientId(new_id()), TherapistId(new_id()), Purpose.AI_ANALYSIS)

    assert caught.value.problem.slug == "consent-required"
    assert (await asked[0].json())["purposes"] == ["ai_analysis"]
