"""Mechanism that could move to another product unchanged: no word of therapy, consent or transcripts lives here."""
