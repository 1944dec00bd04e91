"""The public HTTP side, a file per resource; routes.py says who may use what."""
