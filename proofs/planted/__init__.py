"""The defects that proofs/planted/mutants.py plants, by the promise they break."""
