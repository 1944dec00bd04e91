"""Telling recordings by their first bytes, whatever they are called, and refusing what is clearly none."""

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.errors import UNSUPPORTED_MEDIA_TYPE, AppError
from services.ingestion.tests.ingestion_world import wav
from services.ingestion.upload.sniff import HEAD_BYTES, TAIL_BYTES, Tail, sniff

SAMPLES = Path(__file__).parents[3] / "samples"
MP3 = (SAMPLES / "2026-09-08_first.mp3").read_bytes()
M4A = (SAMPLES / "2026-09-22_second.m4a").read_bytes()
WEBM = (SAMPLES / "2026-10-20_third.webm").read_bytes()
FRAME = b"\xff\xfb\x90\x00" + bytes(413)
AAC = bytes.fromhex("fff15080043ffc") + bytes(26)
ZIPPED = io.BytesIO()
with zipfile.ZipFile(ZIPPED, "w") as _archive:
    _archive.writestr("a.txt", "words")


def refusal(data: bytes) -> str:
    with pytest.raises(AppError) as caught:
        sniff(data[:HEAD_BYTES])
    assert caught.value.problem is UNSUPPORTED_MEDIA_TYPE
    return caught.value.detail


def also(data: bytes, size: int = 4096) -> None:
    tail = Tail()
    for at in range(0, len(data), size):
        tail.feed(data[at : at + size])
    tail.finish()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (MP3, "audio/mpeg"),
        (M4A, "audio/mp4"),
        (WEBM, "audio/webm"),
        (wav(), "audio/wav"),
        (b"RF64" + wav()[4:], "audio/wav"),
        (bytes.fromhex("726966662e91cf11a5d628db04c10000") + bytes(100), "audio/wav"),
        (FRAME * 3, "audio/mpeg"),
        (b"\0" * 417 + FRAME * 4, "audio/mpeg"),
        (b"what a recorder wrote before " * 20 + FRAME * 4, "audio/mpeg"),
        (b"\xff\xfd\x90\x04" + bytes(518), "audio/mpeg"),
        (AAC * 4, "audio/aac"),
        (b"ID3\x04\0\0\0\0\0\0" + FRAME, "audio/mpeg"),
        (b"OggS\0\x02" + bytes(100), "audio/ogg"),
        (b"fLaC\0\0\0\x22" + bytes(100), "audio/flac"),
        (b"FORM\0\0\0\x64AIFFCOMM", "audio/aiff"),
        (b"caff\0\x01\0\0desc", "audio/x-caf"),
        (b"#!AMR\n" + bytes(100), "audio/amr"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video/quicktime"),
        (b"\0\0\0\x14ftypM4B \0\0\0\0M4B ", "audio/mp4"),
        (b"\0\0\0\x18ftyp3gp5\0\0\0\x013gp53g2a", "video/3gpp"),
        (b"\0\0\0\x14ftyphvc1\0\0\0\0hvc1", "video/mp4"),
        (M4A[M4A.find(b"moov") - 4 :], "video/mp4"),
    ],
)
def test_a_recording_is_told_by_its_content(data: bytes, media_type: str) -> None:
    assert sniff(data[:HEAD_BYTES]) == media_type


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"MZ\x90\0\x03\0\0\0" + bytes(400), "a program"),
        (b"\x7fELF\x02\x01\x01" + bytes(400), "a program"),
        (ZIPPED.getvalue(), "an archive"),
        (gzip.compress(MP3), "an archive"),
        (bytes(257) + b"ustar" + bytes(400), "an archive"),
        (b"%PDF-1.7\n" + bytes(400), "a document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(400), "a document"),
        (b"\x89PNG\r\n\x1a\n" + bytes(400), "an image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(400), "an image"),
        (b"RIFF\0\x10\0\0WEBPVP8 " + bytes(400), "an image"),
        (b"\0\0\0\x14ftypheic\0\0\0\0mif1", "an image"),
        (b"RIFF\0\x10\0\0AVI LIST" + bytes(400), "an AVI video"),
        (b"RIFX" + wav()[4:], "reverse order"),
        (b"#EXTM3U\nhttp://169.254.169.254/latest\n", "a playlist"),
        (b"Dear diary, today I spoke with my therapist. " * 40, "text"),
        ("Heute habe ich über alles gesprochen. ".encode() * 4000, "text"),
        (b"<!doctype html><script>alert(1)</script>", "text"),
        (random.Random(1).randbytes(100_000), "nothing that is known"),
        (bytes(5000), "nothing that is known"),
        (b"\xff\xfb\x90\x00" + b"words and no sound " * 100, "nothing that is known"),
    ],
)
def test_what_is_no_recording_is_called_what_it_is(data: bytes, kind: str) -> None:
    assert kind in refusal(data)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(min_size=1, max_size=300))
def test_any_bytes_are_taken_or_refused_and_never_break_the_reader(data: bytes) -> None:
    try:
        found = sniff(data)
    except AppError as error:
        found = error.problem.slug

    assert "/" in found or found == "unsupported-media-type"


@pytest.mark.parametrize("data", [MP3, M4A, WEBM, wav()])
@pytest.mark.parametrize("size", [997, 200_000])
def test_an_archive_or_a_document_in_a_recording_is_refused_however_it_is_cut(data: bytes, size: int) -> None:
    document = data[:500] + b"%PDF-1.7\n" + data[500:] + b"\ntrailer <<>>\n%%EOF"

    for both in (data + ZIPPED.getvalue(), document):
        with pytest.raises(AppError, match="unsupported-media-type"):
            also(both, size)


def test_a_title_with_the_word_pdf_in_it_is_no_document() -> None:
    also(b"ID3\x04\0\0\0\0\x01\0TIT2%PDF-" + bytes(300) + MP3)


def test_a_zip_archive_whose_comment_is_as_long_as_can_be_is_found() -> None:
    end = b"PK\x05\x06" + bytes(16) + b"\xff\xff" + b"x" * 0xFFFF

    assert len(end) == TAIL_BYTES
    with pytest.raises(AppError):
        also(MP3 + end)
