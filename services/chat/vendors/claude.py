"""Claude through Anthropic's SDK: turns go in as search results, sentences come back with the turns they cite.

What the SDK does that surprises: docs/adr/0002-dependencies.md, "Vendors' SDKs". Its own retries are off, because it
obeys any Retry-After; ours end with our deadline.
"""

import asyncio
from dataclasses import dataclass

import anthropic
import httpx2
from anthropic.types import (
    CitationsSearchResultLocation,
    Message,
    MessageParam,
    SearchResultBlockParam,
    TextBlock,
    TextBlockParam,
)
from pydantic import ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from libs.common.errors import UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError
from libs.common.log import get_logger
from libs.common.metrics import expect_vendor
from libs.common.tracing import calling
from services.chat.domain.conversation import AnsweredBy, Citation, Claim, Draft, Passage, Question
from services.chat.domain.drafting import Span, claims_of
from services.chat.domain.instructions import RULES, asked, line, title

ANSWER_TOKENS_MAX = 800
TRIES_MAX = 3
BACKOFF_S = 0.5
READ_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 5.0
SELF_TEST_TIMEOUT_S = 10.0
VENDOR = "anthropic"
# Kinds of error that may pass by themselves; all others need an operator.
_TRANSIENT = frozenset({"rate_limit_error", "overloaded_error", "api_error", "timeout_error"})
_TRANSIENT_STATUS = frozenset({408, 409, 429})
_SERVER_ERRORS_FROM = 500


@dataclass(frozen=True)
class ClaudeSettings:
    """How Claude is reached. `deadline_s` bounds all tries together; `read_timeout_s` each wait for bytes."""

    api_key: str
    model: str
    deadline_s: float
    base_url: str | None = None
    read_timeout_s: float = READ_TIMEOUT_S


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
            # Said explicitly: an environment variable could otherwise put transcripts into spans.
            open_telemetry=False,
        )

    async def answer(self, question: Question) -> Draft:
        """Return Claude's sentences with the turns they cite.

        Raises AppError: UPSTREAM_FAILED when it may work later, UPSTREAM_REFUSED when an operator must look.
        """
        try:
            async with asyncio.timeout(self._settings.deadline_s):
                async for attempt in self._retrying():
                    with attempt, calling(VENDOR, "chat", self._settings.model):
                        return self._draft(await self._message(question), question)
        except TimeoutError as error:
            raise AppError(UPSTREAM_FAILED, "The model took too long.", vendor=VENDOR) from error
        raise AssertionError("retrying ends with a result or an error")

    async def self_test(self) -> str | None:
        """Return a sentence saying why the model cannot be used, None when it can. Never raises for the vendor."""
        model = self._settings.model
        try:
            async with asyncio.timeout(SELF_TEST_TIMEOUT_S):
                found = await self._client.models.retrieve(model)
        except anthropic.NotFoundError:
            return f"The model {model} is not served by Anthropic. Set CHAT_MODEL to one that is."
        except (anthropic.AuthenticationError, anthropic.PermissionDeniedError):
            return "Anthropic refused the key. Check ANTHROPIC_API_KEY."
        except (anthropic.APIError, httpx2.HTTPError, TimeoutError):
            return "Anthropic could not be asked whether the model is served; answers are quotes until it can."
        if found.lifecycle == "retired":
            return f"The model {model} is retired and answers nothing any more. Set CHAT_MODEL to an active one."
        if found.lifecycle == "deprecated":
            return f"The model {model} is deprecated and will be retired. Set CHAT_MODEL to an active one soon."
        return None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _retrying(self) -> AsyncRetrying:
        return AsyncRetrying(
            stop=stop_after_attempt(TRIES_MAX),
            wait=_pause_s,
            retry=retry_if_exception(self._worth_another_try),
            reraise=True,
        )

    def _worth_another_try(self, error: BaseException) -> bool:
        if not isinstance(error, AppError) or not error.problem.retryable:
            return False
        # A patient waits for this answer: quotes now are better than prose in an hour.
        return (error.retry_after_s or 0.0) < self._settings.deadline_s

    async def _message(self, question: Question) -> Message:
        try:
            async with self._client.messages.stream(
                model=self._settings.model,
                max_tokens=ANSWER_TOKENS_MAX,
                system=RULES,
                messages=_messages(question),
                thinking={"type": "between_tools"},
                output_config={"effort": "low"},
            ) as stream:
                return await stream.get_final_message()
        except anthropic.APIStatusError as error:
            raise _status_error(error) from error
        except (anthropic.APIError, httpx2.HTTPError, ValidationError, ValueError, AssertionError) as error:
            # A stalled, cut or unreadable stream: ValueError is broken JSON, AssertionError a stream without a message.
            raise AppError(UPSTREAM_FAILED, "The model's answer was cut off.", vendor=VENDOR) from error

    def _draft(self, message: Message, question: Question) -> Draft:
        if message.stop_reason is None:
            # A proxy that ends a stream early raises nothing in the SDK.
            raise AppError(UPSTREAM_FAILED, "The model's answer was cut off.", vendor=VENDOR)
        if message.stop_reason == "model_context_window_exceeded":
            raise AppError(UPSTREAM_REFUSED, "The question and its sources are too long for the model.", vendor=VENDOR)
        get_logger().info(
            "answer.written",
            vendor=VENDOR,
            model=self._settings.model,
            input_tokens=message.usage.input_tokens,
            output_tokens=message.usage.output_tokens,
        )
        claims: tuple[Claim, ...] = ()
        if message.stop_reason != "refusal":
            spans = [_span(block, question.passages) for block in message.content if isinstance(block, TextBlock)]
            claims = claims_of(spans, cut_off=message.stop_reason == "max_tokens")
        return Draft(
            AnsweredBy.CLAUDE,
            self._settings.model,
            claims,
            input_tokens=message.usage.input_tokens,
            output_tokens=message.usage.output_tokens,
        )


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
    # The vendor repeats the words it cites; if they are not those at the place, the place is not believed.
    words = "".join(line(passage.turns[turn]) for turn in turns)
    if "".join(words.split()) != "".join(cited.cited_text.split()):
        return []
    return [Citation(passage, turn) for turn in turns]


def _status_error(error: anthropic.APIStatusError) -> AppError:
    """Classify by the error's own type: one inside a stream comes with status 200."""
    transient = (
        error.type in _TRANSIENT
        if error.type is not None
        else error.status_code in _TRANSIENT_STATUS or error.status_code >= _SERVER_ERRORS_FROM
    )
    if not transient:
        return AppError(UPSTREAM_REFUSED, "The model refused the request.", vendor=VENDOR, status=error.status_code)
    given = error.response.headers.get("retry-after", "")
    return AppError(
        UPSTREAM_FAILED,
        "The model is busy.",
        retry_after_s=float(given) if given.replace(".", "", 1).isdigit() else None,
        vendor=VENDOR,
        status=error.status_code,
    )


def _pause_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, AppError) and error.retry_after_s is not None:
        return error.retry_after_s
    return BACKOFF_S * float(2 ** (state.attempt_number - 1))
