"""A database, streams in memory, a relay and one step, with verbs: for tests of what is done about events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text

from libs.common import capability
from libs.common.database.transaction import Database, Transaction
from libs.common.errors import AppError, ProblemType
from libs.common.events import Event
from libs.common.ids import new_id
from libs.common.messaging.backoff import Backoff
from libs.common.messaging.handling import DeliveryHandler
from libs.common.messaging.outbox import Outbox
from libs.common.messaging.relay import Relay
from libs.common.messaging.steps import Step, Subscription
from libs.common.streams.memory import MemoryStreams
from libs.common.streams.port import Channel, Delivery
from libs.common.tests.kernel_world import CATALOGUE, PASSWORD, SCHEMA, ThingCounted, ThingSettled, make_schema, token
from libs.devstack.infra import Infra


@dataclass
class Settle(Step[ThingCounted, int]):
    """Write the number down, unless told to fail."""

    fails_with: list[ProblemType | Exception] = field(default_factory=list)
    worked: int = 0

    async def work(self, event: ThingCounted) -> int:
        self.worked += 1
        await asyncio.sleep(0)
        if self.fails_with:
            failure = self.fails_with.pop(0)
            raise failure if isinstance(failure, Exception) else AppError(failure, "it failed", retry_after_s=None)
        return event.number * 2

    async def record(self, event: ThingCounted, result: int, tx: Transaction) -> Sequence[Event]:
        await tx.execute(
            text("insert into effect (tenant_id, thing_id, number) values (:org, :thing, :number)"),
            {"org": event.tenant_id, "thing": event.thing_id, "number": result},
        )
        return [ThingSettled(tenant_id=event.tenant_id, thing_id=event.thing_id)]

    async def on_failure(self, event: ThingCounted, error: AppError, tx: Transaction) -> Sequence[Event]:
        assert error.problem.slug
        return await self.record(event, -1, tx)


@dataclass
class World:
    """A database, streams in memory, a relay and a step, with verbs."""

    infra: Infra
    database: Database
    outbox: Outbox
    streams: MemoryStreams
    step: Settle
    tenant_id: UUID
    channel: Channel

    @property
    def handling(self) -> DeliveryHandler:
        return DeliveryHandler(
            self.database,
            CATALOGUE,
            {ThingCounted.type: Subscription(ThingCounted, self.step, exclusive=True)},
            Backoff(base_s=0, outage_wait_s=0, paused_wait_s=0),
        )

    async def count(self, number: int) -> UUID:
        thing = new_id()
        with capability.acting_under(token(self.infra, self.tenant_id)):
            async with self.database.transaction() as tx:
                await tx.emit(ThingCounted(tenant_id=self.tenant_id, thing_id=thing, number=number))
        return thing

    async def relayed(self, topic: str = "thing") -> int:
        return await Relay(self.outbox, self.streams.publisher(), [topic]).turn()

    async def given(self) -> Sequence[Delivery]:
        await self.channel.promote()
        return await self.channel.read(100, 0)

    async def effects(self, thing: UUID) -> list[int]:
        with capability.acting_under(token(self.infra, self.tenant_id)):
            async with self.database.transaction() as tx:
                found = await tx.execute(text("select number from effect where thing_id = :id"), {"id": thing})
                return [row[0] for row in found]


@asynccontextmanager
async def opened(infra: Infra) -> AsyncIterator[World]:
    """Open a world for one test."""
    make_schema(infra)
    database = Database(infra.url_of("svc_kernel", PASSWORD))
    outbox = Outbox(infra.relay_database_url, SCHEMA)
    streams = MemoryStreams()
    channel = streams.channel("thing", "settler")
    await channel.open()
    world = World(infra, database, outbox, streams, Settle(), new_id(), channel)
    await _skip_what_other_tests_left(world)
    yield world
    await database.close()
    await outbox.close()


async def _skip_what_other_tests_left(world: World) -> None:
    for topic in ("thing", "settled"):
        while await world.relayed(topic):
            pass
    await world.channel.ack(await world.channel.read(100_000, 0))


async def handle(world: World, delivery: Delivery) -> bool:
    return bool(await world.handling.handle(world.channel, [delivery]))


async def handle_all(world: World) -> list[bool]:
    return [await handle(world, delivery) for delivery in await world.given()]
