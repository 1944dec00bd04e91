"""Telling recordings from their structure: real ones in any cutting, broken ones refused, nothing without bound."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.errors import UNSUPPORTED_MEDIA_TYPE, AppError
from services.ingestion.tests.ingestion_world import wav
from services.ingestion.upload.media.kinds import KINDS, Inspector, kind_of, sniff

SAMPLES = Path(__file__).parents[3] / "samples"
FILES = {
    "mp3": (SAMPLES / "2026-09-08_first.mp3").read_bytes(),
    "m4a": (SAMPLES / "2026-09-22_second.m4a").read_bytes(),
    "webm": (SAMPLES / "2026-10-20_third.webm").read_bytes(),
    "wav": wav(3.0),
}
SECONDS = {"mp3": 125.856, "m4a": 121.289, "webm": 128.602, "wav": 3.0}


def inspect(extension: str, data: bytes, size: int = 65_536) -> float | None:
    inspector = Inspector(KINDS[extension])
    for start in range(0, len(data), size):
        inspector.feed(data[start : start + size])
    return inspector.finish()


def refusal(extension: str, data: bytes) -> str:
    with pytest.raises(AppError) as caught:
        inspect(extension, data)
    assert caught.value.problem is UNSUPPORTED_MEDIA_TYPE
    return caught.value.detail


@pytest.mark.parametrize("extension", FILES)
@pytest.mark.parametrize("size", [1 << 20, 4096, 997])
def test_a_real_recording_tells_its_duration_however_it_is_cut(extension: str, size: int) -> None:
    assert inspect(extension, FILES[extension], size) == pytest.approx(SECONDS[extension], abs=0.05)


def test_the_first_bytes_may_come_one_by_one() -> None:
    for extension, data in FILES.items():
        inspector = Inspector(KINDS[extension])
        for byte in data[:3000]:
            inspector.feed(bytes([byte]))
        inspector.feed(data[3000:])
        assert inspector.finish() == pytest.approx(SECONDS[extension], abs=0.05)


@settings(max_examples=300, deadline=None)
@given(extension=st.sampled_from(sorted(FILES)), seed=st.integers(0, 2**32))
def test_a_damaged_header_is_taken_or_refused_and_never_breaks_the_reader(extension: str, seed: int) -> None:
    dice = random.Random(seed)
    data = bytearray(FILES[extension][:50_000])
    for _ in range(dice.randint(1, 20)):
        data[dice.randrange(min(len(data), 600))] = dice.randrange(256)

    try:
        seconds = inspect(extension, bytes(data))
    except AppError as error:
        seconds = None
        outcome = error.problem
    else:
        outcome = UNSUPPORTED_MEDIA_TYPE

    assert outcome is UNSUPPORTED_MEDIA_TYPE
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize("extension", FILES)
def test_a_file_with_only_a_beginning_is_refused(extension: str) -> None:
    assert refusal(extension, FILES[extension][:20])


@pytest.mark.parametrize(("named", "holds"), [(a, b) for a in FILES for b in FILES if a != b])
def test_a_recording_of_another_kind_than_its_name_is_refused(named: str, holds: str) -> None:
    assert "but holds" in refusal(named, FILES[holds])


def test_an_mp4_that_is_cut_off_is_refused() -> None:
    assert "truncated" in refusal("m4a", FILES["m4a"][:-1000])


def test_an_mp4_without_sound_is_refused() -> None:
    only_type = b"\x00\x00\x00\x10ftypM4A \x00\x00\x00\x00"

    assert "no audio" in refusal("m4a", only_type)


def test_an_image_in_an_mp4_box_is_refused() -> None:
    assert "not for recordings" in refusal("mp4", b"\x00\x00\x00\x10ftypheic\x00\x00\x00\x00" + bytes(100))


def test_a_wav_of_a_recorder_that_never_knew_its_size_is_measured() -> None:
    data = bytearray(wav(2.0))
    data[40:44] = b"\xff\xff\xff\xff"

    assert inspect("wav", bytes(data)) == pytest.approx(2.0)


def test_a_wav_that_is_shorter_than_it_says_is_refused() -> None:
    assert "truncated" in refusal("wav", wav(2.0)[:-32_000])


def test_an_mp3_joined_from_many_pieces_is_taken_and_lasts_as_long_as_all_of_them() -> None:
    piece = b"ID3\x04\x00\x00\x00\x00\x00\x00" + (b"\xff\xe3\x18\xc4" + bytes(68)) * 10

    assert inspect("mp3", piece * 100) == pytest.approx(72.0)


def test_an_mp3_that_was_cut_and_still_promises_all_its_frames_is_refused() -> None:
    assert "truncated" in refusal("mp3", FILES["mp3"][:300_000])


def test_an_mp3_lasts_as_long_as_its_frames_whatever_its_header_promises() -> None:
    data = bytearray(FILES["mp3"])
    at = data.index(b"Info") if b"Info" in data[:4096] else data.index(b"Xing")
    data[at + 8 : at + 12] = (10).to_bytes(4, "big")

    assert inspect("mp3", bytes(data)) == pytest.approx(SECONDS["mp3"], abs=0.05)


def test_a_webm_without_a_duration_lasts_as_long_as_its_blocks() -> None:
    data = FILES["webm"].replace(b"\x44\x89\x88", b"\x53\xab\x88", 1)

    assert inspect("webm", data) == pytest.approx(SECONDS["webm"], abs=0.1)


def test_an_mp4_lasts_as_long_as_its_samples_whatever_its_headers_say() -> None:
    data = bytearray(FILES["m4a"])
    for name in (b"mvhd", b"mdhd"):
        at = data.index(name) + 4
        data[at + 16 : at + 20] = (1).to_bytes(4, "big")

    assert inspect("m4a", bytes(data)) == pytest.approx(SECONDS["m4a"], abs=0.1)


def test_an_mp4_that_keeps_its_samples_in_another_file_is_refused() -> None:
    data = bytearray(FILES["m4a"])
    at = data.index(b"url ")
    data[at + 7] = 0

    assert "another file" in refusal("m4a", bytes(data))


@pytest.mark.parametrize("extension", FILES)
def test_an_archive_or_a_program_behind_a_recording_is_refused(extension: str) -> None:
    for tail in (b"PK\x03\x04" + bytes(100), b"MZ\x90\x00" + b"\x03" * 200, b"%PDF-1.7\n" + b"x" * 100):
        assert refusal(extension, FILES[extension] + tail)


def test_a_zip_archive_in_a_box_of_its_own_is_refused() -> None:
    archive = b"PK\x05\x06" + bytes(16) + (5).to_bytes(2, "little") + b"words"
    box = (8 + len(archive)).to_bytes(4, "big") + b"free" + archive

    assert "ZIP" in refusal("m4a", FILES["m4a"] + box)


def test_an_mp3_with_a_large_picture_in_its_tag_is_taken() -> None:
    frames = FILES["mp3"]
    size = 300_000
    tag = b"ID3\x04\x00\x00" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + bytes(size)

    assert inspect("mp3", tag + frames) == pytest.approx(SECONDS["mp3"], abs=0.05)


@pytest.mark.parametrize(
    ("filename", "declared", "extension"),
    [
        ("a.MP3", "audio/mpeg", "mp3"),
        ("two.dots.wav", "application/octet-stream", "wav"),
        ("a.m4a", "audio/x-m4a; charset=x", "m4a"),
        ("a.webm", "", "webm"),
        ("C:\\sessions\\a.mp4", "video/mp4", "mp4"),
    ],
)
def test_names_and_declared_types_agree_on_a_kind(filename: str, declared: str, extension: str) -> None:
    assert kind_of(filename, declared).extension == extension


@pytest.mark.parametrize(
    ("filename", "declared"), [("a", ""), (".", ""), ("a.exe", ""), ("a.mp3", "text/plain"), ("a.wav", "audio/mpeg")]
)
def test_names_and_declared_types_that_disagree_are_refused(filename: str, declared: str) -> None:
    with pytest.raises(AppError) as caught:
        kind_of(filename, declared)

    assert caught.value.problem is UNSUPPORTED_MEDIA_TYPE


def test_text_is_no_recording() -> None:
    assert sniff(b"Dear diary, today") is None
