"""Settings of the transcriber, read from the environment."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from libs.contracts.settings import WithModels, WithRecordings

DEEPGRAM_URL = "https://api.deepgram.com"


class TranscriberSettings(WithRecordings, WithModels):
    """The common settings, the speech-to-text provider, and the object store of recordings."""

    transcriber_provider: Literal["auto", "deepgram", "local"] = Field(
        "auto",
        description="The recognizer: `deepgram`, `local`, or `auto`: Deepgram if its key is set, else local.",
    )
    deepgram_api_key: SecretStr | None = Field(
        None, description="The API key of Deepgram; without it the local models are used."
    )
    deepgram_base_url: str = Field(DEEPGRAM_URL, description="Base URL of Deepgram's API.")
    deepgram_retry_wait_s: float = Field(
        30.0,
        ge=0.1,
        le=600,
        description="Seconds before the next try after a failure for which Deepgram names no wait.",
    )
    recognition_threads: int = Field(2, ge=1, le=64, description="CPU cores for local recognition.")

    decoders_at_once: int = Field(
        3, ge=1, le=16, description="Recordings that are decoded at a time; each is held in memory as it was uploaded."
    )
    revocation_grace_days: int = Field(
        7, ge=0, le=365, description="Days from a revocation, which hides transcripts at once, to their deletion."
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
