"""`therapyrag sessions`: therapy sessions and how far the work on them is."""

from typing import Annotated

import typer
from rich.table import Table

from libs.ops.console import Shown
from libs.ops.rest.client import Gateway
from libs.ops.rest.wire import Session


async def list_sessions(
    gateway: Gateway,
    patient: Annotated[str | None, typer.Option(help="Only this patient's.")] = None,
    status: Annotated[str | None, typer.Option(help="Only those in this status.")] = None,
) -> Shown:
    """List sessions, newest first."""
    found = await gateway.sessions(patient, status)
    return Shown(found, _table(found))


async def show(
    gateway: Gateway,
    session_id: Annotated[str, typer.Argument(help="The session's id.")],
) -> Shown:
    """Show one session."""
    session = await gateway.session(session_id)
    return Shown(session, describe(session))


async def release(
    gateway: Gateway,
    session_id: Annotated[str, typer.Argument(help="The session's id.")],
) -> Shown:
    """Make a session that is ready part of the patient's chat."""
    session = await gateway.release(session_id)
    return Shown(session, describe(session))


async def hold_back(
    gateway: Gateway,
    session_id: Annotated[str, typer.Argument(help="The session's id.")],
) -> Shown:
    """Keep a session out of the patient's chat until it is released."""
    session = await gateway.hold_back(session_id)
    return Shown(session, describe(session))


def describe(session: Session) -> str:
    """A session in one line, and why it stopped if it did."""
    length = f", {clock(session.recording_duration_seconds)}" if session.recording_duration_seconds else ""
    why = f"\n{session.error_message}" if session.error_message else ""
    held = ", not released" if session.status == "ready" and session.released is False else ""
    return f"{session.id}  {session.when}  {session.status}{held}{length}{why}"


def clock(seconds: float) -> str:
    """Seconds as mm:ss, the way places in a recording are named."""
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def _table(sessions: list[Session]) -> Table:
    table = Table("id", "date", "status", "length", "patient", box=None)
    for row in sessions:
        length = clock(row.recording_duration_seconds) if row.recording_duration_seconds else ""
        table.add_row(row.id, row.when, row.status, length, row.patient_id)
    return table
