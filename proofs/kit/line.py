"""The one line a proof prints, and how large and with which seed it runs."""

import os
import secrets
import sys
from typing import TypeVar

Size = TypeVar("Size")


def proof(name: str, good: bool, /, **figures: object) -> int:
    """Print `PROOF name result=... k=v ...` and return the exit code: 0 when the figures hold, else 1."""
    words = " ".join(f"{key}={value}" for key, value in figures.items())
    sys.stdout.write(f"PROOF {name} result={'ok' if good else 'FAILED'} {words}\n")
    sys.stdout.flush()
    return 0 if good else 1


def is_soak() -> bool:
    """Tell whether the environment asks for the long run (`SIZE=soak`)."""
    return os.environ.get("SIZE") == "soak"


def sized(tiny: Size, ci: Size, soak: Size) -> Size:
    """Return what the environment's SIZE asks for: `soak` a long run, `tiny` one that only has to see a defect."""
    return {"tiny": tiny, "soak": soak}.get(os.environ.get("SIZE", ""), ci)


def seed() -> int:
    """Return the seed of the environment (`SEED=...`), else a fresh one; the proof prints it."""
    return int(os.environ.get("SEED") or secrets.randbelow(2**32))
