"""Blocks of a recording, and what was heard in one as bytes: the checkpoints of a long transcription."""

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from libs.media.sandbox import SAMPLE_RATE, Samples
from services.transcriber.domain import Word
from services.transcriber.vendors.local_diarization import Phrases
from services.transcriber.vendors.local_weights import Floats

BLOCK_S = 300
"""Recordings are transcribed in blocks of about 5 minutes, cut at quiet moments: memory is bounded by a block, a lost
worker loses one, and recordings take turns at their ends."""
CUT_SEARCH_S = 20
_CUT_WINDOW_S = 0.2
_TIME_DIGITS = 3
_CONFIDENCE_DIGITS = 4
VERSION = 1
"""Of the bytes; a checkpoint of another version is computed again."""


@dataclass(frozen=True)
class Block:
    """A part of a recording: its number from 0, where it starts (seconds), and its 16 kHz mono samples."""

    number: int
    start_s: float
    samples: Samples

    @property
    def end_s(self) -> float:
        """Return where the next one starts."""
        return self.start_s + len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True)
class Heard:
    """What was heard in a block: the phrases, and the language with its probability if it was asked for."""

    phrases: Phrases
    end_s: float
    language: str = ""
    language_confidence: float = 0.0


async def blocks_of(pieces: AsyncIterable[Samples]) -> AsyncGenerator[Block, None]:
    """Cut what is decoded into blocks that end at the quietest moment in the last CUT_SEARCH_S seconds of BLOCK_S."""
    number, start = 0, 0
    waiting: list[Samples] = []
    size, full = 0, (BLOCK_S + CUT_SEARCH_S) * SAMPLE_RATE
    async for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        # Not at `BLOCK_S`: a rest shorter than the search would be a block of its own.
        while size > full:
            samples = np.concatenate(waiting)
            end = BLOCK_S * SAMPLE_RATE
            cut = end - CUT_SEARCH_S * SAMPLE_RATE
            cut += _quietest(samples[cut:end])
            yield Block(number, start / SAMPLE_RATE, samples[:cut])
            number, start = number + 1, start + cut
            waiting, size = [samples[cut:]], size - cut
    if size:
        yield Block(number, start / SAMPLE_RATE, np.concatenate(waiting))


def to_bytes(heard: Heard) -> bytes:
    """Return it as JSON, the vectors as 16-bit floats."""
    vectors = base64.b64encode(heard.phrases.vectors.astype("<f2").tobytes()).decode()
    words = [_row(word) for word in heard.phrases.words]
    stored = {"version": VERSION, "words": words, "sizes": heard.phrases.sizes, "vectors": vectors}
    stored |= {"end_s": heard.end_s, "language": [heard.language, heard.language_confidence]}
    return json.dumps(stored, separators=(",", ":")).encode()


def from_bytes(content: bytes | None) -> Heard | None:
    """Return what `to_bytes` was given; None if there is nothing, or of another version."""
    stored: dict[str, Any] = json.loads(content) if content else {}
    if stored.get("version") != VERSION:
        return None
    words = [Word(text, start, end, confidence, None) for text, start, end, confidence in stored["words"]]
    language, confidence = stored["language"]
    vectors = _vectors(stored["vectors"], len(stored["sizes"]))
    return Heard(Phrases(words, stored["sizes"], vectors), stored["end_s"], language, confidence)


# Milliseconds: a recognizer is not more exact, and a block's words are kept for hours at most.
def _row(word: Word) -> Sequence[Any]:
    times = (round(word.start_s, _TIME_DIGITS), round(word.end_s, _TIME_DIGITS))
    return [word.text, *times, round(word.confidence, _CONFIDENCE_DIGITS)]


def _vectors(encoded: str, count: int) -> Floats:
    return np.frombuffer(base64.b64decode(encoded), "<f2").astype(np.float32).reshape(count, -1)


def _quietest(samples: Samples) -> int:
    width = int(_CUT_WINDOW_S * SAMPLE_RATE)
    frames = samples[: len(samples) // width * width].reshape(-1, width).astype(np.float32)
    return int(np.square(frames).mean(axis=1).argmin()) * width + width // 2
