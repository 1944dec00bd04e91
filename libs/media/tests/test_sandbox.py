"""Recordings decoded in a confined child: good ones, broken ones, hostile ones."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from libs.common.errors import UNAVAILABLE, AppError
from libs.contracts.problems import RECORDING_UNREADABLE
from services.transcriber.tests.recordings import SAMPLES, BrokenRecording, Recording, wav
from services.transcriber.vendors import local_decode_child
from services.transcriber.vendors.local_decoder import SAMPLE_RATE, decoded

TONE = (8000 * np.sin(np.arange(2 * SAMPLE_RATE) * 2 * np.pi * 440 / SAMPLE_RATE)).astype("<i2")


async def test_samples_come_out_as_they_went_in() -> None:
    samples = await decoded(Recording(wav(TONE.tobytes())))

    assert np.array_equal(samples, TONE)


async def test_another_rate_is_brought_to_16_khz() -> None:
    samples = await decoded(Recording(wav(TONE.tobytes(), rate=8000)))

    assert len(samples) == pytest.approx(4 * SAMPLE_RATE, abs=200)


@pytest.mark.parametrize("name", ["2026-09-08_first.mp3", "2026-09-22_second.m4a", "2026-10-20_third.webm"])
async def test_every_container_of_the_samples_is_read(name: str) -> None:
    samples = await decoded(Recording((SAMPLES / name).read_bytes()))

    assert 115 < len(samples) / SAMPLE_RATE < 135


@pytest.mark.parametrize(
    "content",
    [b"", b"not a recording " * 1000, wav(b""), b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.ts\n" * 40],
    ids=["empty", "words", "no samples", "playlist"],
)
async def test_what_holds_no_sound_is_unreadable(content: bytes) -> None:
    with pytest.raises(AppError) as caught:
        await decoded(Recording(content))

    assert caught.value.problem is RECORDING_UNREADABLE


async def test_a_recording_cut_in_the_middle_gives_what_is_there() -> None:
    whole = (SAMPLES / "2026-09-08_first.mp3").read_bytes()

    samples = await decoded(Recording(whole[: len(whole) // 2]))

    assert 50 < len(samples) / SAMPLE_RATE < 70


async def test_a_decoder_that_takes_too_long_is_ended() -> None:
    with pytest.raises(AppError) as caught:
        await decoded(Recording((SAMPLES / "2026-09-08_first.mp3").read_bytes()), wall_max_s=0.01)

    assert caught.value.problem is RECORDING_UNREADABLE


async def test_an_error_of_the_store_stays_what_it_is() -> None:
    with pytest.raises(AppError) as caught:
        await decoded(BrokenRecording(lambda: AppError(UNAVAILABLE, "The store is down.")))

    assert caught.value.problem is UNAVAILABLE


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/hostname')",
        "import socket; socket.socket()",
        "import subprocess; subprocess.run(['true'])",
        "b = bytearray(3 * 1024**3)",
    ],
)
def test_the_child_can_open_nothing_and_take_no_more_than_its_memory(attempt: str) -> None:
    child = Path(local_decode_child.__file__).read_text().partition('if __name__ == "__main__"')[0]

    code = f"import socket, subprocess\n{child}\nconfine()\n{attempt}\n"
    ended = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=False, env={})

    assert ended.returncode == 1
    assert b"OSError" in ended.stderr or b"MemoryError" in ended.stderr


def test_the_child_starts_without_our_secrets_and_modules() -> None:
    source = Path(local_decode_child.__file__).read_text()

    assert "from libs" not in source
    assert "from services" not in source
