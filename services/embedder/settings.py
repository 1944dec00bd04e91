"""Settings of the embedder, read from the environment."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from libs.contracts.settings import WithModels

DEFAULT_CLAUDE = "claude-sonnet-5-5"
Provider = Literal["auto", "openai", "local"]


class EmbedderSettings(WithModels):
    """The common settings and the embedding provider."""

    embedding_provider: Provider = Field(
        "auto",
        description="The embedding provider: `openai`, `local`, or `auto`: OpenAI if its key is set, else local.",
    )
    openai_api_key: SecretStr | None = Field(
        None, description="The API key of OpenAI; without it the local model is used."
    )
    openai_base_url: str | None = Field(None, description="Base URL of OpenAI's API, if not the default.")
    commitments_provider: Literal["local", "anthropic"] = Field(
        "local",
        description="Who finds in a session what was taken on: `local`, or `anthropic`, by which every word of each "
        "session goes to Claude when it is indexed. A key alone never chooses it.",
    )
    commitments_model: str = Field(DEFAULT_CLAUDE, description="Claude's name, where it finds commitments.")
    commitments_deadline_s: float = Field(
        60.0, gt=0, le=200, description="Deadline in seconds for one session's commitments."
    )
    commitments_tokens_max: int = Field(
        60_000,
        ge=8_000,
        description="Largest number of tokens that finding one session's commitments may cost, sent and written; turns "
        "from the middle are left out beyond it, which is logged as `commitments.tokens_capped`.",
    )
    anthropic_api_key: SecretStr | None = Field(
        None, description="The API key of Anthropic, for `COMMITMENTS_PROVIDER=anthropic` only."
    )
    anthropic_base_url: str | None = Field(None, description="Base URL of Anthropic's API, if not the default.")
    embedding_threads: int = Field(1, ge=1, le=64, description="CPU cores for the local model.")
    dense_weight: float = Field(0.5, ge=0, le=1, description="Weight of vectors against text in a passage's score.")
    neighbour_weight: float = Field(
        0.25, ge=0, le=1, description="Weight of the adjacent passages in a passage's score."
    )
    revocation_grace_days: int = Field(
        7, ge=0, le=365, description="Days from a revocation, which hides the index at once, to its deletion."
    )

    @property
    def provider(self) -> Literal["openai", "local"]:
        """Return the provider, with `auto` resolved."""
        if self.embedding_provider == "auto":
            return "openai" if self.openai_api_key else "local"
        return self.embedding_provider

    @model_validator(mode="after")
    def _key_is_there(self) -> Self:
        if self.embedding_provider == "openai" and not self.openai_api_key:
            raise ValueError("EMBEDDING_PROVIDER=openai needs OPENAI_API_KEY")
        if self.commitments_provider == "anthropic" and not self.anthropic_api_key:
            raise ValueError("COMMITMENTS_PROVIDER=anthropic needs ANTHROPIC_API_KEY")
        return self
