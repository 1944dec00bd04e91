"""FastStream on Redis streams with a group: run by `faststream run faststream_tasks:app`."""
# mypy: ignore-errors
# (what this imports is installed in the benchmark's own environment only)

import asyncio
import contextlib
import sys
import time

from faststream import FastStream
from faststream.redis import RedisBroker, StreamSub
from marks import REDIS_URL, drips, leave
from redis.asyncio import Redis
from redis.exceptions import ResponseError

TOGETHER = 50
# Two lines in the log per message are its default; nobody drains a backlog with that on.
broker = RedisBroker(REDIS_URL, logger=None)
app = FastStream(broker)


@broker.subscriber(stream=StreamSub("bench", group="bench", consumer="one", last_id=">", max_records=100))
async def noop(sent_ns: int) -> None:
    """Do nothing, and say so."""
    leave(sent_ns)


async def main() -> None:
    """`fill COUNT` or `drip COUNT RATE SEED`."""
    verb, count, *rest = sys.argv[1:]
    await _open()
    async with RedisBroker(REDIS_URL) as sender:
        if verb == "fill":
            for first in range(0, int(count), TOGETHER):
                await asyncio.gather(
                    *(sender.publish(0, stream="bench") for _ in range(min(TOGETHER, int(count) - first)))
                )
            return
        for pause in drips(int(count), float(rest[0]), int(rest[1])):
            await asyncio.sleep(pause)
            await sender.publish(time.monotonic_ns(), stream="bench")


async def _open() -> None:
    """Make the group from the first entry on; left to itself FastStream makes it from the end and skips a backlog."""
    async with Redis.from_url(REDIS_URL) as redis:
        with contextlib.suppress(ResponseError):
            await redis.xgroup_create("bench", "bench", id="0", mkstream=True)


if __name__ == "__main__":
    asyncio.run(main())
