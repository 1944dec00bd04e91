"""Chat: for a patient with a token of their own, or for an integrator that may ask in a patient's name."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from libs.common.errors import AppError
from libs.common.http_client import Call
from libs.common.paging import PAGE_DEFAULT, PAGE_MAX
from libs.contracts.ids import PatientId
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.purposes import Purpose
from services.gateway.api.guard import Caller, Doors, Strict, asked
from services.gateway.api.passing import EVENTS, as_json, as_stream
from services.gateway.clients import Peer, not_found
from services.gateway.domain import Principal, Role
from services.gateway.gate import StillAllowed
from services.gateway.handlers import Users
from services.gateway.routes import Route

MESSAGE_CHARS_MAX = 4000

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, Query(max_length=200)]


def replay_rule(consent: Peer) -> StillAllowed:
    """Return the rule by which an earlier answer may be given again: words only while consent is in force."""

    async def still_allowed(caller: Principal, route: Route, body: bytes) -> bool:
        if route.operation_id != "chat":
            return True
        named = ChatRequest.model_validate_json(body).patient_id
        patient_id = caller.patient_id or (PatientId(named) if named else None)
        hold = {"patient_id": str(patient_id), "therapist_id": None, "purposes": [Purpose.AI_ANALYSIS.value]}
        try:
            await consent.ask(asked(caller, "chat", patient_id), "POST", "/holds", json=hold)
        except AppError as refused:
            if refused.problem is CONSENT_REQUIRED:
                return False
            raise
        return True

    return still_allowed


class ChatRequest(Strict):
    """A question. With a patient's token `patient_id` may be left out; another patient's is not found."""

    patient_id: UUID | None = None
    message: str = Field(min_length=1, max_length=MESSAGE_CHARS_MAX, pattern=r"\S")
    conversation_id: UUID | None = None


def add_chat(doors: Doors, chat: Peer, users: Users) -> None:
    """Add the routes."""
    _add_conversations(doors, chat, users)

    async def ask(caller: Caller, request: Request, body: ChatRequest) -> Response:
        """Ask about the patient's sessions; the answer cites session, date and seconds.

        With `Accept: text/event-stream` the answer comes as events that end with `done` or `error`.
        """
        patient_id = await _patient(caller, body.patient_id, users)
        sent: dict[str, Any] = {"patient_id": str(patient_id), "message": body.message}
        if body.conversation_id:
            sent["conversation_id"] = str(body.conversation_id)
        query = asked(caller, "chat", patient_id)
        if EVENTS in request.headers.get("accept", ""):
            return as_stream(*await chat.open(query, Call("POST", "/chat", json=sent, headers={"Accept": EVENTS})))
        return as_json(await chat.ask(query, "POST", "/chat", json=sent))

    doors.open("chat", ask)


def _add_conversations(doors: Doors, chat: Peer, users: Users) -> None:
    async def conversations(
        caller: Caller, patient_id: UUID | None = None, limit: Limit = PAGE_DEFAULT, cursor: Cursor = None
    ) -> Response:
        """List a patient's conversations, newest first."""
        patient = await _patient(caller, patient_id, users)
        params = {"patient_id": str(patient), "limit": limit, "cursor": cursor}
        return as_json(
            await chat.ask(asked(caller, "listConversations", patient), "GET", "/conversations", params=params)
        )

    async def messages(
        caller: Caller, conversation_id: UUID, limit: Limit = PAGE_DEFAULT, cursor: Cursor = None
    ) -> Response:
        """Read a conversation. Answers whose consent has ended come without their words."""
        path = f"/conversations/{conversation_id}/messages"
        params = {"limit": limit, "cursor": cursor}
        return as_json(await chat.ask(asked(caller, "listMessages"), "GET", path, params=params))

    async def delete(caller: Caller, conversation_id: UUID) -> Response:
        """Delete a conversation with all its words."""
        await chat.ask(asked(caller, "deleteConversation"), "DELETE", f"/conversations/{conversation_id}")
        return Response(status_code=204)

    doors.open("listConversations", conversations)
    doors.open("listMessages", messages)
    doors.open("deleteConversation", delete)


async def _patient(caller: Principal, named: UUID | None, users: Users) -> PatientId:
    """Return whom a request is about; raise AppError(NOT_FOUND) for anybody the caller may not know of."""
    if caller.patient_id is not None:
        if named not in (None, caller.patient_id):
            raise not_found(Role.PATIENT.value)
        return caller.patient_id
    if named is None:
        raise not_found(Role.PATIENT.value)
    await users.require((named, Role.PATIENT))
    return PatientId(named)
