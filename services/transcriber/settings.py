"""Settings of the transcriber, read from the environment."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from libs.common.settings import WithObjectStore
from libs.contracts.settings import WithModels

DEEPGRAM_URL = "https://api.deepgram.com"


class TranscriberSettings(WithObjectStore, WithModels):
    """The common settings, the speech-to-text provider, and the object store of recordings."""

    transcriber_provider: Literal["auto", "deepgram", "local"] = Field(
        "auto", description="Who listens: `deepgram`, `local`, or `auto`: Deepgram when its key is set, else local."
    )
    deepgram_api_key: SecretStr | None = Field(None, description="The key of Deepgram; none means the local models.")
    deepgram_base_url: str = Field(DEEPGRAM_URL, description="The address of the Deepgram API.")
    recognition_threads: int = Field(2, ge=1, le=64, description="Cores local recognition may take.")

    revocation_grace_days: int = Field(
        7, ge=0, le=365, description="Days from a revocation, which hides at once, to the deletion of the words."
    )

    @property
    def provider(self) -> Literal["deepgram", "local"]:
        """Return the provider, with `auto` resolved."""
        if self.transcriber_provider == "auto":
            return "deepgram" if self.deepgram_api_key else "local"
        return self.transcriber_provider

    @model_validator(mode="after")
    def _key_is_there(self) -> Self:
        if self.transcriber_provider == "deepgram" and self.deepgram_api_key is None:
            raise ValueError("TRANSCRIBER_PROVIDER=deepgram needs DEEPGRAM_API_KEY")
        return self
