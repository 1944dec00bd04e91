"""The database behind the measures of ours: the kernel's own test schema, filled faster than any service could."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg

from benchmarks.events.arena import Arena
from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.common.tests.kernel_world import PASSWORD, SCHEMA, make_schema
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import OrganizationId
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra

LIFETIME = timedelta(hours=3)
SOMEBODY_ELSES = ("REDIS_URL", "DATABASE_URL", "MINIO_ENDPOINT", "TEST_INFRA")


@contextmanager
def opened(environments: Path) -> Iterator[Arena]:
    """Start servers of our own on loopback, whatever the environment names: they are emptied again and again."""
    for name in SOMEBODY_ELSES:
        os.environ.pop(name, None)
    with infrastructure.throwaway() as infra:
        yield arena(infra, environments)


def arena(infra: Infra, environments: Path, *, empties_server: bool = True) -> Arena:
    """Return an arena over servers that run."""
    make_schema(infra)
    organization_id = OrganizationId(new_id())
    claims = Claims(organization_id, "benchmark", frozenset({f"{SCHEMA}:write"}), utc_now() + LIFETIME, new_id())
    capability = Minter(infra.capability_key_id, infra.capability_key).mint(claims)
    return Arena(
        infra, environments, organization_id, capability, infra.url_of(f"svc_{SCHEMA}", PASSWORD), empties_server
    )


def fill_outbox(arena: Arena, count: int) -> None:
    """Put `count` facts into the emptied outbox, each with an id, a thing and a capability as long as real ones."""
    with psycopg.connect(arena.infra.admin_url, autocommit=True) as connection:
        empty_tables(arena)
        connection.execute(
            f"insert into {SCHEMA}.outbox (id, topic, key, type, version, payload, headers) "
            "select gen_random_uuid(), 'thing', 'benchmark', 'thing.counted', 1, "
            "jsonb_build_object('organization_id', %s::text, 'thing_id', gen_random_uuid(), 'number', n), "
            "jsonb_build_object('capability', %s::text, 'traceparent', "
            "'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01') from generate_series(1, %s) n",
            (str(arena.organization_id), arena.capability, count),
        )
        connection.execute(f"vacuum analyze {SCHEMA}.outbox")


def empty_tables(arena: Arena) -> None:
    """Forget outbox, inbox and effects."""
    with psycopg.connect(arena.infra.admin_url, autocommit=True) as connection:
        connection.execute(f"truncate {SCHEMA}.outbox, {SCHEMA}.inbox, {SCHEMA}.effect, {SCHEMA}.tally")


def effects(arena: Arena, table: str) -> tuple[int, int]:
    """Return how many effects there are in `effect` or `tally`, and of how many things."""
    with psycopg.connect(arena.infra.admin_url) as connection:
        row = connection.execute(f"select count(*), count(distinct thing_id) from {SCHEMA}.{table}").fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
