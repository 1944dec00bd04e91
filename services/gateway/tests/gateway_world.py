"""A gateway on real sockets over real PostgreSQL and Redis, with a scripted peer behind it."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.database.transaction import Database
from libs.common.http.app import build_app
from libs.common.http.client import certificates
from libs.contracts.capability import Claims, parse
from libs.contracts.ids import OrganizationId
from libs.contracts.problems import REFUSALS
from libs.devstack.conditions import let_pass, until
from libs.devstack.infra import Infra
from services.gateway.settings import GatewaySettings
from services.gateway.wiring import public_side

# Longer than a server or a client takes to pass a piece on.
PIECES_APART_S = 0.05
OPERATOR = "operator-token-of-the-tests"
NOBODY = Claims(OrganizationId(UUID(int=0)), "nobody", frozenset(), datetime.max.replace(tzinfo=UTC), UUID(int=0))


@dataclass
class Heard:
    """One request as the peer saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    claims: Claims
    query: str = ""


@dataclass
class Peer:
    """Every service behind the gateway: remembers what it was asked and answers what the test says."""

    status: int = 200
    body: bytes = b'{"id": "x"}'
    content_type: str = "application/json"
    answers_after_bytes: int | None = None
    pause_s: float = 0.0
    pieces: list[bytes] = field(default_factory=list)
    extra_headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    crisis: bool = False
    bytes_read: int = 0
    cut_off: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body, more = b"", True
        while more and (self.answers_after_bytes is None or self.bytes_read < self.answers_after_bytes):
            message = await receive()
            if message["type"] == "http.disconnect":
                self.cut_off = True
                return
            self.bytes_read += len(message.get("body", b""))
            body, more = (body + message.get("body", b""))[:100_000], message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        token = headers.get("authorization", "").removeprefix("Bearer ")
        claims = parse(token) if token else NOBODY
        query = scope["query_string"].decode()
        self.heard.append(Heard(scope["method"], scope["path"], headers, body, claims, query))
        await asyncio.sleep(self.pause_s)
        if scope["path"] == "/crisis":
            await _plain(send, 200 if self.crisis else 204, b'{"answered_by": "safety"}' if self.crisis else b"")
            return
        start = [(b"content-type", self.content_type.encode()), *self.extra_headers]
        await send({"type": "http.response.start", "status": self.status, "headers": start})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await let_pass(PIECES_APART_S, "pieces that are sent at once arrive as one")
        await send({"type": "http.response.body", "body": b"" if self.pieces else self.body})

    def refuses(self, status: int, slug: str, **more: Any) -> None:
        """Answer with a problem document from now on."""
        self.status, self.content_type = status, "application/problem+json"
        problem = {"type": f"/problems/{slug}", "title": "t", "status": status, "detail": "said so"}
        self.body = json.dumps(problem | more).encode()


async def _plain(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an app on a free port of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@dataclass
class GatewayWorld:
    """The gateway, the peer behind it, and one organization with its first key."""

    url: str
    peer: Peer
    http: httpx.AsyncClient
    organization_id: str
    key: str
    peer_url: str
    patient_id: str = ""
    therapist_id: str = ""

    async def new_user(self, role: str) -> str:
        """Create a user."""
        made = await self.http.post("/api/v1/users", json={"role": role, "email": f"{uuid4().hex}@example.org"})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def new_key(self, *scopes: str) -> dict[str, Any]:
        """Create an API key."""
        made = await self.http.post("/api/v1/api-keys", json={"name": "made by a test", "scopes": list(scopes)})
        assert made.status_code == 201, made.text
        body: dict[str, Any] = made.json()
        return body

    def as_bearer(self, credential: str) -> httpx.AsyncClient:
        """Return a client with another credential."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {credential}"},
            trust_env=False,
            timeout=30,
            verify=certificates(),
        )

    @property
    def grant(self) -> dict[str, str]:
        """The body of a consent."""
        return {
            "patient_id": self.patient_id,
            "therapist_id": self.therapist_id,
            "consent_type": "recording",
            "document": "I agree.",
        }


def settings_of(infra: Infra, peer_url: str, **more: Any) -> GatewaySettings:
    """Settings for a gateway whose every peer is one server."""
    peers = dict.fromkeys(("consent_url", "ingestion_url", "transcriber_url", "embedder_url", "chat_url"), peer_url)
    values: dict[str, Any] = {
        "env": "dev",
        "database_url": infra.database_url("gateway"),
        "redis_url": infra.redis_url,
        "capability_key": infra.capability_key.hex(),
        "capability_key_id": infra.capability_key_id,
        "key_pepper": "11" * 32,
        "patient_token_key": "22" * 32,
        "operator_token": OPERATOR,
        "public_url": "https://api.practice.example",
    }
    return GatewaySettings(**(values | peers | more))


@contextlib.asynccontextmanager
async def gateway_app(infra: Infra, peer_url: str, **more: Any) -> AsyncIterator[FastAPI]:
    """Build the public side of a gateway; yield its app."""
    settings = settings_of(infra, peer_url, **more)
    database = Database(settings.database_url.get_secret_value(), REFUSALS)
    public = public_side(settings, database)
    try:
        yield build_app(public.app)
    finally:
        peers = public.peers
        for part in (
            peers.consent,
            peers.ingestion,
            peers.transcriber,
            peers.embedder,
            peers.chat,
            public.limiter,
            database,
        ):
            await part.close()


@contextlib.asynccontextmanager
async def gateway(infra: Infra, peer_url: str, **more: Any) -> AsyncIterator[str]:
    """Run a gateway; yield its URL."""
    async with gateway_app(infra, peer_url, **more) as app, serving(app) as url:
        yield url


@contextlib.asynccontextmanager
async def gateway_world(infra: Infra, **more: Any) -> AsyncIterator[GatewayWorld]:
    """Run a gateway with an organization, a therapist and a patient."""
    peer = Peer()
    async with (
        serving(peer) as peer_url,
        gateway(infra, peer_url, **more) as url,
        _organization_at(url, peer, peer_url) as opened,
    ):
        yield opened


class SharedGateway:
    """A gateway for many tests: to build one takes longer than what most of them ask of it.

    Each test has an organization and a peer of its own. A request reaches the peer of the organization it is made for,
    so that one that comes late is not heard by the next test.
    """

    def __init__(self) -> None:
        self._newest = Peer()
        self._peers: dict[str, Peer] = {}
        self.url = self.peer_url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Be every service behind the gateway."""
        token = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        asked_for = str(parse(token).organization_id) if token else ""
        await self._peers.get(asked_for, self._newest)(scope, receive, send)

    @contextlib.asynccontextmanager
    async def world(self) -> AsyncIterator[GatewayWorld]:
        """Found an organization with a therapist and a patient."""
        peer = self._newest = Peer()
        async with _organization_at(self.url, peer, self.peer_url) as opened:
            self._peers[opened.organization_id] = peer
            yield opened


@contextlib.asynccontextmanager
async def shared_gateway(infra: Infra) -> AsyncIterator[SharedGateway]:
    """Run a gateway for many tests."""
    shared = SharedGateway()
    async with serving(shared) as shared.peer_url, gateway(infra, shared.peer_url) as shared.url:
        yield shared


@contextlib.asynccontextmanager
async def _organization_at(url: str, peer: Peer, peer_url: str) -> AsyncIterator[GatewayWorld]:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30, verify=certificates()) as http:
        made = await http.post(
            "/operator/v1/organizations",
            json={"name": "an organization"},
            headers={"Authorization": f"Bearer {OPERATOR}"},
        )
        assert made.status_code == 201, made.text
        body = made.json()
        http.headers["Authorization"] = f"Bearer {body['api_key']}"
        opened = GatewayWorld(url, peer, http, body["organization_id"], body["api_key"], peer_url)
        opened.patient_id = await opened.new_user("patient")
        opened.therapist_id = await opened.new_user("therapist")
        yield opened
