"""Objects of any size in any S3, streamed in constant memory, on the `minio` client in threads.

The store is never trusted to encrypt: what comes here is sealed already (sealed_stream.py).
Server-side encryption is asked for as a second layer where the store has it.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar, cast

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import MinioException, S3Error
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, LifecycleConfig, Rule
from minio.sse import SseS3
from urllib3.exceptions import HTTPError

from libs.common.errors import NOT_FOUND, UNAVAILABLE, AppError
from libs.common.log import get_logger
from libs.common.objects.byte_pipe import BytePipe, feed_thread
from libs.common.settings import WithObjectStore

PART_BYTES = 8 * 1024 * 1024
READ_BYTES = 512 * 1024
CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 60.0
RETRIES_MAX = 2
RETRY_WAIT_S = 0.2
CONNECTIONS_MAX = 32
RETRY_AFTER_S = 5.0
UNFINISHED_DAYS = 1
PROBE_NAME = "probe"
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "NotFound"})
_OURS_ALREADY = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})

T = TypeVar("T")


@dataclass(frozen=True)
class StoreAddress:
    """Where the store is (`host:port`) and the key pair that may write to the bucket."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str
    region: str = "us-east-1"
    secure: bool = False

    @staticmethod
    def of(settings: WithObjectStore) -> "StoreAddress":
        """Return the address the environment names."""
        return StoreAddress(
            endpoint=settings.minio_endpoint,
            access_key=settings.minio_access_key.get_secret_value(),
            secret_key=settings.minio_secret_key.get_secret_value(),
            bucket=settings.minio_bucket,
            region=settings.minio_region,
            secure=settings.minio_secure,
        )


@dataclass(frozen=True)
class ObjectInfo:
    """What the store reports about an object."""

    size_bytes: int
    encrypted_by_store: bool


@dataclass(frozen=True)
class ListedObject:
    """An object of a listing."""

    name: str
    changed_at: datetime


class ObjectStore:
    """One bucket. Errors are AppError: NOT_FOUND for what is not there, UNAVAILABLE when the store does not answer."""

    def __init__(self, settings: StoreAddress) -> None:
        self._bucket = settings.bucket
        self._client = Minio(
            settings.endpoint,
            access_key=settings.access_key,
            secret_key=settings.secret_key,
            secure=settings.secure,
            region=settings.region,
            http_client=_pool(),
        )
        self._sse: SseS3 | None = None
        self._prepared = False
        # The first uploads may come at once: one of them prepares, the others wait.
        self._preparing = asyncio.Lock()

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Store what `chunks` yields, in parts of 8 MiB; the length is not known in advance.

        Nothing is kept when this fails or is cancelled: the multipart upload is aborted, in the thread that made it.
        """
        await self.prepare()
        await _translated(feed_thread(chunks, lambda pipe: self._put(name, pipe)))

    @asynccontextmanager
    async def get_stream(self, name: str, offset: int = 0) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open an object for reading from `offset`; bytes are fetched as they are asked for.

        Leaving the context closes the connection, also in the middle.
        """
        response = await self._in_thread(lambda: self._client.get_object(self._bucket, name, offset=offset))
        try:
            yield _body(response)
        finally:
            await asyncio.shield(asyncio.to_thread(_hang_up, response))

    async def put(self, name: str, content: bytes) -> None:
        """Store a small object whole."""
        await self.prepare()
        await self._in_thread(
            lambda: self._client.put_object(self._bucket, name, io.BytesIO(content), len(content), sse=self._sse)
        )

    async def get(self, name: str, most_bytes: int) -> bytes:
        """Return a small object whole, or its beginning when it is longer."""
        response = await self._in_thread(lambda: self._client.get_object(self._bucket, name, length=most_bytes))
        try:
            return cast("bytes", await _translated(asyncio.to_thread(response.read, most_bytes)))
        finally:
            await asyncio.shield(asyncio.to_thread(_hang_up, response))

    async def names(self, prefix: str, after: str, most: int) -> list[str]:
        """Return names that start with `prefix` and come after the name `after`, in their order."""

        def listed() -> list[str]:
            found = self._client.list_objects(self._bucket, prefix=prefix, recursive=True, start_after=after or None)
            return [cast("str", each.object_name) for each in islice(found, most)]

        return await self._in_thread(listed)

    async def remove(self, name: str) -> None:
        """Delete an object; a missing one counts as deleted."""
        await self._in_thread(lambda: self._client.remove_object(self._bucket, name))

    async def stat(self, name: str) -> ObjectInfo:
        """Return an object's size and whether the store encrypted it."""
        found = await self._in_thread(lambda: self._client.stat_object(self._bucket, name))
        return ObjectInfo(cast("int", found.size), "x-amz-server-side-encryption" in (found.metadata or {}))

    async def page(self, after: str | None, most: int) -> Sequence[ListedObject]:
        """List up to `most` objects in the order of their names, after one that was seen."""
        return await self._in_thread(lambda: self._page(after, most))

    async def abort_unfinished(self, before: datetime, most: int) -> int:
        """Abort up to `most` multipart uploads begun before then, for stores that take no lifecycle rules."""
        return await self._in_thread(lambda: self._abort_unfinished(before, most))

    async def prepare(self) -> None:
        """Once: make the bucket if it is missing and find out whether the store encrypts on its side."""
        async with self._preparing:
            if not self._prepared:
                await self._in_thread(self._ensure_bucket)
                self._sse = await asyncio.to_thread(self._offered_encryption)
                self._prepared = True

    async def ready(self) -> None:
        """Raise AppError(UNAVAILABLE) unless the store answers."""
        await self._in_thread(lambda: self._client.bucket_exists(self._bucket))

    def _put(self, name: str, pipe: BytePipe) -> None:
        # One part at a time: with more, minio sends its abort before the parts in flight have landed.
        self._client.put_object(
            self._bucket,
            name,
            cast("Any", pipe),
            length=-1,
            part_size=PART_BYTES,
            num_parallel_uploads=1,
            sse=self._sse,
        )

    def _page(self, after: str | None, most: int) -> Sequence[ListedObject]:
        listed = self._client.list_objects(self._bucket, recursive=True, start_after=after)
        found = ((str(one.object_name), one.last_modified) for one in islice(listed, most))
        return [ListedObject(name, at) for name, at in found if at is not None]

    def _abort_unfinished(self, before: datetime, most: int) -> int:
        # The client has no public method for these two calls of S3; the lock pins it and a test holds them.
        uploads = self._client._list_multipart_uploads(self._bucket, max_uploads=most).uploads
        old = [one for one in uploads if one.initiated_time is not None and one.initiated_time < before]
        for one in old:
            self._client._abort_multipart_upload(self._bucket, str(one.object_name), str(one.upload_id))
        return len(old)

    def _ensure_bucket(self) -> None:
        if not self._client.bucket_exists(self._bucket):
            try:
                self._client.make_bucket(self._bucket)
            except S3Error as error:
                # Several processes start at once, and each looks before any has made it.
                if error.code not in _OURS_ALREADY:
                    raise
        self._expire_unfinished()

    def _expire_unfinished(self) -> None:
        """Let the store drop parts of uploads whose process was killed; rules an operator made are left alone."""
        try:
            if self._client.get_bucket_lifecycle(self._bucket) is None:
                self._client.set_bucket_lifecycle(self._bucket, _expiry())
        except (MinioException, HTTPError):
            get_logger().warning("object_store.no_multipart_expiry", reason="the store takes no lifecycle rules")

    def _offered_encryption(self) -> SseS3 | None:
        sse = SseS3()
        try:
            # Tried, since S3 has no question for it: a store without it refuses the header.
            self._client.put_object(self._bucket, PROBE_NAME, io.BytesIO(b"."), 1, sse=sse)
            self._client.remove_object(self._bucket, PROBE_NAME)
        except (MinioException, HTTPError, ValueError):
            get_logger().warning(
                "object_store.no_server_side_encryption", reason="the store refused server-side encryption"
            )
            return None
        return sse

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await _translated(asyncio.to_thread(call))


def _expiry() -> LifecycleConfig:
    rule = Rule(
        status=ENABLED,
        rule_id="drop-unfinished-uploads",
        rule_filter=Filter(prefix=""),
        abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=UNFINISHED_DAYS),
    )
    return LifecycleConfig([rule])


def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(
        maxsize=CONNECTIONS_MAX,
        timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
        retries=urllib3.Retry(total=RETRIES_MAX, backoff_factor=RETRY_WAIT_S, status_forcelist=(500, 502, 503, 504)),
    )


async def _translated(work: Awaitable[T]) -> T:
    try:
        return await work
    except S3Error as error:
        if error.code in _MISSING:
            raise AppError(NOT_FOUND, "The object is not in the store.") from error
        raise _down() from error
    except (MinioException, HTTPError) as error:
        raise _down() from error


def _down() -> AppError:
    return AppError(UNAVAILABLE, "The object store is not answering.", retry_after_s=RETRY_AFTER_S)


async def _body(response: Any) -> AsyncIterator[bytes]:
    while chunk := await _translated(asyncio.to_thread(response.read, READ_BYTES)):
        yield chunk


def _hang_up(response: Any) -> None:
    response.close()
    response.release_conn()
