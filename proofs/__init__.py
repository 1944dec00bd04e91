"""One command a promise: each prints one PROOF line and fails on its figure.

Which ones there are: SECURITY.md, "What we claim, and how to repeat it".
"""
