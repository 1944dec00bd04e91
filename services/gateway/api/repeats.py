"""How a repeated request is answered: its object is read again, under the rights and the consent of now."""

from collections.abc import Mapping
from uuid import UUID

from starlette.responses import JSONResponse, Response

from libs.common.errors import NOT_FOUND, AppError
from libs.contracts.ids import UserId
from services.gateway.api.proxying import as_json
from services.gateway.api.route_registry import asked
from services.gateway.api.transcripts import words_for
from services.gateway.api.users import user_json
from services.gateway.clients import Peer, ServiceClients
from services.gateway.domain import Principal
from services.gateway.handlers import Users
from services.gateway.organization.handlers import OrganizationSettings
from services.gateway.pipeline.pipeline import ReplayReader


def replay_readers(users: Users, peers: ServiceClients, settings: OrganizationSettings) -> Mapping[str, ReplayReader]:
    """Return for each operation whose repeats are read again how that is done."""

    async def user(_: Principal, user_id: str) -> Response:
        made = await users.find(UserId(UUID(user_id)))
        return JSONResponse(user_json(made), headers={"Location": f"/api/v1/users/{user_id}"})

    async def words(caller: Principal, session_id: str) -> Response:
        path = f"/sessions/{session_id}/transcript"
        return words_for(caller, await peers.transcriber.ask(asked(caller, "swapSpeakers"), "GET", path))

    async def answer(caller: Principal, message_id: str) -> Response | None:
        try:
            headers = (await settings.crisis()).headers()
            found = await peers.chat.ask(asked(caller, "chat"), "GET", f"/messages/{message_id}", headers=headers)
        except AppError as error:
            if error.problem is NOT_FOUND:
                return None  # deleted, or a crisis answer that could not be recorded: it is given again
            raise
        return None if found.json().get("redacted") else as_json(found)

    return {
        "createUser": user,
        "grantConsent": _at(peers.consent, "grantConsent", "/consents/{}", "/api/v1/consents/{}"),
        "revokeConsent": _at(peers.consent, "revokeConsent", "/consents/{}/revocation"),
        "publishConsentDocument": _at(
            peers.consent, "publishConsentDocument", "/consent-documents/{}", "/api/v1/consent-documents/{}"
        ),
        "retrySession": _at(peers.ingestion, "retrySession", "/sessions/{}"),
        "releaseSession": _at(peers.ingestion, "releaseSession", "/sessions/{}"),
        "swapSpeakers": words,
        "chat": answer,
    }


def _at(peer: Peer, operation_id: str, path: str, location: str | None = None) -> ReplayReader:
    async def read(caller: Principal, object_id: str) -> Response:
        found = await peer.ask(asked(caller, operation_id), "GET", path.format(object_id))
        return as_json(found, {"Location": location.format(object_id)} if location else None)

    return read
