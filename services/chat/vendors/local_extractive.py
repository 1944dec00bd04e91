"""Local answers from exact quotes: no language model, no API key, no network."""

from services.chat.domain.conversation import AnsweredBy, Draft, Question
from services.chat.domain.extractive import FITTED, Weights, select

MODEL = "extractive-1"


class ExtractiveAnswerer:
    """Implements ports.Answerer."""

    def __init__(self, weights: Weights = FITTED, answered_by: AnsweredBy = AnsweredBy.LOCAL) -> None:
        self._weights = weights
        self._answered_by = answered_by

    async def answer(self, question: Question) -> Draft:
        """Return the turns that answer, none if the evidence is too weak."""
        return Draft(self._answered_by, MODEL, quotes=tuple(select(question, self._weights)))
