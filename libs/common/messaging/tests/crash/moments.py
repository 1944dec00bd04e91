"""The moments around an await at which a process can die: before it, at each time it gives way, and after it."""

import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any

GAVE_WAY_MAX = 12
"""One await gives way once per answer it waits for; later ones of the same await are counted as this one."""


AT, THEN = " @ ", " >> "


class Watch:
    """Knows which awaits of the kernel are being resumed now, and what to do at each moment.

    A moment is named by the chain of awaits from the task's first to the innermost, and what happens to the innermost.
    """

    def __init__(self) -> None:
        self.chain: list[str] = []
        self.seen: Counter[str] = Counter()
        self.armed = False
        self.bubbling = False
        self._die_at = ""
        self._last_word: Callable[[str], None] = _ignored

    def arm(self, die_at: str, last_word: Callable[[str], None]) -> None:
        """Count moments from now on; die at this one after saying so."""
        self._die_at = die_at
        self._last_word = last_word
        self.armed = True

    def reach(self, what: str) -> None:
        """Pass a moment of the innermost await."""
        self.passed(f"{what}{AT}{THEN.join(self.chain)}")

    def passed(self, moment: str) -> None:
        """Count a moment, and die if it is the one."""
        if not self.armed:
            return
        self.seen[moment] += 1
        if moment == self._die_at:
            self._last_word(moment)
            os.kill(os.getpid(), signal.SIGKILL)


def _ignored(_: str) -> None:
    """Nobody listens before the watch is armed."""


WATCH = Watch()


class Point:
    """Stands around what is awaited and passes everything on."""

    def __init__(self, awaited: Awaitable[Any], name: str) -> None:
        self._awaited = awaited
        self._name = name

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._awaited.__await__()
        resume: Callable[[Any], Any] = inner.send
        value, times = None, 0
        WATCH.chain.append(self._name)
        WATCH.bubbling = False
        WATCH.reach("before")
        while True:
            try:
                given = resume(value)
            except BaseException as ended:
                WATCH.bubbling = False
                WATCH.reach("after" if isinstance(ended, StopIteration) else "raised")
                WATCH.chain.pop()
                if isinstance(ended, StopIteration):
                    return ended.value
                raise
            if not WATCH.bubbling:
                times += 1
                WATCH.reach(f"gave way {min(times, GAVE_WAY_MAX)}")
            # The awaits around this one give way at the same moment.
            WATCH.bubbling = True
            WATCH.chain.pop()
            try:
                value, resume = (yield given), inner.send
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as error:  # noqa: BLE001 - it goes to whom it is meant for
                value, resume = error, inner.throw
            WATCH.chain.append(self._name)
            WATCH.bubbling = False


class Scope:
    """Stands around an `async with`."""

    def __init__(self, scope: Any, enter: str, leave: str) -> None:
        self._scope = scope
        self._enter = enter
        self._leave = leave

    async def __aenter__(self) -> Any:
        return await Point(type(self._scope).__aenter__(self._scope), self._enter)

    async def __aexit__(self, *error: Any) -> Any:
        return await Point(type(self._scope).__aexit__(self._scope, *error), self._leave)


class Loop:
    """Stands around an `async for`."""

    def __init__(self, iterable: Any, name: str) -> None:
        self._iterator: AsyncIterator[Any] = type(iterable).__aiter__(iterable)
        self._name = name

    def __aiter__(self) -> "Loop":
        return self

    async def __anext__(self) -> Any:
        return await Point(type(self._iterator).__anext__(self._iterator), self._name)
