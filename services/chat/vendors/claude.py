"""Answers by Claude, with Anthropic's SDK: turns are sent as search results, sentences return with citations.

Surprising behaviour of the SDK is listed in docs/adr/0002-dependencies.md, "Vendors' SDKs". Its retries are off,
because it obeys any Retry-After; retries here stop at the deadline.
"""

import asyncio
from dataclasses import dataclass, replace

import anthropic
import httpx2
from anthropic.types import (
    CitationsSearchResultLocation,
    Message,
    MessageParam,
    SearchResultBlockParam,
    TextBlock,
    TextBlockParam,
    Usage,
)
from pydantic import ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from libs.common.clock import utc_now
from libs.common.errors import UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError
from libs.common.http.retry_after import retry_after_s
from libs.common.log import get_logger
from libs.common.metrics import expect_vendor
from libs.common.tracing import calling
from services.chat.domain.budget import DEFAULT_TOKENS_MAX
from services.chat.domain.conversation import AnsweredBy, Citation, Claim, Draft, Passage, Question
from services.chat.domain.drafting import Span, claims_of, final_claims_of
from services.chat.domain.instructions import RULES, asked, line, title
from services.chat.ports import Hear
from services.chat.vendors.token_cap import capped

ANSWER_TOKENS_MAX = 800
TRIES_MAX = 3
BACKOFF_S = 0.5
READ_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 5.0
SELF_TEST_TIMEOUT_S = 10.0
VENDOR = "anthropic"
# Transient error types; all others need an operator.
_TRANSIENT = frozenset({"rate_limit_error", "overloaded_error", "api_error", "timeout_error"})
_TRANSIENT_STATUS = frozenset({408, 409, 429})
_SERVER_ERRORS_FROM = 500
# The rules are the same for everybody, so they may be read from the vendor's cache. The excerpts may not: each question
# finds others, and a follow-up repeats only the words of the exchange, so a cached excerpt is written and never read.
_SYSTEM: list[TextBlockParam] = [{"type": "text", "text": RULES, "cache_control": {"type": "ephemeral"}}]


@dataclass(frozen=True)
class ClaudeSettings:
    """Connection settings of Claude. `deadline_s` limits all attempts together, `read_timeout_s` each read."""

    api_key: str
    model: str
    deadline_s: float
    base_url: str | None = None
    read_timeout_s: float = READ_TIMEOUT_S
    tokens_max: int = DEFAULT_TOKENS_MAX
    answer_tokens_max: int = ANSWER_TOKENS_MAX


class ClaudeAnswerer:
    """Implements ports.Answerer."""

    def __init__(self, settings: ClaudeSettings) -> None:
        self._settings = settings
        expect_vendor(VENDOR)
        self._client = anthropic.AsyncAnthropic(
            api_key=settings.api_key,
            base_url=settings.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(settings.read_timeout_s, connect=CONNECT_TIMEOUT_S),
            # Set explicitly, because an environment variable could otherwise enable transcripts in spans.
            open_telemetry=False,
        )

    async def answer(self, question: Question, hear: Hear | None = None) -> Draft:
        """Return Claude's sentences with their citations; what it breaks off once some were told is a draft as well.

        Raises AppError: UPSTREAM_FAILED if a retry may succeed, UPSTREAM_REFUSED if an operator has to act.
        """
        question = capped(question, VENDOR, self._settings.tokens_max, self._settings.answer_tokens_max)
        hearing = _Hearing(question.passages, hear)
        try:
            return await self._answer(question, hearing)
        except AppError as error:
            if hearing.has_refused or not hearing.is_told:
                raise
            get_logger().warning("answer.cut_off", problem=error.problem.slug, **error.facts)
        return replace(_draft(self._settings.model, hearing.claims, hearing.usage), is_cut_off=True)

    async def _answer(self, question: Question, hearing: "_Hearing") -> Draft:
        try:
            async with asyncio.timeout(self._settings.deadline_s):
                async for attempt in self._retrying(hearing):
                    with attempt, calling(VENDOR, "chat", self._settings.model):
                        return self._draft(await self._message(question, hearing), question)
        except TimeoutError as error:
            raise AppError(UPSTREAM_FAILED, "The model took too long.", vendor=VENDOR) from error
        raise AssertionError("retrying ends with a result or an error")

    async def self_test(self) -> str | None:
        """Return the reason why the model cannot be used, None if it can. Never raises for a vendor's error."""
        model = self._settings.model
        try:
            async with asyncio.timeout(SELF_TEST_TIMEOUT_S):
                found = await self._client.models.retrieve(model)
        except anthropic.NotFoundError:
            return f"The model {model} is not served by Anthropic. Set CHAT_MODEL to an available one."
        except (anthropic.AuthenticationError, anthropic.PermissionDeniedError):
            return "Anthropic refused the key. Check ANTHROPIC_API_KEY."
        except (anthropic.APIError, httpx2.HTTPError, TimeoutError):
            return (
                "Anthropic is unreachable, so the model could not be checked. Answers are quotes until it is reachable."
            )
        if found.lifecycle == "retired":
            return f"The model {model} is retired. Set CHAT_MODEL to an active one."
        if found.lifecycle == "deprecated":
            return f"The model {model} is deprecated and will be retired. Set CHAT_MODEL to an active one soon."
        return None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _retrying(self, hearing: "_Hearing") -> AsyncRetrying:
        return AsyncRetrying(
            stop=stop_after_attempt(TRIES_MAX),
            wait=_pause_s,
            # Another try would write other sentences than those that were heard.
            retry=retry_if_exception(lambda error: not hearing.has_begun and self._worth_another_try(error)),
            reraise=True,
        )

    def _worth_another_try(self, error: BaseException) -> bool:
        if not isinstance(error, AppError) or not error.problem.retryable:
            return False
        # The patient is waiting, so quotes now are better than a written answer later.
        return (error.retry_after_s or 0.0) < self._settings.deadline_s

    async def _message(self, question: Question, hearing: "_Hearing") -> Message:
        try:
            async with self._client.messages.stream(
                model=self._settings.model,
                max_tokens=self._settings.answer_tokens_max,
                system=_SYSTEM,
                messages=_messages(question),
                thinking={"type": "between_tools"},
                output_config={"effort": "low"},
            ) as stream:
                async for event in stream:
                    if event.type in ("content_block_delta", "content_block_stop"):
                        await hearing.read(stream.current_message_snapshot, is_open=event.type != "content_block_stop")
                return await stream.get_final_message()
        except anthropic.APIStatusError as error:
            raise _status_error(error) from error
        except (anthropic.APIError, httpx2.HTTPError, ValidationError, ValueError, AssertionError) as error:
            # A stalled, truncated or invalid stream: ValueError for broken JSON, AssertionError for a missing message.
            raise AppError(UPSTREAM_FAILED, "The model's answer was cut off.", vendor=VENDOR) from error

    def _draft(self, message: Message, question: Question) -> Draft:
        if message.stop_reason is None:
            # The SDK raises nothing if a proxy ends the stream early.
            raise AppError(UPSTREAM_FAILED, "The model's answer was cut off.", vendor=VENDOR)
        if message.stop_reason == "model_context_window_exceeded":
            raise AppError(UPSTREAM_REFUSED, "The question and its sources are too long for the model.", vendor=VENDOR)
        claims: tuple[Claim, ...] = ()
        if message.stop_reason != "refusal":
            claims = claims_of(_spans(message, question.passages), cut_off=message.stop_reason == "max_tokens")
        draft = _draft(self._settings.model, claims, message.usage)
        get_logger().info(
            "answer.written",
            vendor=VENDOR,
            model=draft.model,
            input_tokens=draft.input_tokens,
            output_tokens=draft.output_tokens,
            cached_tokens=message.usage.cache_read_input_tokens or 0,
        )
        return draft


class _Hearing:
    """Passes on each sentence of a message once nothing to come can change it; does nothing if nobody hears.

    `is_told`: some of the answer has reached the patient. `has_refused`: the one who hears raised an error.
    """

    def __init__(self, passages: tuple[Passage, ...], hear: Hear | None) -> None:
        self._passages = passages
        self._hear = hear
        self.claims: tuple[Claim, ...] = ()
        self.usage = Usage(input_tokens=0, output_tokens=0)
        self.has_begun = self.is_told = self.has_refused = False

    async def read(self, message: Message, *, is_open: bool) -> None:
        """Read the message so far. `is_open`: its last block is not complete, so its citations are yet to come."""
        if self._hear is None:
            return
        self.usage = message.usage
        is_open = is_open and isinstance(message.content[-1], TextBlock)
        claims = final_claims_of(_spans(message, self._passages), is_open=is_open)
        for claim in claims[len(self.claims) :]:
            self.has_begun = self.has_refused = True
            self.is_told = await self._hear(claim)
            self.has_refused = False
            self.claims = (*self.claims, claim)


def _draft(model: str, claims: tuple[Claim, ...], usage: Usage) -> Draft:
    # All input tokens: the vendor counts those written to or read from its cache apart.
    cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    return Draft(
        AnsweredBy.CLAUDE,
        model,
        claims,
        input_tokens=usage.input_tokens + cached,
        output_tokens=usage.output_tokens,
    )


def _spans(message: Message, passages: tuple[Passage, ...]) -> list[Span]:
    return [_span(block, passages) for block in message.content if isinstance(block, TextBlock)]


def _messages(question: Question) -> list[MessageParam]:
    messages: list[MessageParam] = []
    for exchange in question.history:
        messages.append({"role": "user", "content": exchange.question})
        messages.append({"role": "assistant", "content": exchange.answer})
    content: list[SearchResultBlockParam | TextBlockParam] = [_search_result(passage) for passage in question.passages]
    content.append({"type": "text", "text": asked(question)})
    messages.append({"role": "user", "content": content})
    return messages


def _search_result(passage: Passage) -> SearchResultBlockParam:
    return {
        "type": "search_result",
        "source": f"session:{passage.session_id}",
        "title": title(passage),
        "content": [{"type": "text", "text": line(turn)} for turn in passage.turns],
        "citations": {"enabled": True},
    }


def _span(block: TextBlock, passages: tuple[Passage, ...]) -> Span:
    citations: list[Citation] = []
    for cited in block.citations or ():
        if isinstance(cited, CitationsSearchResultLocation):
            citations += _cited(cited, passages)
    return Span(block.text, tuple(citations))


def _cited(cited: CitationsSearchResultLocation, passages: tuple[Passage, ...]) -> list[Citation]:
    if not 0 <= cited.search_result_index < len(passages):
        return []
    passage = passages[cited.search_result_index]
    turns = range(max(0, cited.start_block_index), min(cited.end_block_index, len(passage.turns)))
    # The vendor repeats the cited text; a citation whose text does not match the turns is dropped.
    words = "".join(line(passage.turns[turn]) for turn in turns)
    if "".join(words.split()) != "".join(cited.cited_text.split()):
        return []
    return [Citation(passage, turn) for turn in turns]


def _status_error(error: anthropic.APIStatusError) -> AppError:
    """Return the error by its type, because an error within a stream has status 200."""
    transient = (
        error.type in _TRANSIENT
        if error.type is not None
        else error.status_code in _TRANSIENT_STATUS or error.status_code >= _SERVER_ERRORS_FROM
    )
    if not transient:
        return AppError(UPSTREAM_REFUSED, "The model refused the request.", vendor=VENDOR, status=error.status_code)
    return AppError(
        UPSTREAM_FAILED,
        "The model is busy.",
        retry_after_s=retry_after_s(error.response.headers.get("retry-after"), utc_now()),
        vendor=VENDOR,
        status=error.status_code,
    )


def _pause_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, AppError) and error.retry_after_s is not None:
        return error.retry_after_s
    return BACKOFF_S * float(2 ** (state.attempt_number - 1))
