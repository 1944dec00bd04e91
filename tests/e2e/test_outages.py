"""Which way it fails: every cell of the table of outages, on the real system with one part of it killed at a time.

Columns: writing a consent, an upload, the transcription, the chat, the check of a key, the limit of a key, and the
answer to somebody in a crisis. docs/operations/outages.md has the table that callers read; a test compares the two.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from libs.devstack.vendor_stack import Vendors, running_on_vendors
from libs.devstack.vendors import anthropic
from libs.devstack.vendors.faults import Fault
from tests.e2e.client import FIRST, World, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
QUESTION = "What did I say about my sleep?"
AGREED = {"consent_type": "recording", "document": "I agree."}
IN_NEED = "I want to kill myself."
DATABASE, REDIS, STORE = "postgres", "valkey", "seaweedfs"
# Below the 64 KiB within which a refusal comes.
BODY_BYTES_SENT = 48 * 1024


@dataclass
class House:
    """A system, and a consenting patient with one session that can be asked about."""

    vendors: Vendors
    world: World
    http: httpx.AsyncClient
    token: str

    @contextmanager
    def without(self, server: str) -> Iterator[None]:
        """One of the servers is dead, then back."""
        self.vendors.stack.servers.kill(server)
        try:
            yield
        finally:
            self.vendors.stack.servers.start_again(server)

    async def grants(self) -> int:
        """Write a consent, to a text of its own: what is in force already is not written twice."""
        wanted = {"patient_id": self.world.patient_id, "therapist_id": self.world.therapist_id}
        text = {"document": f"I agree. {uuid4()}"}
        return (await self.http.post("/api/v1/consents", json=wanted | AGREED | text)).status_code

    async def uploads(self) -> httpx.Response:
        """Send a recording."""
        fields = {
            "patient_id": self.world.patient_id,
            "therapist_id": self.world.therapist_id,
            "session_date": "2026-09-08T15:00:00Z",
        }
        return await self.http.post("/api/v1/sessions", data=fields, files={"file": (FIRST.name, FIRST.read_bytes())})

    async def begins_an_upload(self) -> str:
        """Send less than 64 KiB of a recording of 400 MiB and listen; return the first line of the answer."""
        fields = {
            "patient_id": self.world.patient_id,
            "therapist_id": self.world.therapist_id,
            "session_date": "2026-09-08T15:00:00Z",
        }
        begun = httpx.Request("POST", self.world.url, data=fields, files={"file": ("a.mp3", FIRST.read_bytes())})
        url, body = httpx.URL(self.world.url), begun.read()[:BODY_BYTES_SENT]
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(
            f"POST /api/v1/sessions HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {self.world.key}\r\n"
            f"Content-Type: {begun.headers['content-type']}\r\nContent-Length: {400 * 1024 * 1024}\r\n\r\n".encode()
        )
        writer.write(body)
        try:
            return (await asyncio.wait_for(reader.readline(), 20)).decode()
        finally:
            writer.close()

    async def asks(self, message: str = QUESTION, credential: str | None = None) -> httpx.Response:
        """Ask the chat."""
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        body = {"patient_id": self.world.patient_id, "message": message}
        return await self.http.post("/api/v1/chat", json=body, headers=headers)

    async def reads_itself(self) -> httpx.Response:
        """Use the key for something small."""
        return await self.http.get("/api/v1/me")

    async def is_let_in_as_usual(self) -> None:
        """The key is checked and counted, and who is in a crisis is answered."""
        answer = await self.reads_itself()
        assert (answer.status_code, answer.headers["ratelimit-policy"]) == (200, '"hour";q=1000;w=3600')
        assert_safe(await self.asks(IN_NEED))

    async def lines(self, service: str, **wanted: str) -> list[dict[str, Any]]:
        """The log lines of a process in which these keys have these values, the newest last."""
        text = self.vendors.stack.process(service).log.read_text()
        found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [line for line in found if wanted.items() <= line.items()]


def assert_safe(answer: httpx.Response) -> None:
    """The fixed crisis text came, with where to call."""
    assert (answer.status_code, answer.json()["answered_by"]) == (200, "safety")
    assert answer.json()["crisis_resources"]["call_or_text"] == "988"


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with running_on_vendors() as made:
        yield made


@pytest.fixture(scope="module")
async def furnished(vendors: Vendors) -> AsyncIterator[House]:
    world = await World.open(vendors.stack.gateway_url, vendors.stack.operator_token)
    await world.consents()
    async with world.http() as http:
        minted = await http.post(f"/api/v1/patients/{world.patient_id}/tokens")
        house = House(vendors, world, http, minted.json()["token"])
        await world.settled((await house.uploads()).json()["session_id"], "ready")
        yield house
    await world.close()


@pytest.fixture
async def house(furnished: House) -> AsyncIterator[House]:
    yield furnished
    furnished.vendors.recover()
    await eventually(furnished.reads_itself, lambda answer: answer.status_code == 200)


async def test_without_postgresql_nothing_is_let_in_or_lost_and_a_crisis_is_answered(house: House) -> None:
    house.vendors.recognition.order(Fault(latency_s=4.0))
    session_id = (await house.uploads()).json()["session_id"]
    await house.world.settled(session_id, "transcribing")

    with house.without(DATABASE):
        consent, upload, answer = await house.grants(), await house.uploads(), await house.reads_itself()
        chat = await house.asks()
        in_need = [await house.asks(IN_NEED), await house.asks(IN_NEED, house.token)]

    assert (consent, upload.status_code, answer.status_code, chat.status_code) == (503, 503, 503, 503)
    assert "retry-after" in answer.headers
    assert chat.json()["crisis_resources"]["call_or_text"] == "988"
    for answer in in_need:
        assert_safe(answer)
    await eventually(house.reads_itself, lambda answer: answer.status_code == 200)
    await house.world.settled(session_id, "ready")


async def test_without_redis_everything_is_accepted_and_goes_on_when_it_is_back_under_a_smaller_limit(
    house: House,
) -> None:
    with house.without(REDIS):
        consent, upload, answer = await house.grants(), await house.uploads(), await house.reads_itself()
        chat, in_need = await house.asks(), await house.asks(IN_NEED)

    assert (consent, upload.status_code, chat.status_code, chat.json()["grounded"]) == (201, 202, 200, True)
    assert (answer.status_code, answer.headers["ratelimit-policy"]) == (200, '"hour";q=250;w=3600')
    assert_safe(in_need)
    await house.world.settled(upload.json()["session_id"], "ready")
    await eventually(house.reads_itself, lambda answer: answer.headers["ratelimit-policy"] == '"hour";q=1000;w=3600')


async def test_without_the_object_store_uploads_are_refused_before_their_body_and_the_rest_goes_on(
    house: House,
) -> None:
    listening = house.vendors.stack.process("transcriber-work")
    listening.kill()
    accepted = (await house.uploads()).json()["session_id"]

    with house.without(STORE):
        listening.start()
        consent, upload, chat = await house.grants(), await house.begins_an_upload(), await house.asks()
        await house.is_let_in_as_usual()
        # It has tried, found the store away, and waits to try again.
        await eventually(lambda: house.lines("transcriber-work", event="event.failed", problem="unavailable"), bool)
        waiting = await house.world.gateway.session(accepted)

    assert (consent, chat.status_code) == (201, 200)
    assert upload.startswith("HTTP/1.1 503 ")
    assert waiting.status in ("uploaded", "transcribing")
    await house.world.settled(accepted, "ready")


async def test_without_deepgram_a_session_fails_with_a_reason_after_its_tries_and_the_rest_goes_on(
    house: House,
) -> None:
    house.vendors.recognition.always(Fault(status=503))

    consent, upload, chat = await house.grants(), await house.uploads(), await house.asks()
    await house.is_let_in_as_usual()

    assert (consent, upload.status_code, chat.status_code) == (201, 202, 200)
    failed = await house.world.settled(upload.json()["session_id"], "failed")

    assert failed.error_message
    assert len(house.vendors.recognition.requests) == 4


async def test_without_openai_words_alone_are_searched_which_is_said_and_sessions_are_transcribed(
    house: House,
) -> None:
    house.vendors.embedding.always(Fault(status=500))

    consent, upload, chat = await house.grants(), await house.uploads(), await house.asks()
    await house.is_let_in_as_usual()

    said = chat.json()
    assert (consent, upload.status_code, chat.status_code) == (201, 202, 200)
    assert (said["search"], said["grounded"]) == ("text", True)
    assert said["response"].startswith("Right now I can only look for the very words you use")
    path = f"/api/v1/sessions/{upload.json()['session_id']}/transcript"
    await eventually(lambda: house.http.get(path), lambda answer: answer.status_code == 200, within_s=60)


async def test_without_claude_the_answer_is_quotes_alone_which_is_said(house: House) -> None:
    house.vendors.writing.always(Fault(status=529, body=anthropic.error_body("overloaded_error")))

    consent, upload, chat = await house.grants(), await house.uploads(), await house.asks()
    await house.is_let_in_as_usual()

    said = chat.json()
    assert (consent, upload.status_code, chat.status_code) == (201, 202, 200)
    assert (said["answered_by"], said["grounded"]) == ("quotes_only", True)
    assert said["response"].startswith("I can't write an answer in my own words right now")
    await house.world.settled(upload.json()["session_id"], "ready")
