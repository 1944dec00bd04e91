"""Converts messages, sources and audit entries to and from database rows."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from libs.common.clock import to_json_time
from libs.contracts.ids import ChunkId, MessageId, SessionId
from services.chat.domain.basis import Attribution
from services.chat.domain.conversation import Answer, AnsweredBy, Message, Source, Speaker
from services.chat.domain.time.window import TimeWindow
from services.chat.ports import Accepted


def answer_row(message_id: MessageId, to: Accepted, answer: Answer) -> dict[str, Any]:
    """Return the row of an answer, without its therapists and consents."""
    return {
        "id": message_id,
        "conversation_id": to.conversation_id,
        "author": "assistant",
        "text": answer.text,
        "answers": to.message_id,
        "answered_by": answer.answered_by.value,
        "grounded": answer.grounded,
        "time_window": _window_json(answer.time_window),
    }


def source_row(message_id: MessageId, position: int, source: Source, attribution: Attribution) -> dict[str, Any]:
    """Return the row of one source of an answer."""
    therapist_id = attribution.therapists[source.session_id]
    return {
        "message_id": message_id,
        "position": position,
        "chunk_id": source.chunk_id,
        "session_id": source.session_id,
        "session_date": source.session_date,
        "therapist_id": therapist_id,
        "consent_id": attribution.consents[therapist_id].analysis,
        "quote": source.quote,
        "speaker": source.speaker.value,
        "start_s": source.start_s,
        "end_s": source.end_s,
        "relevance": source.relevance,
        "session_day": source.session_day,
    }


def audit_row(message_id: MessageId, to: Accepted, answer: Answer, actor: str) -> dict[str, Any]:
    """Return the audit row of an answer."""
    return {
        # Ids and counts only: whoever may read the audit need not be one who may read answers.
        "message_id": message_id,
        "conversation_id": to.conversation_id,
        "actor": actor,
        "answered_by": answer.answered_by.value,
        "model": answer.model,
        "grounded": answer.grounded,
        "source_count": len(answer.sources),
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
    }


def _window_json(window: TimeWindow | None) -> str | None:
    if window is None:
        return None
    return json.dumps(
        {
            "phrase": window.phrase,
            "from": to_json_time(window.start) if window.start else None,
            "to": to_json_time(window.end) if window.end else None,
            "session_ids": [str(session) for session in window.session_ids],
            "applied": window.applied,
            "note": window.note,
        }
    )


def _window_of(stored: dict[str, Any] | None) -> TimeWindow | None:
    if stored is None:
        return None
    return TimeWindow(
        phrase=stored["phrase"],
        start=datetime.fromisoformat(stored["from"]).astimezone(UTC) if stored["from"] else None,
        end=datetime.fromisoformat(stored["to"]).astimezone(UTC) if stored["to"] else None,
        session_ids=tuple(SessionId(UUID(session)) for session in stored["session_ids"]),
        applied=stored["applied"],
        note=stored["note"],
    )


def message_of(row: Row[Any], sources: Sequence[Source]) -> Message:
    """Return a message from its row; a redacted one has no sources."""
    return Message(
        id=MessageId(row.id),
        author=row.author,
        text=row.text,
        created_at=row.created_at,
        answered_by=AnsweredBy(row.answered_by) if row.answered_by else None,
        grounded=row.grounded,
        time_window=_window_of(row.time_window),
        # The quotes of a redacted answer would tell what its text told.
        sources=tuple(sources) if row.text is not None else (),
    )


def source_of(row: Row[Any]) -> Source:
    """Return a source from its row."""
    return Source(
        chunk_id=ChunkId(row.chunk_id),
        session_id=SessionId(row.session_id),
        session_date=row.session_date,
        relevance=row.relevance,
        quote=row.quote,
        start_s=row.start_s,
        end_s=row.end_s,
        speaker=Speaker(row.speaker),
        session_day=row.session_day,
    )
