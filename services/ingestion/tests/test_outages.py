"""What an upload does when something it needs is down or lies: a clear answer, and nothing left behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.common.errors import UNAVAILABLE, AppError
from libs.common.objects.store import ObjectStore
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from services.ingestion.tests.ingestion_world import World, problem_of, store_settings, wav, world
from services.ingestion.upload.accept import CONCURRENT_UPLOADS_MAX, SLOT_TIMEOUT_S


class Memory:
    """Objects in memory, with faults to order."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.is_down = False
        self.changes_what_it_keeps = False
        self.opened = asyncio.Event()
        self.opened.set()

    async def ready(self) -> None:
        if self.is_down:
            raise AppError(UNAVAILABLE, "The object store is not answering.", retry_after_s=5)

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        await self.opened.wait()
        self.kept[name] = b"".join([chunk async for chunk in chunks])

    @asynccontextmanager
    async def get_stream(self, name: str, offset: int = 0) -> AsyncIterator[AsyncIterator[bytes]]:
        data = wav() if self.changes_what_it_keeps else self.kept[name]

        async def body() -> AsyncIterator[bytes]:
            yield data[offset:]

        yield body()

    async def remove(self, name: str) -> None:
        self.kept.pop(name, None)


async def test_a_store_that_is_down_is_told_before_the_file_is_read(
    infra: Infra, tenant: Tenant, consent_url: str
) -> None:
    memory = Memory()
    memory.is_down = True
    async with world(infra, tenant, consent_url, memory) as at:
        await at.grants()

        answer = await at.sends()

    assert answer.status_code == 503
    assert problem_of(answer) == "unavailable"
    assert answer.headers["retry-after"] == "5"
    assert memory.kept == {}


async def test_a_store_that_does_not_keep_our_ciphertext_is_caught_and_cleaned(
    infra: Infra, tenant: Tenant, consent_url: str
) -> None:
    memory = Memory()
    memory.changes_what_it_keeps = True
    async with world(infra, tenant, consent_url, memory) as at:
        await at.grants()

        answer = await at.sends()

    assert problem_of(answer) == "upstream-failed"
    assert memory.kept == {}
    assert at.events() == []


async def test_a_consent_service_that_is_down_means_no(infra: Infra, tenant: Tenant) -> None:
    async with world(infra, tenant, "http://127.0.0.1:9") as at:
        answer = await at.sends()

    assert problem_of(answer) == "unavailable"
    assert at.objects_left() == []


async def test_more_uploads_than_there_are_places_are_asked_to_come_back(
    infra: Infra, tenant: Tenant, consent_url: str
) -> None:
    memory = Memory()
    memory.opened.clear()
    async with world(infra, tenant, consent_url, memory) as at:
        await at.grants()
        busy = [asyncio.create_task(at.sends()) for _ in range(CONCURRENT_UPLOADS_MAX)]
        await _until_refused(at)

        memory.opened.set()
        answers = await asyncio.gather(*busy)

    assert {answer.status_code for answer in answers} == {202}


async def test_an_upload_waits_some_seconds_for_a_place(infra: Infra, tenant: Tenant, consent_url: str) -> None:
    memory = Memory()
    memory.opened.clear()
    async with world(infra, tenant, consent_url, memory) as at:
        await at.grants()
        sending = [asyncio.create_task(at.sends()) for _ in range(CONCURRENT_UPLOADS_MAX + 1)]
        _, waiting = await asyncio.wait(sending, timeout=SLOT_TIMEOUT_S / 5)

        memory.opened.set()
        answers = await asyncio.gather(*sending)

    assert len(waiting) == CONCURRENT_UPLOADS_MAX + 1
    assert {answer.status_code for answer in answers} == {202}


async def _until_refused(at: World) -> None:
    async with asyncio.timeout(SLOT_TIMEOUT_S + 20):
        while True:
            probe = asyncio.create_task(at.sends())
            done, _ = await asyncio.wait([probe], timeout=SLOT_TIMEOUT_S + 1)
            if done and problem_of(probe.result()) == "unavailable":
                return
            probe.cancel()
            await asyncio.wait([probe])


async def test_the_store_of_this_machine_answers(infra: Infra) -> None:
    await ObjectStore(store_settings(infra)).ready()
