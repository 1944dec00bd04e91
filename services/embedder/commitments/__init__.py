"""Commitments: what was taken on between sessions, and what became of it. Owns their mentions and corrections."""
