"""Words and vectors of one patient scored by one SQL statement (search.sql), and its parameters (store.py)."""
