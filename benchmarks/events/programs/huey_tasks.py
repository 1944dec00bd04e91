"""huey on a Redis list: run by `huey_consumer huey_tasks.huey`, results off."""
# mypy: ignore-errors
# (what this imports is installed in the benchmark's own environment only)

import sys
import time

from huey import RedisHuey
from marks import REDIS_URL, drips, leave

huey = RedisHuey("bench", url=REDIS_URL, results=False)


@huey.task()
def noop(sent_ns: int = 0) -> None:
    """Do nothing, and say so."""
    leave(sent_ns)


def main() -> None:
    """`fill COUNT` or `drip COUNT RATE SEED`."""
    # By its own name: huey calls a task after the module it is in.
    from huey_tasks import noop

    verb, count, *rest = sys.argv[1:]
    if verb == "fill":
        for _ in range(int(count)):
            noop()
        return
    for pause in drips(int(count), float(rest[0]), int(rest[1])):
        time.sleep(pause)
        noop(time.monotonic_ns())


if __name__ == "__main__":
    main()
