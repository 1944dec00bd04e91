"""A warm process that forks one child per line it reads; the child runs a relay and a consumer, and dies where told."""

import asyncio
import gc
import json
import os
import signal
import sys
import tempfile

from libs.common.tests import crash_source
from libs.common.tests.crash_world import Job

LIFE_MAX_S = 25


def main() -> None:
    """Answer each job with how its process ended and what it said last."""
    crash_source.install()
    from libs.common.tests import crash_child  # the kernel, now with points

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    gc.freeze()
    for line in sys.stdin:
        hears, says = os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(LIFE_MAX_S)
            with tempfile.TemporaryDirectory() as folder:
                asyncio.run(crash_child.live(Job.from_json(line), folder, says))
            os._exit(0)
        os.close(says)
        with os.fdopen(hears) as pipe:
            last_words = pipe.read()
        _, status = os.waitpid(child, 0)
        answers.write(json.dumps([os.waitstatus_to_exitcode(status), last_words]) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
