"""The trained head of turn acts (services/embedder/turn_acts.py), whose coefficients stand beside this file."""

from pathlib import Path

from libs.sentences.head import Head

TURN_ACTS = Path(__file__).with_name("turn_acts.json")


def turn_act_head() -> Head:
    """Read the head."""
    return Head.read(TURN_ACTS)
