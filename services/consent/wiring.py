"""The consent service's parts, built and joined."""

from libs.common.database.transaction import Database
from libs.common.http.app import AppSpec
from libs.common.objects.store import ObjectStore, StoreAddress
from libs.common.process.run import Service
from libs.common.process.runtime import Plumbing, Traffic
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.erasure import EvidenceErased
from libs.contracts.problems import ALREADY_REVOKED, REFUSALS
from libs.ledger.signatures import KeyRing, SigningKey, VerifyKey
from libs.tenancy.erase_share import erasing
from services.consent.api.routes import Desk, build_router
from services.consent.document_store import DocumentStore
from services.consent.handlers import Consents, Keeping
from services.consent.notary.checkpoints import Notary, Objects, Shelf
from services.consent.notary.store import NotaryStore
from services.consent.settings import ConsentSettings
from services.consent.store import LedgerStore
from services.consent.transparency import ConsentTexts, Shown, Transparency

# What the ledger's triggers refuse, under the lock that orders its entries.
LEDGER_REFUSALS = {**REFUSALS, "TR409": ALREADY_REVOKED}
TRAFFIC = Traffic("consent", CATALOGUE, topics_out=("consent",), refusals=LEDGER_REFUSALS)


def build() -> Service:
    """Read the settings and join the parts of one process."""
    settings = ConsentSettings()
    key, before = settings.signing_key(), settings.keys_before()
    plumbing = Plumbing(settings, TRAFFIC)
    objects = ObjectStore(StoreAddress.of(settings))
    app = AppSpec(
        title="consent",
        version="1",
        routers=(build_router(desk(plumbing.database, objects, key, before)),),
        # Consent is given and taken back also while the object store is away; checkpoints wait.
        checks=plumbing.checks,
    )
    notary = Notary(plumbing.database, Shelf(objects), key, KeyRing([key.public, *before]))
    return Service(app, [*plumbing.workers(erasing(EvidenceErased)), notary], plumbing.close)


def desk(database: Database, objects: Objects, key: SigningKey, before: list[VerifyKey] | None = None) -> Desk:
    """Join what the routes call."""
    ledger, documents = LedgerStore(), DocumentStore()
    shown = Shown(database, ledger, NotaryStore(), Shelf(objects), [key.public, *(before or [])])
    return Desk(
        consents=Consents(Keeping(database, ledger, documents, key)),
        texts=ConsentTexts(database, documents),
        transparency=Transparency(shown),
    )
