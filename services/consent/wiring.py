"""The consent service's parts, built and joined."""

from libs.common.database import Database
from libs.common.http_app import AppSpec
from libs.common.outbox import Outbox
from libs.common.redis_streams import RedisStreams
from libs.common.relay import Relay
from libs.common.run import Service
from libs.contracts.problems import ALREADY_REVOKED, REFUSALS
from services.consent.api import build_router
from services.consent.handlers import Consents
from services.consent.settings import ConsentSettings
from services.consent.store import LedgerStore

TOPICS_OUT = ("consent",)
# What the ledger's triggers refuse, under the lock that orders its entries.
LEDGER_REFUSALS = {**REFUSALS, "TR409": ALREADY_REVOKED}


def build() -> Service:
    """Read the settings and join the parts of one process."""
    settings = ConsentSettings()
    database = Database(settings.database_url.get_secret_value(), LEDGER_REFUSALS)
    streams = RedisStreams(settings.redis_url.get_secret_value())
    outbox = _outbox(settings)
    relay = Relay(outbox, streams.publisher(), TOPICS_OUT) if outbox else None
    if relay:
        database.on_emitted = relay.wake
    app = AppSpec(
        title="consent",
        version="1",
        routers=(build_router(Consents(database, LedgerStore())),),
        checks={"database": database.ping},
    )

    async def close() -> None:
        await streams.close()
        await database.close()
        if outbox:
            await outbox.close()

    return Service(app, (relay,) if relay else (), close)


def _outbox(settings: ConsentSettings) -> Outbox | None:
    url = settings.relay_database_url
    return Outbox(url.get_secret_value(), "consent") if url else None
