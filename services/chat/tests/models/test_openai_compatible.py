"""A server that speaks OpenAI's chat completions, through the real SDK."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from libs.common.errors import UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Fault, Faults
from libs.devstack.vendors.openai import KEY, OpenAIFake
from services.chat.domain.composing import compose
from services.chat.domain.conversation import Draft, Question
from services.chat.tests.room import NOW, SLEEP, SWIMMING
from services.chat.vendors.openai_compatible import EndpointSettings, OpenAICompatibleAnswerer

QUESTION = Question("When do I wake up?", (SLEEP, SWIMMING), NOW)
GOOD = {"text": "You wake up around three.", "quotes": [{"turn": "P1.T2", "words": "I wake up around three"}]}
# So long a test waits for a vendor that says nothing more; one that is only slow on a busy machine is heard.
STALLED_S = 3.0


async def ask(reply: Callable[..., str], *faults: Fault, key: str = KEY) -> Draft:
    spoiled = Faults(OpenAIFake(reply=reply).app())
    for fault in faults:
        spoiled.order(fault)
    return await ask_of(spoiled, key)


async def ask_of(vendor: Faults, key: str = KEY) -> Draft:
    with serve(vendor) as url:
        answerer = OpenAICompatibleAnswerer(
            EndpointSettings(key, "a-model", deadline_s=60.0, base_url=f"{url}/v1", read_timeout_s=STALLED_S)
        )
        try:
            return await answerer.answer(QUESTION)
        finally:
            await answerer.close()


def saying(*sentences: object) -> Callable[..., str]:
    return lambda _messages: json.dumps({"sentences": sentences})


async def test_a_sentence_with_a_true_quote_stands() -> None:
    answer = compose(QUESTION, await ask(saying(GOOD)))

    assert answer.text == "You wake up around three."
    assert [source.quote for source in answer.sources] == ["I wake up around three"]


async def test_the_vendor_is_told_not_to_store_what_it_is_asked() -> None:
    spoiled = Faults(OpenAIFake(reply=saying(GOOD)).app())

    await ask_of(spoiled)

    assert [cast("dict[str, Any]", request.json())["store"] for request in spoiled.requests] == [False]


async def test_an_invented_quote_takes_its_sentence_down() -> None:
    invented = {"text": "You wake up at three.", "quotes": [{"turn": "P1.T2", "words": "I always wake at three sharp"}]}
    elsewhere = {"text": "You wake up at three.", "quotes": [{"turn": "P9.T9", "words": "I wake up around three"}]}

    answer = compose(QUESTION, await ask(saying(invented, elsewhere)))

    assert (answer.grounded, answer.sources) == (False, ())


async def test_json_in_a_fence_is_read() -> None:
    draft = await ask(lambda _messages: f"Here you are:\n```json\n{json.dumps({'sentences': [GOOD]})}\n```")

    assert len(draft.claims) == 1


@pytest.mark.parametrize("reply", ["I cannot do JSON", '{"sentences": 5}', "{"])
async def test_an_answer_that_cannot_be_read_is_a_failure_without_its_words(reply: str) -> None:
    with pytest.raises(AppError) as caught:
        await ask(lambda _messages: reply)

    assert caught.value.problem is UPSTREAM_FAILED
    assert "JSON" not in caught.value.detail


async def test_a_wrong_key_is_a_refusal() -> None:
    with pytest.raises(AppError) as caught:
        await ask(saying(GOOD), key="wrong")

    assert caught.value.problem is UPSTREAM_REFUSED


@pytest.mark.parametrize(
    "fault",
    [Fault(status=429, retry_after_s=1), Fault(status=500), Fault(stall_after_bytes=10), Fault(cut_after_bytes=10)],
)
async def test_what_may_pass_is_tried_again(fault: Fault) -> None:
    draft = await ask(saying(GOOD), replace(fault))

    assert len(draft.claims) == 1
