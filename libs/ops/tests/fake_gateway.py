"""A gateway small enough to read: it keeps the public contract that the client relies on, in memory."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

KEY = "tr_test_key"
ORGANIZATION = "00000000-0000-0000-0000-000000000007"
OPERATOR = "operator-token"
SOURCE = {
    "session_id": "s1",
    "session_date": "2026-09-09T00:30:00.000Z",
    "session_day": "2026-09-08",
    "relevance": 0.71,
    "quote": "Every evening at seven, sit down for ten minutes.",
    "start_time": 83.5,
    "end_time": 99.0,
    "speaker": "therapist",
}

Endpoint = Callable[[Request], Awaitable[JSONResponse]]


@dataclass
class FakeGateway:
    """One organization; `bodies` holds uploads as they came over the wire, `statuses` what each session goes through.

    `answers` are replies to questions by their text; `obeys_consent` False makes it a gateway that must not be.
    """

    users: list[dict[str, Any]] = field(default_factory=list)
    consents: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    renewals: list[dict[str, Any]] = field(default_factory=list)
    renewed: str = "v1|fake"
    waits: list[str | None] = field(default_factory=list)
    statuses: list[str] = field(default_factory=lambda: ["uploaded", "transcribing", "embedding", "ready"])
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    obeys_consent: bool = True
    ledger: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    looks: Counter[str] = field(default_factory=Counter)

    def app(self) -> Starlette:
        """The routes of the public API that the tools use."""
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/operator/v1/organizations", self._bootstrap, methods=["POST"]),
                Route("/operator/v1/capabilities", self._renew, methods=["POST"]),
                *self._keyed("/users", {"POST": self._add_user, "GET": self._list_users}),
                *self._keyed("/consents", {"POST": self._grant, "GET": self._list_consents}),
                *self._keyed("/consents/{id}/revoke", {"POST": self._revoke}),
                *self._keyed("/sessions", {"POST": self._upload, "GET": self._list_sessions}),
                *self._keyed("/sessions/{id}", {"GET": self._session}),
                *self._keyed("/sessions/{id}/release", {"POST": self._release, "DELETE": self._release}),
                *self._keyed("/sessions/{id}/transcript", {"GET": self._transcript}),
                *self._keyed("/chat", {"POST": self._chat}),
                *self._keyed("/me", {"GET": self._me}),
                *self._keyed("/transparency/{what}", {"GET": self._ledger}),
            ]
        )

    def _keyed(self, path: str, methods: dict[str, Endpoint]) -> list[Route]:
        return [Route(f"/api/v1{path}", _with_key(endpoint), methods=[method]) for method, endpoint in methods.items()]

    async def _health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def _me(self, _: Request) -> JSONResponse:
        key = {"id": "k1", "name": "first admin key"}
        return JSONResponse(
            {"organization": {"id": ORGANIZATION, "name": "Harbour"}, "api_key": key, "scopes": ["admin"]}
        )

    async def _bootstrap(self, request: Request) -> JSONResponse:
        if request.headers.get("authorization") != f"Bearer {OPERATOR}":
            return problem(401, "unauthenticated", "This path needs the operators' token.")
        return JSONResponse({"organization_id": "o1", "api_key": KEY}, 201)

    async def _renew(self, request: Request) -> JSONResponse:
        wanted = await request.json()
        self.renewals.append(wanted)
        if not all(self._in_force(purpose) for purpose in wanted["purposes"]):
            return problem(403, "consent-required", "No consent is in force.", missing=wanted["purposes"])
        return JSONResponse({"capability": self.renewed, "expires_at": "2026-11-25T08:00:00.000Z"}, 201)

    async def _add_user(self, request: Request) -> JSONResponse:
        user = {"id": f"u{len(self.users)}", **await request.json()}
        self.users.append(user)
        return JSONResponse(user, 201)

    async def _list_users(self, request: Request) -> JSONResponse:
        at = int(request.query_params.get("cursor", 0))
        more = at + 1 < len(self.users)
        cursor = str(at + 1) if more else None
        return JSONResponse({"data": self.users[at : at + 1], "has_more": more, "next_cursor": cursor})

    async def _grant(self, request: Request) -> JSONResponse:
        consent = {"id": f"c{len(self.consents)}", "status": "granted", **await request.json()}
        self.consents.append(consent)
        return JSONResponse(consent, 201)

    async def _list_consents(self, request: Request) -> JSONResponse:
        status = request.query_params.get("status")
        return page([row for row in self.consents if status in (None, row["status"])])

    async def _revoke(self, request: Request) -> JSONResponse:
        consent = next(row for row in self.consents if row["id"] == request.path_params["id"])
        consent |= {"status": "revoked", "revoked_at": "2026-11-24T15:00:00.000Z"}
        return JSONResponse(consent)

    async def _upload(self, request: Request) -> JSONResponse:
        if not self._in_force("recording"):
            return problem(403, "consent-required", "No consent for recording is in force.", missing=["recording"])
        self.bodies.append(await request.body())
        return JSONResponse(
            {"session_id": f"s{len(self.bodies)}", "status": "uploaded", "upload_status": "stored"}, 202
        )

    async def _session(self, request: Request) -> JSONResponse:
        self.waits.append(request.query_params.get("wait"))
        session_id = request.path_params["id"]
        status = self.statuses[min(self.looks[session_id], len(self.statuses) - 1)]
        self.looks[session_id] += 1
        return JSONResponse(session(status, session_id))

    async def _release(self, request: Request) -> JSONResponse:
        return JSONResponse(session("ready", request.path_params["id"]) | {"released": request.method == "POST"})

    async def _list_sessions(self, _: Request) -> JSONResponse:
        return page([session("ready")])

    async def _transcript(self, _: Request) -> JSONResponse:
        said = {"start_time": 61.0, "end_time": 62.5}
        asked = said | {"speaker": "therapist", "text": "What would you like to start with?"}
        segments = [asked, said | {"speaker": "patient", "text": "It's the [sleep]."}]
        source = {"vendor": "local", "model": "whisper-base"}
        return JSONResponse({"session_id": "s1", "segments": segments, "language": "en", "source": source})

    async def _chat(self, request: Request) -> JSONResponse:
        if not self._in_force("ai_analysis"):
            return problem(403, "consent-required", "No consent for AI analysis is in force.", missing=["ai_analysis"])
        message = (await request.json())["message"]
        usual = {"response": f"You asked: {message}", "sources": [SOURCE], "grounded": True}
        return JSONResponse(self.answers.get(message, usual))

    async def _ledger(self, request: Request) -> JSONResponse:
        rows = self.ledger.get(request.path_params["what"], [])
        at = int(request.query_params.get("cursor", 0))
        more = at + 4 < len(rows)
        cursor = str(at + 4) if more else None
        return JSONResponse({"data": rows[at : at + 4], "has_more": more, "next_cursor": cursor})

    def _in_force(self, purpose: str) -> bool:
        return not self.obeys_consent or any(
            row["consent_type"] == purpose and row["status"] == "granted" for row in self.consents
        )


def problem(status: int, slug: str, detail: str, **extra: Any) -> JSONResponse:
    """A problem document as the gateway renders it."""
    body = {"type": f"/problems/{slug}", "title": slug, "status": status, "detail": detail, **extra}
    return JSONResponse(body, status, media_type="application/problem+json")


def page(rows: list[dict[str, Any]]) -> JSONResponse:
    """A list that fits one page."""
    return JSONResponse({"data": rows, "has_more": False, "next_cursor": None})


def session(status: str, session_id: str = "s1") -> dict[str, Any]:
    """A session in that status."""
    return {
        "id": session_id,
        "patient_id": "p1",
        "status": status,
        "session_date": "2026-09-08T04:00:00.000Z",
        "session_day": "2026-09-08",
        "recording_duration_seconds": 125.8,
        "progress": {"stage": status, "percent": 40.0},
        "error_message": "The file cannot be read." if status == "failed" else None,
    }


def _with_key(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> JSONResponse:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return problem(401, "unauthenticated", "The request carries no key that is in force.")
        return await endpoint(request)

    return guarded
