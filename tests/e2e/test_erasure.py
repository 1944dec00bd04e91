"""What is erased is nowhere, and nothing brings it back: on the real system with vendors that speak the wire format."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from libs.common.messaging.archive import Archive, Wanted
from libs.common.messaging.archive import Position as ArchivePosition
from libs.common.streams.admin import GroupStream, ReplayMove, StreamAdmin
from libs.contracts.purposes import Purpose
from libs.contracts.services import SERVICES
from libs.devstack.stack import Stack, StackOptions
from libs.devstack.vendors import anthropic, deepgram, openai
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Fault, Faults
from libs.ops.events.answers import ANSWERS
from libs.ops.main import app
from libs.ops.rest.connection import Connection
from tests.e2e.client import FIRST, World, eventually
from tests.e2e.test_replay import House
from tests.e2e.traces import Searched, canary, search

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
EPOCH = 7
NOTHING = Searched(0, 0, (), ())


@dataclass
class Home:
    """A system of its own, what its recognizer hears next, and an operator's terminal."""

    house: House
    dialogue: list[deepgram.Turn]
    recognition: Faults

    @property
    def stack(self) -> Stack:
        return self.house.stack

    def hears(self, word: str) -> None:
        """From now on every recording says this word."""
        self.dialogue[:] = [
            (0, f"Hello, what would you like to say about the {word} today?"),
            (1, f"I don't sleep well because of the {word} in my dreams."),
            (0, f"What do you do when the {word} wakes you up?"),
            (1, f"I look for the {word} until the morning."),
        ]

    async def forces_every_fact(self) -> int:
        """Put every archived fact before every group that answers it, past all judgement, as if never applied."""
        archive = Archive(self.stack.infra.ops_database_url, SERVICES)
        streams = StreamAdmin(self.stack.infra.redis_url)
        sent = 0
        for schema in SERVICES:
            for fact in await archive.after(schema, Wanted(), ArchivePosition(), 10_000):
                for group in (name for name, answers in ANSWERS.items() if fact.envelope.type in answers):
                    lane, move = GroupStream(fact.envelope.topic, group), ReplayMove(uuid4().hex, "", "1:1")
                    assert await streams.replay(lane, move, EPOCH + sent, [fact.envelope.to_json()])
                    sent += 1
        await archive.close()
        await streams.close()
        await eventually(self.house.is_still, bool, within_s=120)
        return sent


@dataclass
class Person:
    """A patient of whom every human word is known, so that it can be looked for."""

    world: World
    id: str = ""
    words: list[str] = field(default_factory=list)

    def word(self) -> str:
        """Return a new word that is this patient's."""
        self.words.append(canary())
        return self.words[-1]

    async def arrives(self) -> None:
        """The organization makes a user and writes consents down, with circumstances."""
        async with self.world.http() as http:
            body = {"role": "patient", "email": f"{self.word()}@example.org", "external_id": self.word()}
            self.id = (await http.post("/api/v1/users", json=body)).json()["id"]
            for purpose in Purpose:
                grant = {
                    "patient_id": self.id,
                    "therapist_id": self.world.therapist_id,
                    "consent_type": purpose.value,
                    "document": f"I agree, {self.word()}.",
                    "metadata": {"note": self.word()},
                    "attested": {"ip": "192.0.2.7", "user_agent": self.word()},
                }
                answer = await http.post("/api/v1/consents", json=grant, headers={"User-Agent": self.word()})
                assert answer.status_code == 201, answer.text

    async def uploads(self) -> Any:
        """A recording is sent whose name and metadata are words too."""
        fields = {
            "patient_id": self.id,
            "therapist_id": self.world.therapist_id,
            "session_date": "2026-09-08T15:00:00Z",
            "metadata": f'{{"room": "{self.word()}"}}',
        }
        async with self.world.http() as http:
            file = {"file": (f"{self.word()}.mp3", FIRST.read_bytes(), "audio/mpeg")}
            return await http.post("/api/v1/sessions", data=fields, files=file)

    async def has_session(self, home: Home) -> tuple[str, str]:
        """A session is transcribed and indexed; return its id and the word that was said in it."""
        said = canary()
        home.hears(said)
        answer = await self.uploads()
        assert answer.status_code == 202, answer.text
        session_id = str(answer.json()["session_id"])
        await self.world.settled(session_id, "ready")
        return session_id, said

    async def asks(self) -> Any:
        """The patient asks, with a word of their own, about what was said; the answer quotes it."""
        async with self.world.http() as http:
            body = {"patient_id": self.id, "message": f"Why don't I sleep well because of my dreams, {self.word()}?"}
            answer = await http.post("/api/v1/chat", json=body, headers={"Idempotency-Key": uuid4().hex})
            assert answer.status_code == 200, answer.text
            return answer.json()

    async def sends(self, method: str, path: str) -> tuple[int, Any]:
        """Ask for anything else."""
        async with self.world.http() as http:
            answer = await http.request(method, f"/api/v1{path}")
            return answer.status_code, answer.json()

    async def erases(self, path: str) -> Any:
        """Erase, and wait until every store has said that its share is done."""
        status, receipt = await self.sends("DELETE", path)
        assert status == 202, receipt
        look = lambda: self.sends("GET", f"/erasures/{receipt['id']}")  # noqa: E731
        _, done = await eventually(look, lambda seen: seen[1].get("status") == "completed", within_s=60)
        return done


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    dialogue: list[deepgram.Turn] = list(deepgram.DIALOGUE)
    recognition = Faults(deepgram.DeepgramFake(dialogue=dialogue).app())
    embedding = Faults(openai.OpenAIFake("sk-openai").app())
    writing = Faults(anthropic.AnthropicFake().app())
    with serve(recognition) as hearing_url, serve(embedding) as embedding_url, serve(writing) as writing_url:
        options = StackOptions(
            per_service={
                "transcriber": {
                    "DEEPGRAM_API_KEY": deepgram.KEY,
                    "DEEPGRAM_BASE_URL": hearing_url,
                    "DEEPGRAM_RETRY_WAIT_S": "1",
                },
                "embedder": {"OPENAI_API_KEY": "sk-openai", "OPENAI_BASE_URL": f"{embedding_url}/v1"},
                "chat": {"ANTHROPIC_API_KEY": anthropic.KEY, "ANTHROPIC_BASE_URL": writing_url},
            },
            env="test",
            vendor_keys=False,
        )
        with Stack.running(options=options) as stack:
            yield Home(House(stack, (recognition, embedding, writing)), dialogue, recognition)


@pytest.fixture
async def person(home: Home) -> AsyncIterator[Person]:
    world = await World.open(home.stack.gateway_url, home.stack.operator_token)
    made = Person(world)
    await made.arrives()
    yield made
    await world.close()


async def _verified(person: Person) -> int:
    """Check the organization's ledger as a stranger does; return how many entries hold, -1 when one does not."""
    connection = Connection(person.world.url, key=person.world.key)
    result = await asyncio.to_thread(CliRunner().invoke, app, ["consent", "verify", "--json"], obj=connection)
    return int(json.loads(result.stdout)["entries"]) if result.exit_code == 0 else -1


@dataclass
class Story:
    """A patient of two sessions loses the first and then everything; what is found after each step."""

    home: Home
    person: Person
    forced: int = 0
    hits: list[str] = field(default_factory=list)
    stores: list[int] = field(default_factory=list)
    last: Searched = NOTHING

    async def erased(self, path: str, words: list[str]) -> None:
        """Something is erased, and everything told so far is told again."""
        receipt = await self.person.erases(path)
        self.stores.append(len(receipt["stores"]))
        await self._looks(words)
        for group in ANSWERS:
            await self.home.house.types("events", "replay", "--group", group, "--all", "--execute")
        self.forced += await self.home.forces_every_fact()
        await self._looks(words)

    async def _looks(self, words: list[str]) -> None:
        self.last = await search(self.home.stack, words)
        self.hits += self.last.hits


async def test_what_is_erased_is_nowhere_and_nothing_brings_it_back(
    home: Home, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    started, story = time.monotonic(), Story(home, person)
    going, gone = await person.has_session(home)
    await person.asks()
    _, kept = await person.has_session(home)
    await eventually(home.house.is_still, bool, within_s=60)
    said_in = (await search(home.stack, [gone])).hits
    written_in = (await search(home.stack, person.words)).hits

    await story.erased(f"/sessions/{going}", [gone])
    still_there = (await search(home.stack, [kept])).hits
    await story.erased(f"/patients/{person.id}", words := [gone, kept, *person.words])
    refused = await person.uploads()
    entries, dead = await _verified(person), await home.house.types("dlq", "list")

    line = (
        f"PROOF erasure words={len(words)} tables={story.last.tables} redis_keys={story.last.keys} "
        f"objects={len(story.last.objects)} found_before={len(said_in) + len(written_in)} hits={len(story.hits)} "
        f"forced_events={story.forced} stores={story.stores} ledger_entries={entries} dead={len(dead)} "
        f"upload_afterwards={refused.status_code} seconds={time.monotonic() - started:.1f}"
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")

    assert {"chat.message", "chat.message_source", "transcriber.transcript", "embedder.passage"} <= set(said_in)
    assert {"consent.evidence", "gateway.users", "ingestion.session"} <= set(written_in)
    assert (story.hits, entries, dead, refused.status_code) == ([], len(Purpose), [], 410), line
    assert still_there != []
    assert [name for name in story.last.objects if person.id in name] == []


async def test_a_legal_hold_forbids_erasing_until_it_is_lifted(home: Home, person: Person) -> None:
    session_id, _ = await person.has_session(home)
    hold = f"/patients/{person.id}/legal-hold"
    placed = await person.sends("PUT", hold)

    refused = [await person.sends("DELETE", path) for path in (f"/sessions/{session_id}", f"/patients/{person.id}")]
    lifted = await person.sends("DELETE", hold)

    assert (placed[1]["held"], lifted[1]["held"]) == (True, False)
    assert [(status, problem["type"].rpartition("/")[2]) for status, problem in refused] == [(409, "legal-hold")] * 2
    assert (await person.erases(f"/sessions/{session_id}"))["waiting_for"] == []


async def test_a_session_erased_while_the_vendor_listens_gets_no_words_and_no_dead_letter(
    home: Home, person: Person
) -> None:
    home.hears(said := canary())
    home.recognition.order(Fault(latency_s=3.0))
    session_id = str((await person.uploads()).json()["session_id"])
    await person.world.settled(session_id, "transcribing")

    receipt = await person.erases(f"/sessions/{session_id}")

    await eventually(home.house.is_still, bool, within_s=60)

    assert receipt["status"] == "completed"
    assert (await search(home.stack, [said])).hits == []
    assert await home.house.types("dlq", "list") == []
    assert (await person.sends("GET", f"/sessions/{session_id}"))[0] == 410


async def test_an_export_holds_everything_and_says_that_it_is_complete(home: Home, person: Person) -> None:
    session_id, said = await person.has_session(home)
    await person.asks()

    status, document = await person.sends("GET", f"/patients/{person.id}/export")

    assert (status, document["complete"]) == (200, True)
    assert document["patient"]["id"] == person.id
    assert {consent["consent_type"] for consent in document["consents"]} == {purpose.value for purpose in Purpose}
    assert len(document["ledger"]) == len(Purpose)
    assert [session["id"] for session in document["sessions"]] == [session_id]
    assert said in document["sessions"][0]["transcript"]["full_text"]
    assert said in str(document["conversations"])
    assert {row["patient_id"] for row in document["audit"]} == {person.id}
