"""The statement of the search."""
