"""Bad uploads get the right problem document, early, and leave nothing behind."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from libs.contracts.purposes import Purpose
from tests.e2e.client import FIRST, World

BOUNDARY = "e2e-boundary"
MIB = 1024 * 1024


def _part(name: str, value: str) -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def _head(world: World, filename: str = "a.mp3", media_type: str = "audio/mpeg") -> bytes:
    fields = {
        "patient_id": world.patient_id,
        "therapist_id": world.therapist_id,
        "session_date": "2026-09-08T15:00:00Z",
    }
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
    body = b"".join(_part(name, value) for name, value in fields.items())
    return body + f"{file}Content-Type: {media_type}\r\n\r\n".encode()


async def _send(world: World, body: AsyncIterator[bytes]) -> tuple[int, str]:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    async with world.http() as http:
        answer = await http.post("/api/v1/sessions", content=body, headers=headers)
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


async def test_a_text_file_named_mp3_is_refused_for_what_it_is(world: World) -> None:
    await world.consents(Purpose.RECORDING)

    async def body() -> AsyncIterator[bytes]:
        yield _head(world)
        yield b"this is no recording\n" * 1000
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    assert await _send(world, body()) == (415, "unsupported-media-type")


@pytest.mark.slow
async def test_one_byte_over_500_mib_is_too_large(world: World) -> None:
    await world.consents(Purpose.RECORDING)
    start = FIRST.read_bytes()

    async def body() -> AsyncIterator[bytes]:
        yield _head(world)
        sent = 0
        while sent < 500 * MIB + 1:
            piece = start if sent + len(start) <= 500 * MIB else start[: 500 * MIB + 1 - sent]
            yield piece
            sent += len(piece)
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    assert await _send(world, body()) == (413, "payload-too-large")
    assert await world.gateway.sessions() == []


async def test_without_consent_the_refusal_comes_before_64_kib_of_the_body_were_taken(world: World) -> None:
    """A client that stops after 48 KiB and listens has its answer: no more was needed to refuse."""
    head = _head(world)
    url = httpx.URL(world.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        f"POST /api/v1/sessions HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {world.key}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {400 * MIB}\r\n\r\n".encode()
    )
    writer.write(head + b"\xff\xfb\x90\x00" * ((48 * 1024 - len(head)) // 4))

    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 403 ")
