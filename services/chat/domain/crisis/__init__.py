"""Crisis: what a message is taken for before anything else, and what is said then."""
