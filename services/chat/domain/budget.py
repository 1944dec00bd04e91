"""Keeps what a model is sent for one answer below a number of tokens."""

from dataclasses import replace

from services.chat.domain.conversation import Exchange, Passage, Question
from services.chat.domain.instructions import RULES, asked, line, title

DEFAULT_TOKENS_MAX = 24_000
# English prose has about four characters to a token; three leaves room for names, numbers and the shape of a request.
CHARS_A_TOKEN = 3


def within_tokens(question: Question, tokens_max: int) -> Question:
    """Return the question without its last passages, which matter least, and then without its oldest exchanges.

    The best passage always stays: without it there is nothing to answer from.
    """
    passages, history = list(question.passages), list(question.history)
    while _tokens(question, passages, history) > tokens_max and (len(passages) > 1 or history):
        if len(passages) > 1:
            passages.pop()
        else:
            history.pop(0)
    return replace(question, passages=tuple(passages), history=tuple(history))


def _tokens(question: Question, passages: list[Passage], history: list[Exchange]) -> int:
    texts = [RULES, asked(question), *(f"{one.question}{one.answer}" for one in history)]
    texts += [f"{title(passage)}{line(turn)}" for passage in passages for turn in passage.turns]
    return sum(len(text) for text in texts) // CHARS_A_TOKEN
