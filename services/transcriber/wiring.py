"""Joins the recognizer, the recordings it fetches, transcripts with their audit, and the sweep of withdrawn ones."""

from datetime import timedelta
from typing import Protocol

from libs.common.clock import utc_now
from libs.common.http.app import AppSpec
from libs.common.http.client import ServiceClient
from libs.common.ids import new_id
from libs.common.messaging.steps import Subscription
from libs.common.objects.store import ObjectStore, StoreAddress
from libs.common.process.recurring import Recurring
from libs.common.process.run import Service
from libs.common.process.runtime import EventConfig, Runtime
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.consent import ConsentRevoked
from libs.contracts.erasure import TranscriptErased
from libs.contracts.problems import BY_SLUG, REFUSALS
from libs.contracts.recording import RecordingUploaded
from libs.media.recording import Probes
from libs.tenancy.erase_own_rows import erasing
from services.transcriber.api import build_router
from services.transcriber.audit_store import ReadAudit
from services.transcriber.clients import ConsentClient, StoredRecordings
from services.transcriber.corrections import TranscriptService
from services.transcriber.handlers import Dependencies, Transcribe
from services.transcriber.ports import SpeechToText, Withdrawals
from services.transcriber.revocations import ScheduleTranscriptDeletion
from services.transcriber.search.api import build_router as search_router
from services.transcriber.search.handlers import SearchTranscripts
from services.transcriber.search.store import SearchStore
from services.transcriber.settings import TranscriberSettings
from services.transcriber.store import TranscriberStore, WithdrawnTranscripts

EVENT_CONFIG = EventConfig("transcriber", CATALOGUE, topics_out=("transcript",), refusals=REFUSALS)
# The longest recording is 4 hours; local recognition takes at most half of that, and two jobs may be queued before it.
TRANSCRIBE_TIMEOUT_S = 6 * 3600.0
SWEEP_EVERY_S = 900.0


class ClosableSpeechToText(SpeechToText, Protocol):
    """A speech recognizer with resources to release."""

    async def close(self) -> None:
        """Release all resources."""


def build() -> Service:
    """Read the settings and build the service."""
    settings = TranscriberSettings()
    runtime = Runtime(settings, EVENT_CONFIG)
    consent, ingestion = _peer(settings, settings.consent_url), _peer(settings, settings.ingestion_url)
    store, objects, speech_to_text = (
        TranscriberStore(),
        ObjectStore(StoreAddress.of(settings)),
        speech_to_text_of(settings),
    )
    audit = ReadAudit(runtime.database)
    recordings = StoredRecordings(ingestion, objects)
    dependencies = Dependencies(
        runtime.database, store, ConsentClient(consent), recordings, speech_to_text, Probes(), utc_now, new_id
    )
    app = AppSpec(
        title="transcriber",
        version="1",
        routers=(
            build_router(TranscriptService(runtime.database, store, audit, utc_now), audit),
            search_router(SearchTranscripts(runtime.database, SearchStore(), audit)),
        ),
        checks=runtime.checks,
        details={"provider": settings.provider, "model": speech_to_text.source.model},
    )

    async def close() -> None:
        await runtime.close()
        for part in (consent, ingestion, speech_to_text):
            await part.close()

    steps = subscriptions(dependencies, store, timedelta(days=settings.revocation_grace_days))
    sweep = Recurring("transcript.withdrawn", WithdrawnTranscripts(runtime.database).sweep, SWEEP_EVERY_S)
    return Service(app, [*runtime.workers(steps), sweep], close)


def subscriptions(dependencies: Dependencies, withdrawals: Withdrawals, grace: timedelta) -> tuple[Subscription, ...]:
    """Return the event subscriptions of this service."""
    return (
        # Exclusive: recognition costs money or hours, so no two workers do it for one recording.
        Subscription(RecordingUploaded, Transcribe(dependencies), TRANSCRIBE_TIMEOUT_S, exclusive=True),
        Subscription(ConsentRevoked, ScheduleTranscriptDeletion(withdrawals, utc_now, grace)),
        *erasing(TranscriptErased),
    )


def speech_to_text_of(settings: TranscriberSettings) -> ClosableSpeechToText:
    """Return the configured recognizer; imports its libraries only if it is used."""
    if settings.provider == "deepgram" and settings.deepgram_api_key is not None:
        from services.transcriber.vendors.deepgram import DeepgramAccess, DeepgramSpeechToText

        return DeepgramSpeechToText(
            DeepgramAccess(
                settings.deepgram_api_key.get_secret_value(),
                settings.deepgram_base_url,
                retry_wait_s=settings.deepgram_retry_wait_s,
            )
        )
    from services.transcriber.vendors.local_whisper import LocalSpeechToText, ModelPlaces

    places = ModelPlaces(settings.models_dir, settings.model_cache_dir)
    return LocalSpeechToText(places, settings.recognition_threads, settings.decoders_at_once)


def _peer(settings: TranscriberSettings, url: str) -> ServiceClient:
    return ServiceClient(url, settings.request_deadline_s, BY_SLUG)
