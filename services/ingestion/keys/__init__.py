"""The keys of recordings: made on first use, rotated by command, destroyed for good."""
