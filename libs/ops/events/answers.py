"""Which group answers which event, what consent that takes, and where somebody outside the house is asked.

A copy of what the services promise in their `__init__.py`, which the tools' image does not carry.
A test compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.contracts.purposes import Purpose


@dataclass(frozen=True)
class Answer:
    """What a group needs to answer an event: the purposes that must be in force, and whether a vendor works on it.

    `answers_after_erasure`: it erases, so it is answered although (because) what it is about is no more.
    `renewable`: an operator may send it under a new capability; erasing takes somebody who may erase.
    """

    purposes: tuple[Purpose, ...] = ()
    vendor: bool = False
    answers_after_erasure: bool = False
    renewable: bool = True


_WORDS = Answer((Purpose.RECORDING, Purpose.TRANSCRIPTION), vendor=True)
_INDEX = Answer((Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS), vendor=True)
_BOOKS = Answer()
_ERASES = Answer(answers_after_erasure=True, renewable=False)
_COUNTS = Answer(answers_after_erasure=True)
_ERASURES = {"session.erased": _ERASES, "patient.erased": _ERASES}

ANSWERS: Mapping[str, Mapping[str, Answer]] = {
    "transcriber": {"recording.uploaded": _WORDS, "consent.revoked": _BOOKS, **_ERASURES},
    "embedder": {
        "transcript.ready": _INDEX,
        "transcript.updated": _INDEX,
        "consent.revoked": _BOOKS,
        **_ERASURES,
    },
    "ingestion": {
        "transcription.started": _BOOKS,
        "transcription.progressed": _BOOKS,
        "recording.probed": _BOOKS,
        "transcription.failed": _BOOKS,
        "transcript.ready": _BOOKS,
        "transcript.withheld": _BOOKS,
        "index.ready": _BOOKS,
        "index.failed": _BOOKS,
        "index.withheld": _BOOKS,
        "consent.revoked": _BOOKS,
        **_ERASURES,
        "transcript.erased": _COUNTS,
        "index.erased": _COUNTS,
        "answers.erased": _COUNTS,
        "evidence.erased": _COUNTS,
        "user.erased": _COUNTS,
    },
    "chat": {"consent.revoked": _BOOKS, **_ERASURES},
    "consent": _ERASURES,
    "gateway": {"consent.revoked": _BOOKS, **_ERASURES},
}


def answering(event_type: str) -> dict[str, Answer]:
    """Return the groups that answer an event."""
    return {group: answers[event_type] for group, answers in ANSWERS.items() if event_type in answers}
