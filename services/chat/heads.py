"""Reads a message by the trained heads: rules give cues, the local model a vector, and the heads weigh both."""

from collections.abc import Sequence
from pathlib import Path

from libs.sentences.head import Head, weighed
from libs.sentences.minilm import SentenceEncoder
from services.chat.domain.message_cues import cues
from services.chat.domain.message_kind import Reading

KINDS = Path(__file__).with_name("message_kinds.json")
# As the head was trained: beside another weight its coefficients are wrong.
VECTOR_WEIGHT = 2.0


class MessageHeads:
    """Implements ports.MessageReader."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._kinds = Head.read(KINDS)

    async def read(self, message: str) -> Reading:
        """Return the probability of each kind of message."""
        [vector] = await self._encoder.encode([message])
        return Reading(self._kinds.probabilities(kind_features(message, vector)))


def kind_features(message: str, vector: Sequence[float]) -> tuple[float, ...]:
    """Return what the head of message kinds reads."""
    return weighed(cues(message), vector, VECTOR_WEIGHT)
