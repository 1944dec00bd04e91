"""Decides the level of a message by rules and, where it ran, by the trained head."""

from collections.abc import Mapping, Sequence

from services.chat.domain.crisis.assessing import Concern, Kind, Level, assess, names_means
from services.chat.domain.crisis.context import conditions
from services.chat.domain.crisis.spelling import mended

NONE = "none"
POSSIBLE_SELF_HARM = "self_harm_possible"
# Chosen by held-out parts of the tuning sets and by the false alarms counted on AnnoMI's client turns (dev half).
EXPLICIT_MIN = 0.84
# So likely a crisis that the head need not tell which.
CRISIS_EXPLICIT_MIN = 0.94
POSSIBLE_MIN = 0.52

# The head alone gives no fixed text to what is past, told or asked about, and needs more to hear the latter two.
APART_MIN = 0.7
_APART = frozenset(("story", "session"))
_NOT_NOW = _APART | {"past", "worry"}

Signs = Mapping[str, float]


def weigh(message: str, signs: Signs | None) -> Concern | None:
    """Return the concern of a message; rules alone decide without `signs`, and a head never lowers what they found."""
    ruled = assess(message)
    if signs is None or (ruled is not None and ruled.level is Level.EXPLICIT):
        return ruled
    return _raised(signs, conditions(mended(message))) or ruled


def _raised(signs: Signs, said: frozenset[str]) -> Concern | None:
    crisis = 1 - signs.get(NONE, 0.0)
    if crisis < (APART_MIN if said & _APART else POSSIBLE_MIN):
        return None
    by_kind = {kind: signs.get(kind.value, 0.0) for kind in Kind}
    explicit = sum(by_kind.values())
    by_kind[Kind.SELF_HARM] += signs.get(POSSIBLE_SELF_HARM, 0.0)
    certain = explicit >= EXPLICIT_MIN or crisis >= CRISIS_EXPLICIT_MIN
    level = Level.EXPLICIT if certain and not said & _NOT_NOW else Level.POSSIBLE
    return Concern(level, max(by_kind, key=lambda kind: by_kind[kind]))


def escalated(concern: Concern, message: str, before: Sequence[tuple[str, Concern | None]]) -> Concern:
    """Return an explicit concern where a possible one follows another about means or plans, or an explicit one."""
    heard = [(text, one) for text, one in before if one is not None]
    if concern.kind is not Kind.SELF_HARM or not heard:
        return concern
    texts = [message, *(text for text, one in heard if one.kind is Kind.SELF_HARM)]
    about_means = len(texts) > 1 and any(map(names_means, texts))
    if about_means or any(one.level is Level.EXPLICIT for _, one in heard):
        return Concern(Level.EXPLICIT, concern.kind)
    return concern
