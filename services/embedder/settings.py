"""Settings of the embedder, read from the environment."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from libs.contracts.settings import WithModels

Provider = Literal["auto", "openai", "local"]


class EmbedderSettings(WithModels):
    """The common settings and the embedding provider."""

    embedding_provider: Provider = Field(
        "auto", description="Who makes vectors: `openai`, `local`, or `auto`: OpenAI when its key is set, else local."
    )
    openai_api_key: SecretStr | None = Field(None, description="The key of OpenAI; none means the local model.")
    openai_base_url: str | None = Field(None, description="Another address of the OpenAI API; none means theirs.")
    embedding_threads: int = Field(1, ge=1, le=64, description="Cores the local model may take at a time.")
    dense_weight: float = Field(
        0.5, ge=0, le=1, description="Share of the vectors against the words in a passage's score."
    )
    neighbour_weight: float = Field(
        0.25, ge=0, le=1, description="Share a passage gains from the scores of the passages beside it."
    )
    revocation_grace_days: int = Field(
        7, ge=0, le=365, description="Days from a revocation, which hides at once, to the deletion of the index."
    )

    @property
    def provider(self) -> Literal["openai", "local"]:
        """Return who makes vectors, with `auto` decided."""
        if self.embedding_provider == "auto":
            return "openai" if self.openai_api_key else "local"
        return self.embedding_provider

    @model_validator(mode="after")
    def _key_is_there(self) -> Self:
        if self.embedding_provider == "openai" and not self.openai_api_key:
            raise ValueError("EMBEDDING_PROVIDER=openai needs OPENAI_API_KEY")
        return self
