"""`therapyrag consent`: what a patient has agreed to, with whom, and taking it back."""

from typing import Annotated

import typer
from rich.table import Table

from libs.contracts.purposes import Purpose
from libs.ops.command import FAILED, PatientOption, TherapistOption
from libs.ops.console import Shown
from libs.ops.rest.client import Gateway
from libs.ops.rest.wire import Consent

TypesOption = Annotated[list[Purpose] | None, typer.Option("--type", help="The purpose; may be given more than once.")]
AllFlag = Annotated[bool, typer.Option("--all", help="Every purpose.")]
DOCUMENT = "I agree that my sessions are processed for: {purpose}. I can take this back at any time."


async def grant(
    gateway: Gateway,
    patient: PatientOption,
    therapist: TherapistOption,
    types: TypesOption = None,
    every: AllFlag = False,
) -> Shown:
    """Record that the patient consents."""
    purposes = _purposes(types, every)

    granted = [
        await gateway.grant(patient, therapist, purpose, DOCUMENT.format(purpose=purpose)) for purpose in purposes
    ]
    return Shown(granted, _table(granted))


async def show(gateway: Gateway, patient: PatientOption) -> Shown:
    """Show the consents of a patient, newest first."""
    found = await gateway.consents(patient)
    return Shown(found, _table(found))


async def revoke(
    gateway: Gateway,
    patient: PatientOption,
    types: TypesOption = None,
    every: AllFlag = False,
) -> Shown:
    """Take the patient's consents for these purposes back; what is in work stops."""
    purposes = _purposes(types, every)

    in_force = [row for row in await gateway.consents(patient, "granted") if row.consent_type in purposes]
    revoked = [await gateway.revoke(row.id) for row in in_force]
    if not revoked:
        return Shown([], "No consent for this was in force.", FAILED)
    return Shown(revoked, _table(revoked))


def _purposes(types: list[Purpose] | None, every: bool) -> list[Purpose]:
    if bool(types) == every:
        raise typer.BadParameter("give either --all or at least one --type")
    return list(Purpose) if every else list(types or [])


def _table(consents: list[Consent]) -> Table:
    table = Table("id", "purpose", "status", "since", "therapist", box=None)
    for row in consents:
        since = row.revoked_at or row.granted_at
        table.add_row(
            row.id, row.consent_type, row.status, f"{since:%Y-%m-%d %H:%M} UTC" if since else "", row.therapist_id
        )
    return table
