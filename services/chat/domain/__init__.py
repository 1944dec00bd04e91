"""Domain logic of the chat: no I/O and no clock."""
