"""The transcriber's parts, built and joined."""

from typing import Protocol

from libs.common.clock import utc_now
from libs.common.http_app import AppSpec
from libs.common.http_client import ServiceClient
from libs.common.object_store import ObjectStore, StoreAddress
from libs.common.plumbing import Plumbing, Traffic
from libs.common.run import Service
from libs.common.steps import Subscription
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.problems import BY_SLUG, REFUSALS
from libs.contracts.recording import RecordingUploaded
from services.transcriber.api import build_router
from services.transcriber.clients import ConsentClient, StoredRecordings
from services.transcriber.corrections import Words
from services.transcriber.handlers import Transcribe, World
from services.transcriber.ports import SpeechToText
from services.transcriber.settings import TranscriberSettings
from services.transcriber.store import TranscriberStore

# The longest recording is 4 hours; locally it takes half its length at most, and two may wait before it.
TRANSCRIBE_TIMEOUT_S = 6 * 3600.0


class Listener(SpeechToText, Protocol):
    """A recognizer that is put away at the end."""

    async def close(self) -> None:
        """Close what is open."""


def build() -> Service:
    """Read the settings and join the parts of one process."""
    settings = TranscriberSettings()
    plumbing = Plumbing(settings, Traffic("transcriber", CATALOGUE, topics_out=("transcript",), refusals=REFUSALS))
    consent, ingestion = _peer(settings, settings.consent_url), _peer(settings, settings.ingestion_url)
    store, objects, listener = TranscriberStore(), ObjectStore(StoreAddress.of(settings)), speech_to_text_of(settings)
    recordings = StoredRecordings(ingestion, objects)
    world = World(plumbing.database, store, ConsentClient(consent), recordings, listener, utc_now)
    app = AppSpec(
        title="transcriber",
        version="1",
        routers=(build_router(Words(plumbing.database, store, utc_now)),),
        checks=plumbing.checks,
        details={"provider": settings.provider, "model": listener.source.model},
    )

    async def close() -> None:
        await plumbing.close()
        for part in (consent, ingestion, listener):
            await part.close()

    return Service(app, plumbing.workers(subscriptions(world)), close)


def subscriptions(world: World) -> tuple[Subscription, ...]:
    """Return what is answered: the table of this service."""
    return (Subscription(RecordingUploaded, Transcribe(world), TRANSCRIBE_TIMEOUT_S, exclusive=True),)


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
