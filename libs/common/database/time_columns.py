"""Words for migrations: columns of times are held to what every part can read (readable_times.py reads what is not)."""

from libs.common.database.migration import Operations

# What `client_time.Instant` accepts.
FIRST, LAST = "0001-01-01 00:00:00Z", "9999-12-31 23:59:59.999999Z"


def keep_readable(op: Operations, table: str, *columns: str) -> None:
    """Constrain columns of a table (`schema.name`) to readable times; existing values move to the nearest one."""
    name = table.partition(".")[2]
    # The owner has no policy to write under; the lock of this statement keeps everybody else out until the commit.
    op.execute(f"alter table {table} no force row level security")
    for column in columns:
        readable = f"{column} between timestamptz '{FIRST}' and timestamptz '{LAST}'"
        op.execute(
            f"update {table} set {column} = least(greatest({column}, '{FIRST}'), '{LAST}') where not ({readable})"  # noqa: S608
        )
        op.execute(f"alter table {table} add constraint {name}_{column}_readable check ({readable}) not valid")
        # Checked in a second step, under a lock that lets readers and writers go on.
        op.execute(f"alter table {table} validate constraint {name}_{column}_readable")
    op.execute(f"alter table {table} force row level security")
