"""A quote as verification sees it: its words, its speaker, and what was said around it."""

from dataclasses import dataclass

from services.chat.domain.conversation import Speaker
from services.chat.domain.verification.tokens import ReadText, Token


@dataclass(frozen=True)
class Quote:
    """A quote as read, its speaker, and the people named in it and just before it, nearest first."""

    speaker: Speaker
    reading: ReadText
    text: str
    people: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    context: tuple[Token, ...] = ()

    @property
    def named(self) -> list[str]:
        """Return those of the people who are named, not only pointed at."""
        return [one for one in self.people if ":" in one]
