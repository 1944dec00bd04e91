"""Habits of the code that are held by reading it: the shape of a test."""
