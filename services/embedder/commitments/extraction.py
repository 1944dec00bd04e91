"""Verifies what a model says that turns do for commitments: each field against the turn that it names.

A model may invent, mistake the speaker, or obey what somebody said in the room. What it says is kept only where the
turn itself bears it out, and only as the turn's own words.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from libs.common.folded_text import folded
from services.embedder.commitments.domain import ADJOINING_S, WHEN
from services.embedder.domain import ClaimedAct, FoundAct, Speaker, Turn
from services.embedder.turn_acts import Act, says

_SENTENCE = re.compile(r"[^.?!]*(?:[.?!]+|$)")
_WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_DENIES = re.compile(r"\b(?:no|not|never|nothing|cannot)\b|n't\b")
_ANSWERS_NO = re.compile(r"\W*(?:no|nope|nah|not)\b")
# What the sentence of a quote must say to bear an act, and what it must not.
_BEARS = {
    Act.ASSIGN: ("proposes", "imperative", "i_will", "agrees_try", "replaces"),
    Act.AGREE: ("accepts", "agrees_try", "i_will"),
    Act.DONE: ("did_it", "accepts"),
    Act.NOT_DONE: ("not_done",),
    Act.DROP: ("drops",),
    Act.REPLACE: ("replaces",),
}
_ACTS = frozenset(_BEARS)
_OF_PATIENTS = (Act.DONE, Act.NOT_DONE)
# Somebody who is no therapist sets themselves something; orders of theirs are not taken for what was set.
_OWN = ("i_will", "agrees_try")


class Outcome(StrEnum):
    """What became of an act that a model said it found."""

    KEPT = "kept"
    UNKNOWN_TURN = "unknown_turn"
    OTHER_SPEAKER = "other_speaker"
    UNKNOWN_ACT = "unknown_act"
    NOT_SAID = "not_said"
    NO_SUCH_DATE = "no_such_date"
    OTHER_ACT = "other_act"
    SECOND_ACT = "second_act"


@dataclass(frozen=True)
class Checked:
    """The acts that the turns bear out, in the order of the turns, and how many had which outcome."""

    kept: tuple[FoundAct, ...]
    outcomes: Counter[Outcome]


def verified(claims: Sequence[ClaimedAct], turns: Sequence[Turn]) -> Checked:
    """Check each claim against the turn that it names; a turn bears one act, the first that holds."""
    kept: dict[int, FoundAct] = {}
    outcomes: Counter[Outcome] = Counter()
    # An agreement follows what it agrees to, so the acts are checked in the order in which they were said.
    for claim in sorted(claims, key=lambda one: one.turn):
        outcome = Outcome.SECOND_ACT if claim.turn in kept else _outcome(claim, turns, kept)
        outcomes[outcome] += 1
        if outcome is Outcome.KEPT:
            kept[claim.turn] = FoundAct(claim.turn, claim.act, _place_of(claim.due, turns[claim.turn].text))
    return Checked(tuple(kept.values()), outcomes)


def _outcome(claim: ClaimedAct, turns: Sequence[Turn], kept: dict[int, FoundAct]) -> Outcome:
    if not 0 <= claim.turn < len(turns):
        return Outcome.UNKNOWN_TURN
    turn = turns[claim.turn]
    holds = {
        Outcome.OTHER_SPEAKER: claim.speaker == turn.speaker.value,
        Outcome.UNKNOWN_ACT: claim.act in _ACTS,
        Outcome.NOT_SAID: _stands(claim.quote, turn.text),
        Outcome.NO_SUCH_DATE: not claim.due or (_stands(claim.due, claim.quote) and bool(WHEN.search(claim.due))),
    }
    failed = next((outcome for outcome, is_met in holds.items() if not is_met), None)
    if failed:
        return failed
    act = Act(claim.act)
    follows = act is not Act.AGREE or _answers(claim.turn, turns, kept)
    return Outcome.KEPT if follows and _bears(act, _sentences_of(claim.quote, turn.text), turn) else Outcome.OTHER_ACT


def _bears(act: Act, said: str, turn: Turn) -> bool:
    """Return True if the whole sentences of a quote do what they are said to do."""
    if act in _OF_PATIENTS and turn.speaker is Speaker.THERAPIST:
        return False
    if act in (Act.DONE, Act.AGREE) and (_DENIES.search(said) or says(said, "not_done")):
        return False
    if act is Act.ASSIGN:
        may_set = turn.speaker is Speaker.THERAPIST or says(said, *_OWN)
        # Ten minutes of an exercise each day is set without a verb.
        is_set = says(said, *_BEARS[act]) or (says(said, "before_next") and says(said, "homework"))
        return may_set and is_set and not says(said, "drops", "asks_report")
    return says(said, *_BEARS[act]) or (act is Act.NOT_DONE and bool(_ANSWERS_NO.match(said)))


def _answers(place: int, turns: Sequence[Turn], kept: dict[int, FoundAct]) -> bool:
    """Return True if somebody else set something just before."""
    turn = turns[place]
    return any(
        found.act == Act.ASSIGN
        and turns[found.turn].speaker is not turn.speaker
        and turn.start_s - turns[found.turn].end_s < ADJOINING_S
        for found in kept.values()
    )


def _sentences_of(quote: str, text: str) -> str:
    """Return the sentences of a turn that a quote touches: what a quote leaves out may turn it round."""
    said = _plain(text)
    found = _placed(quote).search(said)
    start, stop = found.span() if found else (0, len(said))
    touched = [one[0] for one in _SENTENCE.finditer(said) if one.start() < stop and one.end() > start]
    return "".join(touched).strip()


def _place_of(words: str | None, text: str) -> tuple[int, int] | None:
    """Return where words stand in a text: what is kept is the text's own, without a sign that the model added."""
    found = re.compile(_placed(words).pattern, re.IGNORECASE).search(text.replace("’", "'")) if words else None
    return found.span() if found else None


def _stands(words: str, text: str) -> bool:
    """Return True if the words stand in a text one after the other, whole and in one spelling."""
    return bool(_WORDS.search(words)) and bool(_placed(words).search(_plain(text)))


def _placed(words: str) -> re.Pattern[str]:
    """Return where words stand one after the other, whatever signs are between them."""
    return re.compile(r"(?<!\w)" + r"[\W_]+".join(map(re.escape, _WORDS.findall(_plain(words)))) + r"(?!\w)")


def _plain(text: str) -> str:
    return _spaced(text).casefold()


def _spaced(text: str) -> str:
    return " ".join(folded(text).replace("’", "'").split())
