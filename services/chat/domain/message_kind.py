"""The kinds of message that have an answer of their own."""

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
