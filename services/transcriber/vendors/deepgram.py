"""Speech to text with Deepgram's SDK, opted out of model training on recordings."""

import asyncio
import random
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import httpx
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.core.request_options import RequestOptions
from deepgram.environment import DeepgramClientEnvironment
from pydantic import BaseModel, Field, ValidationError

from libs.common.clock import utc_now
from libs.common.errors import RATE_LIMITED, UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError
from libs.common.http.retry_after import retry_after_s
from libs.common.metrics import expect_vendor
from libs.common.tracing import calling
from libs.contracts.formats import is_language_tag
from services.transcriber.domain import Source, Speech, Word
from services.transcriber.ports import Audio, ByteSource, Checkpoints, Progress
from services.transcriber.vendors.capped_transport import IDENTITY, AnswerTooLargeError, CappedTransport

MODEL = "nova-3"
OPTIONS: Mapping[str, str] = {
    "diarize_model": "latest",
    "utterances": "true",
    "punctuate": "true",
    "smart_format": "true",
    "detect_language": "true",
    "mip_opt_out": "true",
}
"""Request options. Without `mip_opt_out` Deepgram retains recordings to improve its models."""
CONNECT_TIMEOUT_S = 10.0
POOL_TIMEOUT_S = 30.0
UPLOAD_SHARE = 0.5
ANSWER_MAX_BYTES = 64 * 1024 * 1024
"""Four hours of words, each of them twice with all that is said of it, are a quarter of this."""
BEHIND_THE_END_S = 1.0
"""The last word may end this much behind the recording: vendors round."""
WAIT_SPREAD = 0.5
"""Waits are longer by up to this share: all that failed together would else come back together."""
_BLOCK_BYTES = 256 * 1024
_CLIENT_ERRORS = range(400, 500)


@dataclass(frozen=True)
class DeepgramAccess:
    """Connection settings of Deepgram. `stall_s` limits each network wait, `deadline_s` the whole request.

    `retry_wait_s` is told to whoever tries again after a failure for which Deepgram names no wait.
    """

    api_key: str
    base_url: str
    stall_s: float = 600.0
    deadline_s: float = 3600.0
    retry_wait_s: float = 30.0


class DeepgramSpeechToText:
    """Streams a recording to Deepgram and returns its transcript. Makes one request; the consumer retries."""

    source = Source("deepgram", MODEL)
    options = OPTIONS

    def __init__(self, access: DeepgramAccess) -> None:
        self._deadline_s = access.deadline_s
        self._retry_wait_s = access.retry_wait_s
        self._dice = random.SystemRandom()
        expect_vendor(self.source.vendor)
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(access.stall_s, connect=CONNECT_TIMEOUT_S, pool=POOL_TIMEOUT_S),
            # A redirect would take the recording to an address that nobody configured.
            follow_redirects=False,
            trust_env=False,
            headers=IDENTITY,
            transport=CappedTransport(ANSWER_MAX_BYTES),
        )
        base = access.base_url.rstrip("/")
        with warnings.catch_warnings():
            # The SDK imports deprecated websockets names on first use, which warn.
            warnings.simplefilter("ignore", DeprecationWarning)
            # `client.listen` is untyped, so its use is confined to this class.
            self._media: Any = AsyncDeepgramClient(
                api_key=access.api_key,
                environment=DeepgramClientEnvironment(base=base, production=base, agent=base, agent_rest=base),
                httpx_client=self._http,
                max_retries=0,  # the SDK's retry would send an empty body and report success
            ).listen.v1.media

    async def transcribe(self, audio: Audio, progress: Progress, checkpoints: Checkpoints) -> Speech:  # noqa: ARG002
        """Transcribe a recording as a whole.

        Raises AppError: retryable for 429, 5xx and lost connections, not for 400 and 401.
        """
        progress(0.0)
        try:
            with calling(self.source.vendor, "transcribe", MODEL):
                async with asyncio.timeout(self._deadline_s):
                    answer = await self._ask(_Body(audio.content, progress))
        except (TimeoutError, httpx.TransportError) as error:
            raise _failed("Deepgram did not answer in time.", type(error).__name__, self._wait_s()) from None
        except (AnswerTooLargeError, RecursionError, ValueError):
            # Of the SDK's JSON: nested too deep, a number of thousands of digits.
            raise _unreadable() from None
        except ApiError as error:
            # The SDK calls an answer that is no JSON an error with the status of success.
            is_paid = HTTPStatus.OK <= (error.status_code or 0) < HTTPStatus.MULTIPLE_CHOICES
            raise (_unreadable() if is_paid else _refusal(error, self._wait_s())) from None
        progress(1.0)
        return _speech(answer, audio)

    def _wait_s(self) -> float:
        return self._retry_wait_s * self._dice.uniform(1.0, 1.0 + WAIT_SPREAD)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _ask(self, body: "_Body") -> Any:
        return await self._media.transcribe_file(
            request=body,
            model=MODEL,
            diarize_model="latest",
            utterances=True,
            punctuate=True,
            smart_format=True,
            detect_language=True,
            mip_opt_out=True,
            request_options=RequestOptions(max_retries=0),
        )


class _Body:
    """The recording as a repeatable request body, in blocks of _BLOCK_BYTES."""

    def __init__(self, content: ByteSource, progress: Progress) -> None:
        self._content = content
        self._progress = progress

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(aiter(self._content)) as blocks:
            async for block in blocks:
                for start in range(0, len(block), _BLOCK_BYTES):
                    yield block[start : start + _BLOCK_BYTES]
        self._progress(UPLOAD_SHARE)


class _HeardWord(BaseModel):
    word: str
    punctuated_word: str | None = None
    start: float = Field(ge=0, allow_inf_nan=False)
    end: float = Field(ge=0, allow_inf_nan=False)
    confidence: float = Field(ge=0, le=1)
    speaker: int | None = None


class _Utterance(BaseModel):
    words: list[_HeardWord]


class _Channel(BaseModel):
    detected_language: str | None = None
    language_confidence: float | None = Field(None, ge=0, le=1)


class _Results(BaseModel):
    channels: list[_Channel] = Field(min_length=1)
    utterances: list[_Utterance]


class _Metadata(BaseModel):
    duration: float = Field(ge=0, allow_inf_nan=False)


class _Answer(BaseModel):
    """The used part of the response. Validated here, because the SDK accepts `{}` as a response."""

    metadata: _Metadata
    results: _Results


def _speech(answer: Any, audio: Audio) -> Speech:
    try:
        # Without the SDK's warnings, which quote the transcript; `model_validate` checks the shape.
        read = _Answer.model_validate(answer.model_dump(warnings=False))
    except (ValidationError, AttributeError):
        raise _unreadable() from None
    # Utterances overlap where two people speak at once, and all that follows expects words in order of time.
    words = sorted((w for u in read.results.utterances for w in u.words), key=lambda w: w.start)
    if words and max(word.end for word in words) > read.metadata.duration + BEHIND_THE_END_S:
        raise _unreadable()
    language, confidence = _language(read.results.channels[0])
    return Speech(
        words=tuple(_word(w) for w in words),
        # Nothing detected is no other language: then what the sender said stands.
        language=language or audio.language,
        language_confidence=confidence,
        duration_s=read.metadata.duration,
        source=DeepgramSpeechToText.source,
    )


def _word(heard: _HeardWord) -> Word:
    # A word that ends before it begins is as long as it can be.
    end_s = max(heard.start, heard.end)
    # No database takes a NUL in JSON, and none was spoken.
    text = (heard.punctuated_word or heard.word).replace("\0", "")
    return Word(text, heard.start, end_s, heard.confidence, heard.speaker)


def _language(channel: _Channel) -> tuple[str | None, float]:
    """Return the detected language and its confidence. An invalid tag counts as none, because events carry it."""
    detected = channel.detected_language
    if detected is None or not is_language_tag(detected):
        return None, 0.0
    return detected, channel.language_confidence or 0.0


def _refusal(error: ApiError, wait_s: float) -> AppError:
    status, stated_s = error.status_code or 0, _stated_s(error)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return AppError(
            RATE_LIMITED,
            "Deepgram is limiting requests.",
            retry_after_s=wait_s if stated_s is None else stated_s,
            vendor="deepgram",
            status=status,
        )
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _refused("Deepgram takes no recording of this size. Use the local models for it, or split it.", status)
    if status in _CLIENT_ERRORS and status != HTTPStatus.REQUEST_TIMEOUT:
        # Also for a file that it cannot decode: it was played here before, so it is not unreadable.
        detail = "Deepgram refused the request. Check the API key, its permissions and the account balance."
        return _refused(detail, status)
    # Not sooner because it says so: three short waits are over before an outage of a minute is.
    return _failed("Deepgram failed.", f"status {status}", max(wait_s, stated_s or 0.0))


def _stated_s(error: ApiError) -> float | None:
    headers = cast(Mapping[str, str], error.headers or {})
    stated = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    return retry_after_s(stated, utc_now())


def _refused(detail: str, status: int) -> AppError:
    return AppError(UPSTREAM_REFUSED, detail, vendor="deepgram", status=status)


def _unreadable() -> AppError:
    # It was paid for, and the next one would be too: whoever looks at the vendor decides whether to try again.
    return _refused("Deepgram's answer cannot be read. See its status page, then retry the session.", HTTPStatus.OK)


def _failed(detail: str, error_class: str, wait_s: float) -> AppError:
    return AppError(UPSTREAM_FAILED, detail, retry_after_s=wait_s, vendor="deepgram", error_class=error_class)
