"""The two sides of a question that compares one time with another: each is searched for itself.

"Am I sleeping better than when I started?" is about the first sessions and the last ones; "In June and in November"
names both; "than in March" compares March with now.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from libs.contracts.ids import SessionId
from services.chat.domain.plain_text import plain

# "At the start" and "now" are this share of the sessions, from each end.
END_SHARE = 0.25
_BETWEEN = re.compile(r"\b(?:and|vs\.?|versus|than|then|to|or|from|with|against|but)\b")
_START = (
    r"(?:when|since|before|from where) (?:i|we) (?:first )?(?:started|began|came(?: in| here)?|met)|"
    r"(?:the )?first time|"
    r"at (?:the )?(?:start|first|outset)|(?:in|from|at) the beginning|(?:the )?(?:start|beginning)\b|originally|"
    r"back then|used to|the early (?:days|sessions)|early on|initially"
)
_NOW = r"\b(?:now(?:adays)?|today|these days|at the moment|currently|by the end|lately|recently)\b"
_THEN = re.compile(rf"\b(?:{_START})\b")
_ABOUT_COMPARING = re.compile(
    rf"\b(?:{_START})\b|{_NOW}|\b(?:(?:as )?compared? (?:to|with)|versus|vs|differen(?:t|ce)|between|better|worse|"
    r"easier|harder|more|less|change[ds]?|changing|any)\b"
)


@dataclass(frozen=True)
class Sides:
    """The sessions of both times, the earlier time first."""

    earlier: tuple[SessionId, ...]
    later: tuple[SessionId, ...]


def sides_of(
    message: str, ordered: Sequence[SessionId], window_of: Callable[[str], tuple[SessionId, ...]]
) -> Sides | None:
    """Return what a message compares, or None if it names no time; `ordered` are all sessions, oldest first.

    `window_of` tells the sessions of the time that a piece of text names.
    """
    text = plain(message)
    named = list(dict.fromkeys(found for part in _BETWEEN.split(text) if (found := window_of(part))))
    count = max(1, round(len(ordered) * END_SHARE))
    first, last = tuple(ordered[:count]), tuple(ordered[-count:])
    if not named and _THEN.search(text):
        named = [first, last]
    if len(named) == 1:
        named.append(first if set(named[0]) & set(last) else last)
    if len(named) < 2:
        return None
    earlier, later = sorted((named[0], named[-1]), key=lambda side: ordered.index(side[0]))
    return Sides(earlier, tuple(one for one in later if one not in earlier)) if set(later) - set(earlier) else None


def compared(subject: str) -> str:
    """Return what is compared: the subject without the words that only say that two times are."""
    return _ABOUT_COMPARING.sub(" ", plain(subject)).strip() or subject
