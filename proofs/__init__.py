"""Promises as commands: each attacks the real system, prints one line `PROOF <name> key=value ...`, fails on its figure.

`python -m proofs.tamper`; `SIZE=soak` for long runs, `SEED=<number>` to repeat one. CI runs the same in small.
"""
