"""The one statement of the search, and its parameters."""

from pathlib import Path
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID

from services.embedder.domain import Model, Question, Weights
from services.embedder.ports import Vector
from services.embedder.spelling import words_of

# More terms per question take time without improving the results.
TERMS_MAX = 64

_TYPES = (
    bindparam("vector", type_=HALFVEC()),
    bindparam("turn_vector", type_=HALFVEC()),
    bindparam("session_ids", type_=ARRAY(UUID())),
    bindparam("date_from", type_=TIMESTAMP(timezone=True)),
    bindparam("date_to", type_=TIMESTAMP(timezone=True)),
)


def search_statement(prefix: str = "") -> TextClause:
    """Return the statement; a prefix such as `explain` is for those who look at its plan."""
    return text(prefix + Path(__file__).with_name("search.sql").read_text()).bindparams(*_TYPES)


def search_parameters(
    question: Question, model: Model, vectors: tuple[Vector | None, Vector | None], weights: Weights
) -> dict[str, Any]:
    """Return its parameters; `vectors` are the question's for passages and for turns, None where there is none."""
    for_passages, for_turns = (None if vector is None else list(vector) for vector in vectors)
    return {
        "question": question.text,
        "words": words_of(question.text)[:TERMS_MAX],
        "terms_max": TERMS_MAX,
        "patient_id": question.patient_id,
        "date_from": question.date_from,
        "date_to": question.date_to,
        "session_ids": None if question.session_ids is None else list(question.session_ids),
        "vector": for_passages,
        "turn_vector": for_turns,
        "model": model.name,
        "dense": weights.dense,
        "neighbour": weights.neighbour,
        "limit": question.limit,
    }
