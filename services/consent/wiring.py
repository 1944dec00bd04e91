"""The consent service's parts, built and joined."""

from libs.common.database.transaction import Database
from libs.common.http.app import AppSpec
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
from services.consent.handlers import Consents, Keeping
from services.consent.notary.checkpoints import CheckpointStore, Notary, Objects
from services.consent.notary.store import NotaryStore
from services.consent.settings import ConsentSettings
from services.consent.store import LedgerStore
from services.consent.transparency import ConsentTexts, Shown, Transparency

# What the ledger's triggers refuse, under the lock that orders its entries.
LEDGER_REFUSALS = {**REFUSALS, "TR409": ALREADY_REVOKED}
EVENT_CONFIG = EventConfig("consent", CATALOGUE, topics_out=("consent",), refusals=LEDGER_REFUSALS)


def build() -> Service:
    """Read the settings and join the parts of one process."""
    settings = ConsentSettings()
    key, before = settings.signing_key(), settings.keys_before()
    runtime = Runtime(settings, EVENT_CONFIG)
    objects = ObjectStore(StoreAddress.of(settings))
    app = AppSpec(
        title="consent",
        version="1",
        routers=(build_router(services(runtime.database, objects, key, before)),),
        # Consent is given and taken back also while the object store is away; checkpoints wait.
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
    """Join what the routes call."""
    ledger, documents = LedgerStore(), DocumentStore()
    shown = Shown(database, ledger, NotaryStore(), CheckpointStore(objects), [key.public, *(before or [])])
    return ConsentServices(
        consents=Consents(Keeping(database, ledger, documents, key)),
        texts=ConsentTexts(database, documents),
        transparency=Transparency(shown),
    )
