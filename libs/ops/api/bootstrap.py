"""`therapyrag bootstrap`: the first organization and its first key, through the operators' API."""

from typing import Annotated

import typer

from libs.ops.console import Shown
from libs.ops.rest.client import Gateway


async def bootstrap(
    gateway: Gateway,
    name: Annotated[str, typer.Argument(help="The organization's name.")],
    key_name: Annotated[str, typer.Option(help="What to call its first admin key.")] = "first admin key",
) -> Shown:
    """Create an organization and its first admin key (needs OPERATOR_TOKEN)."""
    made = await gateway.bootstrap(name, key_name)
    view = (
        f"organization {made.organization_id}\n"
        "The key is shown this once; keep it in a secret store.\n"
        f"export THERAPYRAG_KEY={made.api_key}"
    )
    return Shown(made, view)
