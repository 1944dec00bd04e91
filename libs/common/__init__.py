"""Mechanism that could move to another product unchanged: no word of this product's domain (test_rooms.py)."""
