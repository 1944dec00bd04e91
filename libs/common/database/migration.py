"""Migrations: one Alembic environment for all services, and the words that protect a table from its first day."""

from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine


class Operations(Protocol):
    """What a migration's `alembic.op` (a module to the type checker) is used for here."""

    def execute(self, sqltext: str) -> None:
        """Run one statement."""


_ENVIRONMENT = Path(__file__).parent / "alembic"
_SQL = Path(__file__).parent / "sql"
_OUTBOX_COLUMNS = (
    "xid xid8 not null default pg_current_xact_id(), seq bigint generated always as identity, id uuid not null,"
    " topic text not null, key text not null, type text not null, version int not null, payload jsonb not null,"
    " headers jsonb not null, at timestamptz not null default clock_timestamp()"
)


def migrate(schema: str, versions: Path, url: str) -> None:
    """Bring a service's schema to its newest version, as the schema's owner.

    `url` logs in as a role that may `SET ROLE owner_<schema>` (postgresql+psycopg://).
    """
    # A fifth of the imports of a service, which reads this file for the words that migrations and stores share.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_ENVIRONMENT))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "newline")
    # An error would repeat the parameters, and the log with it.
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            config.attributes["schema"] = schema
            command.upgrade(config, "head")
            connection.commit()
    finally:
        engine.dispose()


def event_tables(op: Operations, schema: str) -> None:
    """Create the schema's outbox (the service may only add, the relay only read) and its inbox."""
    op.execute(f"""
        create table {schema}.outbox (
          {_OUTBOX_COLUMNS},
          primary key (xid, seq)
        )""")
    op.execute(f"create index outbox_by_topic on {schema}.outbox (topic, xid, seq)")
    op.execute(f"""
        create table {schema}.inbox (
          grp text not null,
          event_id uuid not null,
          epoch int not null default 0,
          at timestamptz not null default clock_timestamp(),
          primary key (grp, event_id, epoch)
        )""")
    op.execute(f"grant insert on {schema}.outbox to svc_{schema}")
    op.execute(f"grant insert, select on {schema}.inbox to svc_{schema}")
    op.execute(f"grant usage on schema {schema} to svc_relay")
    op.execute(f"grant select on {schema}.outbox to svc_relay")


def archive(op: Operations, schema: str) -> None:
    """Turn the outbox into an archive partitioned by week, with claims, and the function by which the relay keeps both.

    A rest partition takes what comes when nobody has kept the archive for weeks, so that no fact is ever refused.
    """
    op.execute(f"alter table {schema}.outbox rename to outbox_before")
    op.execute(f"""
        create table {schema}.outbox (
          {_OUTBOX_COLUMNS},
          primary key (at, xid, seq)
        ) partition by range (at)""")
    op.execute(f"create table {schema}.outbox_rest partition of {schema}.outbox default")
    op.execute(f"create index outbox_in_order on {schema}.outbox (topic, xid, seq)")
    op.execute(f"create index outbox_by_id on {schema}.outbox (id)")
    # With their own numbers, which the relays' cursors point at.
    op.execute(f"insert into {schema}.outbox overriding system value select * from {schema}.outbox_before")  # noqa: S608
    op.execute(f"drop table {schema}.outbox_before")
    op.execute(f"create index inbox_by_time on {schema}.inbox using brin (at)")
    op.execute(f"grant insert on {schema}.outbox to svc_{schema}")
    op.execute(f"grant select on {schema}.outbox to svc_relay")
    _claims(op, schema)
    op.execute((_SQL / "keep_archive.sql").read_text().replace("SCHEMA", schema))
    op.execute(f"select * from {schema}.keep_archive(36500, '0')")  # noqa: S608


def _claims(op: Operations, schema: str) -> None:
    """Create the table of claims: which living worker handles which event (libs/common/messaging/inbox.py)."""
    op.execute(f"""
        create table {schema}.claim (
          grp text not null,
          event_id uuid not null,
          epoch int not null,
          holder text not null,
          until timestamptz not null,
          interrupted int not null default 0,
          primary key (grp, event_id, epoch)
        )""")
    op.execute(f"grant select, insert, update, delete on {schema}.claim to svc_{schema}")


def private_events(op: Operations, schema: str) -> None:
    """Let a service reach notes and claims by an event's id only, and have the database stamp what it emits."""
    op.execute((_SQL / "private_events.sql").read_text().replace("SCHEMA", schema))
