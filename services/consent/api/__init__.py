"""HTTP in, a file per resource; routes.py joins them."""
