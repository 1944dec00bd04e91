"""Ingestion's schema, version by version."""
