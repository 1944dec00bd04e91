"""Local answers from exact quotes: no language model, no API key, no network."""

from pathlib import Path

from libs.sentences.head import Head
from services.chat.domain.conversation import AnsweredBy, Draft, Question
from services.chat.domain.extractive import Heads, select
from services.chat.ports import Hear

MODEL = "extractive-3"
RANKING = Path(__file__).with_name("ranking.json")
ANSWERABLE = Path(__file__).with_name("answerable.json")


class ExtractiveAnswerer:
    """Implements ports.Answerer."""

    def __init__(self, answered_by: AnsweredBy = AnsweredBy.LOCAL, heads: Heads | None = None) -> None:
        self._heads = heads or shipped_heads()
        self._answered_by = answered_by

    async def answer(self, question: Question, hear: Hear | None = None) -> Draft:  # noqa: ARG002
        """Return the turns that answer, none if the evidence is too weak; they are all there at once."""
        selection = select(question, self._heads)
        return Draft(self._answered_by, MODEL, quotes=selection.citations, unsure=selection.unsure)


def shipped_heads() -> Heads:
    """Read the heads that stand beside this file (`python -m evals.chat.ranking` trains them)."""
    return Heads(Head.read(RANKING), Head.read(ANSWERABLE))
