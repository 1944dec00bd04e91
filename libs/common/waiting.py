"""Waiting for something, but not for ever."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

ASK_AGAIN_S = 0.1


async def wait_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event up to `seconds`; return whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def run_until_stopped(
    loops: Sequence["asyncio.Task[None]"],
    stop: asyncio.Event,
    on_stop: Callable[[], None],
    endless: Sequence["asyncio.Task[None]"] = (),
) -> BaseException | None:
    """Let loops run until `stop` is set or one of them ends; tell the others, see them end, and return what broke one.

    After a break nobody is waited for: the others are cancelled until they have ended. So is what is `endless`.
    """
    stopping = asyncio.create_task(_set(stop))
    try:
        await asyncio.wait([stopping, *loops, *endless], return_when=asyncio.FIRST_COMPLETED)
        on_stop()
        if first_error([*loops, *endless]) is None:
            await asyncio.wait(loops, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await cancel_and_wait([stopping, *loops, *endless])
    return first_error([*loops, *endless])


def first_error(tasks: Iterable["asyncio.Task[None]"]) -> BaseException | None:
    """Return the error of the first task that has ended with one."""
    ended = [task for task in tasks if task.done() and not task.cancelled()]
    return next((error for task in ended if (error := task.exception()) is not None), None)


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def cancel_and_wait(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks until they have ended; their results are ignored.

    Before Python 3.12 `asyncio.wait_for` swallows a cancellation that meets a result (bpo-37658), and redis-py sends
    through it: asked once, a listener was seen to go on for ever.
    """
    every = left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ASK_AGAIN_S)
    await asyncio.gather(*every, return_exceptions=True)
