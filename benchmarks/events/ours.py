"""Our processes: `python -m benchmarks.events.ours ROLE ...`, each with the connections that the environment names.

Workers: noop EVERY, hold, timed, effects, relay. Senders: fill COUNT, drip COUNT RATE SEED, commit COUNT RATE SEED.
"""

import asyncio
import os
import sys
import time
from uuid import UUID

from benchmarks.events import kernel
from benchmarks.events.programs import marks
from libs.common import capability
from libs.common.clock import utc_now
from libs.common.consumer import Consumer, Handler
from libs.common.database import Database
from libs.common.events import Envelope
from libs.common.handling import Handling
from libs.common.ids import new_id
from libs.common.log import configure_logging
from libs.common.outbox import Outbox
from libs.common.redis_streams import RedisStreams
from libs.common.relay import Relay
from libs.common.steps import Subscription
from libs.common.tests.kernel_world import CATALOGUE, SCHEMA, ThingCounted

TOPIC = ThingCounted.topic
FILL_MAX = 500
HOLD_WINDOW = 8


def main() -> None:
    """Play the role until killed, or until all is sent."""
    configure_logging("bench", "info")
    asyncio.run(_play(*sys.argv[1:]))


async def _play(role: str, *arguments: str) -> None:
    if role == "fill":
        await _fill(int(arguments[0]))
    elif role in ("drip", "commit"):
        send = _drip if role == "drip" else _commit
        await send(int(arguments[0]), float(arguments[1]), int(arguments[2]))
    elif role == "relay":
        outbox = Outbox(os.environ["BENCH_RELAY_URL"], SCHEMA)
        await Relay(outbox, _streams().publisher(), [TOPIC]).run(asyncio.Event())
    else:
        await _consume(role, arguments)


async def _consume(role: str, arguments: tuple[str, ...]) -> None:
    handlers: dict[str, Handler] = {"hold": kernel.Hold(), "timed": kernel.Timed()}
    if role == "noop":
        handlers[role] = kernel.NoOp(every=int(arguments[0]))
    if role == "effects":
        lines = {ThingCounted.type: Subscription(ThingCounted, kernel.Count())}
        handlers[role] = Handling(Database(os.environ["BENCH_DATABASE_URL"]), CATALOGUE, lines)
    window = {"hold": HOLD_WINDOW}.get(role, kernel.WINDOW)
    channel = _streams().channel(TOPIC, SCHEMA)
    await Consumer(channel, handlers[role], kernel.pace(window)).run(asyncio.Event())


async def _fill(count: int) -> None:
    """Publish no-ops as the relay does, some hundred to a script."""
    publisher = _streams().publisher()
    cursor = await publisher.cursor(TOPIC)
    body = _envelope(0)
    for first in range(0, count, FILL_MAX):
        bodies = [body] * min(FILL_MAX, count - first)
        cursor = await publisher.publish(TOPIC, cursor, f"bench:{time.time_ns()}:0", bodies)


async def _drip(count: int, rate: float, seed: int) -> None:
    publisher = _streams().publisher()
    cursor = await publisher.cursor(TOPIC)
    for pause in marks.drips(count, rate, seed):
        await asyncio.sleep(pause)
        sent = time.monotonic_ns()
        cursor = await publisher.publish(TOPIC, cursor, f"bench:{sent}:0", [_envelope(sent)])


async def _commit(count: int, rate: float, seed: int) -> None:
    """Commit one fact a time, as an api process does: the relay is another process and hears of it by looking.

    The fact carries the time before it is emitted, so the commit itself is within what is measured.
    """
    database = Database(os.environ["BENCH_DATABASE_URL"])
    organization_id = UUID(os.environ["BENCH_ORGANIZATION"])
    with capability.holding(os.environ["BENCH_CAPABILITY"]):
        for pause in marks.drips(count, rate, seed):
            await asyncio.sleep(pause)
            async with database.transaction() as tx:
                fact = ThingTimed(
                    organization_id=organization_id, thing_id=new_id(), number=1, sent_ns=time.monotonic_ns()
                )
                await tx.emit(fact)


class ThingTimed(ThingCounted):
    """A thing was counted, and when."""

    sent_ns: int


def _envelope(sent_ns: int) -> str:
    payload = {"organization_id": str(new_id()), "thing_id": str(new_id()), "number": 1, "sent_ns": sent_ns}
    return Envelope(new_id(), ThingCounted.type, 1, TOPIC, "-", utc_now(), payload).to_json()


def _streams() -> RedisStreams:
    return RedisStreams(os.environ["BENCH_REDIS_URL"])


if __name__ == "__main__":
    main()
