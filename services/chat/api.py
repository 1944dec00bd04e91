"""HTTP routes: answer a message as JSON or as an event stream; read and delete conversations."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from libs.common.clock import to_json_time
from libs.common.database.paging import PAGE_DEFAULT, PAGE_MAX, Window
from libs.common.errors import AppError
from libs.common.http.problems import internal_error
from libs.common.local_time import zone_of_caller
from libs.common.log import get_logger, location_of
from libs.common.waiting import wait_within
from libs.contracts.audit import AuditQuery
from libs.contracts.ids import ConversationId, MessageId, PatientId
from libs.contracts.organization.own_help_lines import CrisisSettings
from libs.contracts.safety import mode_of_caller
from services.chat.answering import AcceptedMessage, ChatMessage
from services.chat.domain.conversation import (
    MESSAGE_CHARS_MAX,
    MESSAGES_PER_HOUR,
    QUOTA_POLICY,
    QUOTA_WINDOW_S,
    AnsweredBy,
    Conversation,
    Message,
    Quota,
    Source,
)
from services.chat.domain.crisis.caring import has_care
from services.chat.domain.phrasing import REDACTED, TEXT_ONLY
from services.chat.domain.replies import NOTICE
from services.chat.domain.time.window import TimeWindow
from services.chat.handlers import Ask, Reply
from services.chat.ports import AnswerRecord, ConversationRepository
from services.chat.server_sent import PING, event
from services.chat.telling import Listener

EVENT_STREAM = "text/event-stream"
PING_EVERY_S = 15.0
# The event loop itself keeps no task alive that nobody waits for.
_READER_LEFT: "set[asyncio.Task[Reply]]" = set()


class ChatRequest(BaseModel):
    """A patient's message, in an existing conversation or a new one."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    patient_id: UUID
    message: str = Field(min_length=1, max_length=MESSAGE_CHARS_MAX, pattern=r"\S")
    conversation_id: UUID | None = None


def build_router(
    ask: Ask,
    conversations: ConversationRepository,
    record: AnswerRecord | None = None,
    ping_every_s: float = PING_EVERY_S,
) -> APIRouter:
    """Return the routes of this service."""
    router = APIRouter()

    @router.post("/chat", operation_id="chat", summary="Ask about a patient's sessions")
    async def chat(body: ChatRequest, request: Request) -> Response:
        """Return an answer with sources, or a refusal. Errors are sent as problems before a stream is opened."""
        pending = await ask.begin(_chat_message(body, request.headers))
        headers = _rate_limit_headers(pending.accepted.quota) if isinstance(pending, AcceptedMessage) else {}
        if EVENT_STREAM in request.headers.get("accept", ""):
            return _streaming(_stream(ask, pending, ping_every_s), headers)
        return JSONResponse(_reply(await _finish(ask, pending)), headers=headers)

    @router.post("/crisis", operation_id="crisis", summary="The crisis answer, if the message asks for one")
    async def crisis(body: ChatRequest, request: Request) -> Response:
        """Return the crisis answer, or 204. The gateway calls this for messages that it would otherwise refuse."""
        reply = await ask.only_crisis(_chat_message(body, request.headers))
        if reply is None:
            return Response(status_code=204)
        if EVENT_STREAM in request.headers.get("accept", ""):
            return _streaming(_stream(ask, reply, ping_every_s), {})
        return JSONResponse(_reply(reply))

    _add_conversations(router, conversations)
    _add_answer(router, conversations, ask)
    if record is not None:
        _add_audit(router, record)
    return router


def _add_audit(router: APIRouter, record: AnswerRecord) -> None:
    @router.get("/audit-events", operation_id="listAuditEvents")
    async def audit_events(query: Annotated[AuditQuery, Query()]) -> dict[str, Any]:
        """List who received or read answers, newest first, without their text."""
        return (await record.page(query)).to_json(lambda row: row.to_json())


def _add_answer(router: APIRouter, repository: ConversationRepository, ask: Ask) -> None:
    @router.get("/messages/{message_id}", operation_id="getAnswer")
    async def answer(message_id: UUID, request: Request) -> dict[str, Any]:
        """Return a stored answer, for a repeated request; `redacted` as in a conversation's messages."""
        resources = ask.crisis_resources(CrisisSettings.of_caller(request.headers))
        return _stored_answer(*await repository.message(MessageId(message_id)), resources)


def _add_conversations(router: APIRouter, repository: ConversationRepository) -> None:
    @router.get("/conversations", operation_id="listConversations")
    async def conversations(
        patient_id: UUID,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """List a patient's conversations, newest first."""
        return (await repository.list(PatientId(patient_id), Window.of(limit, cursor))).to_json(_conversation)

    @router.get("/conversations/{conversation_id}/messages", operation_id="listMessages")
    async def messages(
        conversation_id: UUID,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """List messages in order; answers whose consent was revoked or whose session is held back are redacted."""
        found = await repository.messages(ConversationId(conversation_id), Window.of(limit, cursor))
        return found.to_json(_message)

    @router.delete("/conversations/{conversation_id}", operation_id="deleteConversation", status_code=204)
    async def delete(conversation_id: UUID) -> Response:
        """Delete a conversation and its messages."""
        await repository.delete(ConversationId(conversation_id))
        return Response(status_code=204)


def _streaming(events: AsyncIterator[bytes], headers: Mapping[str, str]) -> StreamingResponse:
    # X-Accel-Buffering tells reverse proxies to pass events on immediately.
    unbuffered = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type=EVENT_STREAM, headers=unbuffered | dict(headers))


def _rate_limit_headers(quota: Quota | None) -> dict[str, str]:
    """Return the RateLimit header fields with the messages left in the hour."""
    if quota is None:
        return {}
    return {
        "RateLimit-Policy": f'"{QUOTA_POLICY}";q={MESSAGES_PER_HOUR};w={QUOTA_WINDOW_S}',
        "RateLimit": f'"{QUOTA_POLICY}";r={quota.left};t={math.ceil(quota.reset_s)}',
    }


async def _finish(ask: Ask, pending: Reply | AcceptedMessage, listener: Listener | None = None) -> Reply:
    return pending if isinstance(pending, Reply) else await ask.finish(replace(pending, listener=listener))


async def _stream(ask: Ask, pending: Reply | AcceptedMessage, ping_every_s: float) -> AsyncIterator[bytes]:
    """Yield what is told while the answer is written, and pings between; then its other lines, sources and `done`.

    Each sentence is verified before it is sent, and none is retracted. What fails ends with one `error`.
    """
    listener, number, sent = Listener(), 0, 0
    answering = asyncio.create_task(_finish(ask, pending, listener))
    answering.add_done_callback(lambda _: listener.more.set())
    try:
        while not answering.done():
            if not await wait_within(listener.more, ping_every_s):
                yield PING
            listener.more.clear()
            if sent < len(listener.text):
                number, piece, sent = number + 1, listener.text[sent:], len(listener.text)
                yield event("token", number, {"text": piece})
    finally:
        if not answering.done():
            _leave(answering, has_begun=bool(listener.text))
    for name, data in _ending(answering, sent):
        number += 1
        yield event(name, number, data)


def _leave(answering: "asyncio.Task[Reply]", *, has_begun: bool) -> None:
    """Cancel what nobody waits for any more; an answer of which some was told is written to its end and recorded."""
    if not has_begun:
        answering.cancel()
        return
    _READER_LEFT.add(answering)
    answering.add_done_callback(_forget)


def _forget(answering: "asyncio.Task[Reply]") -> None:
    _READER_LEFT.discard(answering)
    error = None if answering.cancelled() else answering.exception()
    if error is not None:
        _problem(error)


def _ending(answering: "asyncio.Task[Reply]", sent: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events of an answer that is recorded, without what was sent of its text before."""
    error = answering.exception()
    if error is not None:
        yield "error", _problem(error)
        return
    reply = _reply(answering.result())
    # The text is complete and verified by now, so smaller pieces than lines would only cost events.
    for line in reply["response"][sent:].splitlines(keepends=True):
        yield "token", {"text": line}
    yield "sources", {"sources": reply["sources"]}
    yield "done", {key: value for key, value in reply.items() if key != "sources"}


def _problem(error: BaseException) -> dict[str, Any]:
    # The stream has begun with 200, so no edge turns the error into a response or logs it: both are done here.
    known = error if isinstance(error, AppError) else internal_error()
    if known is not error:
        get_logger().error("chat.crashed", error_class=type(error).__name__, error_place=location_of(error))
    return {
        "type": f"/problems/{known.problem.slug}",
        "title": known.problem.title,
        "status": known.problem.status,
        "detail": known.detail,
        **known.extra,
    }


def _chat_message(body: ChatRequest, headers: Mapping[str, str]) -> ChatMessage:
    return ChatMessage(
        patient_id=PatientId(body.patient_id),
        # PostgreSQL rejects NUL in text.
        text=body.message.replace("\x00", " "),
        conversation_id=ConversationId(body.conversation_id) if body.conversation_id else None,
        zone=zone_of_caller(headers),
        mode=mode_of_caller(headers),
        crisis=CrisisSettings.of_caller(headers),
    )


def _reply(reply: Reply) -> dict[str, Any]:
    answer = reply.answer
    body: dict[str, Any] = {
        "response": answer.text,
        "sources": [_source(source) for source in answer.sources],
        "conversation_id": str(reply.conversation_id),
        "message_id": str(reply.message_id),
        "grounded": answer.grounded,
        "answered_by": answer.answered_by.value,
        "search": "text" if answer.text_only else "hybrid",
        "time_window": _window(answer.time_window),
        "kind": answer.kind.value if answer.kind else None,
        "understood_as": answer.understood_as,
        "notice": reply.notice,
    }
    if reply.crisis_resources is not None:
        body["crisis_resources"] = dict(reply.crisis_resources)
    return body


def _stored_answer(
    conversation_id: ConversationId, message: Message, crisis_resources: Mapping[str, Any]
) -> dict[str, Any]:
    if message.text is None:
        return {"message_id": str(message.id), "redacted": True}
    body: dict[str, Any] = {
        "response": message.text,
        "sources": [_source(source) for source in message.sources],
        "conversation_id": str(conversation_id),
        "message_id": str(message.id),
        "grounded": message.grounded,
        "answered_by": message.answered_by.value if message.answered_by else None,
        # The search mode is not stored, but a text-only answer starts with this sentence.
        "search": "text" if message.text.startswith(TEXT_ONLY) else "hybrid",
        "time_window": _window(message.time_window),
        "notice": NOTICE if message.opens and message.answered_by is not AnsweredBy.SAFETY else None,
    }
    if message.answered_by is AnsweredBy.SAFETY or has_care(message.text):
        body["crisis_resources"] = dict(crisis_resources)
    return body


def _source(source: Source) -> dict[str, Any]:
    return {
        "session_id": str(source.session_id),
        "session_date": to_json_time(source.session_date),
        "session_day": source.session_day.isoformat() if source.session_day else None,
        "relevance": None if source.relevance is None else round(source.relevance, 4),
        "quote": source.quote,
        "start_time": source.start_s,
        "end_time": source.end_s,
        "speaker": source.speaker.value,
    }


def _window(window: TimeWindow | None) -> dict[str, Any] | None:
    if window is None:
        return None
    return {
        "phrase": window.phrase,
        "from": _time(window.start),
        "to": _time(window.end),
        "session_ids": [str(session) for session in window.session_ids],
        "applied": window.applied,
        "note": window.note,
    }


def _time(at: datetime | None) -> str | None:
    return to_json_time(at) if at else None


def _conversation(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": str(conversation.id),
        "patient_id": str(conversation.patient_id),
        "created_at": to_json_time(conversation.created_at),
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "author": message.author,
        "text": REDACTED if message.text is None else message.text,
        "redacted": message.text is None,
        "created_at": to_json_time(message.created_at),
        "answered_by": message.answered_by.value if message.answered_by else None,
        "grounded": message.grounded,
        "time_window": _window(message.time_window),
        "sources": [_source(source) for source in message.sources],
    }
