"""Does the local answerer answer what was said and stay silent about what was not?

The words come from samples/dialogues, cut and embedded as the embedder does; the search is replaced by "everything,
nearest first", because three short sessions fit into one search anyway.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid5

from libs.contracts.ids import ChunkId, SessionId
from libs.sentences.minilm import Runtime, SentenceEncoder
from services.chat.domain.conversation import Passage, Question, Speaker, Turn
from services.chat.domain.extractive import FITTED, Weights, rank, select
from services.embedder.chunking import chunks_of
from services.embedder.domain import Speaker as IndexedSpeaker
from services.embedder.domain import Turn as IndexedTurn
from services.embedder.vendors.local_minilm import MiniLmEmbedder
from services.embedder.vendors.token_counts import cl100k_counter

QUESTIONS = Path(__file__).parent / "questions.json"
DIALOGUES = Path(__file__).parents[2] / "samples" / "dialogues"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
SEARCH_LIMIT = 16
_SPACE = UUID(int=11)


@dataclass(frozen=True)
class Silence:
    """What was answered: how many of those that can be, with the right words first or among the quotes; and of those
    that cannot be.
    """

    answerable: int
    answered: int
    right_first: int
    right_among: int
    unanswerable: int
    false_answers: tuple[str, ...]
    unanswered: tuple[str, ...]


class Archive:
    """The sample sessions, ready to be asked."""

    def __init__(self, models_dir: Path | None, cache_dir: Path) -> None:
        self._embedder = MiniLmEmbedder(SentenceEncoder(Runtime(models_dir, cache_dir)))
        self._passages: list[Passage] = []
        self._vectors: list[Sequence[float]] = []

    async def fill(self) -> None:
        """Cut and embed every dialogue."""
        count = cl100k_counter()
        for path in sorted(DIALOGUES.glob("*.json")):
            dialogue = json.loads(path.read_text())
            turns = [
                IndexedTurn(IndexedSpeaker(turn["speaker"]), turn["text"], turn["start_time"], turn["end_time"])
                for turn in dialogue["turns"]
            ]
            session = SessionId(uuid5(_SPACE, path.name))
            date = datetime.fromisoformat(dialogue["session_date"]).replace(tzinfo=UTC)
            for span in (span for chunk in chunks_of(turns, count) for span in chunk.passages):
                said = tuple(
                    Turn(Speaker(turn.speaker.value), turn.text, turn.start_s, turn.end_s) for turn in span.turns
                )
                self._passages.append(Passage(ChunkId(uuid5(session, span.text)), session, date, said, None))
                self._vectors += await self._embedder.embed([span.text])

    async def question(self, text: str) -> Question:
        """Return a question with every passage and its cosine, nearest first."""
        [asked] = await self._embedder.embed([text])
        found = [
            Passage(one.chunk_id, one.session_id, one.session_date, one.turns, max(0.0, _dot(asked, vector)))
            for one, vector in zip(self._passages, self._vectors, strict=True)
        ]
        nearest = sorted(found, key=lambda one: one.relevance or 0.0, reverse=True)
        return Question(text, tuple(nearest[:SEARCH_LIMIT]), NOW)


async def measure(archive: Archive, places: slice = slice(None), weights: Weights = FITTED) -> Silence:
    """Ask all questions at these places of the lists."""
    questions = json.loads(QUESTIONS.read_text())
    unanswered, first, among = [], 0, 0
    for item in questions["answerable"][places]:
        question = await archive.question(item["ask"])
        quotes = [cited.words or cited.passage.turns[cited.turn].text for cited in select(question, weights)]
        if not quotes:
            unanswered.append(item["ask"])
        first += bool(quotes) and item["says"].lower() in quotes[0].lower()
        among += any(item["says"].lower() in quote.lower() for quote in quotes)
    false_answers = [one for one in questions["unanswerable"][places] if select(await archive.question(one), weights)]
    count = len(questions["answerable"][places])
    return Silence(
        answerable=count,
        answered=count - len(unanswered),
        right_first=first,
        right_among=among,
        unanswerable=len(questions["unanswerable"][places]),
        false_answers=tuple(false_answers),
        unanswered=tuple(unanswered),
    )


async def evidence(archive: Archive, places: slice) -> list[tuple[tuple[float, float, float], bool]]:
    """Return the evidence of the best turn of each question, and whether the question can be answered."""
    questions = json.loads(QUESTIONS.read_text())
    asked = [(item["ask"], True) for item in questions["answerable"][places]]
    asked += [(text, False) for text in questions["unanswerable"][places]]
    found = []
    for text, can in asked:
        best = rank(await archive.question(text))[0]
        found.append(((best.relevance, best.coverage, best.around), can))
    return found


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
