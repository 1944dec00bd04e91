"""The keys of recordings: created on first use, rotated by command, destroyed permanently."""
