"""Commitments by Claude through its own SDK, against a server with the documented wire shapes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from libs.common.errors import RATE_LIMITED, UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError
from libs.devstack.vendors.anthropic import KEY, MODEL, AnthropicFake, error_body
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Fault, Faults
from services.embedder.domain import ClaimedAct
from services.embedder.tests.world import dialogue, words
from services.embedder.vendors.claude import FOUND_TOKENS_MAX, ClaudeFinder, ClaudeSettings

SLOW_S = 30
FOUND = {"turn": 4, "speaker": "therapist", "act": "assign", "quote": "let us keep the walks", "due": None}


@contextmanager
def vendor(fake: AnthropicFake) -> Iterator[tuple[Faults, ClaudeSettings]]:
    """Serve the fake and say how it is reached."""
    faults = Faults(fake.app())
    with serve(faults) as url:
        yield faults, ClaudeSettings(KEY, MODEL, deadline_s=SLOW_S, tokens_max=60_000, base_url=url)


async def find(settings: ClaudeSettings, repeats: int = 1) -> Sequence[ClaimedAct]:
    finder = ClaudeFinder(settings, words)
    try:
        return await finder.find(dialogue(repeats=repeats))
    finally:
        await finder.close()


@pytest.fixture
def fake() -> AnthropicFake:
    return AnthropicFake(call=lambda _body: {"acts": [FOUND]})


async def test_what_the_model_records_comes_back_unverified(fake: AnthropicFake) -> None:
    with vendor(fake) as (_, settings):
        assert await find(settings) == [ClaimedAct(4, "therapist", "assign", "let us keep the walks")]


async def test_the_session_is_data_and_one_tool_of_a_strict_shape_is_asked_for(fake: AnthropicFake) -> None:
    with vendor(fake) as (faults, settings):
        await find(settings)

    body = cast("Mapping[str, Any]", faults.requests[0].json())
    [message] = body["messages"]

    assert message["content"].splitlines()[1] == f"[0] therapist: {dialogue()[0].text}"
    assert [tool["strict"] for tool in body["tools"]] == [True]
    assert body["tool_choice"]["name"] == body["tools"][0]["name"]
    assert body["max_tokens"] == FOUND_TOKENS_MAX
    assert [part["cache_control"] for part in body["system"]] == [{"type": "ephemeral"}]


async def test_a_session_that_costs_too_much_is_read_at_its_beginning_and_its_end(fake: AnthropicFake) -> None:
    with vendor(fake) as (faults, settings):
        await find(replace(settings, tokens_max=FOUND_TOKENS_MAX + 1000), repeats=20)

    sent = cast("Mapping[str, Any]", faults.requests[0].json())["messages"][0]["content"].splitlines()[1:]

    assert (sent[0][:3], sent[-1][:4]) == ("[0]", "[99]")
    assert 2 < len(sent) < 100


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Fault(status=401, body=error_body("authentication_error")), UPSTREAM_REFUSED),
        (Fault(status=400, body=error_body("invalid_request_error")), UPSTREAM_REFUSED),
        (Fault(status=429, body=error_body("rate_limit_error"), retry_after_s=7), RATE_LIMITED),
        (Fault(status=500, body=error_body("api_error")), UPSTREAM_FAILED),
        (Fault(status=529, body=error_body("overloaded_error")), UPSTREAM_FAILED),
        (Fault(cut_after_bytes=40), UPSTREAM_FAILED),
    ],
)
async def test_a_vendor_that_fails_is_asked_once_and_the_consumer_tries_again(
    fake: AnthropicFake, fault: Fault, problem: object
) -> None:
    with vendor(fake) as (faults, settings):
        faults.always(fault)
        with pytest.raises(AppError) as caught:
            await find(settings)

    assert (caught.value.problem, caught.value.retry_after_s) == (problem, fault.retry_after_s)
    assert len(faults.requests) == 1


async def test_a_slow_vendor_is_waited_for_until_our_deadline(fake: AnthropicFake) -> None:
    with vendor(fake) as (faults, settings):
        faults.always(Fault(latency_s=SLOW_S))
        with pytest.raises(AppError) as caught:
            await find(replace(settings, deadline_s=0.5))

    assert caught.value.problem is UPSTREAM_FAILED


@pytest.mark.parametrize("sent", [{}, {"acts": "none"}, {"acts": [{"turn": "the first secret"}]}])
async def test_a_shape_that_cannot_be_read_is_a_failure_that_repeats_no_words(
    fake: AnthropicFake, sent: dict[str, Any]
) -> None:
    fake.call = lambda _body: sent

    with vendor(fake) as (_, settings), pytest.raises(AppError) as caught:
        await find(settings)

    assert caught.value.problem is UPSTREAM_FAILED
    assert "secret" not in f"{caught.value.detail} {caught.value.facts}"


async def test_a_model_that_declines_has_found_nothing(fake: AnthropicFake) -> None:
    fake.stop_reason = "refusal"
    with vendor(fake) as (_, settings):
        assert await find(settings) == []
