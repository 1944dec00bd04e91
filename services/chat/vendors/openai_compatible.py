"""Answers by any server with OpenAI's chat completions API; quotes are requested as JSON and verified."""

import asyncio
import json
from dataclasses import dataclass

import httpx2
import openai
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from libs.common.clock import utc_now
from libs.common.errors import UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError
from libs.common.http.retry_after import retry_after_s
from libs.common.log import get_logger
from libs.common.metrics import expect_vendor
from libs.common.tracing import calling
from services.chat.domain.budget import DEFAULT_TOKENS_MAX
from services.chat.domain.conversation import AnsweredBy, Citation, Claim, Draft, Question
from services.chat.domain.instructions import RULES, asked, line, title
from services.chat.ports import Hear
from services.chat.vendors.token_cap import capped

ANSWER_TOKENS_MAX = 1200
TRIES_MAX = 2
RETRY_WAIT_S = 0.5
RETRY_WAIT_MAX_S = 5.0
READ_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0
VENDOR = "openai_compatible"
SENTENCES_MAX = 12
_TRANSIENT_STATUS = frozenset({408, 409, 429})
_SERVER_ERRORS_FROM = 500

_SHAPE = (
    "Answer with one JSON object and nothing else: "
    '{"sentences": [{"text": "one sentence of your answer", "quotes": [{"turn": "P1.T2", "words": "words copied '
    'exactly from that turn"}]}]}. Every sentence needs at least one quote. If the excerpts do not answer, return '
    '{"sentences": []}.'
)


@dataclass(frozen=True)
class EndpointSettings:
    """Connection settings of the server. `deadline_s` limits all attempts together."""

    api_key: str
    model: str
    deadline_s: float
    base_url: str | None = None
    read_timeout_s: float = READ_TIMEOUT_S
    tokens_max: int = DEFAULT_TOKENS_MAX
    answer_tokens_max: int = ANSWER_TOKENS_MAX


class OpenAICompatibleAnswerer:
    """Implements ports.Answerer."""

    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        expect_vendor(VENDOR)
        self._client = openai.AsyncOpenAI(
            api_key=settings.api_key,
            base_url=settings.base_url,
            # Retried below instead, so that one deadline holds for all tries.
            max_retries=0,
            timeout=httpx2.Timeout(settings.read_timeout_s, connect=CONNECT_TIMEOUT_S),
        )

    async def answer(self, question: Question, hear: Hear | None = None) -> Draft:  # noqa: ARG002
        """Return the model's sentences with their quotes, at once: its JSON is read whole. Raises as ports.Answerer."""
        question = capped(question, VENDOR, self._settings.tokens_max, self._settings.answer_tokens_max)
        try:
            async with asyncio.timeout(self._settings.deadline_s):
                async for attempt in self._retrying():
                    with attempt, calling(VENDOR, "chat", self._settings.model):
                        return self._draft(await self._completion(question), question)
        except TimeoutError as error:
            raise AppError(UPSTREAM_FAILED, "The model took too long.", vendor=VENDOR) from error
        raise AssertionError("retrying ends with a result or an error")

    async def self_test(self) -> str | None:
        """Return None: compatible servers describe their models too differently for a reliable test."""
        return None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _retrying(self) -> AsyncRetrying:
        return AsyncRetrying(
            stop=stop_after_attempt(TRIES_MAX),
            wait=wait_exponential(multiplier=RETRY_WAIT_S, max=RETRY_WAIT_MAX_S),
            retry=retry_if_exception(self._worth_another_try),
            reraise=True,
        )

    def _worth_another_try(self, error: BaseException) -> bool:
        # Whoever asks for a wait beyond the deadline is not asked again: quotes answer now.
        transient = isinstance(error, AppError) and error.problem.retryable
        return transient and (getattr(error, "retry_after_s", None) or 0.0) < self._settings.deadline_s

    async def _completion(self, question: Question) -> ChatCompletion:
        try:
            return await self._client.chat.completions.create(
                model=self._settings.model,
                messages=_messages(question),
                max_completion_tokens=self._settings.answer_tokens_max,
                response_format={"type": "json_object"},
                # Set explicitly, because OpenAI stores completions of new accounts for 30 days by default.
                store=False,
            )
        except openai.APIStatusError as error:
            raise _status_error(error) from error
        except (openai.APIError, httpx2.HTTPError, ValueError) as error:
            raise AppError(UPSTREAM_FAILED, "The model's answer was cut off.", vendor=VENDOR) from error

    def _draft(self, completion: ChatCompletion, question: Question) -> Draft:
        text = completion.choices[0].message.content if completion.choices else None
        try:
            written = _Written.model_validate(json.loads(_object_in(text or "")))
        except (ValueError, ValidationError) as error:
            # The validator's message contains the model's text, so it is not passed on.
            raise AppError(UPSTREAM_FAILED, "The model's answer could not be read.", vendor=VENDOR) from error
        usage = completion.usage
        tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        get_logger().info(
            "answer.written",
            vendor=VENDOR,
            model=self._settings.model,
            input_tokens=tokens[0],
            output_tokens=tokens[1],
        )
        return Draft(
            AnsweredBy.OPENAI_COMPATIBLE,
            self._settings.model,
            _claims(written, question),
            input_tokens=tokens[0],
            output_tokens=tokens[1],
        )


class _Quote(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    turn: str
    words: str = Field(min_length=1)


class _Sentence(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    text: str
    quotes: list[_Quote] = Field(default_factory=list)


class _Written(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    sentences: list[_Sentence] = Field(max_length=SENTENCES_MAX)


def _claims(written: _Written, question: Question) -> tuple[Claim, ...]:
    # A citation of a turn that was never sent is left out, and a sentence without any is dropped later (composing.py).
    places = {
        f"P{p}.T{t}": (passage, t - 1)
        for p, passage in enumerate(question.passages, start=1)
        for t in range(1, len(passage.turns) + 1)
    }
    return tuple(
        Claim(
            sentence.text,
            tuple(
                Citation(*places[quote.turn], words=quote.words) for quote in sentence.quotes if quote.turn in places
            ),
        )
        for sentence in written.sentences
    )


def _messages(question: Question) -> list[ChatCompletionMessageParam]:
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": f"{RULES}\n{_SHAPE}"}]
    for exchange in question.history:
        messages.append({"role": "user", "content": exchange.question})
        messages.append({"role": "assistant", "content": exchange.answer})
    excerpts = [
        "\n".join(
            (
                f"[P{p}] {title(passage)}",
                *(f"[P{p}.T{t}] {line(turn)}" for t, turn in enumerate(passage.turns, start=1)),
            )
        )
        for p, passage in enumerate(question.passages, start=1)
    ]
    messages.append({"role": "user", "content": "\n\n".join((*excerpts, asked(question)))})
    return messages


def _object_in(text: str) -> str:
    # Many local models wrap their JSON in a code fence or a remark.
    return text[text.find("{") : text.rfind("}") + 1]


def _status_error(error: openai.APIStatusError) -> AppError:
    if error.status_code not in _TRANSIENT_STATUS and error.status_code < _SERVER_ERRORS_FROM:
        return AppError(UPSTREAM_REFUSED, "The model refused the request.", vendor=VENDOR, status=error.status_code)
    return AppError(
        UPSTREAM_FAILED,
        "The model is busy.",
        retry_after_s=retry_after_s(error.response.headers.get("retry-after"), utc_now()),
        vendor=VENDOR,
        status=error.status_code,
    )
