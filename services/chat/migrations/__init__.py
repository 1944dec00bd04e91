"""The chat's schema, version by version."""
