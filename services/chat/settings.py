"""Settings of the chat, read from the environment."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from libs.contracts.settings import ServiceSettings

DEFAULT_CLAUDE = "claude-sonnet-5-5"


class ChatSettings(ServiceSettings):
    """The common settings and the provider of answers."""

    chat_provider: Literal["auto", "anthropic", "openai_compatible", "local"] = Field(
        "auto", description="Who writes answers; `auto`: Claude when its key is set, else quotes by this machine alone."
    )
    chat_model: str | None = Field(None, description=f"The model's name; none means {DEFAULT_CLAUDE} for Claude.")
    chat_deadline_s: float = Field(25.0, gt=0, description="How long a model may take, all tries together.")
    anthropic_api_key: SecretStr | None = Field(None, description="The key of Anthropic; none means no Claude.")
    anthropic_base_url: str | None = Field(None, description="Another address of Anthropic's API; none means theirs.")
    openai_api_key: SecretStr | None = Field(None, description="The key of an OpenAI-compatible server.")
    openai_base_url: str | None = Field(None, description="Where the OpenAI-compatible server is; none means OpenAI.")

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
