"""The life of one process: a relay and a consumer over the events of one world, until they are settled or it dies."""

import asyncio
import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from sqlalchemy import text

from libs.common.backoff import Backoff
from libs.common.consumer import Consumer, Pace
from libs.common.database import Database, Transaction
from libs.common.errors import UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError, ProblemType
from libs.common.events import Event
from libs.common.handling import Handling
from libs.common.outbox import Outbox
from libs.common.redis_streams import RedisChannel, RedisStreams
from libs.common.relay import Relay
from libs.common.steps import Step, Subscription
from libs.common.tests.crash_moments import WATCH
from libs.common.tests.crash_world import AT_WORK, EFFECTS, GROUP, Job
from libs.common.tests.kernel_world import CATALOGUE, SCHEMA, ThingCounted, ThingSettled

UNWANTED = ProblemType("not-wanted", 403, "No", "No.", is_refusal=True)
PACE = Pace(
    concurrency=4,
    block_s=0.05,
    promote_s=0.02,
    sweep_s=0.03,
    audit_s=0.03,
    alone_s=0.01,
    measure_s=0.03,
    trim_s=0.03,
    down_s=0.02,
    grace_s=0.05,
)
LOOK_S = 0.02
OUTAGE_S = 0.06
TWIN_S = 0.15


async def live(jobs: Sequence[Job], folder: str, says: int) -> None:
    """Run until the worlds are settled, dying on the way at the first job's moment; say how it ended."""
    life = _Life(jobs, Path(folder))
    await life.begin()
    WATCH.arm(jobs[0].die_at, lambda moment: os.write(says, moment.encode()) and None)
    await life.lived()
    WATCH.armed = False
    os.write(says, json.dumps(WATCH.seen).encode())


class _Life:
    def __init__(self, jobs: Sequence[Job], folder: Path) -> None:
        servers = jobs[0].servers
        self._door = Door(folder / "door", servers.redis_url) if any(job.meets_outage for job in jobs) else None
        self._redis = Redis.from_url(servers.redis_url, decode_responses=True)
        self._database = Database(servers.database_url)
        self._outbox = Outbox(servers.relay_url, SCHEMA)
        self._streams = RedisStreams(self._door.url if self._door else servers.redis_url)
        self._worlds = [(job, self._streams.channel(job.topic, GROUP), self._step(job)) for job in jobs]

    async def begin(self) -> None:
        """Begin as the scenario says: with a stream that is away, or a reply that was never heard."""
        if self._door:
            self._door.close_for(OUTAGE_S)
        for job, channel, _ in self._worlds:
            if job.what.before == "unheard" and not job.heals:
                await channel.open()
                _lose_a_reply(self._redis, channel)

    async def lived(self) -> None:
        """Relay and consume until nothing is left to do."""
        topics = [topic for job, _, _ in self._worlds for topic in (job.topic, job.settled)]
        relay = Relay(self._outbox, self._streams.publisher(), topics)
        self._database.on_emitted = relay.wake
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as workers:
            workers.create_task(relay.run(stop))
            for _, channel, step in self._worlds:
                workers.create_task(Consumer(channel, self._handling(step), PACE).run(stop))
            while not all(step.flushes == 0 and is_settled(self._redis, job) for job, _, step in self._worlds):
                await asyncio.sleep(LOOK_S)
            stop.set()
        await self._streams.close()
        await self._database.close()
        await self._outbox.close()

    def _step(self, job: Job) -> "_Settle":
        return _Settle(job, self._redis, self._door)

    def _handling(self, step: "_Settle") -> Handling:
        steps = {ThingCounted.type: Subscription(ThingCounted, step)}
        return Handling(self._database, CATALOGUE, steps, Backoff(base_s=0.01, outage_wait_s=0.05))


def _lose_a_reply(redis: Any, channel: RedisChannel) -> None:
    """Let the server believe that this consumer got what was never heard here, some time ago."""
    stream = f"{{{channel.topic}}}:s"
    found = redis.xreadgroup(GROUP, channel.consumer, {stream: ">"}, count=10)
    ids = [entry_id for _, entries in found for entry_id, _ in entries]
    redis.xclaim(stream, GROUP, channel.consumer, 0, ids, idle=60_000, justid=True)


def is_settled(redis: Any, job: Job) -> bool:
    """Tell whether a world has all facts and dead letters that it must have, and nothing waiting."""
    topic = job.topic
    held = 0 if job.heals else sum(kind == "hangs-once" for kind in job.things.values())
    enough = (
        (f"{{{job.settled}}}:s", len(job.effects) - held),
        (f"{{{topic}}}:dlq:{GROUP}", job.dead),
        (f"{{{topic}}}:s", len(job.things)),
    )
    if any(redis.xlen(stream) < least for stream, least in enough) or redis.zcard(f"{{{topic}}}:z:{GROUP}"):
        return False
    groups = [group for lane in ("s", f"r:{GROUP}") for group in redis.xinfo_groups(f"{{{topic}}}:{lane}")]
    return sum(group["pending"] + (group["lag"] or 0) for group in groups) <= held


@dataclass
class _Settle(Step[ThingCounted, int]):
    """Writes the number down; the first time in a process some kinds of events go wrong."""

    job: Job
    redis: Any
    door: "Door | None" = None
    flushes: int = 0
    met: set[str] = field(default_factory=set)

    async def work(self, event: ThingCounted) -> int:
        thing = str(event.thing_id)
        kind = self.job.things[thing]
        await asyncio.sleep(0)
        WATCH.passed(AT_WORK)
        if kind == "refused":
            raise AppError(UPSTREAM_REFUSED, "refused for good")
        if kind == "unwanted":
            raise AppError(UNWANTED, "not wanted")
        if thing not in self.met and not self.job.heals:
            self.met.add(thing)
            await self._first_time(kind)
        return EFFECTS[kind]

    async def _first_time(self, kind: str) -> None:
        if kind == "hangs-once":
            await asyncio.Event().wait()
        if kind == "cuts-once" and self.door:
            self.door.close_for(OUTAGE_S)
        if kind == "flushes-once":
            self.flushes += 1
            self.redis.delete(*self.redis.keys(f"{{{self.job.topic}}}:*"))
            await asyncio.sleep(TWIN_S)
            self.flushes -= 1
        if kind in ("fails-once", "cuts-once"):
            raise AppError(UPSTREAM_FAILED, "it may pass", retry_after_s=None)

    async def record(self, event: ThingCounted, result: int, tx: Transaction) -> Sequence[Event]:
        await tx.execute(
            text("insert into effect (organization_id, thing_id, number) values (:org, :thing, :number)"),
            {"org": event.organization_id, "thing": event.thing_id, "number": result},
        )
        return [on_topic(ThingSettled, self.job.settled)(**event.model_dump(exclude={"number"}))]

    async def give_up(self, event: ThingCounted, error: AppError, tx: Transaction) -> Sequence[Event]:
        return await self.record(event, EFFECTS[self.job.things[str(event.thing_id)]], tx)


def on_topic(kind: type[Event], topic: str) -> type[Event]:
    """Return the same event on a topic that no other world has."""
    return type(kind.__name__, (kind,), {"topic": topic, "__module__": __name__})


class Door:
    """A way to the stream that can be shut: connections are cut, and new ones are refused until it opens again."""

    def __init__(self, path: Path, redis_url: str) -> None:
        self.path = path
        self._to = urlsplit(redis_url)
        self._open: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The stream as it is reached through this door."""
        return f"unix://:{self._to.password or ''}@{self.path}"

    def close_for(self, seconds: float) -> None:
        """Shut the door now, and open it after that time."""
        if self._server is not None:
            self._server.close()
            self.path.unlink(missing_ok=True)
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()
        self._opening = asyncio.create_task(self._opened_after(seconds))

    async def _opened_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._to.scheme == "unix":
            behind = await asyncio.open_unix_connection(self._to.path)
        else:
            behind = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._open += [writer, behind[1]]
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(_pump(reader, behind[1]), _pump(behind[0], writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()
