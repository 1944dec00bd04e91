"""The rules of the chat, by meaning: no input or output, no clock of their own."""
