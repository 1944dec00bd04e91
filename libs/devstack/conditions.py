"""What tests wait by: a condition that comes to hold or, where there is none, a time that is named with its reason."""

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_EVERY_S = 0.01
WITHIN_S = 10.0


async def until(holds: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Wait until it holds. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110  # what is waited for is code under test, which sets no event for a test
            await asyncio.sleep(LOOK_EVERY_S)


async def until_seen(look: Callable[[], Awaitable[object]], within_s: float = WITHIN_S) -> None:
    """Wait until what is looked up is true. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not await look():  # noqa: ASYNC110  # as above
            await asyncio.sleep(LOOK_EVERY_S)


def block_until(holds: Callable[[], object], within_s: float = WITHIN_S, every_s: float = LOOK_EVERY_S) -> None:
    """Wait until it holds in a test without an event loop. Raises TimeoutError. Look rarely where a look is dear."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not hold within {within_s:g} s")
        time.sleep(every_s)


async def let_pass(seconds: float, why: str) -> None:
    """Let time pass, for a reason: time itself is tested, or nothing may happen meanwhile, which no condition shows."""
    if not why:
        raise ValueError("say why no condition can be waited for")
    await asyncio.sleep(seconds)
