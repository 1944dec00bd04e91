"""All public routes, opened one resource after another."""

from dataclasses import dataclass

from fastapi import APIRouter

from services.gateway.api.access import add_access, add_operators
from services.gateway.api.audit import add_audit
from services.gateway.api.chat import add_chat
from services.gateway.api.consents import add_consents
from services.gateway.api.erasures import add_erasures
from services.gateway.api.export import Sources, add_export
from services.gateway.api.index import add_commitments, add_digests
from services.gateway.api.organization import add_organization
from services.gateway.api.route_registry import RouteRegistry
from services.gateway.api.sessions import add_sessions
from services.gateway.api.transcripts import add_transcripts
from services.gateway.api.transparency import add_documents, add_transparency
from services.gateway.api.users import add_users
from services.gateway.audit_store import AccessAudit
from services.gateway.clients import ServiceClients
from services.gateway.handlers import Keys, PatientTokens, Users
from services.gateway.organization.handlers import OrganizationSettings
from services.gateway.pipeline.pipeline import RequestPipeline
from services.gateway.renewals import Renewals


@dataclass(frozen=True)
class LocalServices:
    """What the gateway answers by itself."""

    keys: Keys
    users: Users
    tokens: PatientTokens
    renewals: Renewals
    audit: AccessAudit
    organization: OrganizationSettings
    requests_per_hour: int


def build_router(pipeline: RequestPipeline, own: LocalServices, peers: ServiceClients) -> APIRouter:
    """Return every route of the table, each through the request pipeline."""
    registry = RouteRegistry(pipeline)
    add_access(registry, own.keys, own.requests_per_hour)
    add_organization(registry, own.organization)
    add_users(registry, own.users, own.tokens, own.organization)
    add_consents(registry, peers.consent, own.users)
    add_documents(registry, peers.consent)
    add_transparency(registry, peers.consent)
    add_sessions(registry, peers.ingestion, own.organization)
    add_transcripts(registry, peers.transcriber, own.users)
    add_digests(registry, peers.ingestion, peers.embedder)
    add_commitments(registry, peers.embedder, own.users)
    add_audit(registry, own.audit, (peers.ingestion, peers.transcriber, peers.chat))
    add_chat(registry, peers.chat, own.users, own.organization)
    add_erasures(registry, peers.ingestion, own.users)
    sources = Sources(peers.consent, peers.ingestion, peers.transcriber, peers.embedder, peers.chat)
    add_export(registry, sources, own.users, own.audit)
    add_operators(registry, own.renewals)
    return registry.router
