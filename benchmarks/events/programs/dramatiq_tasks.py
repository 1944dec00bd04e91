"""dramatiq on Redis: run by `dramatiq dramatiq_tasks --processes 1 --threads 8`."""
# mypy: ignore-errors
# (what this imports is installed in the benchmark's own environment only)

import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from marks import REDIS_URL, drips, leave

dramatiq.set_broker(RedisBroker(url=REDIS_URL))


@dramatiq.actor(actor_name="noop")
def noop(sent_ns: int = 0) -> None:
    """Do nothing, and say so."""
    leave(sent_ns)


def main() -> None:
    """`fill COUNT` or `drip COUNT RATE SEED`."""
    verb, count, *rest = sys.argv[1:]
    if verb == "fill":
        for _ in range(int(count)):
            noop.send()
        return
    for pause in drips(int(count), float(rest[0]), int(rest[1])):
        time.sleep(pause)
        noop.send(time.monotonic_ns())


if __name__ == "__main__":
    main()
