"""What the relay moves and when it rather waits; how the outbox is kept as an archive."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import psycopg
import pytest
from prometheus_client import REGISTRY

from libs.common import capability
from libs.common.database.transaction import Database
from libs.common.errors import AppError
from libs.common.events import TOO_LARGE, Envelope, UnreadableError
from libs.common.ids import new_id
from libs.common.messaging.outbox import Outbox
from libs.common.messaging.relay import Archive, Relay
from libs.common.messaging.tests.conftest import Closing
from libs.common.streams.memory import MemoryStreams
from libs.common.streams.port import HELD_BACK
from libs.common.streams.redis_streams import RedisStreams
from libs.common.tests.kernel_world import CATALOGUE, PASSWORD, SCHEMA, ThingCounted, make_schema, token
from libs.common.waiting import wait_within
from libs.devstack.conditions import until_seen
from libs.devstack.infra import Infra

HINT_AGAIN_S = 0.02


@dataclass
class World:
    """An outbox and streams in memory that know nothing of it yet."""

    infra: Infra
    database: Database
    outbox: Outbox
    streams: MemoryStreams = field(default_factory=MemoryStreams)

    async def count(self, *numbers: int) -> list[UUID]:
        tenant_id = new_id()
        things = [new_id() for _ in numbers]
        with capability.acting_under(token(self.infra, tenant_id)):
            async with self.database.transaction() as tx:
                await tx.emit(
                    *[
                        ThingCounted(tenant_id=tenant_id, thing_id=thing, number=number)
                        for thing, number in zip(things, numbers, strict=True)
                    ]
                )
        return things

    def relay(self, *, rebuild: bool = True) -> Relay:
        return Relay(self.outbox, self.streams.publisher(), ["thing"], Archive(90, rebuild))

    async def all_moved(self) -> int:
        moved = 0
        while turn := await self.relay().turn():
            moved += turn
        return moved

    @property
    def published(self) -> list[Envelope]:
        return [Envelope.from_json(fields["d"]) for fields in self.streams.entries.get("thing", [])]

    def asked(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.infra.admin_url, autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()


@pytest.fixture
async def world(infra: Infra) -> AsyncIterator[World]:
    make_schema(infra)
    database = Database(infra.url_of("svc_kernel", PASSWORD))
    outbox = Outbox(infra.relay_database_url, SCHEMA)
    yield World(infra, database, outbox)
    await database.close()
    await outbox.close()


async def test_what_the_database_writes_on_the_stream_is_the_envelope_of_the_fact(world: World) -> None:
    await world.all_moved()
    before = len(world.published)
    (thing,) = await world.count(7)

    await world.all_moved()

    (envelope,) = world.published[before:]

    assert CATALOGUE.read(envelope).payload() == dict(envelope.payload)
    assert (envelope.payload["number"], envelope.key, envelope.version) == (7, str(thing), 1)
    assert "capability" in envelope.headers


@pytest.mark.parametrize("repeated", [False, True], ids=["large as it is", "large when it is unpacked"])
async def test_a_fact_too_large_to_be_one_is_named_on_the_stream_and_those_behind_it_go_on(
    world: World, repeated: bool
) -> None:
    await world.all_moved()
    before = len(world.streams.entries.get("thing", []))
    large = (
        "repeat('x', 20000000)"
        if repeated
        else "(select string_agg(md5(n::text), '') from generate_series(1, 100000) n)"
    )
    (large_id,) = world.asked(
        "insert into kernel.outbox (id, topic, key, type, version, payload, headers) values (gen_random_uuid(), "
        f"'thing', 'k', 'thing.counted', 1, jsonb_build_object('a', {large}), '{{}}') returning id::text"
    )[0]
    (thing,) = await world.count(7)

    await world.all_moved()

    stand_in, fact = (entry["d"] for entry in world.streams.entries["thing"][before:])
    with pytest.raises(UnreadableError) as refused:
        Envelope.from_json(stand_in)
    assert (refused.value.why, len(stand_in) < 1000, str(large_id) in stand_in) == (TOO_LARGE, True, True)
    assert Envelope.from_json(fact).key == str(thing)
    # Other tests read this archive from its beginning.
    world.asked("delete from kernel.outbox where id = %s returning 1", large_id)


async def test_streams_that_lost_everything_are_filled_again_from_the_archive(world: World) -> None:
    await world.count(1, 2, 3)
    kept = await world.all_moved()

    world.streams = MemoryStreams()

    assert await world.all_moved() == kept >= 3


async def test_where_an_operator_decides_lost_streams_stay_empty_until_the_cursor_is_set(world: World) -> None:
    await world.count(1)
    held = await world.relay(rebuild=False).turn()
    (behind,) = await world.outbox.after({"thing": ""})

    await world.streams.publisher().publish("thing", "", f"{behind.sysid}:0:0", [])
    moved = await world.relay(rebuild=False).turn()

    assert (held, moved >= 1) == (0, True)


async def test_a_relay_says_when_it_last_saw_both_sides_and_not_when_one_was_away(world: World) -> None:
    nowhere = Outbox("postgresql+psycopg://nobody:nothing@127.0.0.1:1/nowhere", SCHEMA)
    began = time.time()
    await world.relay().turn()
    seen = REGISTRY.get_sample_value("events_relay_last_poll_seconds")

    with pytest.raises(AppError):
        await Relay(nowhere, world.streams.publisher(), ["thing"], Archive(90)).turn()
    await nowhere.close()

    assert seen is not None
    assert seen >= began
    assert REGISTRY.get_sample_value("events_relay_last_poll_seconds") == seen


@pytest.mark.parametrize("foreign", ["1:1:1", "{sysid}:99999999999:1"], ids=["another cluster", "a lost future"])
async def test_a_cursor_of_another_database_or_of_a_future_it_never_had_stops_the_relay(
    world: World, foreign: str
) -> None:
    await world.count(1)
    (behind,) = await world.outbox.after({"thing": ""})
    await world.streams.publisher().publish("thing", "", foreign.format(sysid=behind.sysid), [])

    assert await world.relay().turn() == 0
    assert world.published == []


async def test_while_a_group_is_far_behind_the_rest_waits_in_the_outbox(world: World) -> None:
    slow = world.streams.channel("thing", "slow")
    await slow.open()
    await world.count(1, 2, 3)
    await world.all_moved()
    world.streams.lag_max = 2
    await world.count(4)

    held = await world.all_moved()
    await slow.ack(await slow.read(100_000, 0))

    assert (held, await world.all_moved()) == (0, 1)


async def test_a_real_stream_holds_back_the_same_way(infra: Infra) -> None:
    real, topic = RedisStreams(infra.redis_url, lag_max=2), f"topic-{uuid4().hex}"
    slow = real.channel(topic, "slow")
    await slow.open()
    await real.publisher().publish(topic, "", "1", ["a", "b", "c"])

    held = await real.publisher().publish(topic, "1", "2", ["d"])
    await slow.read(2, 0)
    moved = await real.publisher().publish(topic, "1", "2", ["d"])

    await slow.close()
    await real.close()

    assert (held, moved) == (HELD_BACK, "2")


async def test_a_hint_of_another_process_wakes_who_listens(infra: Infra, closing: Closing) -> None:
    here, there = RedisStreams(infra.redis_url), RedisStreams(infra.redis_url)
    closing(here, there)
    heard = asyncio.Event()

    async def listen() -> None:
        async for _ in here.publisher().hints("an-outbox"):
            heard.set()

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(10):
        # Again, for a hint that came before the listener is lost, as hints may be.
        while not await wait_within(heard, HINT_AGAIN_S):
            await there.publisher().hint("an-outbox")
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)

    assert heard.is_set()


async def test_the_archive_has_partitions_for_the_coming_weeks_and_drops_old_ones_only_once_published(
    world: World,
) -> None:
    with psycopg.connect(world.infra.admin_url, autocommit=True) as connection:
        connection.execute(
            "create table kernel.outbox_2020w10 partition of kernel.outbox"
            " for values from ('2020-03-02+0') to ('2020-03-09+0')"
        )
        connection.execute("alter table kernel.outbox_2020w10 owner to owner_kernel")
    world.asked(
        "insert into kernel.outbox (id, topic, key, type, version, payload, headers, at)"
        " values (gen_random_uuid(), 'old', 'k', 'thing.counted', 1, '{}', '{}', '2020-03-04') returning 1"
    )
    (row,) = world.asked("select max(xid)::text from kernel.outbox_2020w10")
    last = int(str(row[0]))

    unpublished = await world.outbox.keep(90, last)
    published = await world.outbox.keep(90, last + 1)

    (weeks,) = world.asked("select count(*) from pg_inherits where inhparent = 'kernel.outbox'::regclass")

    assert (unpublished, published) == ((0, 0), (0, 1))
    assert weeks == (4,)


async def test_old_inbox_rows_are_forgotten_a_month_after_their_archive(world: World) -> None:
    world.asked(
        "insert into kernel.inbox (grp, event_id, at) values ('old', gen_random_uuid(), now() - interval '119 days'),"
        " ('old', gen_random_uuid(), now() - interval '121 days') returning 1"
    )

    await world.outbox.keep(90, 0)

    assert world.asked("select count(*) from kernel.inbox where grp = 'old'") == [(1,)]


async def test_the_relay_is_told_how_old_the_oldest_write_transaction_is_and_nothing_else_of_it(world: World) -> None:
    with psycopg.connect(world.infra.admin_url) as writer:
        writer.execute("insert into kernel.inbox (grp, event_id) values ('held', gen_random_uuid())")

        async def is_seen_to_age() -> bool:
            return await world.outbox.oldest_write_s() >= 0.05

        await until_seen(is_seen_to_age)

        assert await is_seen_to_age()
        writer.rollback()
