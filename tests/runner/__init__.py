"""Runs the tests side by side: `python -m tests.runner [PATH ... | EXPRESSION]`, which is what `make test` calls.

Three processes of pytest (workers) have servers of their own and take the next file that nobody has taken, the longest
first. Most of the long ones wait (for a lease, a retry, a vendor that is slow on purpose), so three at a time fill two
cores. What demands a speed runs at the end with nothing beside it.
pytest-xdist was weighed: it is well kept, but it has no files that run alone, no CPU figures, and no order by length.
"""
