"""What the chat promises, as sentences."""
