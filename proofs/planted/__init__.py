"""The defects that proofs/mutants.py plants, by the promise they break."""
