"""Erasing a session or a patient for good, with a receipt that fills as each store reports."""
