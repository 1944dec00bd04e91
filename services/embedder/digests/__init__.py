"""Digests: what a session was about, in topics, names and verbatim sentences with their seconds. Owns them."""
