"""Decides the level of a message by rules and, where it ran, by the trained head."""

from collections.abc import Mapping

from services.chat.domain.crisis import Concern, Kind, Level, assess

NONE = "none"
POSSIBLE_SELF_HARM = "self_harm_possible"
# Both were chosen on held-out parts of the tuning sets (evals.chat.heads crisis).
EXPLICIT_MIN = 0.80
POSSIBLE_MIN = 0.5

Signs = Mapping[str, float]


def weigh(message: str, signs: Signs | None) -> Concern | None:
    """Return the concern of a message; rules alone decide without `signs`, and a head never lowers what they found."""
    ruled = assess(message)
    if signs is None or (ruled is not None and ruled.level is Level.EXPLICIT):
        return ruled
    return _raised(signs) or ruled


def _raised(signs: Signs) -> Concern | None:
    crisis = 1 - signs.get(NONE, 0.0)
    if crisis < POSSIBLE_MIN:
        return None
    by_kind = {kind: signs.get(kind.value, 0.0) for kind in Kind}
    explicit = sum(by_kind.values())
    by_kind[Kind.SELF_HARM] += signs.get(POSSIBLE_SELF_HARM, 0.0)
    level = Level.EXPLICIT if explicit >= EXPLICIT_MIN else Level.POSSIBLE
    return Concern(level, max(by_kind, key=lambda kind: by_kind[kind]))
