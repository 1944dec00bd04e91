"""What to do next about a problem, as a command that can be pasted.

A command that writes to the consent ledger is printed only with the ids of the request that was refused: a variable
in its place would grant the consent of whoever the shell happens to name.
"""

import shlex
from collections.abc import Mapping

from libs.ops.rest.wire import Problem

_FIXES = {
    "unauthenticated": "set THERAPYRAG_KEY to an active API key",
    "forbidden": "use a key with the scope named in the detail",
    "not-found": "check the id; `therapyrag sessions list` and `therapyrag users list` print what this key may see",
    "payload-too-large": "send a recording of at most 500 MB",
    "unsupported-media-type": "send a recording: mp3, wav, m4a, mp4, mov, webm, ogg, flac, aac",
    "unavailable": "therapyrag status",
}


def suggestion_for(problem: Problem, about: Mapping[str, str]) -> str | None:
    """The next step, or None when there is nothing better to say than the detail.

    `about` holds the ids that the refused request named: `patient_id`, `therapist_id`.
    """
    if problem.slug == "consent-required":
        return _consent(problem.missing, about.get("patient_id"), about.get("therapist_id"))
    return _FIXES.get(problem.slug)


def _consent(missing: list[str], patient: str | None, therapist: str | None) -> str | None:
    if patient is None:
        return None
    whose = f"--patient {shlex.quote(patient)}"
    # Half of the command would be a guess: looking comes first.
    if therapist is None or not missing:
        return f"therapyrag consent show {whose}"
    types = " ".join(f"--type {shlex.quote(purpose)}" for purpose in missing)
    return f"therapyrag consent grant {whose} --therapist {shlex.quote(therapist)} {types}"
