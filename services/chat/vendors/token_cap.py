"""Keeps a request to a model within the tokens that it may cost, and says so when it had to."""

from libs.common.log import get_logger
from services.chat.domain.budget import within_tokens
from services.chat.domain.conversation import Question


def capped(question: Question, vendor: str, tokens_max: int, answer_tokens_max: int) -> Question:
    """Return the question with no more passages than fit beside its answer, the least relevant left out."""
    within = within_tokens(question, tokens_max - answer_tokens_max)
    if within != question:
        get_logger().warning(
            "answer.tokens_capped",
            vendor=vendor,
            tokens_max=tokens_max,
            chunk_count=len(within.passages),
            chunks_left_out=len(question.passages) - len(within.passages),
        )
    return within
