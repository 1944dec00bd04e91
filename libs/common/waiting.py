"""Waiting for something, but not for ever."""

import asyncio
from collections.abc import Iterable

ASK_AGAIN_S = 0.1


async def happens_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, at most so long; tell whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def end(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks until they have ended; how they ended is nobody's concern.

    Before Python 3.12 `asyncio.wait_for` swallows a cancellation that meets a result (bpo-37658), and redis-py sends
    through it: asked once, a listener was seen to go on for ever.
    """
    every = left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ASK_AGAIN_S)
    await asyncio.gather(*every, return_exceptions=True)
