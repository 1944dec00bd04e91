"""What kind of recording a stream of bytes is, told from its structure in constant memory, in plain Python."""
