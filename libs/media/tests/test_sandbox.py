"""Recordings played in a confined child: good ones, broken ones, hostile ones."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from libs.common.errors import UNAVAILABLE, AppError
from libs.contracts.problems import RECORDING_UNREADABLE
from libs.devstack.conditions import let_pass
from libs.media import child
from libs.media.recording import decode
from libs.media.sandbox import SAMPLE_RATE, decoded, play
from libs.media.tests.made import pieces, tone, wav

TONE = tone(2)
FILLED_AFTER_S = 0.3


async def test_samples_come_out_as_they_went_in() -> None:
    samples = await decode(pieces(wav(TONE)))

    assert np.array_equal(samples, TONE)


async def test_another_rate_is_brought_to_16_khz() -> None:
    samples = await decode(pieces(wav(TONE, rate=8000)))

    assert len(samples) == pytest.approx(4 * SAMPLE_RATE, abs=200)


async def test_a_probe_tells_what_a_recording_is() -> None:
    report = await play(pieces(wav(TONE)))

    assert report.duration_s == 2
    assert report.peak == pytest.approx(8000 / 32768, abs=0.001)


async def test_a_decoder_that_takes_too_long_is_ended() -> None:
    with pytest.raises(AppError) as caught:
        await play(pieces(wav(TONE)), wall_max_s=0.01)

    assert caught.value.problem is RECORDING_UNREADABLE


async def test_a_decoder_waits_for_its_reader_and_ends_with_it() -> None:
    long = decoded(pieces(wav(tone(600))), wall_max_s=60)

    first = await anext(long)
    await let_pass(FILLED_AFTER_S, "nothing outside shows when the child waits because its pipe is full")
    await long.aclose()

    assert 0 < len(first) < 600 * SAMPLE_RATE


async def test_an_error_of_the_store_stays_what_it_is() -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"ID3"
        raise AppError(UNAVAILABLE, "The store is down.")

    with pytest.raises(AppError) as caught:
        await decode(content())

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
    source = Path(child.__file__).read_text().partition('if __name__ == "__main__"')[0]

    # After the recording was received, too: a descriptor that was closed would be a free one.
    code = f"import socket, subprocess\n{source}\nload()\nconfine()\n_received()\n{attempt}\n"
    ended = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=False, env={})

    assert ended.returncode == 1
    assert b"OSError" in ended.stderr or b"MemoryError" in ended.stderr


def test_the_child_starts_without_our_secrets_and_modules() -> None:
    source = Path(child.__file__).read_text()

    assert "from libs" not in source
    assert "from services" not in source
