"""The faults a vendor's fake can be ordered to have, seen through a real HTTP client."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse

from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Fault, Faults


def _app() -> FastAPI:
    app = FastAPI()

    @app.post("/echo")
    async def echo(words: dict[str, str]) -> dict[str, str]:
        return words

    @app.get("/long")
    async def long() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(10):
                yield b"0123456789"

        return StreamingResponse(parts())

    return app


class World:
    """A faulty server and a client of it."""

    def __init__(self, url: str, faults: Faults) -> None:
        self.faults = faults
        self.client = httpx.Client(base_url=url, timeout=0.5)

    def download(self, into: bytearray) -> None:
        """Read the long answer as it comes."""
        with self.client.stream("GET", "/long") as answer:
            for part in answer.iter_raw():
                into += part


@pytest.fixture
def world() -> Iterator[World]:
    faults = Faults(_app())
    with serve(faults) as url:
        made = World(url, faults)
        with made.client:
            yield made


def test_without_faults_the_app_answers_and_the_request_is_recorded(world: World) -> None:
    answer = world.client.post("/echo?a=1", json={"say": "hello"}, headers={"X-Key": "k"})

    (seen,) = world.faults.requests

    assert answer.json() == {"say": "hello"}
    assert (seen.method, seen.path, seen.query, seen.headers["x-key"]) == ("POST", "/echo", "a=1", "k")
    assert seen.json() == {"say": "hello"}


def test_a_status_is_answered_as_often_as_ordered_and_then_the_app_again(world: World) -> None:
    world.faults.order(Fault(status=429, retry_after_s=1.5, body={"error": "slow down"}), times=2)

    answers = [world.client.post("/echo", json={}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "1.5"
    assert answers[0].json() == {"error": "slow down"}


def test_latency_outlasts_a_client_that_does_not_wait(world: World) -> None:
    world.faults.order(Fault(latency_s=5))

    with pytest.raises(httpx.ReadTimeout):
        world.client.post("/echo", json={})


@pytest.mark.parametrize("sent", [0, 15])
def test_a_stalled_answer_sends_its_first_bytes_and_then_nothing(world: World, sent: int) -> None:
    world.faults.always(Fault(stall_after_bytes=sent))
    got = bytearray()

    with pytest.raises(httpx.ReadTimeout):
        world.download(got)

    assert got == (b"0123456789" * 2)[:sent]


def test_a_cut_answer_ends_the_connection_in_the_middle(world: World) -> None:
    world.faults.order(Fault(cut_after_bytes=15))
    got = bytearray()

    with pytest.raises(httpx.RemoteProtocolError):
        world.download(got)

    assert got == b"012345678901234"


def test_a_mark_in_the_body_chooses_another_app_and_the_first_that_was_named_wins(world: World) -> None:
    world.faults.instead(b"please", PlainTextResponse("of course"))
    world.faults.instead(b"say", PlainTextResponse("what?"))

    answers = [world.client.post("/echo", json=words).text for words in ({"say": "please"}, {"say": "it"}, {})]

    assert answers == ["of course", "what?", "{}"]


def test_after_clear_all_is_well(world: World) -> None:
    world.faults.always(Fault(status=500))
    world.faults.instead(b"{", PlainTextResponse("no", 500))
    world.faults.clear()

    assert world.client.post("/echo", json={}).status_code == 200
