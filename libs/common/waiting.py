"""Waiting for something, but not for ever."""

import asyncio


async def happens_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, at most so long; tell whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
