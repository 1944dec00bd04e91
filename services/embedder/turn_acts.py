# ruff: noqa: E501 - a cue is read on one line
"""What a turn does for a commitment: sets it, agrees to it, reports on it, drops or replaces it.

A trained head weighs plain cues of the turn and of the one after it, the speaker, the place in the session, and the
vectors of both turns, each read after the one before (evals/chat/README.md, "Turn acts").
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from libs.sentences.head import Head, weighed
from services.embedder.domain import Speaker, Turn

# The head reads vectors at this weight beside cues of 0 and 1.
VECTOR_WEIGHT = 2.0


class Act(StrEnum):
    """An act of a turn; most turns have none."""

    NONE = "none"
    ASSIGN = "assign"
    AGREE = "agree"
    DONE = "report_done"
    NOT_DONE = "report_not_done"
    DROP = "drop"
    REPLACE = "replace"


_CUES: tuple[tuple[str, str], ...] = (
    ("proposes", r"\b(?:could you|can you|would you|will you|shall we|shall i|how about|what about|what if (?:you|we)|might it help|would it help|why don'?t (?:you|we)|let'?s|let us|suppose you|i'?d like you to|i want you to|i'?m going to ask you|i would like you|see if you can|have a go|give it a (?:go|try)|try (?:to|and|it|that|this)|are you willing|would you be (?:willing|up for|open)|is that something|do you think you could|say twice|one thing (?:to|i))\b"),
    ("imperative", r"(?:^|[.!?;,:] )(?:and |so |then |just |please |maybe |okay,? |now )*(?:keep|write|note|jot|ring|call|text|send|ask|tell|go|walk|sit|read|bring|pick|choose|practi[cs]e|do|make|put|set|start|stop|leave|give|take|notice|pay|spend|count|breathe|plan|list|draw|talk|visit|book|find|use|track|log|record|meet|drive|schedule|aim)\b(?! you)"),
    ("before_next", r"\b(?:between now and|before (?:we|i|you|next|our|the next)|next (?:time|week|session|month)|this week|until (?:we|i|next|then)|by (?:next|the time|monday|tuesday|wednesday|thursday|friday|saturday|sunday|the end)|over the (?:next|coming)|for next|when we (?:meet|next)|every (?:day|morning|evening|night|week|sunday|monday)|once a|twice a|times a (?:day|week)|daily|each (?:day|morning|evening|night|time)|tonight|tomorrow|at the weekend|for (?:a|two|three|one) weeks?|minutes)\b"),
    ("homework", r"\b(?:home ?work|assignment|exercise|experiment|task|practi[cs]e|worksheet|diary|log|journal|list|homework)\b"),
    ("i_will", r"\b(?:i'?ll|i will|i'?m going to|i can (?:do|try)|i could (?:do|try)|i think i (?:will|can|could)|i(?:'d| would) like to|i want to|i might|i'?ve said i'?ll|i promise|i'?m gonna|let me)\b"),
    ("accepts", r"^(?:um,? |uh,? |well,? |right,? |er,? |mm,? |ah,? |oh,? |hm+,? )*(?:ok(?:ay)?|yes|yeah|yep|yup|sure|alright|all right|fine|deal|right|i can do that|that'?s (?:easy|fine|doable|fair)|sounds|good|no problem|fair enough|i'?ll)\b"),
    ("agrees_try", r"\b(?:i'?ll (?:try|do|give|have|see|put|write|ask|tell|keep|take|make|go|ring|call|text)|give (?:it|that) a (?:go|try|shot)|have a go|i can (?:do|manage|try) (?:that|it|this)|i could (?:do|manage|try)|that'?s (?:doable|manageable|easy)|i'?d (?:do|try) that)\b"),
    ("did_it", r"\b(?:i did|did it|done it|i'?ve (?:done|been|kept|written|tried|had|not|rung|called|sent|started|stopped)|i (?:wrote|rang|called|texted|sent|asked|told|went|kept|tried|managed|read|made|sat|walked|used|put|started|stopped|drove|brought|took|got|spoke|counted|practi[cs]ed)|it went|every (?:day|night|morning)|most (?:days|nights)|twice|three times|once)\b"),
    ("not_done", r"\b(?:i didn'?t|i did not|haven'?t|i forgot|didn'?t (?:do|get|manage|happen|work)|never got|couldn'?t|not (?:once|really|yet|all)|only (?:once|twice|the|did)|no,? i|excuses|too (?:tired|busy)|kept putting|slipped|avoided|chickened)\b"),
    ("asks_report", r"\b(?:how did .{0,60}(?:go|get on|work|land|turn out)|how (?:was|were|have you been|are you (?:getting|finding)|'?s) .{0,40}\b(?:exercise|diary|log|list|walk|breathing|call|letter|going)|did you (?:manage|get|do|try|write|ring|call|tell|ask|send|speak|have a chance|keep)|have you (?:been|managed|tried|done|kept)|last (?:time|week|session) (?:we|you|i)|you were going to|we (?:said|agreed|left|talked about)|tell me about|any luck|what happened with|and the (?:\w+ ){1,3}\?)"),
    ("drops", r"\b(?:drop (?:it|that|the|those|this)|leave (?:it|that|those|the \w+) (?:out|off|be|there|aside|alone|altogether)|let (?:it|that|the \w+) go|forget (?:about )?(?:it|that|the)|stop (?:doing|the|that|it|with|keeping|writing|box)|no need to|don'?t (?:need to|have to|bother)|give (?:it|that) (?:up|a rest)|not for (?:you|everyone|me)|set (?:it|that) aside|you can stop|we can stop|retire|scrap)\b"),
    ("replaces", r"\b(?:instead|replace|swap|rather than|in place of|switch|change (?:it|that)|move on (?:from|to)|different (?:one|exercise|way)|new (?:one|exercise|way|version)|something else|from now on)\b"),
    ("question", r"\?\s*$"),
    ("negative_effect", r"\b(?:dizzy|worse|tense|tight|hate[ds]?|didn'?t help|doesn'?t help|not helping|made me|uncomfortable|silly|too much)\b"),
    ("past_time", r"\b(?:on (?:the |monday|tuesday|wednesday|thursday|friday|saturday|sunday)|last (?:night|week|sunday|monday|tuesday|wednesday|thursday|friday|saturday)|yesterday|that (?:night|same|morning)|this morning|since|two weeks|the first (?:week|night|time))\b"),
)  # fmt: skip
_RULES = tuple(re.compile(rule, re.IGNORECASE) for _, rule in _CUES)
_BY_NAME = {name: rule for (name, _), rule in zip(_CUES, _RULES, strict=True)}
_EARLY, _LATE = 0.35, 0.65


def acts_of(turns: Sequence[Turn], vectors: Sequence[Sequence[float]], head: Head) -> tuple[Mapping[str, float], ...]:
    """Return the probability of each act for every turn; `vectors` has one vector for each."""
    return tuple(head.probabilities(row) for row in features(turns, vectors))


def says(text: str, *cues: str) -> bool:
    """Return True if a text has one of these cues."""
    plain = text.replace("’", "'")
    return any(_BY_NAME[cue].search(plain) for cue in cues)


def features(turns: Sequence[Turn], vectors: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
    """Return what the head reads of each turn: cues and vectors of the turn and the next, speaker, place."""
    said = [_cues(turn.text) for turn in turns]
    none = (0.0,) * len(said[0]) if said else ()
    # The last turn has none after it: zeros stand for it, as they did when the head was trained.
    still = (0.0,) * len(vectors[0]) if vectors else ()
    rows: list[tuple[float, ...]] = []
    for place, turn in enumerate(turns):
        before = said[place - 1] if place else none
        after = said[place + 1] if place + 1 < len(turns) else none
        next_vector = vectors[place + 1] if place + 1 < len(turns) else still
        plain = (*said[place], *before, *after, *_standing(turn, place / max(1, len(turns) - 1)))
        rows.append(weighed(plain, (*vectors[place], *next_vector), VECTOR_WEIGHT))
    return rows


def _standing(turn: Turn, share: float) -> tuple[float, ...]:
    patient = float(turn.speaker is Speaker.PATIENT)
    therapist = float(turn.speaker is Speaker.THERAPIST)
    # Reports come at the beginning of a session, and tasks are set near its end.
    early, late = float(share < _EARLY), float(share > _LATE)
    return patient, therapist, early, late, patient * early, therapist * late, patient * late


def _cues(text: str) -> tuple[float, ...]:
    # Recognizers write either apostrophe, and the cues only the plain one.
    said = text.replace("’", "'")
    return tuple(float(bool(rule.search(said))) for rule in _RULES)
