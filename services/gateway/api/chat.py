"""Chat: for a patient with a token of their own, or for an integrator that may ask in a patient's name."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from pydantic import Field, ValidationError
from starlette.responses import Response

from libs.common.database.paging import CURSOR_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX
from libs.common.errors import UNAVAILABLE, AppError
from libs.common.http.client import Call
from libs.common.ids import new_id
from libs.common.log import get_logger
from libs.contracts.ids import PatientId
from libs.contracts.organization.own_help_lines import NOTHING_SET, CrisisSettings
from services.gateway.access.authority import Authority
from services.gateway.api.proxying import EVENTS, as_json, as_stream
from services.gateway.api.route_registry import Caller, RouteRegistry, Strict, asked
from services.gateway.clients import Peer, not_found
from services.gateway.domain import Principal, Role
from services.gateway.handlers import Users
from services.gateway.organization.handlers import OrganizationSettings
from services.gateway.pipeline.crisis_fallback import CrisisAnswer, CrisisLookup

MESSAGE_CHARS_MAX = 4000
# Whoever is in a crisis must not wait for a database that hangs.
CRISIS_LOOKUP_TIMEOUT_S = 2.0

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, Query(max_length=CURSOR_CHARS_MAX)]


def crisis_lookup(settings: OrganizationSettings, authority: Authority) -> CrisisLookup:
    """Return how the help lines of a caller's organization are found when the request is rejected."""

    async def settings_of(caller: Principal | None) -> CrisisSettings:
        if caller is None:
            return NOTHING_SET
        try:
            with authority.own(caller):
                async with asyncio.timeout(CRISIS_LOOKUP_TIMEOUT_S):
                    return await settings.crisis()
        except (AppError, TimeoutError):
            # Nothing of the organization's own: the chat then tells the lines of its CRISIS_COUNTRY.
            get_logger().error("crisis.lines_not_read")
            return NOTHING_SET

    return settings_of


def crisis_rule(chat: Peer, users: Users, authority: Authority) -> CrisisAnswer:
    """Return how a patient in a crisis is answered when the request is rejected."""

    async def known_patient(caller: Principal, named: UUID | None) -> PatientId | None:
        """Return whose message it is; None when the database cannot say. Raises AppError(NOT_FOUND)."""
        try:
            with authority.own(caller):
                return await _patient(caller, named, users)
        except AppError as error:
            # Somebody in a crisis is answered even when nobody can say who it is.
            if error.problem is UNAVAILABLE:
                return None
            raise

    async def crisis_answer(
        request: Request, caller: Principal | None, organization: CrisisSettings
    ) -> Response | None:
        try:
            # Parsed once more: this runs for requests that were rejected before FastAPI read them.
            body = ChatRequest.model_validate_json(await request.body())
        except ValidationError:
            return None
        parts: dict[str, Any] = {"headers": {"Accept": request.headers.get("accept", "*/*")} | organization.headers()}
        patient_id = await known_patient(caller, body.patient_id) if caller else None
        if caller is None or patient_id is None:
            # Nothing is read or stored for an unauthenticated caller, so the patient does not matter.
            sent = {"patient_id": str(body.patient_id or new_id()), "message": body.message}
            answer = await chat.request_without_capability("POST", "/crisis", json=sent, **parts)
        else:
            sent = _sent(patient_id, body)
            answer = await chat.ask(asked(caller, "chat", patient_id), "POST", "/crisis", json=sent, **parts)
        return as_json(answer) if answer.status_code == HTTPStatus.OK else None

    return crisis_answer


class ChatRequest(Strict):
    """A question. With a patient's token `patient_id` may be left out; another patient's is not found."""

    patient_id: UUID | None = None
    message: str = Field(min_length=1, max_length=MESSAGE_CHARS_MAX, pattern=r"\S")
    conversation_id: UUID | None = None


def add_chat(registry: RouteRegistry, chat: Peer, users: Users, settings: OrganizationSettings) -> None:
    """Add the routes."""
    _add_conversations(registry, chat, users)

    async def ask(caller: Caller, request: Request, body: ChatRequest) -> Response:
        """Ask about the patient's sessions; the answer cites session, date and seconds.

        Dates are those of the patient's time zone (else the organization's); so is `session_day` of each source.

        The first answer of a conversation carries `notice`, a sentence that this is an AI and not a therapist: show it.
        The organization's `chat_mode` may keep to quotes (`answered_by` is `local`) or refuse messages (`chat-off`); a
        crisis is always answered.

        With `Accept: text/event-stream` the answer comes as events: `token` with the next words, `sources`, `done`; or
        at the end `error`. Words that were sent are verified and never taken back, and `done` has them all again.
        """
        patient_id = request.state.patient_id = await _patient(caller, body.patient_id, users)
        # The chat has no users and no organizations: what counts for this patient travels with the question.
        sent, headers = _sent(patient_id, body), (await settings.for_message(patient_id)).headers()
        query = asked(caller, "chat", patient_id)
        if EVENTS in request.headers.get("accept", ""):
            headers |= {"Accept": EVENTS}
            return as_stream(*await chat.open(query, Call("POST", "/chat", json=sent, headers=headers)))
        return as_json(await chat.ask(query, "POST", "/chat", json=sent, headers=headers))

    registry.open("chat", ask)


def _add_conversations(registry: RouteRegistry, chat: Peer, users: Users) -> None:
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
        """Read a conversation. Answers whose consent has ended, or whose session was taken back, have no words."""
        path = f"/conversations/{conversation_id}/messages"
        params = {"limit": limit, "cursor": cursor}
        return as_json(await chat.ask(asked(caller, "listMessages"), "GET", path, params=params))

    async def delete(caller: Caller, conversation_id: UUID) -> Response:
        """Delete a conversation with all its words."""
        await chat.ask(asked(caller, "deleteConversation"), "DELETE", f"/conversations/{conversation_id}")
        return Response(status_code=204)

    registry.open("listConversations", conversations)
    registry.open("listMessages", messages)
    registry.open("deleteConversation", delete)


def _sent(patient_id: PatientId, body: ChatRequest) -> dict[str, str]:
    sent = {"patient_id": str(patient_id), "message": body.message}
    return sent | ({"conversation_id": str(body.conversation_id)} if body.conversation_id else {})


async def _patient(caller: Principal, named: UUID | None, users: Users) -> PatientId:
    """Return whom a request is about; raise AppError(NOT_FOUND) for anybody the caller may not know of."""
    if caller.patient_id is not None:
        # Not found and not forbidden: a token must not tell which other patients there are.
        if named not in (None, caller.patient_id):
            raise not_found(Role.PATIENT.value)
        return caller.patient_id
    if named is None:
        raise not_found(Role.PATIENT.value)
    await users.require((named, Role.PATIENT))
    return PatientId(named)
