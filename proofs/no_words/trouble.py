"""Everything that goes wrong at once: vendors, servers, a killed service, strangers who speak no HTTP, operators."""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from typer.testing import CliRunner

from libs.contracts.services import SERVICES
from libs.devstack.provision import ROOT
from libs.devstack.servers import postgres, seaweed, valkey
from libs.devstack.servers.proxy import TcpProxy
from libs.ops.main import app as therapyrag
from libs.ops.rest.connection import Connection
from proofs.kit.any_request import FORM, Operation
from proofs.kit.kept_bytes import Kept
from proofs.kit.organizations import Patient, recording
from proofs.kit.rightful import Rightful
from proofs.no_words.system import RequestSender, World
from proofs.no_words.vendor_faults import DEAD, HEARD, REFUSED, SLOW, WRITTEN

MP3 = ROOT / "samples" / "2026-09-08_first.mp3"
SESSIONS = "/api/v1/sessions"
TAGGED = "tagged"
FINAL = frozenset({"ready", "failed", "withheld"})
SETTLED_WITHIN_S = 120
CHANGES_WITHIN_S = 5
MESSAGES_PER_HOUR = 20
OUTAGE_S = 0.5
UPLOAD_BYTES_TOO_MANY = 600 * 1024 * 1024


class Trouble:
    """What is done to a world; `sender` and `rightful` are those of one organization."""

    def __init__(
        self, world: World, sender: RequestSender, rightful: Rightful, operations: Sequence[Operation]
    ) -> None:
        self._world = world
        self._sender = sender
        self._rightful = rightful
        self._operations = {operation.id: operation for operation in operations}
        self._sessions: dict[str, str] = {}
        self._ends: dict[str, str] = {}

    async def uploads(self) -> None:
        """Send a recording for every vendor fault; what becomes of them is waited for later."""
        for mark in (*DEAD, *HEARD, *REFUSED):
            await self._upload(mark)

    async def asks(self) -> None:
        """Let patients ask under every vendor fault, in a crisis, as a stream, and more often than they may."""
        asking, silent = self._rightful.organization.patients
        crisis = ("I want to kill myself", "I will hurt myself tonight")
        texts = [f"What about my sleep? {mark}" for mark in WRITTEN] + list(crisis)
        await asyncio.gather(*(self._chat(asking, text) for text in texts))
        await self._chat(asking, "What about my sleep?", Accept="text/event-stream")
        for _ in range(MESSAGES_PER_HOUR):
            await self._chat(silent, "What about my sleep?")
        await asyncio.gather(*(self._chat(silent, text) for text in ("What about my sleep?", *crisis)))

    async def outages(self) -> None:
        """Take each server away for a moment, while requests come."""
        for name in (valkey.NAME, postgres.NAME, seaweed.NAME):
            async with _away(self._world.vendors.stack.proxies[name]):
                await asyncio.gather(*(self._tried(name) for name in _DURING_OUTAGES))

    async def kill(self) -> None:
        """Kill the transcriber while a vendor listens, and start it again."""
        await self._upload(SLOW)
        while await self._status(SLOW) == "uploaded":
            pass
        transcriber = self._world.vendors.stack.process("transcriber")
        transcriber.kill()
        # In this thread: on Linux a process ends with the thread that started it.
        transcriber.start()

    async def collides(self) -> None:
        """Violate what the database holds to be unique, with words as the values."""
        users = self._operations["createUser"]
        body = dict(self._rightful.drawn(users).json)
        again = [body, body, body | {"email": f"{uuid4().hex}@example.org"}]
        for one in again:
            await self._sender.send(replace(self._rightful.drawn(users), json=one), self._rightful.organization.key)
        upload = self._operations["uploadSession"]
        key = {"Idempotency-Key": self._word("a key that comes twice")}
        for _ in range(2):
            drawn = self._rightful.drawn(upload)
            file = (f"{self._word('a file that comes twice')}.wav", recording(self._word("its title")))
            await self._sender.send(replace(drawn, headers=key, file=file), self._rightful.organization.key)

    async def tags(self) -> None:
        """Send a recording that is full of words itself, in a part that is described by words."""
        described = {f"X-{self._word('a header of a part')}": self._word("its value")}
        media_type = f"audio/mpeg; note={self._word('the media type of a part')}"
        file = (f"{self._word('file name')}.mp3", self._tagged(), media_type, described)
        data = self._rightful.drawn(self._operations["uploadSession"]).parts()["data"]
        sent = {"data": data, "files": {"file": file}}
        answer = await self._sender.ask("post", SESSIONS, "uploadSession", self._rightful.organization.key, sent)
        self._sessions[TAGGED] = str(answer.raise_for_status().json()["session_id"])

    def _tagged(self) -> bytes:
        """Return an MP3 with ID3v2.3 and ID3v1 tags (https://id3.org/id3v2.3.0)."""
        frames = b""
        for name in ("TIT2", "TPE1", "TALB", "TCOM"):
            text = b"\x01" + self._word(f"ID3 {name}").encode("utf-16")
            frames += name.encode() + struct.pack(">IH", len(text), 0) + text
        size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
        old = b"TAG" + self._word("ID3v1").encode().ljust(125, b"\x00")
        return b"ID3\x03\x00\x00" + size + frames + MP3.read_bytes() + old

    async def settled(self) -> None:
        """Wait until every recording has come to its end."""
        async with asyncio.timeout(SETTLED_WITHIN_S):
            for mark in self._sessions:
                while (status := await self._status(mark)) not in FINAL:
                    pass
                self._ends[mark] = status

    def surprises(self) -> list[str]:
        """Return the recordings that did not end as their fault has it: trouble that was none proves nothing."""
        wanted = dict.fromkeys((*HEARD, SLOW, TAGGED), "ready") | dict.fromkeys((*DEAD, *REFUSED), "failed")
        return [f"the recording {mark} is {end}" for mark, end in self._ends.items() if end != wanted[mark]]

    async def _upload(self, mark: str) -> None:
        drawn = self._rightful.drawn(self._operations["uploadSession"])
        file = (f"{self._word(f'file name, {mark}')}.wav", recording(f"{mark} {self._word(f'title, {mark}')}"))
        answer = await self._sender.send(replace(drawn, file=file), self._rightful.organization.key)
        self._sessions[mark] = str(answer.raise_for_status().json()["session_id"])

    async def _status(self, mark: str) -> str:
        """Return how a recording stands once that has changed, or after a while."""
        drawn = self._rightful.drawn(self._operations["getSession"], session_id=self._sessions[mark])
        answer = await self._sender.send(
            replace(drawn, params={"wait": CHANGES_WITHIN_S}), self._rightful.organization.key
        )
        return str(answer.json().get("status"))

    async def _chat(self, patient: Patient, text: str, **headers: str) -> None:
        body = {"patient_id": patient.id, "message": f"{text} {self._word(f'message: {text}')}"}
        drawn = self._rightful.drawn(self._operations["chat"])
        await self._sender.send(replace(drawn, json=body, headers=headers), patient.token)

    async def _tried(self, name: str) -> None:
        operation = self._operations[name]
        with contextlib.suppress(httpx.TransportError):
            await self._sender.send(self._rightful.drawn(operation), self._rightful.credential(operation))

    def _word(self, origin: str) -> str:
        return self._world.words.word(origin)


_DURING_OUTAGES = ("createUser", "listUsers", "grantConsent", "publishConsentDocument", "uploadSession", "chat",
                   "getTranscript", "exportPatient")  # fmt: skip


@contextlib.asynccontextmanager
async def _away(proxy: TcpProxy) -> AsyncIterator[None]:
    proxy.refuse()
    proxy.cut()
    try:
        yield
        await asyncio.sleep(OUTAGE_S)
    finally:
        proxy.resume()


async def strangers(world: World, sender: RequestSender, key: str) -> None:
    """Send what no client of ours sends: other methods, paths of words, no HTTP at all, half an upload."""
    word = world.words.word
    for method, path in (
        (word("a method").upper(), "/api/v1/users"),
        ("GET", f"/{word('a path')}"),
        ("GET", f"/api/v1/{word('a path')}/{word('a path')}?{word('a name')}={word('a value')}#{word('a fragment')}"),
        ("GET", f"/api/v1/users/{word('a path')}/"),
        ("GET", f"/problems/{word('a kind of problem')}"),
        ("GET", f"/docs/{word('a file')}"),
        ("PUT", f"/api/v1/patients/{word('a patient')}/legal-hold"),
        ("TRACE", f"/api/v1/{word('a path')}"),
    ):
        await sender.ask(method, path, "a stranger", key, {})
        await sender.ask(method, path, "a stranger", f"trk_test_{word('a key')}", {})
    for media_type in (word("a media type"), FORM, f"{FORM}; boundary={word('a boundary')}"):
        sent = {"headers": {"Content-Type": media_type}, "content": word("a body").encode()}
        await sender.ask("POST", SESSIONS, "a strange upload", key, sent)
    await asyncio.gather(*(_raw(world, head) for head in _garbage(world, key)))


def _garbage(world: World, key: str) -> list[bytes]:
    word = world.words.word
    half = (
        f'--b\r\nContent-Disposition: form-data; name="{word("a name of a part")}"\r\n\r\n{word("a part")}\r\n'
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{word("a file")}"\r\n\r\n{word("bytes")}'
    )
    lines = (
        f"{word('no HTTP')}\r\n\r\n",
        f"GET /{word('a path')} HTTP/9.9\r\n\r\n",
        f"GET /{word('a path')} HTTP/1.1\r\n{word('no header')}\r\n\r\n",
        f"GET http://{word('a host')}/ HTTP/1.1\r\nHost: {word('a host')}\r\n\r\n",
        f"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{word('no chunk')}\r\n\r\n",
        f"GET /api/v1/users?{'x' * 70000}{word('a long query')} HTTP/1.1\r\nHost: x\r\n\r\n",
        *(
            f"POST {SESSIONS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {size}\r\n"
            f"Content-Type: {FORM}; boundary=b\r\n\r\n{half}"
            for size in (99_999, UPLOAD_BYTES_TOO_MANY)
        ),
    )
    return [line.encode() for line in lines]


async def _raw(world: World, head: bytes) -> None:
    """Write bytes, read what comes within a moment, and leave without a word."""
    url = urlsplit(world.vendors.stack.gateway_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(head)
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            world.refusals.append(Kept("problem document", "no HTTP", await reader.read()))
    writer.transport.abort()


@dataclass(frozen=True)
class Look:
    """What the operators' tools printed, and how many dead letters of services they listed."""

    printed: list[Kept]
    dead_letters: int


async def operators_look(world: World) -> Look:
    """Use the operators' tools on all of it, as somebody who gives words as reasons."""
    infra, word = world.vendors.stack.infra, world.words.word
    sender = Connection(
        world.vendors.stack.gateway_url, operator_token=world.vendors.stack.operator_token,
        database_url=infra.ops_database_url, redis_url=infra.redis_url,
    )  # fmt: skip

    async def types(*line: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, therapyrag, list(line), obj=sender)
        if result.exit_code:
            raise RuntimeError(f"`therapyrag {' '.join(line[:2])}` ended with {result.exit_code}")
        return result.output

    dead_letters: list[Any] = json.loads(await types("dlq", "list", "--json"))
    facts = [json.loads(line) for line in (await types("events", "tail", "--last", "2000", "--json")).splitlines()]
    lines = [
        ("dlq", "list"), ("dlq", "list", "--json"), ("events", "tail", "--last", "2000"), ("events", "lag"),
        ("outbox", "status"), ("status",), ("sessions", "stuck"),
        ("dlq", "drop", "--why", word("an operator's reason"), "--execute", "--as", word("an operator's name")),
        *(("dlq", "show", str(dead_letter["event_id"])) for dead_letter in dead_letters[:3]),
        *(("events", "show", str(fact["id"]), "--json") for fact in facts[:3]),
        *(("trace", str(fact["payload"]["session_id"])) for fact in facts[-1:] if "session_id" in fact["payload"]),
    ]  # fmt: skip
    printed = [Kept("operator's output", " ".join(line[:2]), (await types(*line)).encode()) for line in lines]
    return Look(printed, sum(dead_letter["group"] in SERVICES for dead_letter in dead_letters))
