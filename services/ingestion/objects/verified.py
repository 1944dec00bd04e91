"""Blocks uploads until a write-and-read check proves the store returns our ciphertext (docs/security/keys.md).

Until then /health fails and uploads are refused, so a store or proxy that alters objects or stores plaintext is
detected before the first recording.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.common.ids import Identify
from libs.common.log import get_logger
from libs.common.objects.sealed_stream import Sealer, looks_sealed, new_keyset, unseal
from libs.common.objects.store import ListedObject, ObjectInfo
from services.ingestion.domain import is_object_name
from services.ingestion.ports import Objects

PROBE_BYTES = 4096
LISTED_MAX = 200
HEAD_BYTES = 64
_CONTEXT = b"start-check"


class ListedObjects(Objects, Protocol):
    """An object store that can list and inspect objects."""

    async def page(self, after: str | None, most: int) -> Sequence[ListedObject]:
        """List objects in lexical order of their names."""

    async def stat(self, name: str) -> ObjectInfo:
        """Return an object's metadata, including whether the store encrypted it."""


class VerifiedStore:
    """Implements ports.Objects; verifies the store once, on the first call of `ready`."""

    def __init__(self, store: ListedObjects, new_id: Identify, random_bytes: Callable[[int], bytes]) -> None:
        self._store = store
        self._new_id = new_id
        self._random_bytes = random_bytes
        self._verified = False
        self._verifying = asyncio.Lock()

    async def ready(self) -> None:
        """Raise AppError unless the store responds and has passed the check."""
        await self._store.ready()
        # Uploads that come together at the start share one check.
        async with self._verifying:
            if not self._verified:
                await self._verify_write()
                await self._verify_existing()
                self._verified = True

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Store the chunks as one object, or nothing."""
        await self._store.put_stream(name, chunks)

    def get_stream(self, name: str, offset: int = 0) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open an object for reading."""
        return self._store.get_stream(name, offset)

    async def remove(self, name: str) -> None:
        """Delete an object."""
        await self._store.remove(name)

    async def _verify_write(self) -> None:
        plain, keyset = self._random_bytes(PROBE_BYTES), new_keyset()
        name = f"{_CONTEXT.decode()}/{self._new_id()}"
        sealed = Sealer(keyset, _CONTEXT).finish(plain)
        try:
            await self._store.put_stream(name, _once(sealed))
            # One byte more than was written, to find out a store that appends to what it is given.
            raw = await self._head(name, len(sealed) + 1)
            encrypted = (await self._store.stat(name)).encrypted_by_store
        finally:
            await self._store.remove(name)
        opened = b"".join([piece async for piece in unseal(keyset, _CONTEXT, _once(raw))]) if raw == sealed else b""
        if opened != plain or not looks_sealed(raw):
            raise _ciphertext_mismatch("changed")
        get_logger().info(
            "object_store.verified", outcome="server_side_encryption" if encrypted else "client_side_encryption_only"
        )

    async def _verify_existing(self) -> None:
        """Check that the first listed recording starts with our ciphertext header. A new store has no recordings."""
        listed = await self._store.page(None, LISTED_MAX)
        name = next((one.name for one in listed if is_object_name(one.name)), None)
        if name is not None and not looks_sealed(await self._head(name, HEAD_BYTES)):
            raise _ciphertext_mismatch("plaintext")

    async def _head(self, name: str, size: int) -> bytes:
        head = b""
        async with self._store.get_stream(name) as body:
            async for chunk in body:
                head += chunk
                if len(head) >= size:
                    break
        return head[:size]


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _ciphertext_mismatch(reason: str) -> AppError:
    get_logger().error("object_store.ciphertext_mismatch", reason=reason)
    return AppError(UPSTREAM_FAILED, "The object store does not return the ciphertext that was written.", reason=reason)
