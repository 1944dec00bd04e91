"""`python -m evals.chat.ranking [--to DIR]`: trains which turn found bears the answer, and whether any does.

Every question of a tuning patient is searched as the product does, its turns are marked by those that bear the answer,
and the head is fitted. A patient's turns are read by a head of turn acts that has not seen that patient, and the
held-out figure is of patients that the ranking has not seen.
"""

import argparse
import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from evals.chat.answers import ask_all
from evals.chat.heads import acts_without
from evals.chat.patients import PatientFile, read
from evals.chat.stand import Around, standing
from evals.chat.training import TINY, Examples, Numbers, corner, fit, fit_ranking, held_out, tuning_patients
from libs.contracts.ids import SessionId
from libs.sentences.head import Head
from libs.sentences.minilm import Runtime, SentenceEncoder
from services.chat.domain.answerable import ANSWERS, OF_SOMETHING, SILENT, signs
from services.chat.domain.conversation import AnsweredBy, Draft, Question, Turn
from services.chat.domain.evidence import Evidence, evidence_of, turn_of
from services.chat.domain.extractive import BEARS, SILENT_MIN, UNSURE_MIN, rank
from services.chat.heads import MessageHeads
from services.chat.ports import Hear
from services.chat.vendors.local_extractive import ANSWERABLE, RANKING

PENALTY = 0.5
SEED = 20261130
# Some of each kind, with SIZE=tiny.
TINY_QUESTIONS = 8


@dataclass
class Recorder:
    """An answerer that keeps what it is asked and quotes nothing."""

    asked: list[Question] = field(default_factory=list)

    async def answer(self, question: Question, hear: Hear | None = None) -> Draft:  # noqa: ARG002
        """Keep the question."""
        self.asked.append(question)
        return Draft(AnsweredBy.LOCAL, "recorder")


@dataclass
class Asked:
    """What was searched for a question, and whether each turn found bears its answer; `silence`: nothing does."""

    question: Question
    evidence: list[Evidence]
    bears: Numbers
    silence: bool

    @property
    def rows(self) -> Numbers:
        """Return the evidence as a matrix, a row for each turn."""
        return np.array([one.features for one in self.evidence])


async def main(to: Path | None) -> None:
    """Train and write both heads; print what they are worth for patients that they have not seen."""
    files = [_corner(read(path)) for path in tuning_patients()]
    with tempfile.TemporaryDirectory() as cache:
        encoder = SentenceEncoder(Runtime(None, Path(cache), threads=2))
        async with standing(files, Path(cache), lambda file: acts_without(file.name, encoder)) as arounds:
            asked = [await _asked(around, MessageHeads(encoder)) for around in arounds]
    rankings = [
        _ranking([one for place, found in enumerate(asked) if place != number for one in found])
        for number in range(len(files))
    ]
    for file, ranking, found in zip(files, rankings, asked, strict=True):
        _print(file.name, ranking, found)
    answerable = _answerable(asked, rankings)
    for name, head in (
        (RANKING.name, _ranking([one for found in asked for one in found])),
        (ANSWERABLE.name, answerable),
    ):
        head.write((to or RANKING.parent) / name)


def _ranking(asked: Sequence[Asked]) -> Head:
    return fit_ranking([(one.rows, one.bears) for one in asked if not one.silence], BEARS)


def _answerable(asked: Sequence[Sequence[Asked]], rankings: Sequence[Head]) -> Head:
    """Train whether the sessions answer a question, under rankings that have not seen its patient; print it."""
    rows, labels, groups = [], [], []
    for number, (found, ranking) in enumerate(zip(asked, rankings, strict=True)):
        for one in found:
            if one.question.kind in OF_SOMETHING and not one.question.sides:
                ranked = rank(one.question, ranking)
                rows.append(signs(one.question, ranked, ranking.scores(ranked[0][1].features)[0]))
                labels.append(SILENT if one.silence else ANSWERS)
                groups.append(number)
    examples = Examples(np.array(rows), tuple(labels), tuple(groups))
    chances = held_out(examples, PENALTY, len(asked), SEED)
    for least in (UNSURE_MIN, SILENT_MIN):
        above = Counter(label for label, one in zip(labels, chances, strict=True) if one.get(SILENT, 0.0) > least)
        told = "  ".join(f"{label} {above[label]} of {labels.count(label)}" for label in (ANSWERS, SILENT))
        print(f"head  answerable  doubt above {least}  {told}")
    return fit(examples, PENALTY)


async def _asked(around: Around, reader: MessageHeads) -> list[Asked]:
    """Return what was found for each question that was searched, and which turns bear its answer."""
    recorder = Recorder()
    found: list[Asked] = []
    async for judged in ask_all(around, reader, recorder, true_history=True):
        question, recorder.asked = next(iter(recorder.asked), None), []
        silence = judged.asked.expects == "silence"
        evidence = evidence_of(question) if question is not None and not question.chosen else []
        if (
            question is None
            or not evidence
            or not (silence or (judged.asked.turns and judged.asked.expects == "answer"))
        ):
            continue
        bears = [
            _bears(around, judged.asked.turns, turn_of(one.citation), one.citation.passage.session_id)
            for one in evidence
        ]
        found.append(Asked(question, evidence, np.array(bears, float), silence))
    return found


def _corner(file: PatientFile) -> PatientFile:
    """Return the patient or, with SIZE=tiny, the first sessions and the questions about them."""
    if os.environ.get("SIZE") != "tiny":
        return file
    asked = [one for one in file.questions if one.follows is None and all(session < TINY for session, _ in one.turns)]
    return replace(file, sessions=file.sessions[:TINY], questions=tuple(corner(asked, TINY_QUESTIONS)))


def _bears(around: Around, wanted: frozenset[tuple[int, int]], turn: Turn, session_id: SessionId) -> bool:
    return bool(around.indexed.places(session_id, turn.start_s, turn.end_s) & wanted)


def _print(name: str, ranking: Head, asked: Sequence[Asked]) -> None:
    weights = np.array(ranking.weights[0])
    ranked = [one.bears[np.argsort(-(one.rows @ weights), kind="stable")] for one in asked if not one.silence]
    among = "  ".join(f"among {count} {sum(bool(bears[:count].any()) for bears in ranked)}" for count in (1, 2, 3))
    found = sum(bool(bears.any()) for bears in ranked)
    print(f"head  ranking  {name}, not trained on  questions {len(ranked)}  found {found}  {among}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, help="a folder for what is trained")
    asyncio.run(main(parser.parse_args().to))
