"""Proof: the database believes only capabilities that the gateway minted (`python -m proofs.isolation.capability`).

Every forgery goes through `ctx.verify` as a service's own role; a share of them also through `ctx.enter`, and as a
setting made by hand beside a read of a table that holds a row. Real ones that are of another organization, for another
patient or without the service's scope must see none of that table either.
"""

import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from libs.common.ids import new_id
from libs.contracts.capability import Minter
from libs.contracts.ids import OrganizationId, PatientId
from libs.contracts.services import SERVICES
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from proofs.kit.line import proof, seed, sized
from proofs.kit.tenants import SeededTenant, seed_tenant
from proofs.kit.tokens import Forger, all_scopes, claims_of

NAME = "capability"
FORGED = 60_000
FORGED_TINY, FORGED_SOAK = 6_000, 2_000_000
BATCH = 500
# Every this many a forgery is also used the way an attacker would use it.
USED_EVERY = 40
_VERIFY = "select t from unnest(%s::text[]) t where (ctx.verify(t)).org is not null"
_READS = {
    "gateway": "select count(*) from gateway.patient_token",
    "consent": "select count(*) from consent.event",
    "ingestion": "select count(*) from ingestion.patient_key",
    "transcriber": "select count(*) from transcriber.job",
    "embedder": "select count(*) from embedder.indexed",
    "chat": "select count(*) from chat.conversation",
}


@dataclass
class Tally:
    """What was tried and what came of it; `control` counts real ones that worked, `denied` those that failed."""

    forged: int = 0
    accepted: int = 0
    used: int = 0
    entered: int = 0
    rows: int = 0
    control: int = 0
    denied: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **counts: int) -> None:
        """Count, from any thread."""
        with self.lock:
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + count)


def prove(infra: Infra, forged: int, chosen: int) -> int:
    """Attack with this many forgeries, drawn from the seed; return the exit code."""
    tenant, tally = seed_tenant(infra), Tally()
    forger = Forger(Minter(infra.capability_key_id, infra.capability_key), infra.capability_key, chosen)
    shares = list(_batches(list(forger.forgeries(forged)), -(-forged // len(SERVICES))))
    threads = [
        threading.Thread(target=_attack, args=(infra, service, share, tenant, tally))
        for service, share in zip(SERVICES, shares, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _revoked(infra, tally)
    good = (
        tally.forged == forged
        and tally.accepted == tally.entered == tally.rows == tally.denied == 0
        and tally.control > len(SERVICES)
    )
    return proof(
        NAME, good, forged=tally.forged, kinds=forger.kinds, roles=len(SERVICES), accepted=tally.accepted,
        used=tally.used, entered=tally.entered, rows=tally.rows, control=tally.control, control_denied=tally.denied,
        seed=chosen,
    )  # fmt: skip


def _attack(infra: Infra, service: str, forgeries: Sequence[str], tenant: SeededTenant, tally: Tally) -> None:
    with psycopg.connect(_libpq(infra, service), autocommit=True) as connection:
        real = tenant.capability(infra)
        for number, batch in enumerate(_batches(forgeries, BATCH)):
            # The real one in the middle of each batch: the same call must let it, and only it, through.
            believed = _believed(connection, [*batch, real])
            tally.add(forged=len(batch), accepted=sum(t != real for t in believed))
            tally.add(control=believed.count(real), denied=1 - believed.count(real))
            for forged in batch[number % USED_EVERY :: USED_EVERY]:
                _use(connection, service, forged, tally)
        for strange in _strange(infra, service, tenant):
            tally.add(rows=_rows_by_hand(connection, service, strange))
        rows = _rows_by_hand(connection, service, real)
        entered = _enters(connection, real)
        tally.add(control=int(rows >= 1) + int(entered), denied=int(rows < 1) + int(not entered))


def _believed(connection: psycopg.Connection[Any], tokens: Sequence[str]) -> list[str]:
    """Return those that are verified; so is one that breaks the verification, which has believed it enough to read."""
    try:
        return [row[0] for row in connection.execute(_VERIFY, (list(tokens),))]
    except psycopg.DataError:
        if len(tokens) == 1:
            return list(tokens)
        half = len(tokens) // 2
        return _believed(connection, tokens[:half]) + _believed(connection, tokens[half:])


def _strange(infra: Infra, service: str, tenant: SeededTenant) -> Iterator[str]:
    """Yield real ones that reach nothing of this tenant here."""
    minter = Minter(infra.capability_key_id, infra.capability_key)
    own = claims_of(OrganizationId(tenant.organization_id), *all_scopes())
    yield minter.mint(replace(own, organization_id=OrganizationId(new_id())))
    yield minter.mint(replace(own, patient_id=PatientId(new_id())))
    yield minter.mint(replace(own, scopes=own.scopes - {f"{service}:write"}))


def _use(connection: psycopg.Connection[Any], service: str, forged: str, tally: Tally) -> None:
    tally.add(used=1, entered=int(_enters(connection, forged)), rows=_rows_by_hand(connection, service, forged))


def _enters(connection: psycopg.Connection[Any], token: str) -> bool:
    try:
        with connection.transaction():
            connection.execute("select ctx.enter(%s)", (token,))
    except psycopg.DatabaseError as refused:
        if refused.sqlstate != "TR401":
            raise
        return False
    return True


def _rows_by_hand(connection: psycopg.Connection[Any], service: str, token: str) -> int:
    with connection.transaction():
        connection.execute("select set_config('ctx.token', %s, true)", (token,))
        found = connection.execute(_READS[service].encode()).fetchone()
    return int(found[0]) if found else 0


def _revoked(infra: Infra, tally: Tally) -> None:
    """A capability of a key that has been revoked is refused although its signature is right."""
    shapes = Forger(Minter(infra.capability_key_id, infra.capability_key), infra.capability_key, 0).valid
    of_a_key = next(token for token in shapes if token.split("|")[8] != "-")
    with psycopg.connect(infra.admin_url, autocommit=True) as connection:
        before = connection.execute(_VERIFY, ([of_a_key],)).fetchall()
        with connection.transaction(force_rollback=True):
            connection.execute("select set_config('ctx.token', %s, true)", (of_a_key,))
            connection.execute("select ctx.revoke_key(%s)", (of_a_key.split("|")[8],))
            after = connection.execute(_VERIFY, ([of_a_key],)).fetchall()
    tally.add(control=len(before), denied=1 - len(before), accepted=len(after))


def _batches(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _libpq(infra: Infra, service: str) -> str:
    return infra.database_url(service).replace("postgresql+psycopg://", "postgresql://", 1)


def main() -> int:
    """Start a database of its own and attack it."""
    with infrastructure.throwaway() as infra:
        return prove(infra, sized(FORGED_TINY, FORGED, FORGED_SOAK), seed())


if __name__ == "__main__":
    sys.exit(main())
