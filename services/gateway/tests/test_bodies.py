"""A JSON body comes in UTF-8, within its time, and no deeper than it can be written again."""

import asyncio
import json

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from libs.common.errors import REQUEST_TIMEOUT, AppError
from libs.devstack.conditions import let_pass
from services.gateway.pipeline.bodies import bounded
from services.gateway.tests.gateway_world import GatewayWorld

USER = json.dumps({"role": "patient", "email": "pat@example.org"})


def _slug(answer: httpx.Response) -> str:
    return str(answer.json().get("type", "")).rpartition("/")[2]


@pytest.mark.parametrize(
    "body",
    [
        USER.encode("utf-16"),
        USER.encode("utf-16-le"),
        USER.encode("utf-32"),
        b"\xef\xbb\xbf" + USER.encode(),
        b"\xff\xfe{",
        b"{\x00}",
        b'{"email": "\xff"}',
    ],
    ids=["UTF-16", "UTF-16 without a mark", "UTF-32", "a mark before UTF-8", "half of UTF-16", "a NUL", "Latin-1"],
)
@pytest.mark.parametrize("path", ["/api/v1/users", "/api/v1/consents", "/api/v1/chat"])
async def test_a_body_that_is_not_utf_8_is_refused_wherever_it_is_sent(
    world: GatewayWorld, path: str, body: bytes
) -> None:
    answer = await world.http.post(path, content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, _slug(answer)) == (422, "invalid-request")
    assert answer.json()["errors"] == [
        {"pointer": "/body", "detail": "It must be JSON in UTF-8, without a byte order mark."}
    ]


async def test_metadata_nested_deeper_than_it_can_be_written_again_is_refused(world: GatewayWorld) -> None:
    patient, therapist = await world.new_user("patient"), await world.new_user("therapist")
    deep = '{"a":' * 400 + "1" + "}" * 400
    body = f'{{"patient_id":"{patient}","therapist_id":"{therapist}","consent_type":"recording","document":"Yes.",'

    answer = await world.http.post(
        "/api/v1/consents", content=f'{body}"metadata":{deep}}}', headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/metadata")


async def test_a_body_that_does_not_arrive_in_time_is_refused() -> None:
    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    request = bounded(Request(scope, never), within_s=0.05)

    with pytest.raises(AppError) as refused:
        await request.body()

    assert refused.value.problem is REQUEST_TIMEOUT


async def test_whoever_listens_for_the_caller_after_the_body_is_not_hurried() -> None:
    messages: list[Message] = [{"type": "http.request", "body": b"{}", "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await let_pass(0.1, "the caller stays longer than the body may take")
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    request = bounded(Request(scope, receive), within_s=0.05)
    await request.body()

    assert (await request.receive())["type"] == "http.disconnect"


async def test_what_could_not_be_served_uses_up_no_request_of_the_key(world: GatewayWorld) -> None:
    key = (await world.new_key("sessions:read"))["api_key"]
    world.peer.refuses(503, "unavailable")
    async with world.as_bearer(key) as http:
        failed = [await http.get("/api/v1/sessions") for _ in range(3)]
        world.peer.refuses(404, "not-found")
        refused = [await http.get("/api/v1/sessions") for _ in range(2)]

    left = [answer.headers["ratelimit"].split("r=")[1].split(";")[0] for answer in (*failed, *refused)]

    assert [answer.status_code for answer in (*failed, *refused)] == [503, 503, 503, 404, 404]
    assert left == ["1000", "1000", "1000", "999", "998"]


async def test_answers_are_kept_by_nobody_on_the_way_unless_they_say_so(world: GatewayWorld) -> None:
    answer = await world.http.get("/api/v1/me")

    assert answer.headers["cache-control"] == "no-store"
