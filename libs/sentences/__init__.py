"""Sentence vectors of the local model, and the small trained heads that read them."""
