"""Embedding implementations: OpenAI and a local model."""
