"""Decides whether the quotes of a sentence bear it out: each module checks one way in which a sentence can be false."""
