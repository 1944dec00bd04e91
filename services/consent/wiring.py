"""Joins the ledger, the consent texts, and the notary that signs checkpoints into the object store."""

import secrets

from libs.common.database.transaction import Database
from libs.common.http.app import AppSpec
from libs.common.ids import new_id
from libs.common.messaging.steps import Subscription
from libs.common.objects.store import ObjectStore, StoreAddress
from libs.common.process.run import Service
from libs.common.process.runtime import EventConfig, Runtime
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.erasure import EvidenceErased
from libs.contracts.problems import ALREADY_REVOKED, REFUSALS
from libs.ledger.signatures import KeyRing, SigningKey, VerifyKey
from libs.tenancy.erase_own_rows import erasing
from services.consent.api.routes import ConsentServices, build_router
from services.consent.document_store import DocumentStore
from services.consent.handlers import Consents, LedgerWriter
from services.consent.notary.checkpoints import CheckpointStore, Notary, Objects
from services.consent.notary.store import NotaryStore
from services.consent.settings import ConsentSettings
from services.consent.store import LedgerStore
from services.consent.transparency import ConsentTexts, Transparency, TransparencySources

# Problems for the SQLSTATEs that the ledger's triggers raise under the lock that orders its entries.
LEDGER_REFUSALS = {**REFUSALS, "TR409": ALREADY_REVOKED}
EVENT_CONFIG = EventConfig("consent", CATALOGUE, topics_out=("consent",), refusals=LEDGER_REFUSALS)


def build() -> Service:
    """Read the settings and build the service."""
    settings = ConsentSettings()
    key, before = settings.signing_key(), settings.keys_before()
    runtime = Runtime(settings, EVENT_CONFIG)
    objects = ObjectStore(StoreAddress.of(settings))
    app = AppSpec(
        title="consent",
        version="1",
        routers=(build_router(services(runtime.database, objects, key, before)),),
        # No check of the object store: grants and revocations work without it, and checkpoints are deferred.
        checks=runtime.checks,
    )
    notary = Notary(runtime.database, CheckpointStore(objects), key, KeyRing([key.public, *before]))
    return Service(app, [*runtime.workers(subscriptions()), notary], runtime.close)


def subscriptions() -> tuple[Subscription, ...]:
    """Return what is answered: the table of this service."""
    return erasing(EvidenceErased)


def services(
    database: Database, objects: Objects, key: SigningKey, before: list[VerifyKey] | None = None
) -> ConsentServices:
    """Build the application services that the routes call."""
    ledger, documents = LedgerStore(), DocumentStore()
    keys = [key.public, *(before or [])]
    sources = TransparencySources(database, ledger, NotaryStore(), CheckpointStore(objects), keys)
    return ConsentServices(
        consents=Consents(LedgerWriter(database, ledger, documents, key, new_id, secrets.token_bytes)),
        texts=ConsentTexts(database, documents, new_id),
        transparency=Transparency(sources),
    )
