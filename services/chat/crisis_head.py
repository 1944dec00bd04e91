"""Hears a crisis by the trained head beside the rules: the local model's vector of the mended text, and cues."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from libs.sentences.head import Head, weighed
from libs.sentences.minilm import SentenceEncoder
from services.chat.domain.crisis.cues import cues
from services.chat.domain.crisis.spelling import mended

SIGNS = Path(__file__).with_name("crisis_signs.json")
# As the head was trained: beside another weight its coefficients are wrong.
VECTOR_WEIGHT = 3.0
# The model reads no more of a longer message: what stands last was said last.
CHARS_MAX = 700


class CrisisHead:
    """Implements ports.CrisisReader."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._head = Head.read(SIGNS)

    async def read(self, messages: Sequence[str]) -> list[Mapping[str, float]]:
        """Return the probability of each sign of a crisis in each message."""
        vectors = await self._encoder.encode([seen(message) for message in messages])
        rows = await asyncio.to_thread(
            lambda: [features(message, vector) for message, vector in zip(messages, vectors, strict=True)]
        )
        return [self._head.probabilities(row) for row in rows]


def seen(message: str) -> str:
    """Return what the model reads of a message."""
    return mended(message)[-CHARS_MAX:]


def features(message: str, vector: Sequence[float]) -> tuple[float, ...]:
    """Return what the head reads."""
    return weighed(cues(message), vector, VECTOR_WEIGHT)
