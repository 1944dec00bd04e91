"""The operators' and integrators' tools: `therapyrag` and the typed client it speaks with.

Commands for integrators talk to the public gateway only.
Commands for operators work on the archives and the streams themselves, as a role that reads ids and facts, never words;
what they change is a plan until it is executed, and is written down before it is done.
"""
