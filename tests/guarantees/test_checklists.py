"""The lists of CONTRIBUTING.md, followed in a copy of the repository: what they leave out makes a check fail."""

import json
from pathlib import Path

import pytest

from tests.guarantees.scratch import Scratch, files_of, steps_of

EVENT = '''"""What patients are reminded of."""

from typing import ClassVar
from uuid import UUID

from libs.common.events import Event


class ReminderDue(Event):
    """A patient is to be reminded of a session."""

    type: ClassVar[str] = "reminder.due"
    topic: ClassVar[str] = "reminder"
    key_field: ClassVar[str] = "patient_id"

    organization_id: UUID
    patient_id: UUID
'''
GOLDEN = {
    "type": "reminder.due",
    "version": 1,
    "topic": "reminder",
    "payload": {
        "organization_id": "01a20000-0000-7000-8000-000000000001",
        "patient_id": "01a20000-0000-7000-8000-000000000002",
    },
}
STEP = '''class NoteReminder(Step[ReminderDue, None]):
    """A patient is reminded: nothing is to be done here."""

    async def record(self, event: ReminderDue, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Say nothing further."""
        return ()


class Search:
'''


EVENT_TESTS = ("events", "docs", "kubernetes", "operators_page", "generated_pages")
_IMPORT = "from libs.contracts.reminder import ReminderDue\n"
_TRIGGER = '    - type: redis-streams\n      metadata: {stream: "{%s}:s", consumerGroup: embedder, lagCount: "50"}\n'
_SAID = "return (ReminderDue(organization_id=event.organization_id, patient_id=event.patient_id),)"
# The chat says that a reminder is due, and the embedder answers it: file, then what stands there and what comes.
EDITS: dict[str, list[tuple[str, str]]] = {
    "libs/contracts/catalogue.py": [
        ("from libs.contracts.safety", f"{_IMPORT}from libs.contracts.safety"),
        ("    UserErased,\n)\n\nCATALOGUE", "    UserErased,\n    ReminderDue,\n)\n\nCATALOGUE"),
    ],
    "services/chat/handlers.py": [
        ("from libs.contracts.safety", f"{_IMPORT}from libs.contracts.safety"),
        ("redact(tx, event)\n        return ()", f"redact(tx, event)\n        {_SAID}"),
    ],
    "services/chat/wiring.py": [('("safety", "answers")', '("safety", "answers", "reminder")')],
    "services/embedder/handlers.py": [
        ("from libs.contracts.transcript", f"{_IMPORT}from libs.contracts.transcript"),
        ("class Search:\n", STEP),
    ],
    "services/embedder/wiring.py": [
        ("from libs.contracts.transcript", f"{_IMPORT}from libs.contracts.transcript"),
        ("IndexTranscript, Search", "IndexTranscript, NoteReminder, Search"),
        ("        *erasing(Index", "        Subscription(ReminderDue, NoteReminder()),\n        *erasing(Index"),
    ],
    "libs/ops/events/answers.py": [
        ('"transcript.updated": _INDEX,', '"transcript.updated": _INDEX, "reminder.due": _BOOKS,')
    ],
    "deploy/k8s/services/embedder/scaling.yaml": [
        (
            _TRIGGER % "erasure",
            _TRIGGER % "reminder" + "      authenticationRef: {name: stream}\n" + _TRIGGER % "erasure",
        )
    ],
    "services/chat/__init__.py": [("answers.erased.", "answers.erased, reminder.due.")],
    "services/embedder/__init__.py": [("patient.erased.", "patient.erased, reminder.due.")],
    "docs/architecture.md": [
        ("`safety.crisis_signal`, `answers.erased`", "`safety.crisis_signal`, `answers.erased`, `reminder.due`"),
        ("| `transcript.ready`, `transcript.updated`", "| `reminder.due`, `transcript.ready`, `transcript.updated`"),
    ],
}


@pytest.mark.slow
def test_the_list_for_a_new_event_names_every_place_and_its_checks_pass(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    names = {"subject": "reminder", "type": "reminder.due", "producer": "chat", "consumer": "embedder"}

    scratch.write("libs/contracts/reminder.py", EVENT)
    scratch.write("libs/contracts/golden/reminder.due.v1.json", json.dumps(GOLDEN, indent=2) + "\n")
    for name, changes in EDITS.items():
        scratch.edit(name, *changes)

    assert set(scratch.touched) == files_of(steps_of("A new event"), names)
    assert scratch.judged("libs/contracts", *map("tests/guarantees/test_{}.py".format, EVENT_TESTS)) == []
