"""`python -m evals.chat.swapped --data DIR`: what the chat says to questions whose person was swapped.

LoCoMo's category 5 (Maharana et al., ACL 2024) asks one speaker for what the other did, so no turn answers. Each
conversation becomes two patients, one for each speaker, who ask about themselves in the first person; the other speaker
is the therapist. Beside them stand the questions of category 4, asked in the same way, which one turn answers: silence
alone would be no merit. Prints counts, never a question or an answer.
"""

import argparse
import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from evals.chat.answers import RIGHT, Judged, ask_all
from evals.chat.patients import Asked, PatientFile
from evals.chat.stand import standing
from evals.retrieval import locomo
from libs.sentences.minilm import Runtime, SentenceEncoder
from services.chat.domain.phrasing import NOT_BY_YOU, UNSURE
from services.chat.heads import MessageHeads
from services.chat.vendors.local_extractive import ExtractiveAnswerer
from services.embedder.domain import Speaker, Turn

SINGLE_HOP = 4
AFTER_THE_LAST = timedelta(days=1)
SWAPPED, OWN = "swapped", "own"
# What a verb before the name becomes in the first person.
FIRST_PERSON = {"does": "do", "has": "have", "is": "am"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with locomo_dev_*.json")
    arguments = parser.parse_args()
    files = [file for conversation in locomo.read(arguments.data) for file in patients_of(conversation)]
    with tempfile.TemporaryDirectory() as cache:
        asyncio.run(_measure(files, Path(cache)))


async def _measure(files: Sequence[PatientFile], cache: Path) -> None:
    reader = MessageHeads(SentenceEncoder(Runtime(None, cache, threads=2)))
    counts: Counter[tuple[str, str]] = Counter()
    async with standing(files, cache) as arounds:
        for around in arounds:
            async for one in ask_all(around, reader, ExtractiveAnswerer()):
                counts[one.asked.kind, outcome(one)] += 1
    for kind in (SWAPPED, OWN):
        of_kind = {name: count for (which, name), count in counts.items() if which == kind}
        shares = "  ".join(f"{name} {of_kind.get(name, 0)}" for name in ("right", "quoted", "unsure", "silent"))
        print(f"locomo   {kind:8} n {sum(of_kind.values()):3}  {shares}")


def outcome(judged: Judged) -> str:
    """Return `silent`, `unsure` if the answer says so, `right` if its quotes bear the answer, or `quoted`."""
    if not judged.answer.sources:
        return "silent"
    if judged.asked.kind == OWN and judged.verdict == RIGHT:
        return "right"
    return "unsure" if judged.answer.text.startswith((UNSURE, NOT_BY_YOU)) else "quoted"


def patients_of(conversation: locomo.Conversation) -> Iterator[PatientFile]:
    """Return the conversation as its first speaker had it with a therapist, then as its second did."""
    numbers = sorted(conversation.sessions)
    asked_at = max(at for at, _ in conversation.sessions.values()) + AFTER_THE_LAST
    for speaker in conversation.speakers:
        sessions = tuple(
            (at, tuple(_spoken_to(turn, speaker) for turn in turns))
            for at, turns in (conversation.sessions[number] for number in numbers)
        )
        questions = tuple(
            _asked(one, speaker, numbers, asked_at)
            for one in (*conversation.swapped, *conversation.questions)
            if one.category in (locomo.UNANSWERABLE, SINGLE_HOP) and _about(one.text, conversation.speakers) == speaker
        )
        yield PatientFile(conversation.name, ZoneInfo("UTC"), sessions, questions)


def _spoken_to(turn: Turn, patient: str) -> Turn:
    speaker, _, text = turn.text.partition(": ")
    return replace(turn, speaker=Speaker.PATIENT if speaker == patient else Speaker.THERAPIST, text=text)


def _about(question: str, speakers: Sequence[str]) -> str | None:
    """Return the speaker whom a question names first."""
    named = {speaker: found.start() for speaker in speakers if (found := re.search(rf"\b{speaker}\b", question))}
    return min(named, key=lambda speaker: named[speaker]) if named else None


def first_person(question: str, name: str) -> str:
    """Return a question about somebody as they would ask it."""
    mine = re.sub(rf"\b{name}.s\b", "my", question)
    mine = re.sub(
        rf"\b(\w+) {name}\b", lambda found: f"{FIRST_PERSON.get(found[1].lower(), found[1])} I", mine, count=1
    )
    return re.sub(rf"\b{name}\b", "I", mine)


def _asked(one: locomo.Asked, name: str, numbers: Sequence[int], at: datetime) -> Asked:
    kind, expects = (SWAPPED, "silence") if one.category == locomo.UNANSWERABLE else (OWN, "answer")
    turns = frozenset((numbers.index(place.session), place.turn) for place in one.evidence)
    return Asked(first_person(one.text, name), at, kind, None, expects, "", turns)


if __name__ == "__main__":
    main()
