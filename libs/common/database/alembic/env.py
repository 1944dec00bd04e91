"""Run by Alembic: the caller's connection, the schema's owner, the schema's own version table."""

from alembic import context
from sqlalchemy import Connection, text

connection: Connection = context.config.attributes["connection"]
schema: str = context.config.attributes["schema"]

connection.execute(text(f"set role owner_{schema}"))
connection.execute(text("set lock_timeout = '5s'"))
context.configure(connection=connection, version_table="alembic_version", version_table_schema=schema)
with context.begin_transaction():
    context.run_migrations()
