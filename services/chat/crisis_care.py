"""The crisis check of a message: rules first, the trained head where it runs, and what was said just before."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.errors import AppError
from libs.common.log import get_logger, location_of
from libs.contracts.organization.own_help_lines import CrisisSettings
from libs.contracts.safety import HelpLines, help_lines, help_lines_for
from services.chat.domain.conversation import Exchange
from services.chat.domain.crisis.assessing import Concern, Level, assess
from services.chat.domain.crisis.signs import Signs, escalated, weigh
from services.chat.ports import CrisisReader

# The head shares this machine with others: a message waits no longer for it.
HEAD_TIMEOUT_S = 1.5
# How far back a conversation is read for what makes a possible crisis explicit.
EARLIER_MAX = 2

_DEFAULT = help_lines("US")


@dataclass(frozen=True)
class CrisisCheck:
    """`reader` is None where no model runs; `lines` are told where an organization has set no country."""

    reader: CrisisReader | None = None
    lines: HelpLines = _DEFAULT

    def lines_for(self, organization: CrisisSettings) -> HelpLines:
        """Return the lines that the patients of an organization are told."""
        return help_lines_for(organization, self.lines)

    async def concern(self, message: str) -> Concern | None:
        """Return the level and kind of a message. An error of the head leaves it to the rules."""
        ruled = assess(message)
        if ruled is not None and ruled.level is Level.EXPLICIT:
            return ruled
        [signs] = await self._signs([message])
        return weigh(message, signs)

    async def after(self, history: Sequence[Exchange], message: str, concern: Concern | None) -> Concern | None:
        """Return the concern of a message after what the patient wrote just before it."""
        if concern is None or concern.level is Level.EXPLICIT or not history:
            return concern
        earlier = [exchange.question for exchange in history[-EARLIER_MAX:]]
        signs = await self._signs(earlier)
        before = [(text, weigh(text, read)) for text, read in zip(earlier, signs, strict=True)]
        return escalated(concern, message, before)

    async def _signs(self, messages: Sequence[str]) -> Sequence[Signs | None]:
        unread: list[Signs | None] = [None] * len(messages)
        if self.reader is None:
            return unread
        try:
            async with asyncio.timeout(HEAD_TIMEOUT_S):
                return await self.reader.read(messages)
        except (AppError, TimeoutError, RuntimeError, ValueError, OSError) as error:
            get_logger().error("crisis.head_failed", error_class=type(error).__name__, error_place=location_of(error))
            return unread
