"""The whole system from a terminal: `python -m libs.devstack up|up-ops|down|status|migration SERVICE NAME`."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from libs.devstack import background
from libs.devstack.errors import DevstackError
from libs.devstack.new_migration import new_migration
from libs.devstack.provision import ROOT
from libs.devstack.servers.folder import Folder
from libs.ops.rest.client import NoAnswerError, RefusedError

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        return _run(given)
    except (DevstackError, RefusedError, NoAnswerError) as error:
        _say(str(error), sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m libs.devstack", description=__doc__)
    parser.add_argument("--folder", type=Path, default=background.FOLDER, help="where data, logs and secrets are kept")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything in the background")
    commands.add_parser("up-ops", help="print what the operators' commands need, of a system that is up")
    commands.add_parser("down", help="stop it")
    commands.add_parser("status", help="show what runs; exit code 1 when nothing does or something is ill")
    migration = commands.add_parser("migration", help="write a new empty migration")
    migration.add_argument("service")
    migration.add_argument("name")
    return parser


def _run(given: argparse.Namespace) -> int:
    if given.command == "migration":
        _say(str(new_migration(given.service, given.name).relative_to(ROOT)))
        return 0
    folder = Folder(given.folder)
    if given.command == "up":
        _say("starting PostgreSQL, Valkey, SeaweedFS and six services ...", sys.stderr)
        _show(background.up(folder), folder)
        return 0
    if given.command == "up-ops":
        _show_operators(background.up(folder))
        return 0
    if given.command == "down":
        _say(f"stopped {background.down(folder)} processes")
        return 0
    return _status(folder)


def _show(access: background.Access, folder: Folder) -> None:
    _say(f"# API    {access.url}/docs")
    _say(f"# logs   {folder.logs}")
    _say("# stop   make down")
    for variable, place in background.given().items():
        _say(f"# given  {place} by {variable}")
    _say(f"export THERAPYRAG_URL={shlex.quote(access.url)}")
    _say(f"export THERAPYRAG_KEY={shlex.quote(access.api_key)}")


def _show_operators(access: background.Access) -> None:
    _say("# for the operators' commands only; unset REDIS_URL before the next `make up`")
    _say(f"export OPS_DATABASE_URL={shlex.quote(access.ops_database_url)}")
    _say(f"export REDIS_URL={shlex.quote(access.redis_url)}")


def _status(folder: Folder) -> int:
    states = background.status(folder)
    for state in states:
        _say(f"{state.name:12} {state.pid:>8}  {state.word}")
    if not states:
        _say("nothing is up")
    return 0 if states and all(state.word != "unavailable" for state in states) else 1


def _say(line: str, file: TextIO | None = None) -> None:
    print(line, file=file, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
