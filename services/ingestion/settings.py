"""What ingestion reads from the environment."""

from libs.common.root_key import RootKeySettings
from libs.common.settings import WithObjectStore


class IngestionSettings(RootKeySettings, WithObjectStore):
    """The common settings, the store of recordings and the key above all keys."""
