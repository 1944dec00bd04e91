"""What ingestion reads from the environment."""

from pathlib import Path

from pydantic import Field, SecretStr

from libs.common.object_store import ObjectStoreSettings
from libs.common.settings import ServiceSettings


class IngestionSettings(ServiceSettings):
    """The common settings, the store of recordings and the key above all keys."""

    minio_endpoint: str = Field(description="The S3 store of recordings, as host:port.")
    minio_access_key: str = Field(description="The access key that may write to the bucket.")
    minio_secret_key: SecretStr = Field(description="The secret of that access key.")
    minio_bucket: str = Field("recordings", description="The bucket for the ciphertext of recordings.")
    minio_region: str = Field("us-east-1", description="The region the store expects in signatures.")
    minio_secure: bool = Field(True, description="Whether the store is spoken to over TLS.")
    root_key_file: Path = Field(
        description="A file of mode 0600 with the base64 root key that wraps all others (libs.common.key_wrapping)."
    )

    def object_store(self) -> ObjectStoreSettings:
        """Return the store's settings."""
        return ObjectStoreSettings(
            endpoint=self.minio_endpoint,
            access_key=self.minio_access_key,
            secret_key=self.minio_secret_key.get_secret_value(),
            bucket=self.minio_bucket,
            region=self.minio_region,
            secure=self.minio_secure,
        )
