"""What ingestion reads from the environment."""

from pathlib import Path

from pydantic import Field

from libs.common.settings import WithObjectStore


class IngestionSettings(WithObjectStore):
    """The common settings, the store of recordings and the key above all keys."""

    root_key_file: Path = Field(
        description="A file of mode 0600 with the base64 root key that wraps all others (libs.common.key_wrapping)."
    )
