"""Figures of quality: what is measured, on what, with which seed."""
