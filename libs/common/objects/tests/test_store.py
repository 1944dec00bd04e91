"""Objects in a real S3 store: streamed in and out, gone when anything fails."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from minio import Minio

from libs.common.errors import NOT_FOUND, UNAVAILABLE, AppError
from libs.common.ids import new_id
from libs.common.objects.store import PART_BYTES, ObjectStore, StoreAddress

DATA = os.urandom(2 * PART_BYTES + 777)


@pytest.fixture
def settings(infra: Any) -> StoreAddress:
    one = infra.object_store
    return StoreAddress(one.endpoint, one.access_key, one.secret_key, one.bucket, secure=one.secure)


@pytest.fixture
def store(settings: StoreAddress) -> ObjectStore:
    return ObjectStore(settings)


@pytest.fixture
def name() -> str:
    return f"test/{new_id()}"


async def _chunks(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def _read(store: ObjectStore, name: str, offset: int = 0) -> bytes:
    async with store.get_stream(name, offset) as body:
        return b"".join([chunk async for chunk in body])


async def _is_gone(store: ObjectStore, name: str) -> bool:
    try:
        await store.stat(name)
    except AppError as error:
        return error.problem is NOT_FOUND
    return False


def _unfinished(settings: StoreAddress, name: str) -> int:
    client = Minio(
        settings.endpoint, settings.access_key, settings.secret_key, secure=settings.secure, region=settings.region
    )
    return len(client._list_multipart_uploads(settings.bucket, prefix=name).uploads)


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, len(DATA)])
async def test_what_is_put_is_got_back(store: ObjectStore, name: str, size: int) -> None:
    await store.put_stream(name, _chunks(DATA[:size]))

    assert await _read(store, name) == DATA[:size]
    assert (await store.stat(name)).size_bytes == size


async def test_reading_may_start_in_the_middle(store: ObjectStore, name: str) -> None:
    await store.put_stream(name, _chunks(DATA[:1000]))

    assert await _read(store, name, offset=900) == DATA[900:1000]


async def test_the_store_encrypts_as_a_second_layer_where_it_can(store: ObjectStore, name: str) -> None:
    await store.put_stream(name, _chunks(b"sealed"))

    assert (await store.stat(name)).encrypted_by_store


async def test_a_failing_source_leaves_nothing_in_the_store(
    store: ObjectStore, settings: StoreAddress, name: str
) -> None:
    async def fails() -> AsyncIterator[bytes]:
        yield DATA
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.put_stream(name, fails())

    assert await _is_gone(store, name)
    assert _unfinished(settings, name) == 0


async def test_a_cancelled_upload_leaves_nothing_in_the_store(
    store: ObjectStore, settings: StoreAddress, name: str
) -> None:
    stalled = asyncio.Event()

    async def stalls() -> AsyncIterator[bytes]:
        yield DATA
        stalled.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(store.put_stream(name, stalls()))
    await stalled.wait()
    upload.cancel()
    await asyncio.wait([upload])

    assert upload.cancelled()
    assert await _is_gone(store, name)
    assert _unfinished(settings, name) == 0


async def test_a_reader_may_leave_in_the_middle_and_read_again(store: ObjectStore, name: str) -> None:
    await store.put_stream(name, _chunks(DATA))

    async with store.get_stream(name) as body:
        first = await anext(body)

    assert DATA.startswith(first)
    assert await _read(store, name) == DATA


async def test_the_store_is_told_to_drop_uploads_whose_process_was_killed(settings: StoreAddress) -> None:
    fresh = replace(settings, bucket=f"new-{new_id()}")
    await ObjectStore(fresh).prepare()

    client = Minio(fresh.endpoint, fresh.access_key, fresh.secret_key, secure=fresh.secure, region=fresh.region)
    rules = client.get_bucket_lifecycle(fresh.bucket)

    assert rules is not None
    assert rules.rules[0].abort_incomplete_multipart_upload is not None


async def test_removing_twice_is_removing(store: ObjectStore, name: str) -> None:
    await store.put_stream(name, _chunks(b"x"))

    await store.remove(name)
    await store.remove(name)

    assert await _is_gone(store, name)


async def test_what_is_not_there_is_not_found(store: ObjectStore, name: str) -> None:
    await store.prepare()

    with pytest.raises(AppError) as caught:
        await _read(store, name)

    assert caught.value.problem is NOT_FOUND


async def test_a_store_that_is_down_is_unavailable(settings: StoreAddress, name: str) -> None:
    store = ObjectStore(replace(settings, endpoint="127.0.0.1:9"))

    for attempt in (store.ready(), store.put_stream(name, _chunks(b"x"))):
        with pytest.raises(AppError) as caught:
            await attempt
        assert caught.value.problem is UNAVAILABLE


async def test_a_bucket_is_made_when_it_is_missing(settings: StoreAddress, name: str) -> None:
    store = ObjectStore(replace(settings, bucket=f"new-{new_id()}"))

    await store.put_stream(name, _chunks(b"x"))

    assert await _read(store, name) == b"x"
