"""The transcriber's parts, built and joined."""

from datetime import timedelta
from typing import Protocol

from libs.common.clock import utc_now
from libs.common.http.app import AppSpec
from libs.common.http.client import ServiceClient
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
from libs.tenancy.erase_own_rows import erasing
from services.transcriber.api import build_router
from services.transcriber.audit_store import ReadAudit
from services.transcriber.clients import ConsentClient, StoredRecordings
from services.transcriber.corrections import Words
from services.transcriber.handlers import Dependencies, Transcribe
from services.transcriber.ports import SpeechToText, Withdrawals
from services.transcriber.revocations import ForgetLater
from services.transcriber.settings import TranscriberSettings
from services.transcriber.store import TranscriberStore, Withdrawn

EVENT_CONFIG = EventConfig("transcriber", CATALOGUE, topics_out=("transcript",), refusals=REFUSALS)
# The longest recording is 4 hours; locally it takes half its length at most, and two may wait before it.
TRANSCRIBE_TIMEOUT_S = 6 * 3600.0
SWEEP_EVERY_S = 900.0


class Listener(SpeechToText, Protocol):
    """A recognizer that is put away at the end."""

    async def close(self) -> None:
        """Close what is open."""


def build() -> Service:
    """Read the settings and join the parts of one process."""
    settings = TranscriberSettings()
    runtime = Runtime(settings, EVENT_CONFIG)
    consent, ingestion = _peer(settings, settings.consent_url), _peer(settings, settings.ingestion_url)
    store, objects, listener = TranscriberStore(), ObjectStore(StoreAddress.of(settings)), speech_to_text_of(settings)
    audit = ReadAudit(runtime.database)
    recordings = StoredRecordings(ingestion, objects)
    dependencies = Dependencies(runtime.database, store, ConsentClient(consent), recordings, listener, utc_now)
    app = AppSpec(
        title="transcriber",
        version="1",
        routers=(build_router(Words(runtime.database, store, audit, utc_now), audit),),
        checks=runtime.checks,
        details={"provider": settings.provider, "model": listener.source.model},
    )

    async def close() -> None:
        await runtime.close()
        for part in (consent, ingestion, listener):
            await part.close()

    steps = subscriptions(dependencies, store, timedelta(days=settings.revocation_grace_days))
    sweep = Recurring("transcript.withdrawn", Withdrawn(runtime.database).sweep, SWEEP_EVERY_S)
    return Service(app, [*runtime.workers(steps), sweep], close)


def subscriptions(dependencies: Dependencies, withdrawals: Withdrawals, grace: timedelta) -> tuple[Subscription, ...]:
    """Return what is answered: the table of this service."""
    return (
        Subscription(RecordingUploaded, Transcribe(dependencies), TRANSCRIBE_TIMEOUT_S, exclusive=True),
        Subscription(ConsentRevoked, ForgetLater(withdrawals, utc_now, grace)),
        *erasing(TranscriptErased),
    )


def speech_to_text_of(settings: TranscriberSettings) -> Listener:
    """Return who listens by the settings; its libraries are loaded only then."""
    if settings.provider == "deepgram" and settings.deepgram_api_key is not None:
        from services.transcriber.vendors.deepgram import DeepgramAccess, DeepgramSpeechToText

        return DeepgramSpeechToText(
            DeepgramAccess(settings.deepgram_api_key.get_secret_value(), settings.deepgram_base_url)
        )
    from services.transcriber.vendors.local_whisper import LocalSpeechToText, ModelPlaces

    return LocalSpeechToText(ModelPlaces(settings.models_dir, settings.model_cache_dir), settings.recognition_threads)


def _peer(settings: TranscriberSettings, url: str) -> ServiceClient:
    return ServiceClient(url, settings.request_deadline_s, BY_SLUG)
