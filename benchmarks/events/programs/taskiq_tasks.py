"""taskiq with taskiq-redis streams: run by `taskiq worker taskiq_tasks:broker`."""
# mypy: ignore-errors
# (what this imports is installed in the benchmark's own environment only)

import asyncio
import sys
import time

from marks import REDIS_URL, drips, leave
from taskiq_redis import RedisStreamBroker

TOGETHER = 50
broker = RedisStreamBroker(REDIS_URL)


@broker.task(task_name="noop")
async def noop(sent_ns: int = 0) -> None:
    """Do nothing, and say so."""
    leave(sent_ns)


async def main() -> None:
    """`fill COUNT` or `drip COUNT RATE SEED`."""
    await broker.startup()
    verb, count, *rest = sys.argv[1:]
    if verb == "fill":
        for first in range(0, int(count), TOGETHER):
            await asyncio.gather(*(noop.kiq() for _ in range(min(TOGETHER, int(count) - first))))
    else:
        for pause in drips(int(count), float(rest[0]), int(rest[1])):
            await asyncio.sleep(pause)
            await noop.kiq(time.monotonic_ns())
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
