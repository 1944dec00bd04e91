"""Searches the transcripts of one patient; each transcript that is shown from is on record."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from libs.common.database.paging import Position
from libs.common.database.transaction import Transaction
from services.transcriber.ports import Audit, Release, Transactions
from services.transcriber.search.domain import Highlight, Hit, Search, highlights_of, words_in


class Segments(Protocol):
    """Finds segments of a patient's newest transcripts. Reads return only what consent and capability allow."""

    async def find(self, tx: Transaction, search: Search, after: tuple[Position, int] | None) -> list[Hit]:
        """Return one segment more than asked for, if there is one."""

    async def asked_for(self, tx: Transaction, text: str, words: Set[str]) -> set[str]:
        """Return those of the words that a question asks for, in whichever form of theirs."""


@dataclass(frozen=True)
class Shown:
    """A segment that was found, with the words that were asked for."""

    hit: Hit
    highlights: Sequence[Highlight]


@dataclass(frozen=True)
class Found:
    """Some segments and whether there are more."""

    shown: Sequence[Shown]
    has_more: bool


class SearchTranscripts:
    """The search for those who may read transcripts."""

    def __init__(self, transactions: Transactions, segments: Segments, audit: Audit) -> None:
        self._transactions = transactions
        self._segments = segments
        self._audit = audit

    async def find(self, search: Search, after: tuple[Position, int] | None = None) -> Found:
        """Record the transcripts that are shown from, and return a page; never what was asked for."""
        async with self._transactions.transaction() as tx:
            hits = await self._segments.find(tx, search, after)
            kept = hits[: search.limit]
            asked_for = await self._segments.asked_for(tx, search.text, words_in(kept)) if kept else set()
            # In the transaction that reads: no words are given out without a note of it.
            for hit in {(hit.id, hit.version): hit for hit in kept}.values():
                await self._audit.note(tx, hit, Release.SEARCH)
        shown = [Shown(hit, list(highlights_of(hit.segment, asked_for))) for hit in kept]
        return Found(shown, len(hits) > len(kept))
