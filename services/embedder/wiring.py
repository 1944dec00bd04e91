"""Joins the vectors' source, the index, commitments and digests, and the sweep of withdrawn indexes."""

from datetime import timedelta
from typing import Protocol

from libs.common.clock import utc_now
from libs.common.http.app import AppSpec
from libs.common.http.client import ServiceClient
from libs.common.messaging.steps import Subscription
from libs.common.process.recurring import Recurring
from libs.common.process.run import Service
from libs.common.process.runtime import EventConfig, Runtime
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.consent import ConsentRevoked
from libs.contracts.erasure import IndexErased
from libs.contracts.problems import BY_SLUG, REFUSALS
from libs.contracts.transcript import TranscriptReady, TranscriptUpdated
from libs.sentences.minilm import Runtime as ModelRuntime
from libs.sentences.minilm import SentenceEncoder
from libs.tenancy.erase_own_rows import erasing
from services.embedder.api import build_router
from services.embedder.clients import ConsentClient, TranscriberClient
from services.embedder.commitments.api import build_router as commitments_router
from services.embedder.commitments.store import CommitmentStore
from services.embedder.digests.api import build_router as digests_router
from services.embedder.digests.store import DigestStore
from services.embedder.domain import Weights
from services.embedder.handlers import Dependencies, IndexTranscript, ScheduleIndexDeletion, Search
from services.embedder.ports import CommitmentFinder, IndexRepository, TextEmbedder
from services.embedder.settings import EmbedderSettings
from services.embedder.store import IndexStore
from services.embedder.vendors.local_minilm import MiniLmEmbedder
from services.embedder.vendors.local_turn_acts import turn_act_head
from services.embedder.vendors.token_counts import cl100k_counter

EVENT_CONFIG = EventConfig("embedder", CATALOGUE, topics_out=("index",), refusals=REFUSALS)
# An hour of speech has about 100 passages; a slow core embeds two per second.
INDEX_TIMEOUT_S = 300.0
SWEEP_EVERY_S = 900.0


class Closable(Protocol):
    """Something with resources to release."""

    async def close(self) -> None:
        """Release all resources."""


class Embedder(TextEmbedder, Closable, Protocol):
    """A text embedder with resources to release."""


class Finder(CommitmentFinder, Closable, Protocol):
    """A finder of commitments with resources to release."""


def build() -> Service:
    """Read the settings and build the service."""
    settings = EmbedderSettings()
    runtime = Runtime(settings, EVENT_CONFIG)
    encoder = SentenceEncoder(ModelRuntime(settings.models_dir, settings.model_cache_dir, settings.embedding_threads))
    embedder, finder = embedder_of(settings, encoder), finder_of(settings)
    index_repository = IndexStore(runtime.database, Weights(settings.dense_weight, settings.neighbour_weight))
    commitments, digests = CommitmentStore(runtime.database), DigestStore(runtime.database)
    consent, transcriber = _peer(settings, settings.consent_url), _peer(settings, settings.transcriber_url)
    dependencies = Dependencies(
        ConsentClient(consent),
        TranscriberClient(transcriber),
        embedder,
        encoder,
        turn_act_head(),
        index_repository,
        (commitments, digests),
        cl100k_counter(),
        finder,
    )
    app = AppSpec(
        title="embedder",
        version="1",
        routers=(
            build_router(Search(index_repository, embedder, encoder)),
            commitments_router(commitments),
            digests_router(digests),
        ),
        checks=runtime.checks,
        details=_details(settings, embedder.model.name),
    )

    async def close() -> None:
        parts: tuple[Closable, ...] = (embedder, *((finder,) if finder else ()), consent, transcriber, runtime)
        for part in parts:
            await part.close()

    sweep = Recurring("index.withdrawn", index_repository.sweep_withdrawn, SWEEP_EVERY_S)
    return Service(app, [*runtime.workers(subscriptions(dependencies, index_repository, settings)), sweep], close)


def subscriptions(
    dependencies: Dependencies, index_repository: IndexRepository, settings: EmbedderSettings
) -> tuple[Subscription, ...]:
    """Return the event subscriptions of this service."""
    index = IndexTranscript(dependencies)
    hide = ScheduleIndexDeletion(index_repository, utc_now, timedelta(days=settings.revocation_grace_days))
    return (
        # Exclusive: vectors cost money or minutes, so no two workers make them for one transcript.
        Subscription(TranscriptReady, index, INDEX_TIMEOUT_S, exclusive=True),
        Subscription(TranscriptUpdated, index, INDEX_TIMEOUT_S, exclusive=True),
        Subscription(ConsentRevoked, hide),
        *erasing(IndexErased),
    )


def embedder_of(settings: EmbedderSettings, encoder: SentenceEncoder) -> Embedder:
    """Return the configured embedder; imports its libraries only if it is used."""
    if settings.provider == "openai" and settings.openai_api_key:
        from services.embedder.vendors.openai import OpenAIEmbedder

        return OpenAIEmbedder(settings.openai_api_key.get_secret_value(), settings.openai_base_url, cl100k_counter())
    return MiniLmEmbedder(encoder)


def finder_of(settings: EmbedderSettings) -> Finder | None:
    """Return the vendor that finds commitments, None where the turn acts of this machine do."""
    if settings.commitments_provider == "local" or not settings.anthropic_api_key:
        return None
    from services.embedder.vendors.claude import ClaudeFinder, ClaudeSettings

    key = settings.anthropic_api_key.get_secret_value()
    return ClaudeFinder(
        ClaudeSettings(
            key,
            settings.commitments_model,
            settings.commitments_deadline_s,
            settings.commitments_tokens_max,
            settings.anthropic_base_url,
        ),
        cl100k_counter(),
    )


def _peer(settings: EmbedderSettings, url: str) -> ServiceClient:
    return ServiceClient(url, settings.request_deadline_s, BY_SLUG)


def _details(settings: EmbedderSettings, model: str) -> dict[str, str]:
    return {"provider": settings.provider, "model": model, "commitments_provider": settings.commitments_provider}
