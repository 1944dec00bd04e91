"""`therapyrag users`: therapists, patients and administrators of the organization."""

from typing import Annotated

import typer
from rich.table import Table

from libs.ops.console import Shown
from libs.ops.rest.client import Gateway
from libs.ops.rest.wire import User


async def add(
    gateway: Gateway,
    role: Annotated[str, typer.Argument(help="therapist, patient or admin")],
    email: Annotated[str, typer.Option(help="The address, unique in the organization.")],
    external_id: Annotated[str | None, typer.Option(help="The id in your own records.")] = None,
) -> Shown:
    """Create a user and print the id."""
    user = await gateway.add_user(role, email, external_id)
    return Shown(user, user.id)


async def list_users(
    gateway: Gateway,
    role: Annotated[str | None, typer.Option(help="Only therapist, patient or admin.")] = None,
) -> Shown:
    """List the users."""
    found = await gateway.users(role)
    return Shown(found, _table(found))


def _table(users: list[User]) -> Table:
    table = Table("id", "role", "email", "external id", box=None)
    for user in users:
        table.add_row(user.id, user.role, user.email or "", user.external_id or "")
    return table
