"""The kinds of message that have an answer of their own, and which kind a message is taken for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class MessageKind(StrEnum):
    """What a message wants. Those of FIXED are answered without a search, those of BOUNDED with a boundary."""

    GREETING = "greeting"
    THANKS = "thanks"
    FEELING = "feeling"
    ABOUT_YOU = "about_you"
    PRIVACY = "privacy"
    MEDICATION = "medication_or_diagnosis"
    ADVICE = "what_should_i_do"
    OTHER_PEOPLE = "other_people"
    OTHER_LANGUAGE = "other_language"
    FOLLOW_UP = "follow_up"
    OVERVIEW = "overview"
    HOMEWORK = "homework"
    CURRENT = "current"
    DID_IT_EVER = "did_it_ever"
    COMPARISON = "comparison"
    DETAIL = "who_when_detail"


FIXED = frozenset(
    {
        MessageKind.GREETING,
        MessageKind.THANKS,
        MessageKind.FEELING,
        MessageKind.ABOUT_YOU,
        MessageKind.PRIVACY,
        MessageKind.OTHER_PEOPLE,
        MessageKind.OTHER_LANGUAGE,
    }
)
BOUNDED = frozenset({MessageKind.MEDICATION, MessageKind.ADVICE})
# An answer without a search must be sure of its kind; a search is right for anything else.
FIXED_MIN = 0.5


@dataclass(frozen=True)
class Reading:
    """The probability of each kind of message; none where no head has read it."""

    kinds: Mapping[str, float] = field(default_factory=dict)

    def decide(self, *, has_history: bool) -> MessageKind:
        """Return the most likely kind; one with a fixed answer only from FIXED_MIN on."""
        ranked = sorted(self.kinds, key=lambda kind: self.kinds[kind], reverse=True)
        for name in ranked:
            kind = MessageKind(name)
            if kind is MessageKind.FOLLOW_UP and not has_history:
                continue
            if kind not in FIXED or self.kinds[name] >= FIXED_MIN:
                return kind
        return MessageKind.DETAIL
