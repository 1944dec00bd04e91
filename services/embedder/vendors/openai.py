"""Embeddings with OpenAI's SDK, and checks of the limits that it does not enforce.

The limits are listed in docs/adr/0002-dependencies.md, "Vendors' SDKs".
"""

import asyncio
from collections.abc import Iterator, Sequence
from http import HTTPStatus

import openai
from openai import AsyncOpenAI

from libs.common.clock import utc_now
from libs.common.errors import RATE_LIMITED, UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError
from libs.common.http.retry_after import retry_after_s
from libs.common.metrics import expect_vendor
from libs.common.tracing import calling
from services.embedder.chunking import CountTokens
from services.embedder.domain import Model
from services.embedder.ports import Vector

MODEL = Model("text-embedding-3-small", 1536)
INPUTS_MAX = 2048
INPUT_TOKENS_MAX = 8192
REQUEST_TOKENS_MAX = 300_000
DEADLINE_S = 60.0
CONNECT_TIMEOUT_S = 5.0
_VENDOR = "openai"
_TRANSIENT = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT)
# Also a 429, but not retryable: the account has no credit left.
_QUOTA_USED_UP = "insufficient_quota"


class OpenAIEmbedder:
    """Implements ports.TextEmbedder. The SDK's retries are off, because the consumer retries."""

    def __init__(self, api_key: str, base_url: str | None, count: CountTokens, deadline_s: float = DEADLINE_S) -> None:
        timeout = openai.Timeout(deadline_s, connect=CONNECT_TIMEOUT_S)
        self._client = AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=0, timeout=timeout)
        self._count = count
        self._deadline_s = deadline_s
        expect_vendor(_VENDOR)

    @property
    def model(self) -> Model:
        """Return the embedding model."""
        return MODEL

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, in order; split into requests by the vendor's limits."""
        sizes = [self._size(text) for text in texts]
        return [vector for batch in _batches(texts, sizes) for vector in await self._request(batch)]

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _size(self, text: str) -> int:
        # The vendor refuses a whole request for one text that is empty or too long, so it is found out first.
        size = self._count(text)
        if not text.strip() or size > INPUT_TOKENS_MAX:
            raise AppError(UPSTREAM_REFUSED, "A text is empty or too long to be embedded.", vendor=_VENDOR, count=size)
        return size

    async def _request(self, texts: list[str]) -> list[Vector]:
        try:
            # The SDK's timeouts apply per read, so a slow body needs an overall deadline.
            with calling(_VENDOR, "embeddings", MODEL.name):
                async with asyncio.timeout(self._deadline_s):
                    answer = await self._client.embeddings.create(model=MODEL.name, input=texts)
        except (openai.OpenAIError, TimeoutError, ValueError) as error:
            raise _problem(error) from error
        # By the place that each item names: nothing promises that they come in the order of the texts.
        vectors: list[Vector] = [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
        if len(vectors) != len(texts) or any(len(vector) != MODEL.dimension for vector in vectors):
            raise AppError(UPSTREAM_FAILED, "The embedding vendor sent an invalid response.", vendor=_VENDOR)
        return vectors


def _batches(texts: Sequence[str], sizes: Sequence[int]) -> Iterator[list[str]]:
    batch: list[str] = []
    tokens = 0
    for text, size in zip(texts, sizes, strict=True):
        if batch and (len(batch) == INPUTS_MAX or tokens + size > REQUEST_TOKENS_MAX):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += size
    if batch:
        yield batch


def _problem(error: Exception) -> AppError:
    """Return the error without the vendor's message, which may quote the texts."""
    if isinstance(error, openai.RateLimitError) and error.code != _QUOTA_USED_UP:
        wait = retry_after_s(error.response.headers.get("retry-after"), utc_now())
        return AppError(
            RATE_LIMITED, "The embedding vendor is busy.", retry_after_s=wait, vendor=_VENDOR, status=error.status_code
        )
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
            return AppError(UPSTREAM_FAILED, "The embedding vendor failed.", vendor=_VENDOR, status=status)
        return AppError(UPSTREAM_REFUSED, "The embedding vendor refused the request.", vendor=_VENDOR, status=status)
    return AppError(UPSTREAM_FAILED, "The embedding vendor sent an invalid response.", vendor=_VENDOR)
