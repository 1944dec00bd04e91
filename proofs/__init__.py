"""Promises as commands: each attacks the real system, prints `PROOF <name> key=value ...`, and fails on its figure.

`python -m proofs.tamper`; `SIZE=soak` for long runs, `SEED=<number>` to repeat one. CI runs the same in small.
"""
