"""Recordings are taken whole, encrypted at rest, and gone once their key is destroyed."""
