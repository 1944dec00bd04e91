"""What every command does around its verb: open the gateway, run, print, and choose the exit code.

Exit codes: 0 done, 1 failed, 2 wrong usage (typer's own), 3 denied.
"""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from libs.ops.client import Gateway, NoAnswerError, RefusedError
from libs.ops.console import Shown, print_failure, print_problem, print_shown

FAILED, DENIED = 1, 3
DENIED_STATUSES = (401, 403)

AS_JSON = "therapyrag.json"  # where `therapyrag --json noun verb` leaves the flag that `noun verb --json` has itself

Verb = Callable[..., Awaitable[Shown]]
PatientOption = Annotated[str, typer.Option("--patient", help="The patient's id.")]
TherapistOption = Annotated[str, typer.Option("--therapist", help="The therapist's id.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def as_command(verb: Verb) -> Callable[..., None]:
    """Make `async def verb(gateway, *options) -> Shown` a function typer can read, with `--json` added."""

    @functools.wraps(verb)
    def command(context: typer.Context, as_json: bool, **options: Any) -> None:
        _run(context.obj, as_json or context.meta.get(AS_JSON, False), lambda gateway: verb(gateway, **options))

    own = list(inspect.signature(verb).parameters.values())[1:]
    added = [_keyword("context", typer.Context), _keyword("as_json", JsonFlag, default=False)]
    parameters = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in own] + added
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _run(connection: Any, as_json: bool, verb: Callable[[Gateway], Awaitable[Shown]]) -> None:
    try:
        shown = asyncio.run(_with_gateway(connection, verb))
    except RefusedError as refused:
        print_problem(refused.problem, as_json)
        raise typer.Exit(DENIED if refused.problem.status in DENIED_STATUSES else FAILED) from refused
    except NoAnswerError as error:
        print_failure(str(error), "start it with `make up`, or set THERAPYRAG_URL", as_json)
        raise typer.Exit(FAILED) from error
    print_shown(shown, as_json)
    raise typer.Exit(shown.exit_code)


async def _with_gateway(connection: Any, verb: Callable[[Gateway], Awaitable[Shown]]) -> Shown:
    async with Gateway(connection) as gateway:
        return await verb(gateway)


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
