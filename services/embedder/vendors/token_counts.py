"""Counts cl100k tokens, as the embedding vendor does, offline: tiktoken would download its table at run time."""

from rs_bpe.bpe import openai

from services.embedder.chunking import CountTokens


def cl100k_counter() -> CountTokens:
    """Return a counter of cl100k tokens. Loading takes about 100 ms, counting 0.3 ms per chunk."""
    tokenizer = openai.cl100k_base()

    def count(text: str) -> int:
        return int(tokenizer.count(text))

    return count
