"""What was taken on between sessions, and what became of it, told from the acts of turns across sessions.

A session's index keeps the turns that may bear an act (`mentions`). They are joined when they are read, oldest first,
so that a session which is indexed late, corrected, or hidden by consent changes what follows from it and nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from libs.common.derived_ids import derived_id
from libs.contracts.ids import ChunkId, SessionId
from libs.contracts.index import CommitmentStatus as Status
from libs.contracts.index import Correction
from services.embedder.domain import Index, Turn, chunk_id
from services.embedder.turn_acts import Act

# Fitted on the tuning patients (evals/chat/README.md, "Commitments").
KEPT_MIN = 0.2
ASSIGN_MIN = 0.4
REPORT_MIN = 0.4
SAME_MIN = 0.62
ABOUT_MIN = 0.3
# A proposal and what is said about it at once are one commitment.
ADJOINING_S = 40.0
_TIMES = (
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|week(?:end)?|month|session|time|morning|evening|night|day|we meet"
    r"|january|february|march|april|may|june|july|august|september|october|november|december)s?\b"
    r"|\btonight\b|\btomorrow\b"
)
_DUE = re.compile(
    r"\b(?:by|before|until|on|this|next|every|each|tonight|tomorrow|between now and|over the)\b[^.?!,;]{0,40}?"
    + _TIMES,
    re.IGNORECASE,
)
WHEN = re.compile(rf"{_TIMES}|\d", re.IGNORECASE)
"""Found in words that say for when something is to be done."""


_STATUS_OF = {
    Act.ASSIGN: Status.OPEN,
    Act.DONE: Status.DONE,
    Act.NOT_DONE: Status.NOT_DONE,
    Act.DROP: Status.DROPPED,
    Act.REPLACE: Status.REPLACED,
}
# What was dropped or replaced is not reported on any more: a later turn about such a thing means another task.
_FINAL = (Status.DROPPED, Status.REPLACED)


@dataclass(frozen=True)
class Mention:
    """A turn that may bear an act, with the probability of each act and its vector (of the local model).

    `due` is where in its text the words stand that say for when, if a model found them.
    """

    id: UUID
    session_id: SessionId
    session_date: datetime
    chunk_id: ChunkId
    turn: Turn
    acts: Mapping[str, float]
    vector: tuple[float, ...] = field(repr=False)
    due: tuple[int, int] | None = None

    @property
    def act(self) -> Act:
        """Return the most likely act that is not NONE."""
        return Act(max((act for act in self.acts if act != Act.NONE), key=lambda act: self.acts[act]))

    def probability(self, act: Act) -> float:
        """Return the probability of an act."""
        return self.acts.get(act.value, 0.0)


@dataclass(frozen=True)
class Change:
    """What a turn did for a commitment."""

    act: Act
    mention: Mention


@dataclass(frozen=True)
class Commitment:
    """What was taken on: the turn that set it, what was said of it since, and what became of it.

    `corrected`: a therapist set the status.
    """

    id: UUID
    changes: tuple[Change, ...]
    status: Status = Status.OPEN
    corrected: bool = False

    @property
    def assigned(self) -> Mention:
        """Return the turn that set it."""
        return self.changes[0].mention

    @property
    def due(self) -> str | None:
        """Return the words that say for when, if any do."""
        if self.assigned.due:
            return self.assigned.turn.text[slice(*self.assigned.due)]
        found = _DUE.search(self.assigned.turn.text)
        return found[0] if found else None

    def then(self, act: Act, mention: Mention) -> "Commitment":
        """Return it with one more change."""
        return replace(self, changes=(*self.changes, Change(act, mention)), status=_STATUS_OF.get(act, self.status))


def mention_id(session_id: SessionId, text: str) -> UUID:
    """Return the id of a turn's mention: the same when its words are indexed again at the same second."""
    return derived_id(session_id, "commitment", text)


def mentions_of(index: Index) -> list[Mention]:
    """Return the turns of an index that bear an act, or may by its head; none if its turns have no vectors."""
    source = index.source
    chunks = [number for number, chunk in enumerate(index.chunks) for _ in chunk.span.turns]
    dues, acts_of_turns = _acts(index)
    return [
        Mention(
            id=mention_id(source.session_id, f"{turn.start_s} {turn.text}"),
            session_id=source.session_id,
            session_date=source.session_date,
            chunk_id=chunk_id(source.transcript_id, source.transcript_version, number),
            turn=turn,
            acts=acts,
            vector=tuple(vector),
            due=due,
        )
        # Not strict: an index that was made without the local model has no acts and no vectors.
        for number, turn, acts, vector, due in zip(
            chunks, index.turns, acts_of_turns, index.turn_vectors, dues, strict=False
        )
        if 1 - acts.get(Act.NONE, 0.0) >= KEPT_MIN
    ]


def _acts(index: Index) -> tuple[list[tuple[int, int] | None], Sequence[Mapping[str, float]]]:
    """Return for each turn where it says for when, and the probability of each act."""
    if index.found_acts is None:
        return [None] * len(index.turns), index.turn_acts
    found = {one.turn: one for one in index.found_acts}
    dues = [found[turn].due if turn in found else None for turn in range(len(index.turns))]
    acts = [{found[turn].act: 1.0} if turn in found else {Act.NONE.value: 1.0} for turn in range(len(index.turns))]
    return dues, acts


def joined(mentions: Sequence[Mention], corrections: Mapping[UUID, str] | None = None) -> list[Commitment]:
    """Return the commitments of one patient, oldest first, from mentions in any order.

    `corrections` are the statuses that a therapist set; `none` says that it never was a commitment.
    """
    known: list[Commitment] = []
    for mention in sorted(mentions, key=lambda one: (one.session_date, one.turn.start_s)):
        _ACTIONS.get(mention.act, _reported)(known, mention)
    return [_corrected(one, corrections or {}) for one in known if (corrections or {}).get(one.id) != Correction.NONE]


def as_of(commitments: Sequence[Commitment], at: datetime) -> list[Commitment]:
    """Return the commitments as they stood at a time: without what was said in later sessions."""
    standing: list[Commitment] = []
    for commitment in commitments:
        changes = tuple(change for change in commitment.changes if change.mention.session_date <= at)
        if changes:
            past = Commitment(commitment.id, changes[:1])
            for change in changes[1:]:
                past = past.then(change.act, change.mention)
            # Unchanged since then: a therapist's correction stands as well.
            standing.append(past if len(changes) < len(commitment.changes) else commitment)
    return standing


def _corrected(commitment: Commitment, corrections: Mapping[UUID, str]) -> Commitment:
    status = corrections.get(commitment.id)
    return commitment if status is None else replace(commitment, status=Status(status), corrected=True)


def _assigned(known: list[Commitment], mention: Mention) -> None:
    if mention.probability(Act.ASSIGN) < ASSIGN_MIN:
        return
    if (beside := _beside(known, mention)) is not None:
        known[beside] = known[beside].then(Act.ASSIGN, mention)
        return
    same = _nearest(known, mention, SAME_MIN)
    if same is not None:
        # Set again in a later session: the new wording counts, and the old one stays to be seen.
        known[same] = known[same].then(Act.REPLACE, mention)
    known.append(Commitment(mention.id, (Change(Act.ASSIGN, mention),)))


def _agreed(known: list[Commitment], mention: Mention) -> None:
    beside = _beside(known, mention)
    if beside is not None:
        known[beside] = known[beside].then(Act.AGREE, mention)


def _reported(known: list[Commitment], mention: Mention) -> None:
    about = _nearest(known, mention, ABOUT_MIN)
    if about is not None and mention.probability(mention.act) >= REPORT_MIN:
        known[about] = known[about].then(mention.act, mention)


_ACTIONS = {Act.ASSIGN: _assigned, Act.AGREE: _agreed}


def _beside(known: Sequence[Commitment], mention: Mention) -> int | None:
    """Return the place of what was said just before, in the same session."""
    for place in reversed(range(len(known))):
        last = known[place].changes[-1].mention
        if last.session_id == mention.session_id and mention.turn.start_s - last.turn.end_s < ADJOINING_S:
            return place
    return None


def _nearest(known: Sequence[Commitment], mention: Mention, least: float) -> int | None:
    """Return the place of the commitment of an earlier session that is most like it and not over."""
    near = [
        (_likeness(commitment, mention), place)
        for place, commitment in enumerate(known)
        if commitment.status not in _FINAL and commitment.assigned.session_id != mention.session_id
    ]
    best = max(near, default=(0.0, -1))
    return best[1] if best[0] >= least else None


def _likeness(commitment: Commitment, mention: Mention) -> float:
    return max(
        # The vectors have length 1 (libs/sentences/minilm.py), so the product is the cosine.
        sum(a * b for a, b in zip(change.mention.vector, mention.vector, strict=True))
        for change in commitment.changes
    )
