"""Uploads, from the socket to the object store: form fields, media type checks, and encryption."""
