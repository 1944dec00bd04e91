"""A warm process that forks one child per line it reads; the child runs a relay and a consumer, and dies where told."""

import asyncio
import gc
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from libs.common.messaging.tests.crash import source as crash_source
from libs.common.messaging.tests.crash.world import Job

LIFE_MAX_S = 60


def main() -> None:
    """Answer each line of jobs with how its process ended and what it said last."""
    crash_source.install()
    from libs.common.messaging.tests.crash import child as crash_child  # the kernel, now with points

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    # A collection in a child would copy every page that it shares with this process.
    gc.disable()
    gc.freeze()
    for line in sys.stdin:
        hears, says = os.pipe()
        child = os.fork()
        if not child:
            _live(crash_child.live, line, says)
        os.close(says)
        with os.fdopen(hears) as pipe:
            last_words = pipe.read()
        _, status = os.waitpid(child, 0)
        answers.write(json.dumps([os.waitstatus_to_exitcode(status), last_words]) + "\n")
        answers.flush()


def _live(life: Callable[[list[Job], str, int], Coroutine[Any, Any, None]], line: str, says: int) -> NoReturn:
    """Be the child, and never come back from it."""
    signal.alarm(LIFE_MAX_S)
    code = 1
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(life([Job.read(raw) for raw in json.loads(line)], folder, says))
        code = 0
    except Exception:  # noqa: BLE001 - a fork must not go on as its parent
        traceback.print_exc()
    os._exit(code)


if __name__ == "__main__":
    main()
