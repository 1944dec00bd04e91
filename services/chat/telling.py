"""Tells an answer while a model writes it: each sentence once it is verified, and allowed at that moment."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from libs.common.errors import AppError
from services.chat.domain.composing import NOTHING_WRITTEN, Written
from services.chat.domain.conversation import Claim, Passage, Source

Permit = Callable[[Sequence[Source]], Awaitable[None]]


class Listener:
    """What the patient has been told of an answer: the beginning of the one that is stored. `more` is set by news."""

    def __init__(self) -> None:
        self.text = ""
        self.more = asyncio.Event()

    def tell(self, text: str) -> None:
        """Add to what is told."""
        self.text += text
        self.more.set()


@dataclass
class Telling:
    """Verifies the claims of one draft as they come, and tells what stands of them, `lead` before the first.

    `permit` raises AppError if the sources may not be quoted now. `is_final`: nobody else may answer in its place.
    """

    listener: Listener
    lead: str
    passages: Sequence[Passage]
    permit: Permit
    written: Written = NOTHING_WRITTEN
    is_final: bool = False

    async def hear(self, claim: Claim) -> bool:
        """Implement ports.Hear."""
        written = self.written.then(claim, self.passages)
        more = written.text[len(self.written.text) :]
        if more:
            await self._require(written.sources)
            self.listener.tell(more if self.written.text else self.lead + more)
        self.written = written
        return bool(written.text)

    async def _require(self, sources: Sequence[Source]) -> None:
        try:
            await self.permit(sources)
        except AppError:
            # Quotes of the same sessions must not be told in its place either.
            self.is_final = True
            raise
        self.is_final = True
