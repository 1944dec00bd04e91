"""Joins uploads under the root key, the status of sessions, erasures, and what sweeps expired objects."""

import os

from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.errors import UNAVAILABLE, AppError
from libs.common.events import Event
from libs.common.http.app import AppSpec
from libs.common.http.client import ServiceClient
from libs.common.ids import new_id
from libs.common.keys.key_wrapping import KeyWrapping
from libs.common.keys.root_key import RootKey, root_key
from libs.common.messaging.steps import Subscription
from libs.common.objects.store import ObjectStore, StoreAddress
from libs.common.process.recurring import Recurring
from libs.common.process.run import Service
from libs.common.process.runtime import EventConfig, Runtime
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.consent import ConsentRevoked
from libs.contracts.erasure import (
    AnswersErased,
    EvidenceErased,
    IndexErased,
    PatientErased,
    SessionErased,
    TranscriptErased,
    UserErased,
)
from libs.contracts.index import IndexFailed, IndexReady, IndexWithheld
from libs.contracts.problems import BY_SLUG, REFUSALS
from libs.contracts.transcript import (
    RecordingProbed,
    TranscriptionFailed,
    TranscriptionProgressed,
    TranscriptionStarted,
    TranscriptReady,
    TranscriptWithheld,
)
from services.ingestion.api import Parts, build_router
from services.ingestion.audit_store import ReleaseAudit
from services.ingestion.clients import ConsentClient
from services.ingestion.erasure.handlers import (
    ErasureDependencies,
    ErasureService,
    RecordErasureResult,
    RemoveObjects,
    Retention,
)
from services.ingestion.erasure.ports import ObjectDeleter
from services.ingestion.erasure.store import ErasureStore, ExpiredRecordingStore, OldestErasureGauge
from services.ingestion.handlers import (
    EndOnRevocation,
    QueryDependencies,
    RecordProbe,
    RecordProgress,
    SessionQueries,
    UpdateSessionStatus,
)
from services.ingestion.keys.chain import KeyChain
from services.ingestion.keys.store import KeyStore
from services.ingestion.metrics import CountedIgnoredTransitions
from services.ingestion.objects.orphans import Sweeper
from services.ingestion.objects.verified import VerifiedStore
from services.ingestion.ports import Consents, Objects
from services.ingestion.settings import IngestionSettings
from services.ingestion.store import ObjectIndex, SessionStore
from services.ingestion.upload.accept import AcceptRecording, Dependencies

# A status update takes milliseconds, so a batch shares one deduplication query.
QUICK_BATCH = 32
# Thousands of objects at a few milliseconds each.
DELETE_TIMEOUT_S = 600.0
RETENTION_EVERY_S = 900.0
GAUGE_EVERY_S = 60.0
EVENT_CONFIG = EventConfig("ingestion", CATALOGUE, topics_out=("recording", "session", "erasure"), refusals=REFUSALS)


def build() -> Service:
    """Read the settings and build the service."""
    settings = IngestionSettings()
    root = _root_key(settings)
    runtime = Runtime(settings, EVENT_CONFIG)
    consent = ServiceClient(settings.consent_url, settings.request_deadline_s, BY_SLUG)
    store = ObjectStore(StoreAddress.of(settings))
    objects = VerifiedStore(store, new_id, os.urandom)
    app = AppSpec(
        title="ingestion",
        version="1",
        routers=(build_router(parts(runtime.database, root, objects, ConsentClient(consent))),),
        # /health fails until both have proven themselves: no recording may be taken that nobody could read again.
        checks={**runtime.checks, "object_store": objects.ready, "root_key": root.ready},
        details=root.details,
    )

    async def close() -> None:
        await consent.close()
        await root.close()
        await runtime.close()

    days = (settings.recording_retention_days, settings.unfinished_retention_days)
    retention = Retention(ExpiredRecordingStore(runtime.database), store, *days)
    sweepers = (
        Sweeper(store, ObjectIndex(runtime.database), utc_now),
        Recurring("recordings.retired", retention.sweep, RETENTION_EVERY_S),
        Recurring("erasures.checked", OldestErasureGauge(runtime.database).update, GAUGE_EVERY_S),
    )
    return Service(app, [*runtime.workers(subscriptions(runtime.database, store)), *sweepers], close)


def subscriptions(database: Database, objects: ObjectDeleter) -> tuple[Subscription, ...]:
    """Return the subscriptions: pipeline events, revocations, erasures, and the erasure results of other stores."""
    advance = UpdateSessionStatus(SessionStore(), CountedIgnoredTransitions(), utc_now)
    remove, collect = RemoveObjects(database, ErasureStore(), objects), RecordErasureResult(ErasureStore())
    pipeline_events: tuple[type[Event], ...] = (
        *(TranscriptionStarted, TranscriptionFailed, TranscriptReady, TranscriptWithheld),
        *(IndexReady, IndexFailed, IndexWithheld),
    )
    counted: tuple[type[Event], ...] = (TranscriptErased, IndexErased, AnswersErased, EvidenceErased, UserErased)
    return (
        *(Subscription(event, advance, batch=QUICK_BATCH) for event in pipeline_events),
        Subscription(TranscriptionProgressed, RecordProgress(SessionStore(), utc_now), batch=QUICK_BATCH),
        Subscription(RecordingProbed, RecordProbe(SessionStore(), utc_now), batch=QUICK_BATCH),
        Subscription(ConsentRevoked, EndOnRevocation(SessionStore(), CountedIgnoredTransitions(), utc_now)),
        Subscription(SessionErased, remove, DELETE_TIMEOUT_S),
        Subscription(PatientErased, remove, DELETE_TIMEOUT_S),
        *(Subscription(event, collect, batch=QUICK_BATCH) for event in counted),
    )


def parts(database: Database, root: KeyWrapping, objects: Objects, consents: Consents) -> Parts:
    """Build the application services that the routes call."""
    sessions = SessionStore()
    keys, erasures = KeyChain(root, database, KeyStore()), ErasureStore()
    return Parts(
        accept=AcceptRecording(Dependencies(database, sessions, keys, objects, consents, utc_now, new_id, erasures)),
        queries=SessionQueries(QueryDependencies(database, sessions, keys, consents, utc_now, erasures)),
        eraser=ErasureService(ErasureDependencies(database, sessions, erasures, erasures, new_id, utc_now)),
        audit=ReleaseAudit(database),
    )


def _root_key(settings: IngestionSettings) -> RootKey:
    try:
        return root_key(settings)
    except ValueError as error:
        raise AppError(UNAVAILABLE, f"The root key cannot be used: {error}.") from error
