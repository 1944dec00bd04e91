"""PostgreSQL: transactions under a capability, migrations, pages of rows, and times that every part can read.

The database brings three functions: `ctx.enter` opens a transaction under a capability (transaction.py), `ctx.carry`
makes the one that an event takes along (sql/private_events.sql), and `ops.oldest_write_s` tells the age of the oldest
transaction that writes (messaging/outbox.py).
"""
