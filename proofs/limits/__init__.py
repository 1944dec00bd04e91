"""Limits let in exactly what they promise, and a revoked key is dead at once."""
