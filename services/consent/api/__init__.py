"""HTTP routes, one file per resource; routes.py combines them."""
