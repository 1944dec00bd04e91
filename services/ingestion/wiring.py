"""Ingestion's parts, built and joined."""

from libs.common.clock import utc_now
from libs.common.consumer import Consumer, Pace
from libs.common.database import Database
from libs.common.errors import UNAVAILABLE, AppError
from libs.common.handling import Handling
from libs.common.http_app import AppSpec
from libs.common.http_client import ServiceClient
from libs.common.ids import new_id
from libs.common.key_wrapping import KeyWrapping, read_root_key
from libs.common.object_store import ObjectStore
from libs.common.outbox import Outbox
from libs.common.redis_streams import RedisStreams
from libs.common.relay import Relay
from libs.common.run import Service, Worker
from libs.common.steps import Subscription
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.consent import ConsentRevoked
from libs.contracts.index import IndexFailed, IndexReady, IndexWithheld
from libs.contracts.problems import BY_SLUG, REFUSALS
from libs.contracts.transcript import (
    TranscriptionFailed,
    TranscriptionStarted,
    TranscriptReady,
    TranscriptWithheld,
)
from services.ingestion.api import Parts, build_router
from services.ingestion.clients import ConsentClient
from services.ingestion.handlers import Advance, EndOnRevocation, Reading, SessionDesk
from services.ingestion.keys import KeyChain
from services.ingestion.metrics import CountedIllegalMoves
from services.ingestion.ports import Consents, Objects
from services.ingestion.settings import IngestionSettings
from services.ingestion.store import KeyStore, SessionStore
from services.ingestion.upload import AcceptRecording, World

GROUP = "ingestion"
TOPICS_OUT = ("recording", "session")


def build() -> Service:
    """Read the settings and join the parts of one process."""
    settings = IngestionSettings()
    root = _root_key(settings)
    database = Database(settings.database_url.get_secret_value(), REFUSALS)
    streams = RedisStreams(settings.redis_url.get_secret_value())
    consent = ServiceClient(settings.consent_url, settings.request_deadline_s, BY_SLUG)
    objects = ObjectStore(settings.object_store())
    outbox = _outbox(settings)
    relay = Relay(outbox, streams.publisher(), TOPICS_OUT) if outbox else None
    if relay:
        database.on_emitted = relay.wake
    app = AppSpec(
        title="ingestion",
        version="1",
        routers=(build_router(parts(database, root, objects, ConsentClient(consent))),),
        checks={"database": database.ping, "object_store": objects.ready},
    )

    async def close() -> None:
        await consent.close()
        await streams.close()
        await database.close()
        if outbox:
            await outbox.close()

    consumers = _consumers(settings, streams, database)
    return Service(app, (*consumers, relay) if relay else consumers, close)


def parts(database: Database, root: KeyWrapping, objects: Objects, consents: Consents) -> Parts:
    """Join what the routes call."""
    sessions = SessionStore()
    keys = KeyChain(root, database, KeyStore())
    return Parts(
        accept=AcceptRecording(World(database, sessions, keys, objects, consents, utc_now, new_id)),
        desk=SessionDesk(Reading(database, sessions, keys, consents, utc_now)),
    )


def subscriptions() -> dict[str, tuple[Subscription, ...]]:
    """Return what is answered, by topic: the table of this service."""
    advance = Advance(SessionStore(), CountedIllegalMoves(), utc_now)
    end = EndOnRevocation(SessionStore(), CountedIllegalMoves(), utc_now)
    return {
        "transcript": (
            Subscription(TranscriptionStarted, advance),
            Subscription(TranscriptionFailed, advance),
            Subscription(TranscriptReady, advance),
            Subscription(TranscriptWithheld, advance),
        ),
        "index": (
            Subscription(IndexReady, advance),
            Subscription(IndexFailed, advance),
            Subscription(IndexWithheld, advance),
        ),
        "consent": (Subscription(ConsentRevoked, end),),
    }


def _consumers(settings: IngestionSettings, streams: RedisStreams, database: Database) -> tuple[Worker, ...]:
    return tuple(
        Consumer(
            streams.channel(topic, GROUP),
            Handling(database, CATALOGUE, {line.event.type: line for line in lines}),
            Pace(concurrency=settings.concurrency),
        )
        for topic, lines in subscriptions().items()
    )


def _outbox(settings: IngestionSettings) -> Outbox | None:
    url = settings.relay_database_url
    return Outbox(url.get_secret_value(), GROUP) if url else None


def _root_key(settings: IngestionSettings) -> KeyWrapping:
    try:
        return read_root_key(settings.root_key_file)
    except ValueError as error:
        raise AppError(UNAVAILABLE, f"ROOT_KEY_FILE: {error}") from error
