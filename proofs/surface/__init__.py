"""The public API keeps its own description, and a repeated request gives nobody what they may not have."""
