"""The life of one process: a relay and a consumer over the events of one world, until they are settled or it dies."""

import asyncio
import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import text

from libs.common.database.transaction import Database, Transaction
from libs.common.errors import UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError, BrokerUnavailableError, ProblemType
from libs.common.events import Event, key_of
from libs.common.messaging.backoff import Backoff
from libs.common.messaging.consumer import Consumer, ConsumerTiming, Handler
from libs.common.messaging.handling import DeliveryHandler
from libs.common.messaging.inbox import CLAIM_BEAT_S, confirm_claim
from libs.common.messaging.ordered import KeyOrderedHandler
from libs.common.messaging.outbox import Outbox
from libs.common.messaging.relay import Relay
from libs.common.messaging.steps import BatchStep, Step, Subscription
from libs.common.messaging.tests.crash.cut_proxy import CutProxy
from libs.common.messaging.tests.crash.moments import WATCH
from libs.common.messaging.tests.crash.world import AT_WORK, EFFECTS, GROUP, Job, on_topic
from libs.common.streams.redis_channel import RedisChannel
from libs.common.streams.redis_streams import RedisStreams
from libs.common.tests.kernel_world import CATALOGUE, SCHEMA, ThingCounted, ThingSettled

UNWANTED = ProblemType("not-wanted", 403, "No", "No.", is_refusal=True)
PACE = ConsumerTiming(
    block_s=0.05,
    promote_s=0.03,
    sweep_s=0.03,
    audit_s=0.03,
    trim_s=0.05,
    follow_s=0.03,
    down_s=0.02,
    grace_s=0.05,
)
HEALING = replace(PACE, block_s=0.2, promote_s=1.0, sweep_s=0.1, audit_s=1.0, trim_s=1.0)
"""Whoever finishes the work of others is in no hurry: many worlds at a time share a processor."""
LOOK_S = 0.02
OUTAGE_S = {"stream": 0.06, "database": 0.3}
"""So long the server is away: the stream is asked at once, the database after a retry was read."""
DUPLICATE_S = 0.15
SLOW_S = 0.1
LONG_S = CLAIM_BEAT_S + 0.2


async def live(jobs: Sequence[Job], folder: str, says: int) -> None:
    """Run until the worlds are settled, dying on the way at the first job's moment; say how it ended."""
    life = _Life(jobs, Path(folder))
    await life.begin()
    WATCH.arm(jobs[0].die_at, lambda moment: _say(says, moment))
    await life.lived()
    WATCH.armed = False
    _say(says, json.dumps(WATCH.seen))


def _say(says: int, words: str) -> None:
    os.write(says, words.encode())


class _Life:
    def __init__(self, jobs: Sequence[Job], folder: Path) -> None:
        servers = jobs[0].servers
        away = jobs[0].without
        self._proxy = CutProxy(folder, servers.redis_url if away == "stream" else servers.relay_url) if away else None
        through = self._proxy.url if self._proxy else _as_it_is
        to_database, to_stream = (through if away == what else _as_it_is for what in ("database", "stream"))
        self._redis = Redis.from_url(servers.redis_url, decode_responses=True)
        self._database = Database(to_database(servers.database_url))
        self._outbox = Outbox(to_database(servers.relay_url), SCHEMA)
        self._streams = RedisStreams(to_stream(servers.redis_url))
        self._worlds = [
            (
                job,
                self._streams.channel(job.topic, GROUP, ordered=job.what.ordered),
                Settle(job, self._redis, self._proxy),
            )
            for job in jobs
        ]

    async def begin(self) -> None:
        """Begin as the scenario says: with a stream that is away, or a reply that was never heard."""
        if self._proxy:
            self._proxy.close_for(OUTAGE_S[self._worlds[0][0].without])
        for job, channel, _ in self._worlds:
            if job.what.before == "unreleased" and not job.heals:
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
            for job, channel, step in self._worlds:
                pace = replace(HEALING if job.heals else PACE, batch=job.what.batch, concurrency=job.what.concurrency)
                workers.create_task(Consumer(channel, self._handler(job, step), pace).run(stop))
                if job.what.ordered:
                    follower = self._streams.channel(job.topic, GROUP, ordered=True)
                    workers.create_task(Consumer(follower, self._handler(job, step), pace).run(stop))
            # As a process does that commits and has no relay of its own.
            with contextlib.suppress(BrokerUnavailableError):
                await self._streams.publisher().hint(SCHEMA)
            while not all(step.flushes == 0 and is_settled(self._redis, job) for job, _, step in self._worlds):
                await asyncio.sleep(LOOK_S)
            stop.set()
        await self._streams.close()
        await self._database.close()
        await self._outbox.close()

    def _handler(self, job: Job, step: "Settle") -> Handler:
        what = job.what
        answers = _Tally() if what.batch > 1 else step
        steps = {ThingCounted.type: Subscription(ThingCounted, answers, exclusive=what.exclusive, batch=what.batch)}
        patience = Backoff(base_s=0.01, outage_wait_s=0.05, elsewhere_wait_s=0.3)
        handling = DeliveryHandler(self._database, CATALOGUE, steps, patience)
        return KeyOrderedHandler(handling, key_of) if what.ordered else handling


def _as_it_is(url: str) -> str:
    return url


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
    if not redis.exists(f"{{{topic}}}:r:{GROUP}"):
        return False
    if any(redis.xlen(stream) < least for stream, least in enough) or redis.zcard(f"{{{topic}}}:z:{GROUP}"):
        return False
    groups = [group for lane in ("s", f"r:{GROUP}") for group in redis.xinfo_groups(f"{{{topic}}}:{lane}")]
    waiting: int = sum(group["pending"] + (group["lag"] or 0) for group in groups)
    return waiting <= held


@dataclass
class Settle(Step[ThingCounted, int]):
    """Writes the number down; the first time in a process some kinds of events go wrong."""

    job: Job
    redis: Any
    proxy: CutProxy | None = None
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
        await confirm_claim()
        return EFFECTS[kind]

    async def _first_time(self, kind: str) -> None:
        if kind == "hangs-once":
            await asyncio.Event().wait()
        if kind in ("long-once", "slow-once"):
            await asyncio.sleep(LONG_S if kind == "long-once" else SLOW_S)
        if kind == "cuts-once" and self.proxy:
            self.proxy.close_for(OUTAGE_S[self.job.without])
        if kind == "flushes-once":
            self.flushes += 1
            self.redis.delete(*self.redis.keys(f"{{{self.job.topic}}}:*"))
            await asyncio.sleep(DUPLICATE_S)
            self.flushes -= 1
        if kind == "fails-once" or (kind == "cuts-once" and self.job.without == "stream"):
            raise AppError(UPSTREAM_FAILED, "it may pass", retry_after_s=None)

    async def record(self, event: ThingCounted, result: int, tx: Transaction) -> Sequence[Event]:
        await tx.execute(
            text("insert into effect (tenant_id, thing_id, number) values (:org, :thing, :number)"),
            {"org": event.tenant_id, "thing": event.thing_id, "number": result},
        )
        return [on_topic(ThingSettled, self.job.settled)(**event.model_dump(exclude={"number"}))]

    async def on_failure(self, event: ThingCounted, error: AppError, tx: Transaction) -> Sequence[Event]:
        return await self.record(event, EFFECTS[self.job.things[str(event.thing_id)]], tx)


class _Tally(BatchStep[ThingCounted]):
    """Tallies many at once; numbers below zero want to be alone."""

    async def record_all(self, events: Sequence[ThingCounted], tx: Transaction) -> None:
        if len(events) > 1 and any(event.number < 0 for event in events):
            raise ValueError
        rows = [{"thing": event.thing_id, "number": event.number} for event in events]
        await tx.execute(text("insert into tally (thing_id, number) values (:thing, :number)"), rows)
