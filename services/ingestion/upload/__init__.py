"""One upload from the socket to the store: its form, its kind, its bytes."""
