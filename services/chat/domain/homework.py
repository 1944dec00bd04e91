"""What a question about homework is after: what was set, whether it was done, what is open, or what was given up."""

import re
from enum import StrEnum

from services.chat.domain.plain_text import plain


class Wanted(StrEnum):
    """The part of a commitment's life that is asked about."""

    SET = "set"
    REPORT = "report"
    OPEN = "open"
    OVER = "over"


_OVER = re.compile(
    r"\b(?:g(?:i|a)ve(?:n)? up|drop(?:ped)?|leave (?:it )?off|left (?:it )?off|let go|stop(?:ped)?|replac\w+|"
    r"abandon\w*|did ?n'?t suit|scrap(?:ped)?|retire[d]?|quit|swap(?:ped)?|no longer)\b"
)
_OPEN = re.compile(
    r"\b(?:still|open|left to|outstanding|not (?:done|finished|yet)|unfinished|remain\w*|on my list|to-?do|pending|"
    r"have(?:n'?t| not)(?: i)? (?:yet )?(?:done|finished)|need to|got to|supposed to|meant to be)\b"
)
_REPORT = re.compile(
    r"\b(?:did i|have i|had i|did we|was i able|i never did|manage[d]?|finish(?:ed)?|ke(?:ep|pt) (?:it |that )?up|"
    r"stick|stuck|go with|went|happened with|how did|actually|in the end|report(?:ed)?|carr(?:y|ied) out|succeed)\b"
)


def wanted(question: str) -> Wanted:
    """Return what a question about homework is after; what was set, if it does not say."""
    text = plain(question)
    for kind, rule in ((Wanted.OVER, _OVER), (Wanted.OPEN, _OPEN), (Wanted.REPORT, _REPORT)):
        if rule.search(text):
            return kind
    return Wanted.SET
