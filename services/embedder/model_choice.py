"""Which model may read a text: the configured one, and the local one, which is there whatever is configured.

An organization keeps the model its vectors are of until it is rebuilt (`therapyrag index rebuild`). No vendor is asked
that is not configured: `EMBEDDING_PROVIDER=local` means that no words leave, whatever was used before.
"""

from collections.abc import Awaitable, Callable, Sequence

from libs.sentences.minilm import DIMENSION, MODEL_NAME
from services.embedder.domain import Model
from services.embedder.ports import TextEmbedder, TurnEncoder, Vector

Embed = Callable[[Sequence[str]], Awaitable[list[Vector]]]
LOCAL = Model(MODEL_NAME, DIMENSION)


def model_called(name: str, configured: TextEmbedder, local: TurnEncoder) -> tuple[Model, Embed] | None:
    """Return a model and how to embed with it, None if it cannot be had here."""
    if name == configured.model.name:
        return configured.model, configured.embed
    return (LOCAL, local.encode) if name == LOCAL.name else None
