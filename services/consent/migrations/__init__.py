"""The consent service's schema, version by version."""
