"""Permanent erasure of a session or a patient, with a receipt that collects the result of each store."""
