"""Media type detection and validation of a byte stream, in constant memory and plain Python."""
