"""Settings that every service of this product reads besides those of any process."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from libs.common.settings import ProcessSettings, WithObjectStore


class ServiceSettings(ProcessSettings):
    """Where the services are for each other."""

    consent_url: str = Field("http://127.0.0.1:8001", description="Where the consent service listens.")
    ingestion_url: str = Field("http://127.0.0.1:8002", description="Where the ingestion service listens.")
    transcriber_url: str = Field("http://127.0.0.1:8003", description="Where the transcriber listens.")
    embedder_url: str = Field("http://127.0.0.1:8004", description="Where the embedder listens.")
    chat_url: str = Field("http://127.0.0.1:8005", description="Where the chat service listens.")


class WithCrisisCountry(ServiceSettings):
    """Whose help lines a service tells that answers patients."""

    crisis_country: str = Field(
        "US",
        pattern="^[A-Z]{2}$",
        description="The country (ISO 3166) whose help lines are told in a crisis, unless the organization has set its "
        "own; without lines of that country findahelpline.com.",
    )


class WithRecordings(WithObjectStore, ServiceSettings):
    """Where a service that reads or writes encrypted objects of this product finds them."""

    minio_bucket: str = Field("recordings", description="The bucket that holds the encrypted objects.")


class WithModels(ServiceSettings):
    """Where a service that runs models on this machine finds them."""

    models_dir: Path | None = Field(None, description="A folder with model files; none means the installed packages.")
    model_cache_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        Path("~/.cache/therapyrag"),
        validate_default=True,
        description="Where joined model files and their checks are kept.",
    )
