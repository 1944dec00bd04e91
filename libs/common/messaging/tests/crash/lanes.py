"""Makes worlds, has processes live and die in them, and looks at what is left."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, LiteralString, cast
from uuid import UUID, uuid4

import psycopg
from redis.asyncio import Redis

from libs.common import capability
from libs.common.database.transaction import Database
from libs.common.errors import UPSTREAM_REFUSED, AppError
from libs.common.events import Envelope, Event
from libs.common.ids import new_id
from libs.common.messaging.consumer import ISOLATED_MAX
from libs.common.messaging.inbox import Inbox
from libs.common.messaging.job import Job as Given
from libs.common.messaging.outbox import Outbox
from libs.common.messaging.relay import Relay
from libs.common.messaging.retries_exhausted import record_failure
from libs.common.messaging.steps import Subscription
from libs.common.messaging.tests.crash.child import Settle
from libs.common.messaging.tests.crash.world import AT_WORK, GROUP, UNREADABLE, Job, Scenario, Servers, on_topic
from libs.common.streams.consumer_name import new_consumer_name
from libs.common.streams.redis_streams import RedisStreams
from libs.common.tests.kernel_world import CATALOGUE, PASSWORD, SCHEMA, ThingCounted, make_schema, token
from libs.devstack.conditions import until_seen
from libs.devstack.infra import Infra

_EFFECTS = "select thing_id::text || ' ' || number from kernel.effect where thing_id = any(%s)"
_TALLIED = "select thing_id::text from kernel.tally where thing_id = any(%s)"
_FACTS = "select payload ->> 'thing_id' from kernel.outbox where topic = %s"
_INBOX = (
    "select o.payload ->> 'thing_id' from kernel.inbox i join kernel.outbox o on o.id = i.event_id where o.topic = %s"
)
_CLAIMS = "select count(*) from kernel.claim where event_id in (select id from kernel.outbox where topic = %s)"
_CLAIM = (
    "insert into kernel.claim (grp, event_id, epoch, holder, until) select %s, id, 0, %s, "
    "clock_timestamp() + make_interval(secs => %s) from kernel.outbox where topic = %s and payload ->> 'thing_id' = %s"
)
LINE_BYTES_MAX = 4 * 1024 * 1024
KILLED = -9
RELAYED_WITHIN_S = 30


@dataclass(frozen=True)
class Ending:
    """How a process ended (0: it finished) and, if it was killed at a moment, which; else the moments it passed."""

    code: int
    died_at: str
    passed: Mapping[str, int]


@dataclass(frozen=True)
class Verdict:
    """Effects and facts that are missing, those that are there once too often, and all that is not as it must be.

    `left_behind` counts what does no harm but stays: claims and marks of entries that were done.
    """

    lost: int
    twice: int
    left_behind: int
    wrong: Mapping[str, object]


@dataclass
class WarmProcess:
    """One warm process that forks the ones that live and die, one at a time."""

    process: asyncio.subprocess.Process

    async def live(self, *jobs: Job) -> Ending:
        """Have one process live through the jobs, all at a time; a process that is to die has one."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([asdict(job) for job in jobs]).encode() + b"\n")
        await self.process.stdin.drain()
        code, last_words = json.loads(await self.process.stdout.readline())
        if code == 0:
            return Ending(code, "", json.loads(last_words))
        return Ending(code, last_words, {})


@asynccontextmanager
async def lane() -> AsyncIterator[WarmProcess]:
    """Start a warm process, and end it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "libs.common.messaging.tests.crash.process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES_MAX,
    )
    try:
        yield WarmProcess(process)
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()


@dataclass
class Worlds:
    """Makes a world per crash, each on topics of its own, and judges it in the end."""

    infra: Infra
    database: Database
    outbox: Outbox
    streams: RedisStreams
    redis: Redis
    books: psycopg.AsyncConnection[tuple[Any, ...]]
    tenant_id: UUID
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def made(self, scenario: Scenario, lane: WarmProcess, die_at: str = "") -> Job:
        """Commit the scenario's events to the outbox, and leave things as a consumer before has left them."""
        servers = Servers(self.database_url, self.infra.relay_database_url, self.infra.redis_url)
        things = {str(new_id()): kind for kind in scenario.kinds}
        topic = f"crash-{uuid4().hex}"
        job = Job(servers, str(self.tenant_id), topic, scenario.name, things, die_at)
        with capability.acting_under(token(self.infra, self.tenant_id)):
            async with self.database.transaction() as tx:
                await tx.emit(
                    *(self._event(topic, thing, kind) for thing, kind in things.items() if kind not in UNREADABLE)
                )
        for kind in UNREADABLE:
            if kind in scenario.kinds:
                await self.redis.xadd(f"{{{topic}}}:s", cast(Any, UNREADABLE[kind]))
        if scenario.before in ("killed", "unreleased", "failure-recorded"):
            await self._relayed(job.topic)
        if scenario.before == "killed":
            await self._taken_and_not_finished(job)
        if scenario.before == "failure-recorded":
            await self._on_failure_ran_and_not_dead_lettered(job)
        if scenario.before == "claimed":
            await self._claimed_by_others(job)
        if scenario.before == "died":
            await self._died_at_work(job, lane)
        return job

    @property
    def database_url(self) -> str:
        """The database as the kernel's test role."""
        return self.infra.url_of("svc_kernel", PASSWORD)

    async def verdict(self, job: Job, last: Ending) -> Verdict:
        """Compare what is there with what must be there once the job is done."""
        things, numbers = await self._things(job), await self._numbers(job)
        must = _must_things(job)
        wrong: dict[str, object] = {name: found for name, found in things.items() if found != must[name]}
        wrong |= {name: found for name, found in numbers.items() if found != _must_numbers(job)[name]}
        if last.code != 0:
            wrong["the last process ended with"] = last.code
        lost = sum((must[name] - found).total() for name, found in things.items())
        twice = sum((found - must[name]).total() for name, found in things.items())
        claims: list[int] = await self._column(_CLAIMS, job.topic)
        marks = await self.redis.hlen(f"{{{job.topic}}}:solo:{GROUP}")
        return Verdict(lost, twice, claims[0] + marks, wrong)

    async def _things(self, job: Job) -> dict[str, Counter[str]]:
        return {
            "effects": Counter(await self._column(_EFFECTS, list(job.things))),
            "tallied": Counter(await self._column(_TALLIED, list(job.things))),
            "inbox": Counter(await self._column(_INBOX, job.topic)),
            "facts written": Counter(await self._column(_FACTS, job.settled)),
            "facts published": Counter(await self._things_on(job.settled)),
            "events published": Counter(await self._things_on(job.topic)),
        }

    async def _numbers(self, job: Job) -> dict[str, int]:
        topic, redis = job.topic, self.redis
        return {
            "pending": await self._pending(f"{{{topic}}}:s") + await self._pending(f"{{{topic}}}:r:{GROUP}"),
            "parked": await redis.zcard(f"{{{topic}}}:z:{GROUP}") + await redis.hlen(f"{{{topic}}}:zp:{GROUP}"),
            "dead letters": await redis.xlen(f"{{{topic}}}:dlq:{GROUP}"),
        }

    async def _relayed(self, topic: str) -> None:
        """Publish the events, as soon as no older transaction of another world is open."""
        relay = Relay(self.outbox, self.streams.publisher(), [topic])
        async with self._turn:
            await until_seen(relay.turn, RELAYED_WITHIN_S)

    async def _taken_and_not_finished(self, job: Job) -> None:
        """A consumer took what is not slow and was killed; some it had run alone too often, though one was applied."""
        channel = self.streams.channel(job.topic, GROUP, ordered=job.what.ordered)
        await channel.open()
        quick = [kind for kind in job.things.values() if kind != "slow-once"]
        for delivery in await channel.read(len(quick), 0):
            body = json.loads(delivery.body)
            kind = job.things[body["payload"]["thing_id"]]
            for _ in range(ISOLATED_MAX if "poison" in kind else 0):
                await channel.mark_isolated(delivery)
            if kind == "applied-poison":
                async with self.database.without_capability() as tx:
                    await Inbox(self.database, GROUP).enter(tx, [(UUID(body["id"]), 0)])
        await channel.close()

    async def _on_failure_ran_and_not_dead_lettered(self, job: Job) -> None:
        """A consumer gave the first event up, and was killed before it was among the dead letters."""
        channel = self.streams.channel(job.topic, GROUP)
        await channel.open()
        delivery, *_ = await channel.read(len(job.things), 0)
        subscription = Subscription(ThingCounted, Settle(job, self.redis))
        given = Given(channel, delivery, Envelope.from_json(delivery.body), subscription)
        refused = AppError(UPSTREAM_REFUSED, "refused for good")
        assert await record_failure(self.database, CATALOGUE, given, refused) is None
        await channel.close()

    async def _claimed_by_others(self, job: Job) -> None:
        """A process of this host that is gone was at one event, and somebody on another host is at the other."""
        host, namespace, pid, _, rest = new_consumer_name().split("|")
        gone, elsewhere = (
            "|".join((host, namespace, pid, "0", rest)),
            "|".join(("elsewhere", namespace, pid, "0", rest)),
        )
        for thing, kind in job.things.items():
            here = kind == "claimed"
            values = (GROUP, gone if here else elsewhere, 60.0 if here else 0.2, job.topic, thing)
            await self.books.execute(_CLAIM, values)

    async def _died_at_work(self, job: Job, lane: WarmProcess) -> None:
        """A process was killed while it worked on the events."""
        ending = await lane.live(replace(job, die_at=AT_WORK))
        assert (ending.code, ending.died_at) == (KILLED, AT_WORK)

    async def _column(self, query: LiteralString, value: object) -> list[Any]:
        return [row[0] for row in await (await self.books.execute(query, [value])).fetchall()]

    async def _things_on(self, topic: str) -> list[str]:
        """Return the thing of each entry of a stream."""
        entries: Any = await self.redis.xrange(f"{{{topic}}}:s")
        bodies = [fields.get("d", "") for _, fields in entries]
        return [json.loads(body)["payload"]["thing_id"] if body.startswith("{") else "-" for body in bodies]

    async def _pending(self, lane: str) -> int:
        """Return how many entries the lane's group has pending; 1 where there is no group yet."""
        groups = await self.redis.xinfo_groups(lane) if await self.redis.exists(lane) else []
        return int(groups[0]["pending"]) if groups else 1

    def _event(self, topic: str, thing: str, kind: str) -> Event:
        number = -1 if kind == "tallied-alone" else 1
        return on_topic(ThingCounted, topic)(tenant_id=self.tenant_id, thing_id=UUID(thing), number=number)


@asynccontextmanager
async def worlds(infra: Infra) -> AsyncIterator[Worlds]:
    """Open what worlds are made and judged with, and give it back."""
    make_schema(infra)
    database = Database(infra.url_of("svc_kernel", PASSWORD))
    outbox, streams = Outbox(infra.relay_database_url, SCHEMA), RedisStreams(infra.redis_url)
    redis = Redis.from_url(infra.redis_url, decode_responses=True)
    async with await psycopg.AsyncConnection.connect(infra.admin_url, autocommit=True) as books:
        try:
            yield Worlds(infra, database, outbox, streams, redis, books, new_id())
        finally:
            await redis.aclose()
            await streams.close()
            await outbox.close()
            await database.close()


def _must_things(job: Job) -> dict[str, Counter[str]]:
    once = Counter(dict.fromkeys(job.effects, 1))
    readable = [thing for thing, kind in job.things.items() if kind not in UNREADABLE]
    return {
        "effects": Counter({f"{thing} {number}": 1 for thing, number in job.effects.items()}),
        "tallied": Counter(job.tallied),
        "inbox": Counter(readable),
        "facts written": once,
        "facts published": once,
        "events published": Counter(readable + ["-"] * (len(job.things) - len(readable))),
    }


def _must_numbers(job: Job) -> dict[str, int]:
    return {"pending": 0, "parked": 0, "dead letters": job.dead}
