"""What a service says in its `__init__.py` is what its tables, its wiring and its code do: all four lines of it."""

import ast
import importlib
import re
from functools import cache

import psycopg
import pytest

from libs.contracts.catalogue import EVENTS
from libs.devstack.infra import Infra
from tests.guarantees.deployment.parts import ROOT, SETTINGS, events_in, peers_asked, promise, subscriptions

# Of the mechanism, the same in every schema.
MECHANISM = {"outbox", "inbox", "claim", "tombstone", "alembic_version"}
# What the sentence calls otherwise than its table; others have the table's name in it, at least in brackets.
ALSO_CALLED = {
    "chat.turnstile": "hourly message quota",
    "chat.sent": "hourly message quota",
    "chat.read_audit": "audit of answers",
    "embedder.indexed": "index versions",
    "embedder.withdrawn": "scheduled deletions",
}
# Owned, and not in a table: counted in Redis, and made of the table of routes.
NO_TABLE = {"gateway": {"rate limits", "the public API and its description"}}
# How Asks calls an outside party, by the class or function of ours that reaches it; a file of vendors/ by its name.
OUTSIDE = {"ObjectStore": "object store", "root_key": "key service"}
VENDOR_CALLED = {"openai_compatible": "another model", "claude": "Claude", "openai": "OpenAI", "deepgram": "Deepgram"}
# Beside an answer of our own and not asked for one: they count, and read weights from the disk.
ASKS_NOBODY = {"token_counts", "local_turn_acts", "local_extractive"}
TYPE_OF = {event.__name__: event.type for event in EVENTS}


def _parties_imported(service: str) -> set[str]:
    """How Asks has to call the outside parties that the wiring imports."""
    tree = ast.parse((ROOT / "services" / service / "wiring.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named = {OUTSIDE[alias.name] for node in imports for alias in node.names if alias.name in OUTSIDE}
    files = {path.rpartition(".")[2] for node in imports if ".vendors." in (path := node.module or "")}
    vendors = {VENDOR_CALLED.get(file, "local model") for file in files - ASKS_NOBODY}
    return named | vendors


@cache
def _code(service: str) -> tuple[ast.AST, ...]:
    """Every node of the service's own code."""
    files = [
        path for path in (ROOT / "services" / service).rglob("*.py") if not {"tests", "migrations"} & {*path.parts}
    ]
    return tuple(node for path in files for node in ast.walk(ast.parse(path.read_text())))


def _is_said(table: str, owned: str) -> bool:
    """Tell whether the sentence has the table's name, in any number: `legal holds` for `legal_hold`."""
    words, name = re.findall(r"\w+", owned.lower()), table.partition(".")[2]
    if table in ALSO_CALLED:
        return ALSO_CALLED[table] in owned
    return name in words or all(any(word.startswith(part) for word in words) for part in name.split("_"))


def _names(table: str, part: str) -> bool:
    """Tell whether a part of the sentence has to do with a table."""
    words = re.findall(r"\w+", part.lower())
    return ALSO_CALLED.get(table, "-") in part or any(
        word.startswith(each) for word in words for each in table.partition(".")[2].split("_")
    )


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_owns_the_tables_that_its_sentence_names_and_no_other(service: str, infra: Infra) -> None:
    owned = promise(service)["Owns"].rstrip(".")
    with psycopg.connect(infra.admin_url, autocommit=True) as connection:
        rows = connection.execute(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname = %s and c.relkind in ('r', 'p') and not c.relispartition",
            [service],
        )
        tables = {f"{service}.{name}" for (name,) in rows if name not in MECHANISM}

    said = {part.strip() for part in re.split(r",(?![^(]*\))", owned)} - NO_TABLE.get(service, set())
    unsaid = {table for table in tables if not _is_said(table, owned)}
    empty = {part for part in said if not any(_names(table, part) for table in tables)}

    assert unsaid == set()
    assert empty == set()


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_answers_the_events_that_it_says_it_consumes(service: str) -> None:
    answered = {subscription.event.type for subscription in subscriptions(service)}

    assert answered == events_in(promise(service)["Consumes"])


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_makes_the_events_that_it_says_it_emits(service: str) -> None:
    calls = [node for node in _code(service) if isinstance(node, ast.Call)]
    # Made here, or named to whoever makes it (`erasing(AnswersErased)`).
    named = {part.id for call in calls for part in (call.func, *call.args) if isinstance(part, ast.Name)}
    made = {TYPE_OF[name] for name in named if name in TYPE_OF}
    emitted, consumed = (events_in(promise(service)[word]) for word in ("Emits", "Consumes"))

    assert emitted <= made <= emitted | consumed


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_publishes_the_topics_of_what_it_says_it_emits(service: str) -> None:
    event_config = importlib.import_module(f"services.{service}.wiring").EVENT_CONFIG
    emitted = events_in(promise(service)["Emits"])

    assert set(event_config.topics_out) == {event.topic for event in EVENTS if event.type in emitted}


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_has_the_addresses_of_those_it_says_it_asks_and_of_no_other(service: str) -> None:
    tree = ast.parse((ROOT / "services" / service / "wiring.py").read_text())
    addresses = {node.attr.removesuffix("_url") for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert addresses & set(SETTINGS) - {service} == peers_asked(service)


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_names_the_outside_parties_that_its_wiring_imports(service: str) -> None:
    asks = promise(service)["Asks"]

    unnamed = {party for party in _parties_imported(service) if party not in asks}
    # And none of those that it does not import.
    others = {*OUTSIDE.values(), *VENDOR_CALLED.values()} - _parties_imported(service)

    assert unnamed == set()
    assert {party for party in others if party in asks} == set()
