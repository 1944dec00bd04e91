"""What a killed upload leaves is found and removed, and nothing else ever is; the store is proven before it is used."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from minio import Minio

from libs.common.clock import utc_now
from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.common.ids import new_id
from libs.common.objects.store import ListedObject, ObjectStore, StoreAddress
from services.ingestion.domain import is_object_name
from services.ingestion.objects.orphans import AGE_MIN, Sweeper, SweepLimits
from services.ingestion.objects.verified import VerifiedStore
from services.ingestion.store import ObjectIndex
from services.ingestion.tests.ingestion_world import World, store_settings, wav

LATER = AGE_MIN + timedelta(minutes=1)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _orphan(at: World) -> str:
    """An object as an upload leaves it that is killed between the store and the commit."""
    ids = (at.tenant.organization_id, at.tenant.patient_id, new_id(), new_id())
    name = "/".join(map(str, ids))
    await at.objects.put_stream(name, _once(b"\x28" + bytes(100)))
    return name


def _sweeper(at: World, later: timedelta = LATER) -> Sweeper:
    return Sweeper(at.objects, ObjectIndex(at.database), lambda: utc_now() + later)


async def test_an_object_of_no_recording_is_removed_once_it_is_old(at: World) -> None:
    orphan = await _orphan(at)
    await at.uploads()
    (kept,) = set(at.objects_left()) - {orphan}

    await _sweeper(at, later=timedelta(0)).sweep()
    while_young = set(at.objects_left())
    swept = await _sweeper(at).sweep()

    assert while_young == {orphan, kept}
    assert swept.removed >= 1
    assert at.objects_left() == [kept]


async def test_what_is_not_named_like_a_recording_is_left_alone(at: World) -> None:
    name = f"{at.tenant.organization_id}/checkpoint"
    await at.objects.put_stream(name, _once(b"x"))

    await _sweeper(at).sweep()

    assert at.objects_left() == [name]


async def test_a_pass_is_bounded_and_the_next_one_goes_on_from_there(at: World) -> None:
    orphans = {await _orphan(at) for _ in range(5)}

    class OnlyOurs(ObjectStore):
        async def page(self, after: str | None, most: int) -> Sequence[ListedObject]:
            return [one for one in await super().page(after, 10_000) if one.name in orphans][:most]

    store = OnlyOurs(store_settings(at.infra))
    sweeper = Sweeper(store, ObjectIndex(at.database), lambda: utc_now() + LATER, SweepLimits(page=2, pages_max=1))
    left = []
    for _ in range(3):
        await sweeper.sweep()
        left.append(len(at.objects_left()))

    assert left == [3, 1, 0]


async def test_a_multipart_upload_nobody_ended_is_aborted_once_it_is_old(at: World) -> None:
    one = at.infra.object_store
    client = Minio(one.endpoint, one.access_key, one.secret_key, secure=one.secure, region="us-east-1")
    name = f"{at.tenant.organization_id}/unfinished"
    client._create_multipart_upload(one.bucket, name, {})

    def unfinished() -> int:
        return len(client._list_multipart_uploads(one.bucket, prefix=name).uploads)

    await _sweeper(at, later=timedelta(0)).sweep()
    while_young = unfinished()
    await _sweeper(at).sweep()

    assert while_young == 1
    assert unfinished() == 0


async def test_the_question_which_objects_are_known_tells_nobody_a_name(at: World) -> None:
    await at.uploads()
    (name,) = at.objects_left()

    found = await ObjectIndex(at.database).unknown([name, "other", f"{name}x"])

    assert sorted(found) == sorted(["other", f"{name}x"])


def test_only_the_names_of_recordings_are_taken_for_such() -> None:
    ids = [str(new_id()) for _ in range(5)]

    assert is_object_name("/".join(ids[:4]))
    for other in ("", ids[0], "/".join(ids[:3]), "/".join(ids), "/".join(ids[:4]) + "\n", "probe"):
        assert not is_object_name(other)


@pytest.fixture
async def bucket(at: World) -> StoreAddress:
    one = store_settings(at.infra)
    return StoreAddress(one.endpoint, one.access_key, one.secret_key, f"new-{new_id()}", secure=one.secure)


async def test_a_store_that_keeps_our_ciphertext_is_proven_once_and_left_as_it_was(bucket: StoreAddress) -> None:
    puts: list[str] = []

    class Counted(ObjectStore):
        async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> None:
            puts.append(name)
            await super().put_stream(name, chunks)

    store = Counted(bucket)
    await store.prepare()
    objects = VerifiedStore(store, new_id, os.urandom)

    await objects.ready()
    await objects.ready()

    assert len(puts) == 1
    assert await store.page(None, 10) == []


async def test_a_store_that_holds_a_recording_in_plaintext_is_never_ready(bucket: StoreAddress) -> None:
    store = ObjectStore(bucket)
    await store.put_stream("/".join(str(new_id()) for _ in range(4)), _once(wav()))

    for _ in range(2):
        with pytest.raises(AppError) as caught:
            await VerifiedStore(store, new_id, os.urandom).ready()
        assert caught.value.problem is UPSTREAM_FAILED
        assert caught.value.facts == {"reason": "plaintext"}


async def test_a_store_that_changes_what_it_is_given_is_never_ready(bucket: StoreAddress) -> None:
    class Changing(ObjectStore):
        @asynccontextmanager
        async def get_stream(self, name: str, offset: int = 0) -> AsyncIterator[AsyncIterator[bytes]]:
            async with super().get_stream(name, offset) as body:
                data = b"".join([chunk async for chunk in body])
            yield _once(data[:-1] + bytes([data[-1] ^ 1]))

    store = Changing(bucket)
    await store.prepare()

    with pytest.raises(AppError) as caught:
        await VerifiedStore(store, new_id, os.urandom).ready()

    assert caught.value.facts == {"reason": "changed"}
    assert await store.page(None, 10) == []
