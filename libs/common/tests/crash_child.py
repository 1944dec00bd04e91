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
from libs.common.redis_streams import RedisStreams
from libs.common.relay import Relay
from libs.common.steps import Step, Subscription
from libs.common.tests.crash_moments import WATCH
from libs.common.tests.crash_world import AT_WORK, EFFECTS, GROUP, Job
from libs.common.tests.kernel_world import CATALOGUE, SCHEMA, ThingCounted, ThingSettled

UNWANTED = ProblemType("not-wanted", 403, "No", "No.", is_refusal=True)
PACE = Pace(
    concurrency=4,
    block_s=0.05,
    promote_s=0.01,
    sweep_s=0.02,
    audit_s=0.02,
    alone_s=0.01,
    measure_s=0.03,
    trim_s=0.03,
    down_s=0.02,
    grace_s=0.05,
)
LOOK_S = 0.005
OUTAGE_S = 0.06
TWIN_S = 0.15


async def live(job: Job, folder: str, says: int) -> None:
    """Run until the world is settled, dying on the way at `job.die_at`; say how it ended."""
    life = await _Life.begun(job, folder)
    WATCH.arm(job.die_at, job.occurrence, lambda moment: os.write(says, moment.encode()) and None)
    await life.lived()
    WATCH.armed = False
    os.write(says, json.dumps(WATCH.seen).encode())


class _Life:
    def __init__(self, job: Job, redis_url: str) -> None:
        self._job = job
        self._redis = Redis.from_url(job.servers.redis_url, decode_responses=True)
        self.database = Database(job.servers.database_url)
        self.outbox = Outbox(job.servers.relay_url, SCHEMA)
        self.streams = RedisStreams(redis_url)
        self.channel = self.streams.channel(job.topic, GROUP)
        self.step = _Settle(job, self._redis)

    @classmethod
    async def begun(cls, job: Job, folder: str) -> "_Life":
        """Begin, with a stream that is away at first where the scenario says so."""
        if not job.what.outage or job.heals:
            life = cls(job, job.servers.redis_url)
        else:
            door = Door(Path(folder) / "door", job.servers.redis_url)
            life = cls(job, door.url)
            life.step.door = door
            door.close_for(OUTAGE_S)
        if job.what.before == "unheard" and not job.heals:
            await life.miss_a_reply()
        return life

    async def miss_a_reply(self) -> None:
        """Let the server believe that this consumer got what was never heard here, some time ago."""
        await self.channel.open()
        stream, me = f"{{{self._job.topic}}}:s", self.channel.consumer
        found: Any = self._redis.xreadgroup(GROUP, me, {stream: ">"}, count=10)
        ids = [entry_id for _, entries in found for entry_id, _ in entries]
        self._redis.xclaim(stream, GROUP, me, 0, ids, idle=60_000, justid=True)

    async def lived(self) -> None:
        """Relay and consume until nothing is left to do."""
        job = self._job
        relay = Relay(self.outbox, self.streams.publisher(), [job.topic, job.settled])
        self.database.on_emitted = relay.wake
        steps = {ThingCounted.type: Subscription(ThingCounted, self.step)}
        handling = Handling(self.database, CATALOGUE, steps, Backoff(base_s=0.01, outage_wait_s=0.05))
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as workers:
            workers.create_task(relay.run(stop))
            workers.create_task(Consumer(self.channel, handling, PACE).run(stop))
            while not self._is_settled():
                await asyncio.sleep(LOOK_S)
            stop.set()
        await self.streams.close()
        await self.database.close()
        await self.outbox.close()

    def _is_settled(self) -> bool:
        job, redis, topic = self._job, self._redis, self._job.topic
        held = 0 if job.heals else sum(kind == "hangs-once" for kind in job.things.values())
        if self.step.flushes or redis.xlen(f"{{{topic}}}:dlq:{GROUP}") < job.dead:
            return False
        if redis.xlen(f"{{{job.settled}}}:s") < len(job.effects) - held:
            return False
        if redis.xlen(f"{{{topic}}}:s") < len(job.things):
            return False
        waiting = 0
        for lane in ("s", f"r:{GROUP}"):
            groups: Any = redis.xinfo_groups(f"{{{topic}}}:{lane}")
            waiting += sum(group["pending"] + (group["lag"] or 0) for group in groups)
        return waiting <= held and not redis.zcard(f"{{{topic}}}:z:{GROUP}")


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
