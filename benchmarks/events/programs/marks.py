"""What every contestant's handler does: leave a mark that the benchmark sees from outside, alike for all.

A file opened for appending takes single writes of any number of threads and processes without mixing them up.
Runs in the peers' virtual environment too, so it imports nothing of ours.
"""

import functools
import os
import random
import time
from collections.abc import Iterator

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "")
HOLD_S = float(os.environ.get("BENCH_HOLD_S", "0"))


@functools.cache
def _file() -> int:
    return os.open(os.environ["BENCH_MARKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def leave(sent_ns: int = 0, count: int = 1, seen_ns: int = 0) -> None:
    """Mark that no-ops have run; a message that carries when it was sent leaves that and when it was seen.

    Where the benchmark is about to kill this worker, the message is then held.
    """
    if sent_ns:
        os.write(_file(), f"{sent_ns} {seen_ns or time.monotonic_ns()}\n".encode())
        return
    os.write(_file(), b"." * count)
    if HOLD_S:
        time.sleep(HOLD_S)


def drips(count: int, rate: float, seed: int) -> Iterator[float]:
    """Yield how long to wait before each of `count` messages: `rate` a second, never in step with anybody's poll."""
    dice = random.Random(seed)
    due = time.monotonic()
    for _ in range(count):
        due += dice.uniform(0.5, 1.5) / rate
        yield max(0.0, due - time.monotonic())
