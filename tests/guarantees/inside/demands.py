"""What each route behind the gateway demands of a capability, as a page that a person reviews when it changes.

The services trust no caller: the database decides by the capability that a request carries (ADR 0003).
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.routing import iter_route_contexts

from libs.common.http.app import AppSpec, build_app
from libs.contracts.services import SERVICES
from services.chat.api import build_router as chat_router
from services.consent.api.routes import build_router as consent_router
from services.embedder.api import build_router as search_router
from services.embedder.commitments.api import build_router as commitments_router
from services.embedder.digests.api import build_router as digests_router
from services.ingestion.api import build_router as ingestion_router
from services.transcriber.api import build_router as transcriber_router
from services.transcriber.search.api import build_router as transcripts_router

FOLDER = Path(__file__).parents[3] / "services"
INTERNAL = tuple(name for name in SERVICES if name != "gateway")
FAMILIES = ("audit", "chat", "consent", "embedder", "erasure", "ingestion", "transcriber")


@dataclass(frozen=True, order=True)
class InternalRoute:
    """A route of a service behind the gateway."""

    service: str
    path: str
    method: str

    @property
    def name(self) -> str:
        """Return the route as the table names it."""
        return f"{self.service} {self.method} {self.path}"


@dataclass(frozen=True)
class Demand:
    """The scopes that are all needed, or why a route needs none; `open`: not even a capability."""

    scopes: frozenset[str] = frozenset()
    why: str = ""
    open: bool = False

    def __str__(self) -> str:
        """Return the cell of the table."""
        if self.scopes:
            return ", ".join(sorted(self.scopes))
        return f"{'nothing' if self.open else 'any capability of the organization'}: {self.why}"


def _all_of(*scopes: str) -> Demand:
    return Demand(frozenset(scopes))


_MACHINE = Demand(why="asked by machines of the network inside; ids and numbers only", open=True)
_EVIDENCE = Demand(why="signed evidence, ids and digests only: whoever acts for the organization may check it")
_IN_FORCE = Demand(why="which consents are in force, as ids: what the guards of all services' rows ask as well")
_ASKED_FIRST = Demand(why="asked before any work on a patient, whatever the work is; it answers with consents' ids")
# What every service serves by libs/common/http/app.py.
OF_EVERY_SERVICE = ("/health", "/live", "/metrics")
DEMANDS: Mapping[str, Demand] = {
    **{f"{service} GET {path}": _MACHINE for service in INTERNAL for path in OF_EVERY_SERVICE},
    "chat GET /audit-events": _all_of("audit:read"),
    "chat POST /chat": _all_of("chat:write", "embedder:read", "ingestion:read"),
    "chat GET /conversations": _all_of("chat:read"),
    "chat DELETE /conversations/{conversation_id}": _all_of("chat:write"),
    "chat GET /conversations/{conversation_id}/messages": _all_of("chat:read"),
    "chat POST /crisis": Demand(why="a crisis is answered even where nothing else can be", open=True),
    "chat GET /messages/{message_id}": _all_of("chat:read"),
    "consent GET /consent-documents": _all_of("consent:read"),
    "consent POST /consent-documents": _all_of("consent:write"),
    "consent GET /consent-documents/{document_id}": _all_of("consent:read"),
    "consent GET /consents": _all_of("consent:read"),
    "consent POST /consents": _all_of("consent:write"),
    "consent GET /consents/{consent_id}": _all_of("consent:read"),
    "consent GET /consents/{consent_id}/revocation": _all_of("consent:read"),
    "consent POST /consents/{consent_id}/revoke": _all_of("consent:write"),
    "consent POST /holds": _ASKED_FIRST,
    "consent GET /patients/{patient_id}/consents": _all_of("consent:read"),
    "consent GET /patients/{patient_id}/consents/history": _all_of("consent:read"),
    "consent GET /transparency/checkpoint": _EVIDENCE,
    "consent GET /transparency/checkpoints": _EVIDENCE,
    "consent GET /transparency/entries": _all_of("consent:read"),
    "consent GET /transparency/in-force": _IN_FORCE,
    "consent GET /transparency/keys": Demand(why="public keys, which verify what was signed", open=True),
    "embedder GET /digests": _all_of("embedder:read"),
    "embedder GET /patients/{patient_id}/commitments": _all_of("embedder:read"),
    "embedder PATCH /patients/{patient_id}/commitments/{commitment_id}": _all_of("embedder:write"),
    "embedder POST /search": _all_of("embedder:read"),
    "ingestion GET /audit-events": _all_of("audit:read"),
    "ingestion GET /erasures/{erasure_id}": _all_of("ingestion:read"),
    "ingestion DELETE /patients/{patient_id}": _all_of("erasure:write", "ingestion:write"),
    "ingestion DELETE /patients/{patient_id}/legal-hold": _all_of("ingestion:write"),
    "ingestion PUT /patients/{patient_id}/legal-hold": _all_of("ingestion:write"),
    "ingestion GET /sessions": _all_of("ingestion:read"),
    "ingestion POST /sessions": _all_of("ingestion:write"),
    "ingestion DELETE /sessions/{session_id}": _all_of("erasure:write", "ingestion:write"),
    "ingestion GET /sessions/{session_id}": _all_of("ingestion:read"),
    "ingestion GET /sessions/{session_id}/events": _all_of("ingestion:read"),
    "ingestion GET /sessions/{session_id}/recording-key": _all_of("ingestion:write"),
    "ingestion DELETE /sessions/{session_id}/release": _all_of("ingestion:write"),
    "ingestion POST /sessions/{session_id}/release": _all_of("ingestion:write"),
    "ingestion POST /sessions/{session_id}/retry": _all_of("ingestion:write"),
    "transcriber GET /audit-events": _all_of("audit:read"),
    "transcriber POST /patients/{patient_id}/transcripts/search": _all_of("transcriber:read"),
    "transcriber GET /sessions/{session_id}/transcript": _all_of("transcriber:read"),
    "transcriber PATCH /sessions/{session_id}/transcript": _all_of("transcriber:write"),
    "transcriber POST /sessions/{session_id}/transcript/swap-speakers": _all_of("transcriber:write"),
    "transcriber GET /sessions/{session_id}/transcription": _all_of("transcriber:read"),
}


class _StandIn:
    """In place of whatever a router calls: its routes are listed here and never asked."""

    def __getattr__(self, name: str) -> "_StandIn":
        return self


def internal_routes() -> list[InternalRoute]:
    """Return every route that a service behind the gateway serves, as its app does."""
    apps = {name: build_app(AppSpec(name, "1", its)) for name, its in _routers().items()}
    return sorted(
        InternalRoute(name, str(route.path), method)
        for name, app in apps.items()
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
    )


def _routers() -> dict[str, tuple[APIRouter, ...]]:
    nothing: Any = _StandIn()
    return {
        "consent": (consent_router(nothing),),
        "ingestion": (ingestion_router(nothing),),
        "transcriber": (transcriber_router(nothing, nothing), transcripts_router(nothing)),
        "embedder": (search_router(nothing), commitments_router(nothing), digests_router(nothing)),
        "chat": (chat_router(nothing, nothing, nothing),),
    }


def callers() -> dict[str, list[str]]:
    """Return which services each one is asked by, from what their wiring reads of the settings."""
    read = {caller: _attributes(FOLDER / caller / "wiring.py") for caller in SERVICES}
    return {asked: [caller for caller in SERVICES if f"{asked}_url" in read[caller]] for asked in INTERNAL}


def _attributes(path: Path) -> set[str]:
    return {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}


def demands_page(note: str) -> str:
    """Render the page: a route a row, and what the capability must hold that a request carries."""
    lines = [
        "# Authorization inside",
        "",
        note,
        "",
        "What the routes behind the gateway demand of the capability that a request carries (ADR 0003).",
        "`tests/guarantees/inside/test_internal_routes.py` calls every route of a running system three ways:",
        "without a capability, with all scopes but one that it demands, and with those it demands alone.",
        "A scope to write includes the one to read.",
        "",
    ]
    asking = callers()
    for service in INTERNAL:
        lines += [
            f"## {service}",
            "",
            f"Asked by {', '.join(asking[service])}.",
            "",
            "| route | demands |",
            "|---|---|",
        ]
        its = [route for route in internal_routes() if route.service == service]
        lines += [f"| `{route.method} {route.path}` | {DEMANDS[route.name]} |" for route in its]
        lines.append("")
    return "\n".join(lines)
