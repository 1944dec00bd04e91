"""What a new event changes, for the test that follows the list of CONTRIBUTING.md.

The chat says that a reminder is due, and the embedder answers.
"""

import json

_EVENT = '''"""What patients are reminded of."""

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
_GOLDEN = {
    "type": "reminder.due",
    "version": 1,
    "topic": "reminder",
    "payload": {
        "organization_id": "01a20000-0000-7000-8000-000000000001",
        "patient_id": "01a20000-0000-7000-8000-000000000002",
    },
}
_STEP = '''class NoteReminder(Step[ReminderDue, None]):
    """A patient is reminded: nothing is to be done here."""

    async def record(self, event: ReminderDue, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Say nothing further."""
        return ()


class Search:
'''


FILES = {
    "libs/contracts/reminder.py": _EVENT,
    "libs/contracts/golden/reminder.due.v1.json": json.dumps(_GOLDEN, indent=2) + "\n",
}
"""Files that are new."""

_IMPORT = "from libs.contracts.reminder import ReminderDue\n"
_TRIGGER = '    - type: redis-streams\n      metadata: {stream: "{%s}:s", consumerGroup: embedder, lagCount: "50"}\n'
_SAID = "return (ReminderDue(organization_id=event.organization_id, patient_id=event.patient_id),)"
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
        ("class Search:\n", _STEP),
    ],
    "services/embedder/wiring.py": [
        ("from libs.contracts.transcript", f"{_IMPORT}from libs.contracts.transcript"),
        ("IndexTranscript, Schedule", "IndexTranscript, NoteReminder, Schedule"),
        ("        *erasing(Index", "        Subscription(ReminderDue, NoteReminder()),\n        *erasing(Index"),
    ],
    "libs/ops/events/answers.py": [
        ('"transcript.updated": _INDEX,', '"transcript.updated": _INDEX,\n        "reminder.due": _BOOKS,')
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
        ("`patient.erased` | `index.ready`", "`patient.erased`, `reminder.due` | `index.ready`"),
    ],
}
"""Files that are there: what stands in them, and what comes in its place."""
