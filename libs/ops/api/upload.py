"""`therapyrag upload`: stream a recording to the gateway and, if asked, watch what becomes of it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TransferSpeedColumn

from libs.ops.api.sessions import describe
from libs.ops.command import FAILED, PatientOption, TherapistOption
from libs.ops.console import Shown, for_people
from libs.ops.rest.client import Gateway, Recording

FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The recording.")]
DateOption = Annotated[str, typer.Option("--date", help="The day of the session, or its time with its zone.")]
WaitFlag = Annotated[bool, typer.Option("--wait", help="Wait until it is searchable, or has failed.")]


async def upload(
    gateway: Gateway,
    file: FileArgument,
    *,
    patient: PatientOption,
    therapist: TherapistOption,
    date: DateOption,
    wait: WaitFlag = False,
) -> Shown:
    """Upload a recording; it is refused before its first byte when consent is missing."""
    recording = Recording(file, patient, therapist, date)
    session_id = await _sent(gateway, recording)
    if not wait:
        return Shown({"session_id": session_id}, session_id)
    return await _watched(gateway, session_id)


async def _sent(gateway: Gateway, recording: Recording) -> str:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=for_people(stderr=True), transient=True) as bar:
        task = bar.add_task(recording.path.name, total=recording.path.stat().st_size)
        return await gateway.upload(recording, lambda size: bar.advance(task, size))


async def _watched(gateway: Gateway, session_id: str) -> Shown:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn())
    with Progress(*columns, console=for_people(stderr=True), transient=True) as bar:
        task = bar.add_task("uploaded", total=100)
        async for session in gateway.settled(session_id):
            percent = session.progress.percent if session.progress else None
            bar.update(task, description=session.status, completed=percent or 0)
    return Shown(session, describe(session), 0 if session.status == "ready" else FAILED)
