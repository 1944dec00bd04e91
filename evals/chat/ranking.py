"""`python -m evals.chat.ranking [--to DIR]`: trains which of the turns found bears the answer, on tuning patients.

Every question of a tuning patient is searched as the product does, its turns are marked by those that bear the answer,
and the head is fitted. A patient's turns are read by a head of turn acts that has not seen that patient, and the
held-out figure is of patients that the ranking has not seen.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from evals.chat.answers import ask_all
from evals.chat.heads import TINY, TUNING, acts_without
from evals.chat.patients import PatientFile, read
from evals.chat.stand import Around, standing
from evals.chat.training import Numbers, fit_ranking
from libs.contracts.ids import SessionId
from libs.sentences.head import Head
from libs.sentences.minilm import Runtime, SentenceEncoder
from services.chat.domain.conversation import AnsweredBy, Draft, Question, Turn
from services.chat.domain.evidence import evidence_of, turn_of
from services.chat.domain.extractive import BEARS
from services.chat.heads import MessageHeads
from services.chat.vendors.local_extractive import RANKING


@dataclass
class Recorder:
    """An answerer that keeps what it is asked and quotes nothing."""

    asked: list[Question] = field(default_factory=list)

    async def answer(self, question: Question) -> Draft:
        """Keep the question."""
        self.asked.append(question)
        return Draft(AnsweredBy.LOCAL, "recorder")


async def main(to: Path) -> None:
    """Train and write the ranking; print how often its first turn bears the answer of a patient it has not seen."""
    files = [_corner(read(path)) for path in sorted(TUNING.glob("patient_*.json"))]
    marked: list[list[tuple[Numbers, Numbers]]] = []
    with tempfile.TemporaryDirectory() as cache:
        encoder = SentenceEncoder(Runtime(None, Path(cache), threads=2))
        async with standing(files, Path(cache), lambda file: acts_without(file.name, encoder)) as arounds:
            for around in arounds:
                marked.append(
                    [
                        (np.array(rows), np.array(bears, float))
                        for rows, bears in await _marked(around, MessageHeads(encoder))
                    ]
                )
    for number, file in enumerate(files):
        others = [question for place, found in enumerate(marked) if place != number for question in found]
        _print(file.name, fit_ranking(others, BEARS), marked[number])
    fit_ranking([question for found in marked for question in found], BEARS).write(to)


async def _marked(around: Around, reader: MessageHeads) -> list[tuple[list[tuple[float, ...]], list[bool]]]:
    """Return for each question that can be answered the evidence of every turn found, and whether it bears it."""
    recorder = Recorder()
    marked: list[tuple[list[tuple[float, ...]], list[bool]]] = []
    async for judged in ask_all(around, reader, recorder, true_history=True):
        question, recorder.asked = next(iter(recorder.asked), None), []
        if question is None or not judged.asked.turns or judged.asked.expects != "answer":
            continue
        evidence = evidence_of(question)
        bears = [
            _bears(around, judged.asked.turns, turn_of(one.citation), one.citation.passage.session_id)
            for one in evidence
        ]
        marked.append(([one.features for one in evidence], bears))
    return marked


def _corner(file: PatientFile) -> PatientFile:
    """Return the patient or, with SIZE=tiny, the first sessions and the questions about them."""
    if os.environ.get("SIZE") != "tiny":
        return file
    asked = [one for one in file.questions if one.follows is None and all(session < TINY for session, _ in one.turns)]
    return replace(file, sessions=file.sessions[:TINY], questions=tuple(asked[:TINY]))


def _bears(around: Around, wanted: frozenset[tuple[int, int]], turn: Turn, session_id: SessionId) -> bool:
    return bool(around.indexed.places(session_id, turn.start_s, turn.end_s) & wanted)


def _print(name: str, ranking: Head, questions: Sequence[tuple[Numbers, Numbers]]) -> None:
    ranked = [bears[np.argsort(-(rows @ np.array(ranking.weights[0])), kind="stable")] for rows, bears in questions]
    among = "  ".join(f"among {count} {sum(bool(bears[:count].any()) for bears in ranked)}" for count in (1, 2, 3))
    found = sum(bool(bears.any()) for bears in ranked)
    print(f"head  ranking  {name}, not trained on  questions {len(ranked)}  found {found}  {among}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, help="a folder for what is trained")
    folder = parser.parse_args().to
    asyncio.run(main(folder / RANKING.name if folder else RANKING))
