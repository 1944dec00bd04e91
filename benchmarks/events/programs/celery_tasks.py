"""Celery on Redis: run by `celery -A celery_tasks worker`, results ignored."""
# mypy: ignore-errors
# (what this imports is installed in the benchmark's own environment only)

import sys
import time

from celery import Celery
from marks import REDIS_URL, drips, leave

app = Celery("celery_tasks", broker=REDIS_URL)
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = 100


@app.task(name="noop")
def noop(sent_ns: int = 0) -> None:
    """Do nothing, and say so."""
    leave(sent_ns)


def main() -> None:
    """`fill COUNT` or `drip COUNT RATE SEED`."""
    verb, count, *rest = sys.argv[1:]
    with app.producer_pool.acquire(block=True) as producer:
        if verb == "fill":
            for _ in range(int(count)):
                noop.apply_async(producer=producer)
            return
        for pause in drips(int(count), float(rest[0]), int(rest[1])):
            time.sleep(pause)
            noop.apply_async((time.monotonic_ns(),), producer=producer)


if __name__ == "__main__":
    main()
