"""Recordings for tests: bytes in memory, or a file of samples/, cut to the seconds a test needs."""

import io
import wave
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

SAMPLES = Path(__file__).parents[3] / "samples"


class Recording:
    """Bytes that can be read again from the start; counts how often they were."""

    def __init__(self, content: bytes, block: int = 64 * 1024) -> None:
        self._content = content
        self._block = block
        self.read_times = 0

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        self.read_times += 1
        for start in range(0, len(self._content), self._block):
            yield self._content[start : start + self._block]


class BrokenRecording:
    """Bytes whose source fails in the middle."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        self._error = error

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        yield b"ID3"
        raise self._error()


def wav(samples: bytes, rate: int = 16_000) -> bytes:
    """Return signed 16-bit mono samples as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return out.getvalue()
