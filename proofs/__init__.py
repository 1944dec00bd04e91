"""One command a promise: each prints one PROOF line and fails on its figure (SECURITY.md)."""
