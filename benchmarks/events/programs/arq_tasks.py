"""arq: jobs in a sorted set, run by `arq arq_tasks.WorkerSettings`."""
# mypy: ignore-errors
# (what this imports is installed in the benchmark's own environment only)

import asyncio
import sys
import time

from arq import create_pool
from arq.connections import RedisSettings
from marks import REDIS_URL, drips, leave

TOGETHER = 50


async def noop(_ctx: dict, sent_ns: int = 0) -> None:
    """Do nothing, and say so."""
    leave(sent_ns)


class WorkerSettings:
    """The documented settings; concurrency as for all asyncio peers, no results kept."""

    functions = (noop,)
    redis_settings = RedisSettings.from_dsn(REDIS_URL)
    max_jobs = 100
    keep_result = 0


async def main() -> None:
    """`fill COUNT` or `drip COUNT RATE SEED`."""
    pool = await create_pool(WorkerSettings.redis_settings)
    verb, count, *rest = sys.argv[1:]
    if verb == "fill":
        for first in range(0, int(count), TOGETHER):
            await asyncio.gather(*(pool.enqueue_job("noop") for _ in range(min(TOGETHER, int(count) - first))))
        return
    for pause in drips(int(count), float(rest[0]), int(rest[1])):
        await asyncio.sleep(pause)
        await pool.enqueue_job("noop", time.monotonic_ns())


if __name__ == "__main__":
    asyncio.run(main())
