"""Settings of ingestion, read from the environment."""

from pydantic import Field

from libs.common.keys.root_key import RootKeySettings
from libs.common.settings import WithObjectStore
from libs.contracts.settings import ServiceSettings


class IngestionSettings(RootKeySettings, WithObjectStore, ServiceSettings):
    """The common settings, the object store of recordings, and the root key."""

    recording_retention_days: int = Field(
        30,
        ge=0,
        le=36_500,
        description="Days a recording is kept after its session is ready; 0 keeps it. The words stay.",
    )
    unfinished_retention_days: int = Field(
        90,
        ge=0,
        le=36_500,
        description="Days a recording is kept after its session failed or was withheld, to be tried again; 0 keeps it.",
    )
