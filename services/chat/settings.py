"""Settings of the chat, read from the environment."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from libs.contracts.settings import WithCrisisCountry, WithModels
from services.chat.domain.budget import DEFAULT_TOKENS_MAX

DEFAULT_CLAUDE = "claude-sonnet-5-5"


class ChatSettings(WithCrisisCountry, WithModels):
    """The common settings and the provider of answers."""

    chat_provider: Literal["auto", "anthropic", "openai_compatible", "local"] = Field(
        "auto", description="The provider of answers; `auto`: Claude if its key is set, else local quotes."
    )
    chat_model: str | None = Field(None, description=f"The model's name; default for Claude: {DEFAULT_CLAUDE}.")
    chat_deadline_s: float = Field(
        25.0, gt=0, description="Deadline for a model's answer in seconds, including retries."
    )
    chat_tokens_max: int = Field(
        DEFAULT_TOKENS_MAX,
        ge=2_000,
        description="Largest number of tokens, estimated, that one request for an answer may cost, sent and written; "
        "passages beyond it are left out, which is logged as `answer.tokens_capped`.",
    )
    chat_answer_tokens_max: int | None = Field(
        None,
        ge=200,
        le=1_900,
        description="Largest number of those tokens that a model may write; default: 800 for Claude, 1200 for others.",
    )
    anthropic_api_key: SecretStr | None = Field(
        None, description="The API key of Anthropic; without it Claude is not used."
    )
    anthropic_base_url: str | None = Field(None, description="Base URL of Anthropic's API, if not the default.")
    openai_api_key: SecretStr | None = Field(None, description="The API key of an OpenAI-compatible server.")
    openai_base_url: str | None = Field(None, description="Base URL of an OpenAI-compatible server; default: OpenAI.")

    @property
    def provider(self) -> Literal["anthropic", "openai_compatible", "local"]:
        """Return the provider, with `auto` resolved."""
        if self.chat_provider == "auto":
            return "anthropic" if self.anthropic_api_key else "local"
        return self.chat_provider

    @model_validator(mode="after")
    def _provider_has_what_it_needs(self) -> Self:
        if self.provider == "anthropic" and self.anthropic_api_key is None:
            raise ValueError("CHAT_PROVIDER=anthropic needs ANTHROPIC_API_KEY")
        if self.provider == "openai_compatible" and (self.openai_api_key is None or self.chat_model is None):
            raise ValueError("CHAT_PROVIDER=openai_compatible needs OPENAI_API_KEY and CHAT_MODEL")
        return self
