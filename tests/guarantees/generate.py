"""Writes the pages that are derived from code: `make docs`. A test fails while one of them is stale."""

import importlib
from collections.abc import Callable
from pathlib import Path

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from deploy.provision import ProvisionSettings
from libs.common.errors import GENERIC
from libs.common.process.run import MigrationSettings
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.problems import PRODUCT
from libs.contracts.services import SERVICES
from libs.contracts.settings import ServiceSettings
from libs.ops.exporter import ExporterSettings
from libs.ops.rest.connection import OpsSettings
from tests.guarantees.authorization import matrix
from tests.guarantees.inside.demands import demands_page

DOCS = Path(__file__).parents[2] / "docs" / "reference"
NOTE = "<!-- Written by `make docs`; change the code instead. -->"


def events() -> str:
    """Render the catalogue of events."""
    lines = [
        "# Events",
        "",
        NOTE,
        "",
        "Facts that travel between services. They carry ids and small facts, never words of a session.",
        "",
    ]
    for event in CATALOGUE:
        lines += [f"## {event.type} (v{event.version})", "", (event.__doc__ or "").strip(), ""]
        lines += [f"Topic `{event.topic}`, key `{event.key_field}`.", "", "| field | type |", "|---|---|"]
        for name, field in event.model_fields.items():
            annotation = field.annotation
            kind = annotation.__name__ if isinstance(annotation, type) else str(annotation)
            lines.append(f"| `{name}` | {kind.replace('|', 'or')} |")
        lines.append("")
    return "\n".join(lines)


def errors() -> str:
    """Render every problem type."""
    lines = ["# Errors", "", NOTE, ""]
    lines += [
        "Every error is a problem document (RFC 9457, formerly RFC 7807) of media type `application/problem+json`.",
        "",
    ]
    lines += [
        "`type` ends in the slug below and is served as a page by the gateway.",
        "",
        "| slug | status | what and what to do | again later? |",
        "|---|---|---|---|",
    ]
    for problem in sorted((*GENERIC, *PRODUCT), key=lambda problem: (problem.status, problem.slug)):
        again = "yes" if problem.retryable else "no"
        lines.append(f"| `{problem.slug}` | {problem.status} | **{problem.title}.** {problem.doc} | {again} |")
    return "\n".join([*lines, ""])


def settings() -> str:
    """Render the settings of every service."""
    lines = [
        "# Settings",
        "",
        NOTE,
        "",
        "Every setting is an environment variable. A secret has no default: the service refuses to start without it.",
        "",
    ]
    lines += ["## Every service", "", *_table(ServiceSettings, set())]
    common = set(ServiceSettings.model_fields)
    for service in SERVICES:
        module = importlib.import_module(f"services.{service}.settings")
        own = next(
            found
            for found in vars(module).values()
            if isinstance(found, type) and issubclass(found, ServiceSettings) and found.__module__ == module.__name__
        )
        if set(own.model_fields) - common:
            lines += [f"## {service}", "", *_table(own, common)]
    lines += ["## therapyrag", "", "The command line reads these ([operators.md](../operations/operators.md)).", ""]
    lines += _table(OpsSettings, set())
    lines += [
        "## exporter",
        "",
        "`python -m libs.ops.exporter`, which tells Prometheus how much is before each group.",
        "",
    ]
    lines += _table(ExporterSettings, set())
    lines += ["## provision", "", "`python -m deploy.provision`, which prepares the database.", ""]
    lines += _table(ProvisionSettings, set())
    lines += ["## migrate", "", "`python -m services.<service> migrate`.", "", *_table(MigrationSettings, set())]
    return "\n".join(lines)


def _table(model: type[BaseSettings], without: set[str]) -> list[str]:
    rows = ["| name | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        if name in without:
            continue
        default = "**required**" if field.default is PydanticUndefined else f"`{field.default}`"
        rows.append(f"| `{name.upper()}` | {default} | {field.description} |")
    return [*rows, ""]


PAGES: dict[str, Callable[[], str]] = {
    "events.md": events,
    "errors.md": errors,
    "settings.md": settings,
    "authorization.md": lambda: matrix(NOTE),
    "authorization-inside.md": lambda: demands_page(NOTE),
}


def main() -> None:
    """Write all pages."""
    for name, render in PAGES.items():
        (DOCS / name).write_text(render())


if __name__ == "__main__":
    main()
