"""Claude through its own SDK against a server with the documented wire shapes, on good days and bad ones."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from libs.common.errors import UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError
from libs.devstack.vendors.anthropic import KEY, MODEL, AnthropicFake, Said, error_body, search_results
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Fault, Faults
from services.chat.domain.conversation import Draft, Exchange, Question
from services.chat.tests.room import NOW, SLEEP, SWIMMING
from services.chat.vendors.claude import ClaudeAnswerer, ClaudeSettings

QUESTION = Question("What is my homework?", (SLEEP, SWIMMING), NOW)
# A vendor that is waited for takes this long; whoever does not wait for it needs a fraction.
SLOW_S = 30
HOMEWORK = "For homework, write your worries into a notebook every evening at seven."


@contextmanager
def vendor(fake: AnthropicFake) -> Iterator[tuple[Faults, ClaudeSettings]]:
    """Serve the fake and say how it is reached."""
    faults = Faults(fake.app())
    with serve(faults) as url:
        yield faults, ClaudeSettings(KEY, MODEL, deadline_s=60.0, base_url=url, read_timeout_s=SLOW_S)


async def ask(settings: ClaudeSettings, question: Question = QUESTION) -> Draft:
    answerer = ClaudeAnswerer(settings)
    try:
        return await answerer.answer(question)
    finally:
        await answerer.close()


@pytest.fixture
def fake() -> AnthropicFake:
    return AnthropicFake(reply=lambda _body: [Said("Your homework is to "), Said(f"{HOMEWORK[14:]}", [(0, 2, 3)])])


async def test_a_sentence_comes_back_with_the_turn_it_cites(fake: AnthropicFake) -> None:
    with vendor(fake) as (_, settings):
        draft = await ask(settings)

    assert [claim.text for claim in draft.claims] == [
        "Your homework is to write your worries into a notebook every evening at seven."
    ]
    assert [(cited.passage, cited.turn) for cited in draft.claims[0].citations] == [(SLEEP, 2)]
    assert draft.output_tokens > 0


async def test_turns_go_in_as_blocks_of_search_results_with_citations_on(fake: AnthropicFake) -> None:
    with vendor(fake) as (faults, settings):
        await ask(settings, replace(QUESTION, history=(Exchange("How do I sleep?", "You wake up at three."),)))

    body = cast("Mapping[str, Any]", faults.requests[0].json())
    results = search_results(body)

    assert [len(result["content"]) for result in results] == [3, 3]
    assert all(result["citations"] == {"enabled": True} for result in results)
    assert body["thinking"] == {"type": "between_tools"}
    assert body["output_config"] == {"effort": "low"}
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert "tools" not in body
    assert faults.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_the_rules_may_be_cached_and_the_excerpts_are_not(fake: AnthropicFake) -> None:
    with vendor(fake) as (faults, settings):
        await ask(settings)

    body = cast("Mapping[str, Any]", faults.requests[0].json())

    assert [part["cache_control"] for part in body["system"]] == [{"type": "ephemeral"}]
    assert not any("cache_control" in result for result in search_results(body))


async def test_no_more_is_sent_than_the_cap_allows_and_the_best_passage_is_kept(fake: AnthropicFake) -> None:
    with vendor(fake) as (faults, settings):
        draft = await ask(replace(settings, tokens_max=1000))

    results = search_results(cast("Mapping[str, Any]", faults.requests[0].json()))

    assert [len(result["content"]) for result in results] == [3]
    assert draft.claims[0].citations[0].passage == SLEEP


async def test_no_more_is_written_than_the_cap_allows(fake: AnthropicFake) -> None:
    with vendor(fake) as (faults, settings):
        await ask(replace(settings, answer_tokens_max=300))

    assert cast("Mapping[str, Any]", faults.requests[0].json())["max_tokens"] == 300


async def test_a_citation_whose_words_are_not_at_its_place_is_not_believed(fake: AnthropicFake) -> None:
    def lying(body: Mapping[str, Any]) -> Sequence[Said]:
        body["messages"][-1]["content"][0]["content"][2]["text"] = "Therapist: Something else."
        return [Said("Your homework is something else.", [(0, 2, 3)])]

    fake.reply = lying
    with vendor(fake) as (_, settings):
        draft = await ask(settings)

    assert draft.claims[0].citations == ()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
    ],
)
async def test_a_refusal_is_not_tried_again(fake: AnthropicFake, status: int, kind: str) -> None:
    with vendor(fake) as (faults, settings):
        faults.always(Fault(status=status, body=error_body(kind)))
        with pytest.raises(AppError) as caught:
            await ask(settings)

    assert caught.value.problem is UPSTREAM_REFUSED
    assert len(faults.requests) == 1


@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limit_error"), (500, "api_error"), (529, "overloaded_error")])
async def test_what_may_pass_is_tried_again(fake: AnthropicFake, status: int, kind: str) -> None:
    with vendor(fake) as (faults, settings):
        faults.order(Fault(status=status, body=error_body(kind), retry_after_s=0.05))
        draft = await ask(settings)

    assert draft.claims
    assert len(faults.requests) == 2


async def test_a_vendor_that_says_come_back_in_an_hour_is_not_waited_for(fake: AnthropicFake) -> None:
    started = time.monotonic()
    with vendor(fake) as (faults, settings):
        faults.always(Fault(status=429, body=error_body("rate_limit_error"), retry_after_s=3600))
        with pytest.raises(AppError) as caught:
            await ask(settings)

    assert caught.value.problem is UPSTREAM_FAILED
    assert len(faults.requests) == 1
    assert time.monotonic() - started < SLOW_S


async def test_an_overload_inside_a_stream_with_status_200_is_known_by_its_type(fake: AnthropicFake) -> None:
    fake.error_in_stream = "overloaded_error"

    with vendor(fake) as (faults, settings), pytest.raises(AppError) as caught:
        await ask(settings)

    assert caught.value.problem is UPSTREAM_FAILED
    assert len(faults.requests) == 3


@pytest.mark.parametrize("fault", [Fault(stall_after_bytes=400), Fault(cut_after_bytes=400)], ids=["stalled", "cut"])
async def test_a_stream_that_breaks_is_a_failure_that_may_pass(fake: AnthropicFake, fault: Fault) -> None:
    with vendor(fake) as (faults, settings):
        faults.always(fault)
        with pytest.raises(AppError) as caught:
            await ask(replace(settings, read_timeout_s=1.0))

    assert caught.value.problem is UPSTREAM_FAILED


async def test_a_stream_that_ends_early_is_not_an_answer(fake: AnthropicFake) -> None:
    fake.stop_reason = None

    with vendor(fake) as (_, settings), pytest.raises(AppError) as caught:
        await ask(settings)

    assert caught.value.problem is UPSTREAM_FAILED


async def test_a_slow_vendor_is_given_up_at_our_deadline(fake: AnthropicFake) -> None:
    started = time.monotonic()
    with vendor(fake) as (faults, settings):
        faults.always(Fault(latency_s=SLOW_S))
        with pytest.raises(AppError):
            await ask(replace(settings, deadline_s=0.5, read_timeout_s=SLOW_S))

    assert time.monotonic() - started < SLOW_S


async def test_a_model_that_declines_has_nothing_to_say(fake: AnthropicFake) -> None:
    fake.stop_reason = "refusal"
    with vendor(fake) as (_, settings):
        draft = await ask(settings)

    assert draft.claims == ()


@pytest.mark.parametrize(
    ("lifecycle", "says"), [("active", None), ("deprecated", "will be retired"), ("retired", "is retired")]
)
async def test_the_self_test_says_plainly_what_the_model_is(
    fake: AnthropicFake, lifecycle: str, says: str | None
) -> None:
    fake.lifecycles = {MODEL: lifecycle}
    with vendor(fake) as (_, settings):
        answerer = ClaudeAnswerer(settings)
        trouble = await answerer.self_test()
        await answerer.close()

    assert (says is None and trouble is None) or (says is not None and says in (trouble or ""))


@pytest.mark.parametrize(
    ("change", "says"),
    [({"model": "claude-sonnet-4-20250514"}, "is not served"), ({"api_key": "wrong"}, "refused the key"),
     ({"base_url": "http://127.0.0.1:9"}, "could not be checked")],
)  # fmt: skip
async def test_the_self_test_never_stops_the_service(fake: AnthropicFake, change: dict[str, str], says: str) -> None:
    with vendor(fake) as (_, settings):
        answerer = ClaudeAnswerer(replace(settings, **change))  # type: ignore[arg-type]
        trouble = await answerer.self_test()
        await answerer.close()

    assert trouble is not None
    assert says in trouble
