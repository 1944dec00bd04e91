"""Key maintenance for operators: `python -m services.ingestion keys status|rotate-root|rotate|destroy [--execute]`.

Connects with MIGRATION_DATABASE_URL, as migrations do, and reads the settings of the root key. Prints log lines with
ids, versions and counts; plaintext keys exist in memory only. Runbook: docs/security/keys.md.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn
from uuid import UUID

from pydantic import Field, SecretStr, ValidationError

from libs.common.database.transaction import Database
from libs.common.errors import UPSTREAM_REFUSED, AppError
from libs.common.keys.root_key import RootKey, root_key
from libs.common.log import configure_logging, get_logger, redact_uncaught_errors
from libs.contracts.ids import OrganizationId
from libs.contracts.log_keys import LOG_KEYS
from services.ingestion.keys.rotation import Rotation
from services.ingestion.keys.rotation_store import RotationStore
from services.ingestion.keys.settings import KeySettings

EXIT_FAILED = 1
EXIT_USAGE = 2


class MaintenanceSettings(KeySettings):
    """Settings of the root key, and a database login that may become the schema's owner."""

    migration_database_url: SecretStr = Field(description="PostgreSQL as a role that may SET ROLE to the owners.")


def main(arguments: Sequence[str]) -> NoReturn:
    """Run one command and exit the process."""
    given = _parser().parse_args(arguments)
    try:
        settings = MaintenanceSettings()
        root = root_key(settings)
    except ValidationError as error:
        # Without the input: it may be a password.
        faults = error.errors(include_input=False)
        _say("\n".join(f"{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in faults))
        raise SystemExit(EXIT_USAGE) from None
    except ValueError as error:
        _say(str(error))
        raise SystemExit(EXIT_USAGE) from None
    configure_logging("ingestion", "info", LOG_KEYS)
    redact_uncaught_errors()
    try:
        asyncio.run(_run(settings, root, given))
    except AppError as error:
        get_logger().error("keys.failed", problem=error.problem.slug, **error.facts)
        _say(error.detail)
        raise SystemExit(EXIT_FAILED) from None
    raise SystemExit(0)


async def _run(settings: MaintenanceSettings, root: RootKey, given: argparse.Namespace) -> None:
    database = Database(settings.migration_database_url.get_secret_value())
    try:
        # Before anything is rewrapped: a root that does not bind the context would be found out too late.
        await root.ready()
        rotation = Rotation(root, RotationStore(database), execute=given.execute)
        commands: dict[str, Callable[[], Awaitable[object]]] = {
            "status": lambda: status(rotation, root),
            "rotate-root": lambda: rotate_root(rotation),
            "rotate": lambda: rotation.rotate(OrganizationId(given.organization), only_rest=given.rest),
            "destroy": lambda: rotation.destroy(OrganizationId(given.organization), given.version),
        }
        await commands[given.command]()
    finally:
        await root.close()
        await database.close()


async def status(rotation: Rotation, root: RootKey) -> None:
    """Log each key version with its organization, the root key that wraps it, and its number of patients' keys."""
    async for one in rotation.key_versions():
        get_logger().info(
            "keys.version",
            organization_id=str(one.organization_id),
            version=one.key.version,
            provider=root.label_of(one.key.wrapped),
            count=one.patients,
            outcome="in_use" if one.retired_s is None else "retired",
        )


async def rotate_root(rotation: Rotation) -> None:
    """Rewrap all versions. Raises AppError(UPSTREAM_REFUSED) if any could not be unwrapped."""
    rewrapped = await rotation.rewrap_roots()
    if rewrapped.failed:
        raise AppError(UPSTREAM_REFUSED, f"{rewrapped.failed} keys are wrapped with a root key that is not configured.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.ingestion keys", description=__doc__)
    parser.set_defaults(execute=False, organization=None, version=None, rest=False)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="list every version of every organization's key")
    changing = {
        "rotate-root": "rewrap organizations' keys with the current root key",
        "rotate": "create a new key for an organization and rewrap its patients' keys with it",
        "destroy": "destroy a version that no longer wraps any key",
    }
    parsers = {name: commands.add_parser(name, help=sentence) for name, sentence in changing.items()}
    for name, command in parsers.items():
        command.add_argument("--execute", action="store_true", help="write; without it this is a dry run")
        if name != "rotate-root":
            command.add_argument("--organization", type=UUID, required=True)
    parsers["rotate"].add_argument(
        "--rest", action="store_true", help="create no new key; rewrap the keys a rotation missed"
    )
    parsers["destroy"].add_argument("--version", type=int, required=True)
    return parser


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
