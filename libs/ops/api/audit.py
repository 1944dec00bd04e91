"""`therapyrag audit`: who was given which words about whom, as JSON lines for an archive or an auditor."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from libs.ops.console import Shown
from libs.ops.rest.client import Gateway

PatientFilter = Annotated[str | None, typer.Option("--patient", help="Only about this patient.")]
ActorFilter = Annotated[str | None, typer.Option("--actor", help="Only what this actor was given.")]
SinceFilter = Annotated[str | None, typer.Option("--since", help="From this time on (ISO 8601 with a zone).")]
UntilFilter = Annotated[str | None, typer.Option("--until", help="Before this time (ISO 8601 with a zone).")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write to this file instead of printing.")]


async def export(
    gateway: Gateway,
    patient: PatientFilter = None,
    actor: ActorFilter = None,
    since: SinceFilter = None,
    until: UntilFilter = None,
    out: OutOption = None,
) -> AsyncIterator[Shown]:
    """Export the audit, one JSON object a line, newest first; takes a key with the scope `admin`."""
    wanted = {"patient_id": patient, "actor": actor, "since": since, "until": until}
    written = 0
    with out.open("w") if out else nullcontext(sys.stdout) as target:
        async for row in gateway.audit(wanted):
            target.write(json.dumps(row, sort_keys=True) + "\n")
            written += 1
    if out:
        yield Shown({"rows": written}, f"{written} rows written")
