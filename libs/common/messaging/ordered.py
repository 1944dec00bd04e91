"""Order by key: entries of one key are handled one after the other, and a failed one keeps its key waiting."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from weakref import WeakValueDictionary

from libs.common.messaging.consumer import Handler
from libs.common.streams.port import DeadLetterReason, Delivery, Outlet


class KeyOrderedHandler:
    """Puts another handler's entries in turn (docs/adr/0007-events-survive-anything.md); `key_of` reads its key.

    Stands on a channel that gives entries in order to one consumer. A retry is waited for here and not parked,
    or later entries of its key would overtake it. Order holds for the topic; what an operator replays comes later.
    """

    def __init__(self, handler: Handler, key_of: Callable[[str], str]) -> None:
        self._handler = handler
        self._key_of = key_of
        # A lock wakes its waiters in the order of arrival.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def handle(self, channel: Outlet, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        """Handle each in its key's turn, with its retries; return those to acknowledge."""
        done: list[Delivery] = []
        for delivery in deliveries:
            async with self._turns.setdefault(self._key_of(delivery.body), asyncio.Lock()):
                if await self._to_its_end(channel, delivery):
                    done.append(delivery)
        return done

    async def dead_letter_poison(self, channel: Outlet, delivery: Delivery) -> None:
        """Dead-letter an entry that crashed its worker repeatedly."""
        await self._handler.dead_letter_poison(channel, delivery)

    async def _to_its_end(self, channel: Outlet, delivery: Delivery) -> bool:
        while True:
            watched = _Waiting(channel)
            done = await self._handler.handle(watched, [delivery])
            if watched.again is None:
                return bool(done)
            delay_s, attempt = watched.again
            # Under the key's lock: whatever comes later for the same key must not pass.
            await asyncio.sleep(delay_s)
            delivery = replace(delivery, attempt=attempt)


class _Waiting(Outlet):
    """The channel as a handler in turn sees it: parking is remembered, and the entry stays ours."""

    def __init__(self, channel: Outlet) -> None:
        self.topic, self.group, self.consumer = channel.topic, channel.group, channel.consumer
        self._channel = channel
        self.again: tuple[float, int] | None = None

    async def park(self, delivery: Delivery, delay_s: float, attempt: int) -> bool:  # noqa: ARG002
        """Remember when to try again."""
        self.again = (delay_s, attempt)
        return True

    async def ack(self, deliveries: Collection[Delivery]) -> None:
        """End the entries on the channel itself: only parking is put off."""
        await self._channel.ack(deliveries)

    async def dead_letter(self, delivery: Delivery, reason: DeadLetterReason) -> bool:
        """Move the entry to the dead letters."""
        return await self._channel.dead_letter(delivery, reason)

    async def may_dead_letter(self) -> bool:
        """Ask the channel."""
        return await self._channel.may_dead_letter()
