"""An object store that is used only once it has shown that what lies in it is our ciphertext (docs/security/keys.md).

Until then /health says no and no upload begins: a store or a proxy that keeps something else is found before a
recording is, not after.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.common.ids import new_id
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
    """Objects that can be listed and looked at."""

    async def page(self, after: str | None, most: int) -> Sequence[ListedObject]:
        """List objects in the order of their names."""

    async def stat(self, name: str) -> ObjectInfo:
        """Tell whether the store encrypts an object as well."""


class VerifiedStore:
    """Implements ports.Objects over a store that is proven once, at the first question whether it is ready."""

    def __init__(self, store: ListedObjects) -> None:
        self._store = store
        self._verified = False
        self._proving = asyncio.Lock()

    async def ready(self) -> None:
        """Raise AppError unless the store answers and keeps what it is given; it is asked for the proof once."""
        await self._store.ready()
        async with self._proving:
            if not self._verified:
                await self._prove_a_new_one()
                await self._prove_an_old_one()
                self._verified = True

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep what flows in, or nothing."""
        await self._store.put_stream(name, chunks)

    def get_stream(self, name: str, offset: int = 0) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open an object for reading."""
        return self._store.get_stream(name, offset)

    async def remove(self, name: str) -> None:
        """Delete an object."""
        await self._store.remove(name)

    async def _prove_a_new_one(self) -> None:
        plain, keyset, name = os.urandom(PROBE_BYTES), new_keyset(), f"{_CONTEXT.decode()}/{new_id()}"
        sealed = Sealer(keyset, _CONTEXT).finish(plain)
        try:
            await self._store.put_stream(name, _once(sealed))
            raw = await self._head(name, len(sealed) + 1)
            encrypted = (await self._store.stat(name)).encrypted_by_store
        finally:
            await self._store.remove(name)
        opened = b"".join([piece async for piece in unseal(keyset, _CONTEXT, _once(raw))]) if raw == sealed else b""
        if opened != plain or not looks_sealed(raw):
            raise _not_ours("changed")
        get_logger().info("object_store.verified", outcome="store encrypts too" if encrypted else "our ciphertext only")

    async def _prove_an_old_one(self) -> None:
        """The first recording of the listing must begin as our ciphertext does. A new store has none."""
        listed = await self._store.page(None, LISTED_MAX)
        name = next((one.name for one in listed if is_object_name(one.name)), None)
        if name is not None and not looks_sealed(await self._head(name, HEAD_BYTES)):
            raise _not_ours("plaintext")

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


def _not_ours(reason: str) -> AppError:
    get_logger().error("object_store.not_our_ciphertext", reason=reason)
    return AppError(UPSTREAM_FAILED, "The store of recordings does not keep our ciphertext.", reason=reason)
