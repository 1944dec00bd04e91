"""Uploads over HTTP: what is taken, what is refused and in which order, and that refusals leave nothing behind."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from libs.common.objects.sealed_stream import unseal
from libs.contracts.ids import SessionId
from services.ingestion.domain import FILE_BYTES_MAX
from services.ingestion.handlers import OpenedRecording
from services.ingestion.tests.ingestion_world import BOUNDARY, END, World, part, problem_of, wav

SAMPLES = Path(__file__).parents[3] / "samples"
MEGABYTE = 1024 * 1024


async def _opened(at: World, session_id: str) -> tuple[OpenedRecording, bytes]:
    with at.acting_under():
        opened = await at.parts.queries.open_recording(SessionId(UUID(session_id)))
    async with at.objects.get_stream(opened.recording.object_name) as sealed:
        plain = b"".join([chunk async for chunk in unseal(opened.keyset, opened.context, sealed)])
    return opened, plain


async def test_a_recording_is_taken_and_its_session_answered_at_once(at: World) -> None:
    consents = await at.grants("recording")

    answer = await at.sends(at.form(fields={"metadata": '{"room": 3}', "language": "zh-Hant-TW"}))

    session_id = answer.json()["session_id"]
    session = (await at.reads(str(answer.url.join(answer.headers["location"])))).json()

    assert answer.status_code == 202, answer.text
    assert session["id"] == session_id
    assert session["status"] == session["upload_status"] == "uploaded"
    assert session["consent_id"] == consents["recording"]
    assert session["recording_duration_seconds"] is None  # until it was played
    assert session["recording_complete"] is None
    assert session["metadata"] == {"room": 3}
    assert session["session_date"] == "2026-10-05T09:30:00.000Z"


async def test_an_upload_says_so_to_the_others(at: World) -> None:
    session_id = await at.uploads()

    (uploaded, facts), (changed, status) = at.events()

    assert (uploaded, changed) == ("recording.uploaded", "session.status_changed")
    assert facts["session_id"] == status["session_id"] == session_id
    assert facts["content_sha256"] == hashlib.sha256(wav()).hexdigest()
    assert facts["size_bytes"] == len(wav())
    assert status["status"] == "uploaded"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("2026-09-08_first.mp3", "audio/mpeg"),
        ("2026-09-22_second.m4a", "audio/mp4"),
        ("2026-10-20_third.webm", "audio/webm"),
    ],
)
async def test_real_recordings_are_taken_sealed_and_open_to_the_same_bytes(
    at: World, name: str, media_type: str
) -> None:
    data = (SAMPLES / name).read_bytes()

    session_id = await at.uploads(at.form(data=data, filename=name, media_type=media_type))

    opened, plain = await _opened(at, session_id)

    assert plain == data
    assert opened.recording.content_sha256 == hashlib.sha256(data).hexdigest()
    assert opened.recording.media_type == media_type


async def test_the_store_holds_only_ciphertext(at: World) -> None:
    canary = bytearray(wav())
    canary[1000:1023] = b"canary-of-the-plaintext"
    session_id = await at.uploads(at.form(data=bytes(canary)))

    opened, _ = await _opened(at, session_id)
    async with at.objects.get_stream(opened.recording.object_name) as raw:
        stored = b"".join([chunk async for chunk in raw])

    assert b"canary" not in stored
    assert b"RIFF" not in stored[:MEGABYTE]


async def _raw(at: World, sent: bytes, content_length: int) -> bytes:
    """Send only so much of a body and return the answer, which must come without waiting for the rest; b"" if not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(at.url.rpartition(":")[2]))
    writer.write(_request_head(at, content_length) + sent)
    answer = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            answer = await reader.readuntil(b"\r\n\r\n") + await reader.read(5000)
    writer.transport.abort()
    return answer


def _request_head(at: World, content_length: int) -> bytes:
    return (
        f"POST /sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {at.token}\r\n"
        f"Content-Length: {content_length}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode()


async def test_a_missing_consent_is_refused_before_64_kib_of_the_body_were_read(at: World) -> None:
    head = at.form().head()

    answer = await _raw(at, head, 100_000_000)

    assert len(head) < 64 * 1024
    assert b"403 " in answer
    assert b"consent-required" in answer


async def test_a_sender_that_listens_only_after_sending_still_hears_the_refusal(at: World) -> None:
    answer = await at.sends(at.form(data=wav(600)))

    assert problem_of(answer) == "consent-required"
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("filename", "media_type", "data", "words"),
    [
        ("notes.mp3", "audio/mpeg", b"Dear diary, this is a text. " * 100, "it is text"),
        ("page.wav", "audio/wav", b"<!doctype html><title>x</title>", "it is text"),
        ("voice.wav", "audio/wav", b"\x89PNG\r\n\x1a\n" + bytes(500), "an image"),
        ("voice.m4a", "audio/mp4", b"PK\x03\x04" + bytes(500), "an archive"),
        ("voice.webm", "audio/webm", b"MZ" + bytes(100_000), "a program"),
        ("voice.mp3", "audio/mpeg", wav() + b"PK\x05\x06" + bytes(18), "a ZIP archive as well"),
    ],
)
async def test_what_is_not_a_recording_is_refused_and_nothing_is_kept(
    at: World, filename: str, media_type: str, data: bytes, words: str
) -> None:
    await at.grants()

    answer = await at.sends(at.form(filename=filename, media_type=media_type, data=data))

    assert answer.status_code == 415
    assert problem_of(answer) == "unsupported-media-type"
    assert words in answer.json()["detail"]
    assert at.objects_left() == []
    assert at.events() == []


async def test_a_declared_size_far_above_the_limit_is_refused_before_the_body(at: World) -> None:
    answer = await _raw(at, b"", FILE_BYTES_MAX + 200_000)

    assert b"413 " in answer
    assert b"payload-too-large" in answer


@pytest.mark.parametrize(
    "disposition",
    [
        'filename="9.14\u202fAM.m4a"',
        'filename="\u200f\u05e4\u05d2\u05d9\u05e9\u05d4.wav"',
        'filename="\U0001f468\u200d\U0001f469\u200d\U0001f467"',
        'filename="blob"',
        'filename=""',
        "filename*=UTF-8''session%20%E2%82%AC.wav",
        'filename="session.exe"',
        'filename="caf\udce9.wav"',
    ],
)
async def test_a_recording_is_taken_whatever_its_name_and_declared_type_are(at: World, disposition: str) -> None:
    await at.grants()
    form = at.form(media_type="text/plain")
    head = form.head().replace(b'filename="session.wav"', disposition.encode("utf-8", "surrogateescape"))

    answer = await at.sends(body=head + form.data + END)

    assert answer.status_code == 202, answer.text


async def test_a_digest_that_does_not_match_keeps_nothing(at: World) -> None:
    await at.grants()
    other = base64.b64encode(hashlib.sha256(b"another file").digest()).decode()

    answer = await at.sends(headers={"Repr-Digest": f"sha-256=:{other}:"})

    assert problem_of(answer) == "digest-mismatch"
    assert at.objects_left() == []
    assert at.events() == []


async def test_a_digest_that_matches_is_fine(at: World) -> None:
    await at.grants()
    digest = base64.b64encode(hashlib.sha256(wav()).digest()).decode()

    answer = await at.sends(headers={"Repr-Digest": f"sha-512=:eA==:, sha-256=:{digest}:"})

    assert answer.status_code == 202


async def test_fields_after_the_file_are_refused_and_nothing_is_kept(at: World) -> None:
    await at.grants()
    form = at.form()
    body = form.head() + form.data + b"\r\n" + part("language", b"en") + END[2:]

    answer = await at.sends(body=body)

    assert answer.status_code == 422
    assert problem_of(answer) == "fields-after-file"
    assert at.objects_left() == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"patient_id": None}, "/body/patient_id"),
        ({"therapist_id": "nobody"}, "/body/therapist_id"),
        ({"session_date": "yesterday"}, "/body/session_date"),
        ({"language": "klingon!"}, "/body/language"),
        ({"language": "en-johnsmit"}, "/body/language"),
        ({"metadata": "[1]"}, "/body/metadata"),
        ({"metadata": "{"}, "/body/metadata"),
        ({"metadata": '{"a": NaN}'}, "/body/metadata"),
        ({"metadata": '{"a": "\\ud800"}'}, "/body/metadata"),
        ({"metadata": '{"a": "\\u0000"}'}, "/body/metadata"),
        ({"metadata": '{"a": ' + "[" * 8000}, "/body/metadata"),
        ({"session_date": "20261005"}, "/body/session_date"),
        ({"colour": "red"}, "/body/colour"),
    ],
)
async def test_a_field_that_is_not_valid_is_pointed_at(at: World, fields: dict[str, str], pointer: str) -> None:
    answer = await at.sends(at.form(fields=fields))

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_an_empty_file_is_refused(at: World) -> None:
    await at.grants()

    assert problem_of(await at.sends(at.form(data=b""))) == "invalid-request"
    assert at.objects_left() == []


async def test_a_sender_that_goes_away_in_the_middle_leaves_nothing(at: World) -> None:
    await at.grants()
    _, writer = await asyncio.open_connection("127.0.0.1", int(at.url.rpartition(":")[2]))
    writer.write(_request_head(at, 90_000_000) + at.form().head() + wav(1200))
    await writer.drain()
    await at.accepts_an_upload()
    writer.transport.abort()
    await at.is_done_with_uploads()

    assert at.objects_left() == []
    assert at.events() == []
    assert (await at.reads("/sessions")).json()["data"] == []


async def test_a_consent_taken_back_while_the_recording_comes_in_keeps_nothing(at: World) -> None:
    consents = await at.grants()

    async def body() -> AsyncIterator[bytes]:
        yield at.form().head() + wav()
        await at.accepts_an_upload()
        await at.revokes(consents["recording"])
        yield END

    answer = await at.sends(body=body())

    assert problem_of(answer) == "consent-required"
    assert at.objects_left() == []
    assert at.events() == []


async def test_without_a_capability_nothing_is_taken(at: World) -> None:
    answer = await at.sends(headers={"Authorization": ""})

    assert problem_of(answer) == "unauthenticated"
