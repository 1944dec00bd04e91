"""The turns of a patient as passages, and what the chat delivers of a draft about them."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid5

from evals.chat.patients import PatientFile, read
from libs.contracts.ids import ChunkId, SessionId
from services.chat.domain.composing import compose
from services.chat.domain.conversation import (
    Answer,
    AnsweredBy,
    Citation,
    Claim,
    Draft,
    Passage,
    Question,
    Speaker,
    Turn,
)

_SPACE = UUID(int=11)
PASSAGE_TURNS = 16
ASKED_AFTER = timedelta(days=9)
QUESTION = "What did we say about that?"


@dataclass(frozen=True)
class Case:
    """A sentence of a kind and the turns it cites. `obeyed`: its words may not be shown even as a quote."""

    kind: str
    sentence: str
    citations: tuple[Citation, ...]
    obeyed: bool = False


@dataclass(frozen=True)
class Room:
    """A patient's sessions as passages of consecutive turns."""

    name: str
    sessions: tuple[tuple[Passage, ...], ...]

    def cite(self, session: int, turn: int) -> Citation:
        """Return the citation of a turn by its number in the session."""
        return Citation(self.sessions[session][turn // PASSAGE_TURNS], turn % PASSAGE_TURNS)

    def citations(self) -> list[Citation]:
        """Return the citation of every turn."""
        return [Citation(one, turn) for session in self.sessions for one in session for turn in range(len(one.turns))]


def room(path: Path) -> Room:
    """Return the room of a patient's file."""
    file = read(path)
    return Room(path.stem, tuple(_passages(file, number) for number in range(len(file.sessions))))


def hostile(citation: Citation, *words: str) -> Citation:
    """Return a citation of the same turn, spoken with other words: somebody in the room says what they like."""
    passage = citation.passage
    turns = list(passage.turns)
    turns[citation.turn] = replace(turns[citation.turn], text=" ".join(words))
    return Citation(replace(passage, turns=tuple(turns)), citation.turn)


def delivered(case: Case) -> bool:
    """Return True if the chat says the sentence, or for an obeyed one shows its words at all."""
    text = answer(case).text
    return case.sentence.strip() in text or (case.obeyed and quote_of(case) in text)


def answer(case: Case) -> Answer:
    """Return what the chat makes of a draft with this one sentence."""
    passages = tuple(dict.fromkeys(one.passage for one in case.citations))
    question = Question(QUESTION, passages, max(one.session_date for one in passages) + ASKED_AFTER)
    return compose(question, Draft(AnsweredBy.CLAUDE, "fake", (Claim(case.sentence, case.citations),)))


def quote_of(case: Case) -> str:
    """Return the words of the first turn that the sentence cites."""
    first = case.citations[0]
    return first.passage.turns[first.turn].text


def _passages(file: PatientFile, number: int) -> tuple[Passage, ...]:
    at, said = file.sessions[number]
    turns = [Turn(Speaker(one.speaker.value), one.text, one.start_s, one.end_s) for one in said]
    session = SessionId(uuid5(_SPACE, f"{file.name}-{number}"))
    return tuple(
        Passage(ChunkId(uuid5(session, str(start))), session, at, tuple(turns[start : start + PASSAGE_TURNS]), 0.5)
        for start in range(0, len(turns), PASSAGE_TURNS)
    )
