"""Who answers is chosen by settings, and a choice that cannot work is refused at the start."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.chat.settings import DEFAULT_CLAUDE, ChatSettings
from services.chat.wiring import model_of, vendor_of

NEEDED = {"database_url": "postgresql+psycopg://svc_chat:x@127.0.0.1/t", "redis_url": "redis://:x@127.0.0.1"}


def settings(**parts: Any) -> ChatSettings:
    return ChatSettings(**{**NEEDED, **parts})


def test_auto_means_claude_with_a_key_and_this_machine_without() -> None:
    assert settings().provider == "local"
    assert settings(anthropic_api_key="k").provider == "anthropic"
    assert settings(openai_api_key="k").provider == "local"


def test_the_model_is_a_setting_with_a_default_that_is_served() -> None:
    assert model_of(settings(anthropic_api_key="k")) == DEFAULT_CLAUDE
    assert model_of(settings(anthropic_api_key="k", chat_model="claude-other")) == "claude-other"
    assert model_of(settings()) == "extractive-3"


@pytest.mark.parametrize(
    "wrong",
    [
        {"chat_provider": "anthropic"},
        {"chat_provider": "openai_compatible", "openai_api_key": "k"},
        {"chat_deadline_s": 0},
    ],
)
def test_a_choice_that_cannot_work_is_refused_at_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


async def test_the_chosen_vendor_is_built_and_closed() -> None:
    chosen = [
        vendor_of(settings(anthropic_api_key="k")),
        vendor_of(settings(chat_provider="openai_compatible", openai_api_key="k", chat_model="m")),
        vendor_of(settings()),
    ]

    for vendor in chosen:
        if vendor:
            await vendor.close()

    assert [type(vendor).__name__ for vendor in chosen] == ["ClaudeAnswerer", "OpenAICompatibleAnswerer", "NoneType"]
