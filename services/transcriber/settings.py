"""What the transcriber reads from the environment."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from libs.common.settings import ServiceSettings

DEEPGRAM_URL = "https://api.deepgram.com"


class TranscriberSettings(ServiceSettings):
    """The common settings, who listens, and where recordings are."""

    transcriber_provider: Literal["auto", "deepgram", "local"] = Field(
        "auto", description="Who listens: `deepgram`, `local`, or `auto`: Deepgram when its key is set, else local."
    )
    deepgram_api_key: SecretStr | None = Field(None, description="The key of Deepgram; none means the local models.")
    deepgram_base_url: str = Field(DEEPGRAM_URL, description="The address of the Deepgram API.")
    models_dir: Path | None = Field(None, description="A folder with model files; none means the installed packages.")
    model_cache_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        Path("~/.cache/therapyrag"),
        validate_default=True,
        description="Where joined model files and their checks are kept.",
    )
    recognition_threads: int = Field(2, ge=1, le=64, description="Cores local recognition may take.")

    minio_endpoint: str = Field("127.0.0.1:9000", description="The object store (host:port, S3).")
    minio_access_key: SecretStr = Field(description="The object store's access key.")
    minio_secret_key: SecretStr = Field(description="The object store's secret key.")
    minio_bucket: str = Field("recordings", description="The bucket that holds the encrypted recordings.")
    minio_region: str = Field("us-east-1", description="The region the store signs for.")
    minio_secure: bool = Field(False, description="Whether the store is reached over TLS.")

    @property
    def provider(self) -> Literal["deepgram", "local"]:
        """Return who listens, with `auto` decided."""
        if self.transcriber_provider == "auto":
            return "deepgram" if self.deepgram_api_key else "local"
        return self.transcriber_provider

    @model_validator(mode="after")
    def _key_is_there(self) -> Self:
        if self.transcriber_provider == "deepgram" and self.deepgram_api_key is None:
            raise ValueError("TRANSCRIBER_PROVIDER=deepgram needs DEEPGRAM_API_KEY")
        return self
