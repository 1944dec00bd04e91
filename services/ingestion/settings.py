"""Settings of ingestion, read from the environment."""

from pydantic import Field

from libs.contracts.settings import WithRecordings
from services.ingestion.keys.settings import KeySettings


class IngestionSettings(KeySettings, WithRecordings):
    """The common settings, the object store of recordings, and the root key."""

    recording_retention_days: int = Field(
        30,
        ge=0,
        le=36_500,
        description="Days a recording is stored after its session is ready; 0: forever. The transcript stays.",
    )
    unfinished_retention_days: int = Field(
        90,
        ge=0,
        le=36_500,
        description="Days a recording is stored for a retry after its session failed or was withheld; 0: forever.",
    )
