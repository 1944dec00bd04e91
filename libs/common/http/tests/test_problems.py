"""Every error of an app, ours or the framework's, is an RFC 9457 document that never repeats what was sent."""

import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.types import Message

from libs.common import capability
from libs.common.errors import CONFLICT, AppError
from libs.common.http.app import AppSpec, build_app
from libs.common.http.edge import CLIENT_GONE
from libs.common.log import KeyNotAllowedError, configure_logging, get_logger


class Thing(BaseModel):
    """A body with rules."""

    model_config = ConfigDict(extra="forbid")
    number: int


def _router() -> APIRouter:
    router = APIRouter()

    @router.post("/things")
    async def add(thing: Thing) -> int:
        if thing.number == 13:
            raise RuntimeError("secret words")
        if thing.number == 409:
            raise AppError(CONFLICT, "It is taken.", retry_after_s=1.2, extra={"missing": ["x"]}, count=3)
        return thing.number

    @router.get("/things/{thing_id}/of/{owner}")
    async def of(thing_id: str, owner: str) -> str:
        raise AppError(CONFLICT, "It is taken.")

    @router.post("/streamed")
    async def streamed(request: Request) -> int:
        return len([piece async for piece in request.stream()])

    @router.get("/whose")
    async def whose() -> str:
        return capability.current()

    return router


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave no configuration of logs behind."""
    yield
    structlog.reset_defaults()


async def _down() -> None:
    raise OSError


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    configure_logging("test", "info", strict=True)
    app = build_app(AppSpec("Test", "1", [_router()], checks={"far": _down}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        yield client


async def test_an_application_error_is_rendered_with_its_extra_members_and_retry_after(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/things", json={"number": 409})

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "2"
    assert answer.json() | {"request_id": ""} == {
        "type": "/problems/conflict",
        "title": "Conflict",
        "status": 409,
        "detail": "It is taken.",
        "instance": "/things",
        "request_id": "",
        "missing": ["x"],
    }


async def test_a_wrong_body_is_pointed_at_without_repeating_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things", json={"number": "my secret", "extra": "other secret"})

    assert answer.status_code == 422
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/body/number", "/body/extra"}
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("/things/0199f2a4-9c2d-7a44-b1c3-0d9e8f7a6b5c/of/john.smith@example.org?note=secret",
         "/things/0199f2a4-9c2d-7a44-b1c3-0d9e8f7a6b5c/of/{owner}"),
        ("/things/John%20Smith/of/John%20Smith", "/things/{thing_id}/of/{owner}"),
        ("/people/John%20Smith", "/"),
    ],
)  # fmt: skip
async def test_a_problem_names_the_path_and_nothing_in_it_that_may_be_a_name(
    client: httpx.AsyncClient, path: str, instance: str
) -> None:
    answer = await client.get(path)

    assert answer.json()["instance"] == instance
    assert "mith" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [("GET", "/nowhere", 404, "not-found"), ("PUT", "/things", 405, "method-not-allowed")],
)
async def test_the_frameworks_own_errors_are_problems_too(
    client: httpx.AsyncClient, method: str, path: str, status: int, slug: str
) -> None:
    answer = await client.request(method, path)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_broken_handler_says_nothing_of_why_to_anybody(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.post("/things", json={"number": 13})

    logged = capsys.readouterr().out

    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal")
    assert "secret words" not in answer.text + logged
    assert json.loads(logged.splitlines()[0])["error_class"] == "RuntimeError"


async def test_a_caller_that_goes_away_is_no_failure_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("test", "info", strict=True)
    app = build_app(AppSpec("Test", "1", [_router()]))
    sent: list[Message] = []

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/streamed", "headers": [], "query_string": b""}
    await app(scope, gone, send)

    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]

    assert (line["event"], line["level"], line["status"]) == ("http.request", "info", CLIENT_GONE)
    assert sent == []


async def test_every_answer_carries_a_request_id_and_one_canonical_line_names_it(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.post("/things", json={"number": 1})

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [line["event"] for line in lines] == ["http.request"]
    assert lines[0]["request_id"] == answer.headers["x-request-id"]
    assert lines[0]["route"] == "/things"


async def test_the_bearer_capability_is_held_during_the_request_only(client: httpx.AsyncClient) -> None:
    held = await client.get("/whose", headers={"Authorization": "Bearer v1|x"})
    bare = await client.get("/whose")

    assert held.json() == "v1|x"
    assert bare.status_code == 401
    assert bare.headers["www-authenticate"] == "Bearer"


async def test_health_is_unavailable_while_a_part_does_not_answer(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health")

    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "checks": {"far": "unavailable"}, "details": {}}


def test_a_log_key_outside_the_allow_list_is_refused_in_tests_and_dropped_in_production(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("test", "info", strict=True)
    with pytest.raises(KeyNotAllowedError):
        get_logger().info("thing.happened", words="I am sad")

    configure_logging("test", "info", strict=False)
    get_logger().info("thing.happened", words="I am sad", count=1)

    line = json.loads(capsys.readouterr().out)

    assert "words" not in line
    assert line["count"] == 1
