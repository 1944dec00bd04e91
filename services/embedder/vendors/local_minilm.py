"""Local embeddings, by the model that is installed with the service. No API key, no network."""

from collections.abc import Sequence

from libs.sentences.minilm import DIMENSION, MODEL_NAME, SentenceEncoder
from services.embedder.domain import Model
from services.embedder.ports import Vector

MODEL = Model(MODEL_NAME, DIMENSION)


class MiniLmEmbedder:
    """Implements ports.TextEmbedder."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder

    @property
    def model(self) -> Model:
        """Return the embedding model."""
        return MODEL

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector per text, in order."""
        return await self._encoder.encode(texts)

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""
