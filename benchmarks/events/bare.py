"""The ceiling: a bare redis-py asyncio loop of XREADGROUP and XACK that keeps no promise at all."""

import asyncio
import contextlib
import os
import sys
import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from benchmarks.events.programs import marks

STREAM, GROUP, FIELD = "bare", "bare", "d"
READ_MAX = 100
FILL_MAX = 500
# As long as one of our envelopes.
BODY = "x" * 293


async def main() -> None:
    """`work`, `fill COUNT` or `drip COUNT RATE SEED`."""
    redis: Any = Redis.from_url(os.environ["BENCH_REDIS_URL"], decode_responses=True)
    verb, *rest = sys.argv[1:]
    if verb == "work":
        await _work(redis)
    elif verb == "fill":
        for first in range(0, int(rest[0]), FILL_MAX):
            async with redis.pipeline(transaction=False) as pipe:
                for _ in range(min(FILL_MAX, int(rest[0]) - first)):
                    pipe.xadd(STREAM, {FIELD: BODY})
                await pipe.execute()
    else:
        for pause in marks.drips(int(rest[0]), float(rest[1]), int(rest[2])):
            await asyncio.sleep(pause)
            await redis.xadd(STREAM, {FIELD: str(time.monotonic_ns())})


async def _work(redis: Any) -> None:
    with contextlib.suppress(ResponseError):  # it is there
        await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    while True:
        got = await redis.xreadgroup(GROUP, "one", {STREAM: ">"}, count=READ_MAX, block=1000)
        for _, entries in got.items() if isinstance(got, dict) else got:
            timed = [fields[FIELD] for _, fields in entries if fields[FIELD] != BODY]
            for sent in timed:
                marks.leave(int(sent))
            await redis.xack(STREAM, GROUP, *[entry_id for entry_id, _ in entries])
            if len(timed) < len(entries):
                marks.leave(0, len(entries) - len(timed))


if __name__ == "__main__":
    asyncio.run(main())
