"""The way most people start: fixed chunks of 500 tokens, 50 of them shared, found by their vectors alone."""

import numpy as np
import numpy.typing as npt
from rs_bpe.bpe import openai

from evals.retrieval.locomo import Conversation, Place
from evals.retrieval.recall import Answered, Piece
from services.embedder.domain import Turn
from services.embedder.ports import TextEmbedder

CHUNK_TOKENS = 500
OVERLAP_TOKENS = 50


async def answers(conversation: Conversation, embedder: TextEmbedder) -> list[Answered]:
    """Return all chunks in order of their cosine for each question."""
    chunks = [chunk for number, (_, turns) in conversation.sessions.items() for chunk in _chunks(number, turns)]
    pieces = [piece for _, piece in chunks]
    stored: npt.NDArray[np.float64] = np.array(await embedder.embed([text for text, _ in chunks]))
    asked = np.array(await embedder.embed([question.text for question in conversation.questions]))
    orders = np.argsort(-(asked @ stored.T), axis=1, kind="stable")
    return [
        Answered(question, [pieces[place] for place in order])
        for question, order in zip(conversation.questions, orders, strict=True)
    ]


def _chunks(session: int, turns: tuple[Turn, ...]) -> list[tuple[str, Piece]]:
    tokenizer = openai.cl100k_base()
    encoded = [tokenizer.encode(turn.text + "\n") for turn in turns]
    tokens = [token for turn in encoded for token in turn]
    owners = [place for place, turn in enumerate(encoded) for _ in turn]
    found: list[tuple[str, Piece]] = []
    for start in range(0, max(1, len(tokens) - OVERLAP_TOKENS), CHUNK_TOKENS - OVERLAP_TOKENS):
        window = slice(start, start + CHUNK_TOKENS)
        holds = frozenset(Place(session, owner) for owner in owners[window])
        found.append((str(tokenizer.decode(tokens[window]) or " "), Piece(len(tokens[window]), holds)))
    return found
