"""Our processes: `python -m benchmarks.events.ours ROLE ...`, each with the connections that the environment names.

Workers: noop, hold, finish, timed, effects, batches, relay.
Senders: fill COUNT, drip COUNT RATE SEED, commit COUNT RATE SEED.
"""

import asyncio
import os
import sys
import time
from uuid import UUID

from pydantic import SecretStr

from benchmarks.events import kernel
from benchmarks.events.programs import marks
from libs.common import capability
from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.events import Envelope
from libs.common.ids import new_id
from libs.common.log import configure_logging
from libs.common.messaging.consumer import Consumer, Handler
from libs.common.messaging.handling import DeliveryHandler
from libs.common.messaging.outbox import Outbox
from libs.common.messaging.relay import Relay
from libs.common.messaging.steps import Subscription
from libs.common.process.runtime import EventConfig, Runtime
from libs.common.settings import ProcessSettings
from libs.common.streams.redis_streams import RedisStreams
from libs.common.tests.kernel_world import CATALOGUE, SCHEMA, ThingCounted

TOPIC = ThingCounted.topic
FILL_MAX = 500
_SENDERS = ("drip", "commit")
_LATER = "7777777777777777"
"""Stands for the time a message is sent, so that making the message is no part of sending it."""


class ThingTimed(ThingCounted):
    """A thing was counted, and when."""

    sent_ns: int


def main() -> None:
    """Play the role until killed, or until all is sent."""
    configure_logging("bench", "info")
    asyncio.run(_play(*sys.argv[1:]))


async def _play(role: str, *arguments: str) -> None:
    if role == "fill":
        await _fill(int(arguments[0]))
    elif role in _SENDERS:
        send = _drip if role == "drip" else _commit
        await send(int(arguments[0]), float(arguments[1]), int(arguments[2]))
    elif role == "relay":
        outbox = Outbox(os.environ["BENCH_RELAY_URL"], SCHEMA)
        await Relay(outbox, _streams().publisher(), [TOPIC]).run(asyncio.Event())
    else:
        await Consumer(_streams().channel(TOPIC, SCHEMA), _handler(role), kernel.PACES[role]).run(asyncio.Event())


def _handler(role: str) -> Handler:
    if role in ("effects", "batches"):
        step = kernel.Count() if role == "effects" else kernel.Tally()
        line = Subscription(ThingCounted, step, batch=kernel.PACES[role].batch)
        return DeliveryHandler(Database(os.environ["BENCH_DATABASE_URL"]), CATALOGUE, {ThingCounted.type: line})
    return {"noop": kernel.NoOp, "finish": kernel.NoOp, "hold": kernel.Hold, "timed": kernel.Timed}[role]()


async def _fill(count: int) -> None:
    """Publish no-ops as the relay does, some hundred to a script."""
    publisher = _streams().publisher()
    cursor = (await publisher.cursors([TOPIC]))[TOPIC]
    body = _envelope(0)
    for first in range(0, count, FILL_MAX):
        bodies = [body] * min(FILL_MAX, count - first)
        cursor = await publisher.publish(TOPIC, cursor, f"bench:{time.time_ns()}:0", bodies)


async def _drip(count: int, rate: float, seed: int) -> None:
    publisher = _streams().publisher()
    cursor = (await publisher.cursors([TOPIC]))[TOPIC]
    body = _envelope(int(_LATER))
    for pause in marks.drips(count, rate, seed):
        await asyncio.sleep(pause)
        sent = time.monotonic_ns()
        cursor = await publisher.publish(TOPIC, cursor, f"bench:{sent}:0", [body.replace(_LATER, str(sent))])


async def _commit(count: int, rate: float, seed: int) -> None:
    """Commit one fact a time, as an `api` process does: the relay runs in another one.

    The fact carries the time before it is emitted, so the commit itself is within what is measured.
    """
    settings = ProcessSettings(
        env="test",
        database_url=SecretStr(os.environ["BENCH_DATABASE_URL"]),
        redis_url=SecretStr(os.environ["BENCH_REDIS_URL"]),
    )
    runtime = Runtime(settings, EventConfig(SCHEMA, CATALOGUE, topics_out=[TOPIC]))
    organization_id = UUID(os.environ["BENCH_ORGANIZATION"])
    with capability.acting_under(os.environ["BENCH_CAPABILITY"]):
        for pause in marks.drips(count, rate, seed):
            await asyncio.sleep(pause)
            sent, thing = time.monotonic_ns(), new_id()
            async with runtime.database.transaction() as tx:
                await tx.emit(ThingTimed(tenant_id=organization_id, thing_id=thing, number=1, sent_ns=sent))
    await runtime.close()


def _envelope(sent_ns: int) -> str:
    payload = {"organization_id": str(new_id()), "thing_id": str(new_id()), "number": 1, "sent_ns": sent_ns}
    return Envelope(new_id(), ThingCounted.type, 1, TOPIC, "-", utc_now(), payload).to_json()


def _streams() -> RedisStreams:
    return RedisStreams(os.environ["BENCH_REDIS_URL"])


if __name__ == "__main__":
    main()
