"""What every command does around its verb: open what it stands on, run, print, and choose the exit code.

Exit codes: 0 done, 1 failed, 2 wrong usage (typer's own), 3 denied.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any

import httpx
import typer

from libs.common.errors import AppError, BrokerUnavailableError
from libs.common.streams.admin import StreamRefusedError
from libs.ops.console import Shown, print_failure, print_line, print_problem, print_shown
from libs.ops.operator_tools import OperatorTools
from libs.ops.rest.client import Gateway, NoAnswerError, RefusedError
from libs.ops.rest.connection import Connection

FAILED, DENIED = 1, 3
DENIED_STATUSES = (401, 403)

AS_JSON = "therapyrag.json"  # where `therapyrag --json noun verb` leaves the flag that `noun verb --json` has itself

Outcome = Awaitable[Shown] | AsyncIterator[Shown]
Verb = Callable[..., Outcome]
PatientOption = Annotated[str, typer.Option("--patient", help="The patient's id.")]
TherapistOption = Annotated[str, typer.Option("--therapist", help="The therapist's id.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]

# What a verb stands on is its first parameter: the public gateway, or the stores behind it.
_OPENERS: Mapping[type, Callable[[Connection], Any]] = {Gateway: Gateway, OperatorTools: OperatorTools}


def as_command(verb: Verb) -> Callable[..., None]:
    """Make `async def verb(gateway or tools, *options) -> Shown` a function typer can read, with `--json` added.

    A verb that yields is printed piece by piece as it comes, with `--json` a line for each.
    """
    first, *own = inspect.signature(verb).parameters.values()
    opener = _OPENERS[first.annotation]

    @functools.wraps(verb)
    def command(context: typer.Context, as_json: bool, **options: Any) -> None:
        as_json = as_json or context.meta.get(AS_JSON, False)
        _run(as_json, _act(_opened(opener, context.obj), lambda stand: verb(stand, **options), as_json))

    added = [_keyword("context", typer.Context), _keyword("as_json", JsonFlag, default=False)]
    parameters = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in own] + added
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _run(as_json: bool, acting: Any) -> None:  # a coroutine
    try:
        exit_code = asyncio.run(acting)
    except RefusedError as refused:
        print_problem(refused.problem, refused.about, as_json)
        raise typer.Exit(DENIED if refused.problem.status in DENIED_STATUSES else FAILED) from refused
    except NoAnswerError as error:
        print_failure(str(error), "start it with `make up`, or set THERAPYRAG_URL", as_json)
        raise typer.Exit(FAILED) from error
    except BrokerUnavailableError as error:
        print_failure("The stream is not answering.", "start it, or set REDIS_URL", as_json)
        raise typer.Exit(FAILED) from error
    except StreamRefusedError as error:
        sentence = "The stream refuses this login" if error.is_login else "The stream cannot answer this"
        print_failure(f"{sentence} ({error.code}).", "look at REDIS_URL", as_json)
        raise typer.Exit(DENIED if error.is_login else FAILED) from error
    except AppError as error:
        print_failure(error.detail, None, as_json, f"{error.problem.slug}  ")
        raise typer.Exit(DENIED if error.problem.status in DENIED_STATUSES else FAILED) from error
    raise typer.Exit(exit_code)


def _opened(opener: Callable[[Connection], Any], connection: Connection) -> Any:
    """Return what the verb stands on; raise BadParameter for addresses and keys that cannot be any."""
    try:
        f"{connection.key or ''}{connection.operator_token or ''}".encode("ascii")
        return opener(connection)
    except UnicodeEncodeError as error:
        raise typer.BadParameter("THERAPYRAG_KEY or OPERATOR_TOKEN holds a character that none has") from error
    except (httpx.InvalidURL, ValueError) as error:
        raise typer.BadParameter("THERAPYRAG_URL is no address: https://host:port") from error


async def _act(standing: Any, verb: Callable[[Any], Outcome], as_json: bool) -> int:  # the opener's own type
    async with standing as stand:
        outcome = verb(stand)
        if not isinstance(outcome, AsyncIterator):
            shown = await outcome
            print_shown(shown, as_json)
            return shown.exit_code
        exit_code = 0
        async for shown in outcome:
            print_line(shown, as_json)
            exit_code = shown.exit_code
        return exit_code


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
