"""PostgreSQL: transactions under a capability, migrations, pages of rows, and times that every part can read."""
