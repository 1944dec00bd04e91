"""Where the three servers are, whoever runs them."""

from dataclasses import dataclass

BUCKET = "therapyrag"


@dataclass(frozen=True)
class ObjectStore:
    """An S3 store. `endpoint` is host:port, as the minio client wants it."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str = BUCKET
    secure: bool = False

    def environment(self) -> dict[str, str]:
        """Return the settings services read."""
        return {
            "MINIO_ENDPOINT": self.endpoint,
            "MINIO_ACCESS_KEY": self.access_key,
            "MINIO_SECRET_KEY": self.secret_key,
            "MINIO_BUCKET": self.bucket,
            "MINIO_SECURE": "true" if self.secure else "false",
        }


@dataclass(frozen=True)
class Addresses:
    """PostgreSQL as a superuser, a Redis-compatible server, an object store."""

    admin_url: str
    redis_url: str
    object_store: ObjectStore
