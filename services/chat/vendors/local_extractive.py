"""Local answers from exact quotes: no language model, no API key, no network."""

from pathlib import Path

from libs.sentences.head import Head
from services.chat.domain.conversation import AnsweredBy, Draft, Question
from services.chat.domain.extractive import select

MODEL = "extractive-2"
RANKING = Path(__file__).with_name("ranking.json")


class ExtractiveAnswerer:
    """Implements ports.Answerer."""

    def __init__(self, answered_by: AnsweredBy = AnsweredBy.LOCAL, ranking: Head | None = None) -> None:
        self._ranking = ranking or Head.read(RANKING)
        self._answered_by = answered_by

    async def answer(self, question: Question) -> Draft:
        """Return the turns that answer, none if the evidence is too weak."""
        return Draft(self._answered_by, MODEL, quotes=tuple(select(question, self._ranking)))
