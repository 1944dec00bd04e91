"""The consent service's parts, built and joined."""

from libs.common.http_app import AppSpec
from libs.common.plumbing import Plumbing, Traffic
from libs.common.run import Service
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.erase_share import erasing
from libs.contracts.erasure import EvidenceErased
from libs.contracts.problems import ALREADY_REVOKED, REFUSALS
from services.consent.api import build_router
from services.consent.handlers import Consents
from services.consent.settings import ConsentSettings
from services.consent.store import LedgerStore

# What the ledger's triggers refuse, under the lock that orders its entries.
LEDGER_REFUSALS = {**REFUSALS, "TR409": ALREADY_REVOKED}
TRAFFIC = Traffic("consent", CATALOGUE, topics_out=("consent",), refusals=LEDGER_REFUSALS)


def build() -> Service:
    """Read the settings and join the parts of one process."""
    settings = ConsentSettings()
    plumbing = Plumbing(settings, TRAFFIC)
    app = AppSpec(
        title="consent",
        version="1",
        routers=(build_router(Consents(plumbing.database, LedgerStore())),),
        checks=plumbing.checks,
    )
    return Service(app, plumbing.workers(erasing(EvidenceErased)), plumbing.close)
