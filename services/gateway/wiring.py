"""The gateway's parts, built and joined."""

import os
import secrets
from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import SecretStr
from starlette.middleware import Middleware

from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.http.app import AppSpec
from libs.common.http.client import ServiceClient
from libs.common.ids import new_id
from libs.common.messaging.steps import Subscription
from libs.common.process.run import Service
from libs.common.process.runtime import EventConfig, Runtime
from libs.contracts.capability import Minter
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.consent import ConsentRevoked
from libs.contracts.erasure import UserErased
from libs.contracts.problems import BY_SLUG, REFUSALS
from libs.contracts.safety import help_lines
from libs.tenancy.erase_own_rows import erasing
from services.gateway.access.authentication import Authenticator
from services.gateway.access.authority import Authority
from services.gateway.access.patient_tokens import TokenSigner
from services.gateway.api.chat import crisis_lookup, crisis_rule
from services.gateway.api.openapi import VERSION, openapi_document
from services.gateway.api.pages import description_pages, health_page, problem_pages
from services.gateway.api.repeats import replay_readers
from services.gateway.api.routers import LocalServices, build_router
from services.gateway.audit_store import AccessAudit
from services.gateway.clients import Peer, ServiceClients
from services.gateway.handlers import KeyIssuing, Keys, PatientTokens, RedactStoredAnswers, Users
from services.gateway.idempotency.handlers import Idempotency
from services.gateway.idempotency.store import IdempotencyStore
from services.gateway.key_format import Mode
from services.gateway.organization.handlers import OrganizationSettings
from services.gateway.organization.store import OrganizationStore
from services.gateway.pipeline.crisis_fallback import CrisisFallback
from services.gateway.pipeline.edge import ResponseHeadersMiddleware
from services.gateway.pipeline.limiter import Limiter
from services.gateway.pipeline.pipeline import RequestPipeline
from services.gateway.renewals import Renewals
from services.gateway.settings import GatewaySettings
from services.gateway.store import ActionStore, KeyStore, TokenStore, UserStore

EVENT_CONFIG = EventConfig("gateway", CATALOGUE, topics_out=("key", "user"), refusals=REFUSALS)
# A chat answer is written by a model while its reader waits.
CHAT_TIMEOUT_S = 120.0
# After the last byte of a recording has been sent it is still being sealed and stored.
UPLOAD_TIMEOUT_S = 120.0
# A caller may wait 30 seconds for a session's status to change, and the answer still has to travel.
STATUS_TRAVEL_S = 10.0


@dataclass(frozen=True)
class Public:
    """The public side: what is served, and what is closed at the end."""

    app: AppSpec
    limiter: Limiter
    peers: ServiceClients


def build() -> Service:
    """Read the settings and join the parts of one process."""
    settings = GatewaySettings()
    runtime = Runtime(settings, EVENT_CONFIG)
    public = public_side(settings, runtime.database)

    async def close() -> None:
        peers = public.peers
        for part in (peers.consent, peers.ingestion, peers.transcriber, peers.embedder, peers.chat, public.limiter):
            await part.close()
        await runtime.close()

    return Service(public.app, runtime.workers(subscriptions()), close)


def subscriptions() -> tuple[Subscription, ...]:
    """Return what is answered: the table of this service."""
    return (Subscription(ConsentRevoked, RedactStoredAnswers(IdempotencyStore())), *erasing(UserErased))


def public_side(settings: GatewaySettings, database: Database) -> Public:
    """Join everything that answers callers."""
    peppers = settings.peppers
    minter = Minter(settings.capability_key_id, bytes.fromhex(settings.capability_key.get_secret_value()))
    authority = Authority(minter, utc_now, new_id)
    signer = _signer(settings)
    authenticator = Authenticator(database, authority, signer, peppers)
    limiter = _limiter(settings)
    peers = _peers(settings, authority)
    users = Users(database, UserStore(), utc_now, new_id)
    organization = OrganizationSettings(database, OrganizationStore(), settings.patient_time_zone)
    lines = help_lines(settings.crisis_country)
    pipeline = RequestPipeline(
        authenticator=authenticator,
        authority=authority,
        limiter=limiter,
        idempotency=Idempotency(database, IdempotencyStore(), utc_now, os.urandom),
        operator_token=_plain(settings.operator_token),
        replay_readers=replay_readers(users, peers, organization),
        crisis=CrisisFallback(crisis_rule(peers.chat, users, authority), crisis_lookup(organization, authority), lines),
    )
    own = LocalServices(
        keys=Keys(database, KeyStore(), KeyIssuing(_mode(settings), peppers, utc_now, secrets.choice)),
        users=users,
        tokens=PatientTokens(database, TokenStore(), signer, utc_now, new_id=new_id),
        renewals=Renewals(database, authority, users, peers.consent, ActionStore(), new_id),
        audit=AccessAudit(database, authority),
        organization=organization,
        requests_per_hour=settings.requests_per_hour,
    )
    router = build_router(pipeline, own, peers)
    document = openapi_document(router, settings.own_url)
    pages = description_pages(document, authenticator, open_to_all=settings.env == "dev")
    return Public(_app(settings, database, router, pages), limiter, peers)


def _app(settings: GatewaySettings, database: Database, router: APIRouter, pages: APIRouter) -> AppSpec:
    return AppSpec(
        title="TherapyRAG",
        version=VERSION,
        routers=(router, problem_pages(), health_page(database.ping), pages),
        checks={"database": database.ping},
        internal=False,
        options={"middleware": [Middleware(ResponseHeadersMiddleware, own_url=settings.own_url)]},
    )


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _peers(settings: GatewaySettings, authority: Authority) -> ServiceClients:
    def peer(url: str, timeout_s: float) -> Peer:
        return Peer(ServiceClient(url, timeout_s, BY_SLUG), authority, url, UPLOAD_TIMEOUT_S)

    return ServiceClients(
        consent=peer(settings.consent_url, settings.request_deadline_s),
        ingestion=peer(settings.ingestion_url, settings.request_deadline_s + STATUS_TRAVEL_S),
        transcriber=peer(settings.transcriber_url, settings.request_deadline_s),
        embedder=peer(settings.embedder_url, settings.request_deadline_s),
        chat=peer(settings.chat_url, CHAT_TIMEOUT_S),
    )


def _limiter(settings: GatewaySettings) -> Limiter:
    redis_url = settings.redis_url.get_secret_value()
    return Limiter(redis_url, settings.requests_per_hour, settings.requests_per_hour_local)


def _mode(settings: GatewaySettings) -> Mode:
    # The mode stands in the key itself: one of a test system is told from a real one before anybody tries it.
    return "live" if settings.env == "production" else "test"


def _signer(settings: GatewaySettings) -> TokenSigner:
    key = settings.patient_token_key
    return TokenSigner(bytes.fromhex(key.get_secret_value()) if key else None, utc_now)
