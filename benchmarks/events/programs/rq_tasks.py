"""RQ: jobs on a list, run by `rq worker` (a fork per job) or by its SimpleWorker (no fork)."""
# mypy: ignore-errors
# (what this imports is installed in the benchmark's own environment only)

import sys
import time

from marks import REDIS_URL, drips, leave
from redis import Redis
from rq import Queue

FILL_MAX = 1_000


def noop(sent_ns: int = 0) -> None:
    """Do nothing, and say so."""
    leave(sent_ns)


def main() -> None:
    """`fill COUNT` or `drip COUNT RATE SEED`."""
    queue = Queue("bench", connection=Redis.from_url(REDIS_URL))
    verb, count, *rest = sys.argv[1:]
    # By name: in this process the module is called __main__.
    if verb == "fill":
        for first in range(0, int(count), FILL_MAX):
            jobs = [Queue.prepare_data("rq_tasks.noop") for _ in range(min(FILL_MAX, int(count) - first))]
            queue.enqueue_many(jobs)
        return
    for pause in drips(int(count), float(rest[0]), int(rest[1])):
        time.sleep(pause)
        queue.enqueue("rq_tasks.noop", time.monotonic_ns())


if __name__ == "__main__":
    main()
