"""The deployment files as compose and Kustomize read them, and the promises of the services they deploy."""

import ast
import importlib
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # its stubs are one more package

from libs.common.messaging.steps import Subscription
from libs.contracts.catalogue import EVENTS
from libs.contracts.services import SERVICES
from libs.contracts.settings import ServiceSettings

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"

SETTINGS: Mapping[str, type[ServiceSettings]] = {
    service: getattr(importlib.import_module(f"services.{service}.settings"), f"{service.title()}Settings")
    for service in SERVICES
}
# Read by deploy/with_root_key.py before the service starts.
BESIDE_SETTINGS = {"ROOT_KEY"}

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<value>[^}]*))?\}")


def document(path: str) -> Any:
    """Return the one document of a YAML file below deploy/."""
    return yaml.safe_load((DEPLOY / path).read_text())


def documents(path: str) -> list[dict[str, Any]]:
    """Return all documents of a YAML file below deploy/."""
    return [found for found in yaml.safe_load_all((DEPLOY / path).read_text()) if found]


def variables(text: str) -> list[tuple[str, str, str]]:
    """Return (name, `?`, `-` or empty, default) of each variable a compose file asks for."""
    return [(m["name"], m["how"] or "", m["value"] or "") for m in _VARIABLE.finditer(text)]


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """Return the text with its variables replaced; KeyError for one that has neither a value nor a default."""
    return _VARIABLE.sub(
        lambda m: values.get(m["name"]) or (m["value"] if m["how"] == "-" else values[m["name"]]), text
    )


def known(service: str) -> set[str]:
    """Return the names of the environment that a service reads."""
    return {name.upper() for name in SETTINGS[service].model_fields} | BESIDE_SETTINGS


def required(service: str) -> set[str]:
    """Return the names without which a service that works as well as answers does not start."""
    fields = SETTINGS[service].model_fields
    return {name.upper() for name, field in fields.items() if field.is_required()} | {"RELAY_DATABASE_URL"}


def promise(service: str) -> dict[str, str]:
    """Return what a service's `__init__.py` says under Owns, Consumes, Emits and Asks."""
    text = ast.get_docstring(ast.parse((ROOT / "services" / service / "__init__.py").read_text())) or ""
    parts = re.split(r"^(Owns|Consumes|Emits|Asks):", text, flags=re.MULTILINE)
    return {word: " ".join(said.split()) for word, said in zip(parts[1::2], parts[2::2], strict=True)}


def events_in(text: str) -> set[str]:
    """Return the event types a text names."""
    return {event.type for event in EVENTS if re.search(rf"\b{re.escape(event.type)}\b", text)}


def topics_consumed(service: str) -> set[str]:
    """Return the topics of the events a service says it consumes."""
    return {event.topic for event in EVENTS if event.type in events_in(promise(service)["Consumes"])}


def peers_asked(service: str) -> set[str]:
    """Return the services a service says it asks."""
    return {peer for peer in SETTINGS if re.search(rf"\b{peer}\b", promise(service)["Asks"])} - {service}


class _Part:
    """Stands for whatever a table of subscriptions is built from: to list them nothing of it is used."""

    revocation_grace_days = 0


def subscriptions(service: str) -> tuple[Subscription, ...]:
    """Return what a service answers, as its wiring says."""
    build = importlib.import_module(f"services.{service}.wiring").subscriptions
    found: tuple[Subscription, ...] = build(*(_Part() for _ in inspect.signature(build).parameters))
    return found
