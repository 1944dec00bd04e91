"""The operators' and integrators' tools: `therapyrag` and the typed client it speaks with.

Talks to the public gateway only; holds no rule and no secret of its own.
"""
