"""Supervises a process's workers: one that crashes, ends early or stalls ends the process within seconds."""

import asyncio
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from libs.common.errors import UNAVAILABLE, AppError
from libs.common.heartbeat import STALL_S, State, Watched
from libs.common.log import get_logger, location_of
from libs.common.waiting import cancel_and_wait, first_error

EXIT_BROKEN = 1
EXIT_WITHIN_S = 5.0
"""So long a process may take to hand back what it holds once a worker has broken; then it is ended as it is."""
LOOK_S = 5.0
"""Far below the stall that is looked for (heartbeat.py), and no load on whoever works."""
LOOKS_MIN = 2
"""A stall must be seen so often in a row: a machine that slept wakes up with every clock far ahead."""


class Worker(Protocol):
    """Something that runs beside HTTP until `stop` is set: a consumer, a relay."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""


class WorkerBrokenError(Exception):
    """A worker ended before `stop` was set, or is stalled."""


def exit_after_grace() -> None:
    """End this process in a few seconds, whatever it is doing then; to be called when it ends anyway."""
    # A thread, since the event loop may be what hangs, and `_exit`, since finalizers may hang as well.
    timer = threading.Timer(EXIT_WITHIN_S, os._exit, [EXIT_BROKEN])
    timer.daemon = True
    timer.start()


async def supervise(
    workers: Sequence[Worker],
    stop: asyncio.Event,
    *,
    look_s: float = LOOK_S,
    on_broken: Callable[[], None] = exit_after_grace,
) -> None:
    """Run workers until `stop` is set; raise what broke one of them, after telling the others to stop.

    From then on the process has `EXIT_WITHIN_S`, whoever does not let himself be stopped. Every `look_s` it is seen
    whether one stands still.
    """
    tasks = [asyncio.create_task(worker.run(stop)) for worker in workers]
    watching = asyncio.create_task(_watch_for_stalls(workers, look_s))
    stopping = asyncio.create_task(_wait_for_stop(stop))
    try:
        await asyncio.wait([stopping, watching, *tasks], return_when=asyncio.FIRST_COMPLETED)
        broken = first_error([*tasks, watching])
        if broken is None and not stop.is_set():
            # Without an error too: a process that looks alive and consumes nothing would go unseen.
            broken = WorkerBrokenError("a worker ended by itself")
        if broken is not None:
            _say(broken)
            on_broken()
        stop.set()
        if tasks:
            await asyncio.wait(tasks)
    finally:
        await cancel_and_wait([stopping, watching, *tasks])
    if broken := broken or first_error(tasks):
        raise broken


def states(workers: Sequence[Worker]) -> Mapping[str, State]:
    """Return what each worker that can say so is doing."""
    return {worker.name: worker.state() for worker in workers if isinstance(worker, Watched)}


async def check(workers: Sequence[Worker]) -> None:
    """Raise AppError when one of them is paused or stands still (for /health)."""
    if not all(state.is_well for state in states(workers).values()):
        raise AppError(UNAVAILABLE, "A worker is paused or stalled.")


async def _watch_for_stalls(workers: Sequence[Worker], look_s: float) -> None:
    seen = 0
    while seen < LOOKS_MIN:
        await asyncio.sleep(look_s)
        seen = seen + 1 if State.STALLED in states(workers).values() else 0
    raise WorkerBrokenError(f"a worker has stood still for {STALL_S:.0f} s")


async def _wait_for_stop(stop: asyncio.Event) -> None:
    await stop.wait()


def _say(broken: BaseException) -> None:
    get_logger().error("worker.crashed", error_class=type(broken).__name__, error_place=location_of(broken))
