"""A schema of its own for tests of the kernel: roles, event tables, one table of effects."""

from typing import ClassVar
from uuid import UUID

import psycopg
from alembic.migration import MigrationContext
from alembic.operations import Operations
from pydantic import ConfigDict, Field
from sqlalchemy import create_engine, text

from libs.common.database.migration import archive, event_tables, private_events
from libs.common.events import Catalogue, Event
from libs.devstack.capabilities import signed
from libs.devstack.infra import Infra

SCHEMA = "kernel"
PASSWORD = "kernel-of-a-test"


class OfTenant(Event):
    """A fact of one tenant, under the name by which the deployed database compares it with the capability's."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    tenant_id: UUID = Field(alias="organization_id")


class ThingCounted(OfTenant):
    """A thing was counted."""

    type: ClassVar[str] = "thing.counted"
    topic: ClassVar[str] = "thing"
    key_field: ClassVar[str] = "thing_id"

    thing_id: UUID
    number: int


class ThingSettled(OfTenant):
    """A thing's count took hold."""

    type: ClassVar[str] = "thing.settled"
    topic: ClassVar[str] = "settled"
    key_field: ClassVar[str] = "thing_id"

    thing_id: UUID


# The member of a payload that names its tenant.
TENANT = OfTenant.model_fields["tenant_id"].alias
CATALOGUE = Catalogue([ThingCounted, ThingSettled])


def make_schema(infra: Infra) -> None:
    """Create roles, schema and tables once; a second call finds them."""
    with psycopg.connect(infra.admin_url, autocommit=True) as connection:
        if connection.execute("select 1 from pg_namespace where nspname = 'kernel'").fetchone():
            return
        for role in ("owner_kernel nologin", f"svc_kernel login noinherit password '{PASSWORD}'"):
            connection.execute(f"create role {role}".encode())
        connection.execute("create schema kernel authorization owner_kernel")
        connection.execute("grant usage on schema kernel, ctx to svc_kernel")
        connection.execute("grant usage on schema ctx to owner_kernel")
        connection.execute("alter role svc_kernel set search_path = kernel, public")
        connection.execute("grant execute on all functions in schema ctx to svc_kernel")
        connection.execute(
            "revoke execute on function ctx.install_key, ctx.sign, ctx.carry, ctx.revoke_key from svc_kernel"
        )
        connection.execute("grant execute on function ctx.carry to owner_kernel")
    engine = create_engine(infra.admin_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.begin() as begun:
        begun.execute(text("set role owner_kernel"))
        op = Operations(MigrationContext.configure(begun))
        op.execute("create table kernel.effect (tenant_id uuid not null, thing_id uuid not null, number int)")
        _isolate(op)
        op.execute("create table kernel.tally (thing_id uuid not null, number int)")
        op.execute("grant select, insert on kernel.tally to svc_kernel")
        event_tables(op, SCHEMA)
        archive(op, SCHEMA)
        private_events(op, SCHEMA)
    engine.dispose()


def _isolate(op: Operations) -> None:
    """Show and take rows of the capability's tenant alone, as every schema's policies do."""
    for verb, scope, clause in (("select", "read", "using"), ("insert", "write", "with check")):
        op.execute(
            f"create policy tenant_{verb} on kernel.effect for {verb} to svc_kernel"
            f" {clause} (tenant_id = (select (ctx.scope('kernel:{scope}')).org))"
        )
    op.execute("alter table kernel.effect enable row level security")
    op.execute("alter table kernel.effect force row level security")
    op.execute("grant select, insert on kernel.effect to svc_kernel")


def token(infra: Infra, tenant_id: UUID) -> str:
    """Return a capability to write in the test schema."""
    return signed(infra, tenant_id, "kernel:write")
